//! A WebRTC port: one peer connection, its lines, and what goes out on each.

use std::net::SocketAddr;

use webrtc::{Codec as WireCodec, Kind, Leg, Line as NegotiatedLine, Mid, OutPacket};

use super::audio_out::{AudioOut, OutAudio};
use crate::clock::{Clock, Nanos};
use crate::codec::{Codec, FRAME_MS};
use crate::dtmf::TelephoneEvents;
use crate::id::{PortId, TrackId};
use crate::quality::Loss;
use crate::random::Random;
use crate::relay::{Header, OutStream};
use crate::stats::{audio_mos, Direction, MediaKind, TrackStats};
use crate::video::{self, Climb, Dip, KeptPacket, LayerName, Look, Placed, VideoOut, VideoPacket};

/// A media line of the peer, and the track that arrives on it.
#[derive(Clone, Debug)]
pub struct Line {
    pub mid: Mid,
    pub kind: MediaKind,
    pub track: TrackId,
    sends: bool,
    receives: bool,
    audio_codecs: Vec<Codec>,
}

impl Line {
    pub fn new(line: &NegotiatedLine, track: TrackId) -> Line {
        Line {
            mid: line.mid,
            kind: media_kind(line.kind),
            track,
            sends: line.sends,
            receives: line.receives,
            audio_codecs: line
                .codecs
                .iter()
                .copied()
                .filter_map(audio_codec)
                .collect(),
        }
    }

    pub fn audio_codecs(&self) -> &[Codec] {
        &self.audio_codecs
    }

    /// The peer may send on it.
    pub fn sends(&self) -> bool {
        self.sends
    }
}

pub fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Camera => MediaKind::Camera,
        Kind::Screen => MediaKind::Screen,
    }
}

pub fn audio_codec(codec: WireCodec) -> Option<Codec> {
    let same = |known: &&Codec| wire_codec(**known) == Some(codec);
    Codec::ALL.iter().find(same).copied()
}

/// Those of the codecs that browsers know.
pub fn for_browsers(codecs: &[Codec]) -> Vec<webrtc::AudioCodec> {
    let known = codecs.iter().filter_map(|codec| codec.format().webrtc);
    known.collect()
}

fn wire_codec(codec: Codec) -> Option<WireCodec> {
    codec.format().webrtc.map(WireCodec::from)
}

/// The sequence begins low: the peer's count of rollovers starts at zero (RFC 3711 §3.3.1).
fn new_stream(clock_rate: u32, random: &mut Random) -> OutStream {
    let numbers = random.draw();
    OutStream::new(clock_rate, numbers as u16 & 0x7FFF, (numbers >> 16) as u32)
}

/// What an estimate from anew begins with, in percent of the one before.
const BEGINS_WITH: u64 = 150;

/// What became of a video packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// Queued in the leg.
    Sent,
    /// The stream cannot begin before the source's next key frame.
    NeedsKeyframe,
    /// Not for this port, or too late.
    No,
}

pub struct WebRtcPort {
    pub id: PortId,
    pub leg: Box<Leg>,
    lines: Vec<Line>,
    /// Of all lines there ever were.
    tracks: Vec<TrackId>,
    pub audio: AudioOut,
    /// Camera and screen.
    videos: [VideoOut; 2],
    /// Proven by padding, and wanted at best.
    wanted_bandwidth: [u64; 2],
    dip: Dip,
    climb: Climb,
    pub events: TelephoneEvents,
    /// Addresses that the peer's datagrams came from.
    pub addresses: Vec<SocketAddr>,
    /// What the leg had counted when its malformed datagrams were last added up.
    pub malformed: u64,
    clock: Clock,
}

impl WebRtcPort {
    pub fn new(
        id: PortId,
        leg: Box<Leg>,
        lines: Vec<Line>,
        clock: Clock,
        random: &mut Random,
    ) -> WebRtcPort {
        let mut port = WebRtcPort {
            id,
            leg,
            lines: Vec::new(),
            tracks: Vec::new(),
            audio: AudioOut::new(new_stream(Codec::Opus.clock_rate(), random)),
            videos: MediaKind::VIDEO
                .map(|kind| VideoOut::new(kind, new_stream(video::CLOCK_RATE, random))),
            wanted_bandwidth: [0; 2],
            dip: Dip::default(),
            climb: Climb::default(),
            events: TelephoneEvents::default(),
            addresses: Vec::new(),
            malformed: 0,
            clock,
        };
        port.set_lines(lines);
        port
    }

