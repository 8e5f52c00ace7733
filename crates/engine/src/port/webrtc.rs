//! A WebRTC port: one peer connection, its lines, and what goes out on each.

use std::net::SocketAddr;

use webrtc::{Codec as WireCodec, Kind, Leg, Line as NegotiatedLine, Mid, OutPacket};

use super::audio_out::{AudioOut, OutAudio};
use super::vp8;
use crate::clock::{Clock, Nanos};
use crate::codec::{Codec, FRAME_MS};
use crate::dtmf::TelephoneEvents;
use crate::id::{PortId, TrackId};
use crate::random::Random;
use crate::relay::{Header, Incoming, OutStream};
use crate::stats::{Direction, MediaKind, TrackStats};

pub const VIDEO_CLOCK_RATE: u32 = 90_000;

/// A packet of video as it came.
#[derive(Clone, Copy, Debug)]
pub struct VideoPacket<'a> {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
}

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
    match codec {
        WireCodec::Opus => Some(Codec::Opus),
        WireCodec::Pcmu => Some(Codec::Pcmu),
        WireCodec::Pcma => Some(Codec::Pcma),
        WireCodec::TelephoneEvent | WireCodec::Vp8 => None,
    }
}

fn wire_codec(codec: Codec) -> WireCodec {
    match codec {
        Codec::Opus => WireCodec::Opus,
        Codec::Pcmu => WireCodec::Pcmu,
        Codec::Pcma => WireCodec::Pcma,
    }
}

/// One outgoing video line: one source at a time, switched at its key frames.
struct VideoOut {
    kind: MediaKind,
    source: Option<TrackId>,
    stream: OutStream,
    waits_for_keyframe: bool,
}

impl VideoOut {
    fn new(kind: MediaKind, random: &mut Random) -> VideoOut {
        VideoOut {
            kind,
            source: None,
            stream: new_stream(VIDEO_CLOCK_RATE, random),
            waits_for_keyframe: true,
        }
    }
}

/// The sequence begins low: the peer's count of rollovers starts at zero (RFC 3711 §3.3.1).
fn new_stream(clock_rate: u32, random: &mut Random) -> OutStream {
    let numbers = random.draw();
    OutStream::new(clock_rate, numbers as u16 & 0x7FFF, (numbers >> 16) as u32)
}

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
    videos: [VideoOut; 2],
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
            videos: MediaKind::VIDEO.map(|kind| VideoOut::new(kind, random)),
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
        self.audio.configure(codecs, FRAME_MS as u32, receives);
    }

    /// Tracks of all lines there ever were.
    pub fn all_tracks(&self) -> Vec<TrackId> {
        self.tracks.clone()
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
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

    /// Mix one frame and queue what is full.
    pub fn mix<'a>(&mut self, frame_of: impl FnMut(TrackId) -> Option<&'a [i16]>, now: Nanos) {
        let Some(mid) = self.mid_of(MediaKind::Audio) else {
            return;
        };
        let (leg, clock) = (&mut self.leg, self.clock);
        self.audio
            .mix(frame_of, now, |audio| send(leg, clock, mid, &audio, now));
    }

    /// The source of the outgoing video of this kind.
    pub fn video_source(&self, kind: MediaKind) -> Option<TrackId> {
        self.videos.iter().find(|video| video.kind == kind)?.source
    }

    /// Show another source from its next key frame on; true if it is another one.
    pub fn set_video_source(&mut self, kind: MediaKind, source: Option<TrackId>) -> bool {
        let Some(video) = self.videos.iter_mut().find(|video| video.kind == kind) else {
            return false;
        };
        let changed = video.source != source;
        if changed {
            video.source = source;
            video.waits_for_keyframe = true;
            video.stream.pause();
        }
        changed && source.is_some()
    }

    /// Queue a video packet for the peer, if its source is shown there.
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
        let Some(video) = self
            .videos
            .iter_mut()
            .find(|video| video.kind == kind && video.source == Some(source))
        else {
            return Forwarded::No;
        };
        if video.waits_for_keyframe && !vp8::begins_keyframe(packet.payload) {
            return Forwarded::NeedsKeyframe;
        }
        video.waits_for_keyframe = false;
        let VideoPacket {
            ssrc,
            sequence,
            timestamp,
            marker,
            payload,
        } = *packet;
        let incoming = Incoming {
            ssrc,
            sequence,
            timestamp,
            marker,
            duration: 1,
        };
        let Some(Header {
            sequence,
            timestamp,
            ..
        }) = video.stream.relay(source, incoming, now)
        else {
            return Forwarded::No;
        };
        // The marker ends a frame here (RFC 7741 §4.1); it tells nothing of a new beginning.
        let out = OutPacket {
            seq: sequence,
            timestamp,
            marker,
            payload,
        };
        match self
            .leg
            .send(self.clock.instant(now), mid, WireCodec::Vp8, out)
        {
            true => Forwarded::Sent,
            false => Forwarded::No,
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
            let codec = (line.kind != MediaKind::Audio).then_some("VP8");
            let of =
                |direction: Direction, track, codec, counted: &webrtc::DirectionStats| TrackStats {
                    track,
                    direction,
                    kind: line.kind,
                    codec,
                    packets: counted.packets,
                    bytes: counted.bytes,
                    lost: counted.lost,
                    jitter_ms: counted
                        .jitter
                        .map_or(0.0, |jitter| jitter.as_secs_f64() * 1e3),
                    rtt_ms: stats.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
                    level_dbov: track.and_then(|track| heard(track).1),
                };
            let audio_in = heard(line.track).0.map(Codec::name);
            let audio_out = self.audio.codec.map(Codec::name);
            all.push(of(
                Direction::In,
                Some(line.track),
                codec.or(audio_in),
                &stats.incoming,
            ));
            all.push(of(
                Direction::Out,
                None,
                codec.or(audio_out),
                &stats.outgoing,
            ));
        }
        all
    }
}

fn send(leg: &mut Leg, clock: Clock, mid: Mid, audio: &OutAudio<'_>, now: Nanos) {
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
    leg.send(clock.instant(now), mid, wire_codec(audio.codec), out);
}
