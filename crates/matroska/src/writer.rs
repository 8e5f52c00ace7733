//! One track while it is recorded.

use std::io::{self, Seek, Write};

use crate::audio::AudioTrack;
use crate::container::Container;
use crate::intake::{Header, Intake};
use crate::placement::Placement;
use crate::timebase::Timebase;
use crate::video::VideoTrack;
use crate::{Codec, Summary};

/// Frames of the player follow each other without a seam while their instants are no further off than this.
const PLAYER_JITTER_MS: i64 = 30;
/// A frame that cannot be cut may reach beyond the end by a part of itself.
const LONGEST_FRAME_MS: i64 = 20;
/// Anchors of packets count from 1.
const NO_ANCHOR: u32 = 0;

enum Track {
    Audio(AudioTrack),
    Video(VideoTrack),
}

/// Writes one track. All instants are nanoseconds on the one clock.
///
/// After an `io::Error` nothing more may be written: drop the writer; `repair` completes what is in the file.
pub struct TrackWriter<W: Write + Seek> {
    codec: Codec,
    base: Timebase,
    file: Container<W>,
    intake: Intake,
    track: Track,
    /// The latest instant heard of, in ticks.
    now: i64,
    /// Where the player's next frame would follow without a seam.
    player_next: Option<i64>,
}

impl<W: Write + Seek> TrackWriter<W> {
    /// Begin a file at the start of the empty `out`, with its header already written when this returns.
    /// `epoch_ns`: the session's start, time 0 of the track. `name`: a label for players.
    pub fn create(out: W, codec: Codec, epoch_ns: u64, name: &str) -> io::Result<Self> {
        let base = Timebase {
            epoch_ns,
            rate: codec.clock_rate(),
        };
        let track = match codec {
            Codec::Vp8 => Track::Video(VideoTrack::new(base)),
            _ => Track::Audio(AudioTrack::new(codec, base)),
        };
        Ok(TrackWriter {
            codec,
            base,
            file: Container::create(out, codec, base, name)?,
            intake: Intake::new(Placement::new(base.rate, codec.grid())),
            track,
            now: 0,
            player_next: None,
        })
    }

    /// Record an RTP packet as it came; `payload` without padding and header extensions.
    pub fn write_rtp(
        &mut self,
        arrival_ns: u64,
        ssrc: u32,
        seq: u16,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> io::Result<()> {
        let arrival = self.base.ticks(arrival_ns);
        self.now = self.now.max(arrival);
        let header = Header {
            ssrc,
            seq,
            timestamp,
            marker,
        };
        self.intake.receive(header, arrival, payload, self.floor());
        self.write_due()
    }

    /// Record a frame of the switch's own player, which begins at `at_ns`.
    pub fn write_frame(&mut self, at_ns: u64, payload: &[u8]) -> io::Result<()> {
        let at = self.base.ticks(at_ns);
        self.now = self.now.max(at);
        match &mut self.track {
            Track::Video(video) => video.frame(at, payload, &mut self.file)?,
            Track::Audio(audio) => {
                let position = seamless(at, self.player_next, self.base, self.codec.grid());
                self.player_next = self.codec.duration(payload).map(|lasts| position + lasts);
                audio.insert(position, NO_ANCHOR, payload.to_vec());
            }
        }
        self.write_due()
    }

    /// Nothing came until `now_ns`: write what was held long enough, and silence up to there.
    pub fn advance_to(&mut self, now_ns: u64) -> io::Result<()> {
        self.now = self.now.max(self.base.ticks(now_ns));
        self.intake.settle(self.now, self.floor());
        self.write_due()
    }

    /// Hand all that is written to the kernel, where it survives the end of this process. To be called every
    /// half second.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// End the track at the session's end: the file then lasts exactly that long. Only a track that is told of its
    /// end later than packets are held may have gone on, and tells in its summary how far.
    pub fn finish(mut self, end_ns: u64) -> io::Result<Summary> {
        self.intake.settle_now(self.floor());
        self.take_placed();
        let end = self.base.ticks(end_ns).max(0);
        let written = match &mut self.track {
            Track::Audio(audio) => audio.finish(end, &mut self.file)?,
            Track::Video(video) => video.finish(end, &mut self.file)?,
        };
        let gone_on = written - end > self.base.ticks_in(LONGEST_FRAME_MS);
        let end_ns = if gone_on {
            self.base.ns(written)
        } else {
            end_ns
        };
        self.file
            .set_duration(end_ns.saturating_sub(self.base.epoch_ns))?;
        Ok(self.summary(end_ns))
    }

    fn floor(&self) -> i64 {
        match &self.track {
            Track::Audio(audio) => audio.floor(self.now),
            Track::Video(video) => video.floor(self.now),
        }
    }

    fn write_due(&mut self) -> io::Result<()> {
        self.take_placed();
        match &mut self.track {
            Track::Audio(audio) => audio.advance(self.now, &mut self.file),
            Track::Video(video) => video.advance(self.now, &mut self.file),
        }
    }

    fn take_placed(&mut self) {
        for placed in self.intake.placed.drain(..) {
            match &mut self.track {
                Track::Audio(audio) => {
                    audio.insert(placed.position, placed.anchor, placed.packet.payload);
                }
                Track::Video(video) => video.insert(placed),
            }
        }
        let shift = std::mem::take(&mut self.intake.shift);
        if let (Track::Audio(audio), true) = (&mut self.track, shift != 0) {
            audio.shift(self.intake.anchor(), shift);
        }
    }

    fn summary(&self, end_ns: u64) -> Summary {
        let ns = |(from, to): &(i64, i64)| (self.base.ns(*from), self.base.ns(*to));
        let (first_media, packets, late, gaps) = match &self.track {
            Track::Audio(audio) => (audio.first_media, audio.packets, audio.late, &audio.gaps),
            Track::Video(video) => (video.first_media, video.packets, video.late, &video.gaps),
        };
        let (keyframes, width, height) = match &self.track {
            Track::Audio(_) => (0, 0, 0),
            Track::Video(video) => (video.keyframes, video.width, video.height),
        };
        Summary {
            codec: self.codec,
            start_ns: self.base.epoch_ns,
            end_ns,
            first_media_ns: first_media.map(|ticks| self.base.ns(ticks)),
            packets,
            lost: Some(self.intake.lost()),
            late: Some(self.intake.late + late),
            gaps: gaps.iter().map(ns).collect(),
            keyframes,
            width,
            height,
        }
    }
}

/// Where a frame of the player begins: right after the one before, unless it clearly does not follow it.
fn seamless(at: i64, next: Option<i64>, base: Timebase, grid: i64) -> i64 {
    match next {
        Some(next) if (next - at).abs() <= base.ticks_in(PLAYER_JITTER_MS) => next,
        _ => at.div_euclid(grid) * grid,
    }
}