    /// Apply what an offer and its answer agreed on.
    pub fn set_lines(&mut self, lines: Vec<Line>) {
        for line in &lines {
            if !self.tracks.contains(&line.track) {
                self.tracks.push(line.track);
            }
        }
        self.lines = lines;
        let audio = self.lines.iter().find(|line| line.kind == MediaKind::Audio);
        let (codecs, receives) = audio.map_or((Vec::new(), false), |line| {
            (line.audio_codecs.clone(), line.receives)
        });
        self.audio.configure(&codecs, FRAME_MS as u32, receives);
    }

    /// Tracks of all lines there ever were.
    pub fn all_tracks(&self) -> Vec<TrackId> {
        self.tracks.clone()
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn audio_track(&self) -> Option<TrackId> {
        let audio = self.lines.iter().find(|line| line.kind == MediaKind::Audio);
        audio.map(|line| line.track)
    }

    pub fn line_of(&self, mid: Mid) -> Option<&Line> {
        self.lines.iter().find(|line| line.mid == mid)
    }

    fn mid_of(&self, kind: MediaKind) -> Option<Mid> {
        self.lines
            .iter()
            .find(|line| line.kind == kind)
            .map(|line| line.mid)
    }

    /// Queue audio for the peer.
    pub fn send(&mut self, audio: &OutAudio<'_>, now: Nanos) {
        if let Some(mid) = self.mid_of(MediaKind::Audio) {
            send(&mut self.leg, self.clock, mid, audio, now);
        }
    }

    /// Queue a packet of a digit for the peer.
    pub fn send_event(&mut self, header: Header, payload: &[u8], now: Nanos) {
        let Some(mid) = self.mid_of(MediaKind::Audio) else {
            return;
        };
        let Header {
            sequence,
            timestamp,
            marker,
        } = header;
        let out = OutPacket {
            seq: sequence,
            timestamp,
            marker,
            payload,
        };
        let rate = self.audio.stream.clock_rate();
        self.leg.send_event(self.clock.instant(now), mid, rate, out);
    }

    pub fn takes_events(&self) -> bool {
        let rate = self.audio.stream.clock_rate();
        self.mid_of(MediaKind::Audio)
            .is_some_and(|mid| self.leg.takes_events(mid, rate))
    }

    pub fn shows_video(&self) -> bool {
        self.videos.iter().any(|video| video.source().is_some())
    }

    pub fn video(&self, kind: MediaKind) -> &VideoOut {
        &self.videos[usize::from(kind == MediaKind::Screen)]
    }

    pub fn video_mut(&mut self, kind: MediaKind) -> &mut VideoOut {
        &mut self.videos[usize::from(kind == MediaKind::Screen)]
    }

    /// Queue a video packet for the peer, if its source and layer are shown there.
    pub fn forward(
        &mut self,
        source: TrackId,
        kind: MediaKind,
        packet: &VideoPacket<'_>,
        now: Nanos,
    ) -> Forwarded {
        let Some(mid) = self.mid_of(kind).filter(|_| self.leg.is_connected()) else {
            return Forwarded::No;
        };
        let (header, patch) = match self.video_mut(kind).place(source, packet, now) {
            Placed::Sends(header, patch) => (header, patch),
            Placed::NeedsKeyframe => return Forwarded::NeedsKeyframe,
            Placed::No => return Forwarded::No,
        };
        let out = OutPacket {
            seq: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: packet.payload.clone(),
        };
        let at = self.clock.instant(now);
        match self.leg.send_patched(at, mid, WireCodec::Vp8, out, patch) {
            true => Forwarded::Sent,
            false => Forwarded::No,
        }
    }

    /// Queue what came of a layer since its key frame; false if there is nothing, or nobody to send it to.
    pub fn catch_up(
        &mut self,
        source: TrackId,
        kind: MediaKind,
        layer: LayerName,
        kept: &[KeptPacket],
        now: Nanos,
    ) -> bool {
        let Some(mid) = self.mid_of(kind).filter(|_| self.leg.is_connected()) else {
            return false;
        };
        let Some(newest) = kept.last() else {
            return false;
        };
        if self.video(kind).is_fresh() {
            for _ in 0..video::BLANKS {
                self.send_blank(mid, kind, now);
            }
        }
        self.video_mut(kind).catch_up(newest.timestamp);
        for packet in kept {
            self.forward(source, kind, &packet.packet(layer), now);
        }
        true
    }

    fn send_blank(&mut self, mid: Mid, kind: MediaKind, now: Nanos) {
        let header = self.video_mut(kind).blank(now);
        let out = OutPacket {
            seq: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: &[][..],
        };
        self.leg
            .send(self.clock.instant(now), mid, WireCodec::Vp8, out);
    }

    /// What the path is thought to carry, bits per second, and how much less that was a moment ago.
    pub fn bandwidth(&mut self, now: Nanos) -> (Option<u64>, u64) {
        let estimate = self.leg.bandwidth();
        let dip = estimate.map_or(0, |estimate| self.dip.note(estimate, now));
        (estimate, dip)
    }

    /// Tell the leg what is there to send, in bits per second: `needed` by the best picture, and by the one that is `next`,
    /// for which the path is filled before it is sent.
    pub fn want_bandwidth(&mut self, next: u64, needed: u64, now: Nanos) {
        let estimate = self.leg.bandwidth().filter(|_| self.leg.is_connected());
        let look = estimate.map_or(Look::No, |estimate| self.climb.look(estimate, needed, now));
        if let (Look::Begins, Some(estimate)) = (look, estimate) {
            self.leg.estimate_anew(estimate * BEGINS_WITH / 100);
        }
        let proven = if look == Look::No { next } else { needed };
        let wanted = [proven, needed.max(video::LEAST_PROBED_BPS)];
        let has_changed = |(new, old): (u64, u64)| new.abs_diff(old) > old / 5;
        if wanted
            .into_iter()
            .zip(self.wanted_bandwidth)
            .any(has_changed)
        {
            self.wanted_bandwidth = wanted;
            self.leg.set_wanted_bandwidth(wanted[0], wanted[1]);
        }
    }

    pub fn stats(
        &self,
        heard: impl Fn(TrackId) -> (Option<Codec>, Option<f32>),
    ) -> Vec<TrackStats> {
        let measured = self.leg.stats();
        let mut all = Vec::with_capacity(2 * self.lines.len());
        for line in &self.lines {
            let Some(stats) = measured.iter().find(|stats| stats.mid == line.mid) else {
                continue;
            };
            let of = |direction: Direction,
                      track,
                      codec: Option<Codec>,
                      counted: &webrtc::DirectionStats| {
                let jitter_ms = counted
                    .jitter
                    .map_or(0.0, |jitter| jitter.as_secs_f64() * 1e3);
                let rtt_ms = stats.rtt.map(|rtt| rtt.as_secs_f64() * 1e3);
                // How its losses gather is not told: they count as random.
                let loss = Loss::new(counted.packets + counted.lost, counted.lost, counted.lost);
                let is_audio = line.kind == MediaKind::Audio;
                let codec = codec.filter(|_| is_audio);
                let mos = audio_mos(codec, counted.packets, loss, jitter_ms, rtt_ms);
                TrackStats {
                    track,
                    direction,
                    kind: line.kind,
                    codec: if is_audio {
                        codec.map(Codec::name)
                    } else {
                        Some("VP8")
                    },
                    packets: counted.packets,
                    bytes: counted.bytes,
                    lost: counted.lost,
                    jitter_ms,
                    rtt_ms,
                    burst_ratio: loss.burst_ratio,
                    mos,
                    level_dbov: track.and_then(|track| heard(track).1),
                    speech: None,
                }
            };
            let audio_in = heard(line.track).0;
            let audio_out = self.audio.codec;
            all.push(of(
                Direction::In,
                Some(line.track),
                audio_in,
                &stats.incoming,
            ));
            all.push(of(Direction::Out, None, audio_out, &stats.outgoing));
        }
        all
    }
}

fn send(leg: &mut Leg, clock: Clock, mid: Mid, audio: &OutAudio<'_>, now: Nanos) {
    let Some(codec) = wire_codec(audio.codec) else {
        return;
    };
    let Header {
        sequence,
        timestamp,
        marker,
    } = audio.header;
    let out = OutPacket {
        seq: sequence,
        timestamp,
        marker,
        payload: audio.payload,
    };
    leg.send(clock.instant(now), mid, codec, out);
}
