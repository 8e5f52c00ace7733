//! A track: media that enters the core on a port.

use std::mem::offset_of;

use crate::clock::{Nanos, MILLISECOND, SECOND};
use crate::codec::{level_dbov, Codec, Rate, MAX_PAYLOAD};
use crate::dtmf::Digits;
use crate::id::{PortId, SessionId};
use crate::jitter::{Past, Playout};
use crate::mix::Frames;
use crate::near;
use crate::progress::Progress;
use crate::speech::Activity;
use crate::stats::MediaKind;
use crate::video;
use crate::voice::{Voice, Wish};

/// A track that sent nothing for so long has stopped.
const STOPPED_AFTER: Nanos = 2 * SECOND;
/// The level of a relayed track is measured no more often, and by every fourth sample: its loudness is the same.
const LEVEL_PERIOD: Nanos = 40 * MILLISECOND;
const THIN: usize = 4;

/// An audio packet as it came, wherever it came from.
#[derive(Clone, Copy, Debug)]
pub struct AudioPacket<'a> {
    pub codec: Codec,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
    /// What the sender says of its loudness (RFC 6464).
    pub level_dbov: Option<f32>,
}

/// What a relayed packet touches comes first and lies together (see `RtpPort`).
#[repr(C)]
pub struct Track {
    /// Digits in its sound and in its packets.
    pub digits: Digits,
    heard_at: Nanos,
    running: bool,
    is_player: bool,
    /// Of a player's frames.
    pub player_rate: Rate,
    /// Of the newest packet; before the first, what was negotiated.
    pub codec: Option<Codec>,
    pub kind: MediaKind,
    pub playout: Option<Box<Playout>>,
    /// The last packets, of a codec with memory.
    past: Option<Box<Past>>,
    level_due: Nanos,
    pub level_dbov: Option<f32>,
    /// Voice activity, and how long it lasted.
    pub activity: Activity,
    /// Among the loudest, where only they are mixed.
    pub is_chosen: bool,
    pub port: PortId,
    pub session: SessionId,
    /// Its place on the wheel.
    pub slot: usize,
    pub frames: Option<Box<Frames>>,
    /// What is done to it before it is mixed.
    wish: Wish,
    voice: Option<Box<Voice>>,
    /// The newest sample, and that the next does not follow it: the processing has changed.
    newest: i16,
    is_cut: bool,
    spared: bool,
    /// How a call to its peer goes.
    pub progress: Option<Box<Progress>>,
    /// What came of a video track.
    pub video: Option<Box<video::Incoming>>,
}

impl Track {
    /// The track of a player on `port`.
    pub fn of_player(port: PortId, slot: usize) -> Track {
        Track {
            is_player: true,
            ..Track::new(port, MediaKind::Audio, slot)
        }
    }

    /// A track of a peer.
    pub fn new(port: PortId, kind: MediaKind, slot: usize) -> Track {
        Track {
            port,
            kind,
            slot,
            codec: None,
            frames: None,
            wish: Wish::default(),
            voice: None,
            newest: 0,
            is_cut: false,
            spared: false,
            playout: None,
            past: None,
            level_dbov: None,
            digits: Digits::default(),
            progress: None,
            level_due: 0,
            activity: Activity::default(),
            is_chosen: true,
            session: SessionId(0),
            video: kind.is_video().then(Box::default),
            is_player: false,
            player_rate: Rate::Wide,
            heard_at: 0,
            running: false,
        }
    }

    /// Ask for the memory that a relayed packet needs.
    pub fn fetch(&self) {
        near::fetch(self, 0, offset_of!(Track, port));
    }

    pub fn is_player(&self) -> bool {
        self.is_player
    }

    /// The rate at which its whole band is heard.
    pub fn rate(&self) -> Rate {
        match self.codec {
            _ if self.is_player => self.player_rate,
            Some(codec) => codec.rate(),
            None => Rate::Narrow,
        }
    }

    /// Note that a packet came; true if the track starts with it.
    pub fn note(&mut self, now: Nanos) -> bool {
        self.heard_at = now;
        !std::mem::replace(&mut self.running, true)
    }

    /// True once when nothing came for long.
    pub fn has_stopped(&mut self, now: Nanos) -> bool {
        let stopped = self.running && now.saturating_sub(self.heard_at) >= STOPPED_AFTER;
        self.running &= !stopped;
        stopped
    }

    /// Be ready to be mixed at these rates; with none, let go of what mixing needs.
    pub fn want(&mut self, rates: &[Rate]) {
        if rates.is_empty() {
            (self.frames, self.playout, self.voice) = (None, None, None);
            return;
        }
        let native = self.rate();
        if self
            .frames
            .as_ref()
            .is_none_or(|frames| frames.native() != native)
        {
            self.frames = Some(Box::new(Frames::new(native)));
        }
        if let Some(frames) = &mut self.frames {
            frames.want(rates);
        }
        let processes = |voice: &&Voice| voice.is_for(native) && voice.wish() == self.wish;
        if !self.is_player && self.voice.as_deref().filter(processes).is_none() {
            let voice = Voice::new(self.wish, native).map(Box::new);
            self.is_cut = voice.is_some() || self.voice.is_some();
            self.voice = voice;
        }
        if let Some(codec) = self
            .codec
            .filter(|_| !self.is_player && self.playout.is_none())
        {
            self.playout = Some(Box::new(Playout::after(codec, self.past.clone())));
        }
    }

    /// Keep the packet for mixing, if somebody mixes the track, and measure its level now and then.
    pub fn listen(&mut self, packet: &AudioPacket<'_>, now: Nanos) {
        if packet.codec.format().peek.is_none() {
            self.keep(packet);
        }
        if let Some(playout) = &mut self.playout {
            playout.push(
                packet.codec,
                packet.ssrc,
                packet.timestamp,
                packet.payload,
                now,
            );
        } else if let Some(level) = packet.level_dbov {
            self.hear(level, now);
        } else if let Some(peek) = packet.codec.format().peek.filter(|_| now >= self.level_due) {
            let mut thinned = [0; MAX_PAYLOAD / THIN];
            let count = thin(packet, &mut thinned);
            let mut samples = [0; MAX_PAYLOAD / THIN];
            let count = peek(&thinned[..count], &mut samples);
            self.hear(level_dbov(&samples[..count]), now);
            self.level_due = now + LEVEL_PERIOD;
        }
    }

    fn hear(&mut self, level_dbov: f32, now: Nanos) {
        self.level_dbov = Some(level_dbov);
        self.activity.hear(level_dbov, now);
    }

    /// Keep the packet for who may mix the track later.
    fn keep(&mut self, packet: &AudioPacket<'_>) {
        let past = self
            .past
            .get_or_insert_with(|| Box::new(Past::new(packet.codec)));
        past.keep(packet.codec, packet.ssrc, packet.timestamp, packet.payload);
    }

    /// Keep the peer's comfort noise for mixing.
    pub fn listen_to_noise(&mut self, ssrc: u32, timestamp: u32, payload: &[u8], now: Nanos) {
        if let Some(playout) = &mut self.playout {
            playout.push_noise(ssrc, timestamp, payload, now);
        }
    }

    /// Have its voice processed from now on; true if that is new.
    pub fn set_wish(&mut self, wish: Wish) -> bool {
        std::mem::replace(&mut self.wish, wish) != wish
    }

    /// Its packets are not what is to be heard: it cannot be relayed.
    pub fn is_processed(&self) -> bool {
        self.wish != Wish::default()
    }

    /// Make the frame that is due for those who mix the track; `spares`: without noise suppression.
    pub fn pull(&mut self, spares: bool, now: Nanos) {
        let (Some(frames), Some(playout)) = (&mut self.frames, &mut self.playout) else {
            return;
        };
        if frames.native() != playout.rate() {
            return; // the codec is just changing
        }
        let (voice, mut level) = (&mut self.voice, 0.0);
        let spared = std::mem::replace(&mut self.spared, spares);
        let is_cut = std::mem::take(&mut self.is_cut) || spared != spares;
        let newest = &mut self.newest;
        frames.fill(|samples| {
            playout.pull(now, samples);
            level = level_dbov(samples);
            if let Some(voice) = voice {
                voice.process(samples, spares, now);
            }
            if is_cut {
                mend(*newest, samples);
            }
            *newest = samples.last().copied().unwrap_or(0);
        });
        self.hear(level, now);
    }
}

/// Lead from `before` into the frame within its first quarter.
fn mend(before: i16, frame: &mut [i16]) {
    let fade = frame.len() / 4;
    let step = f32::from(before) - frame.first().map_or(0.0, |&first| f32::from(first));
    for (n, sample) in frame.iter_mut().take(fade).enumerate() {
        let rest = step * (fade - n) as f32 / fade as f32;
        *sample = (f32::from(*sample) + rest) as i16; // saturates
    }
}

/// Every fourth sample of a payload whose samples stand for themselves; returns the length.
fn thin(packet: &AudioPacket<'_>, thinned: &mut [u8]) -> usize {
    let ticks = (packet.codec.duration(packet.payload) as usize).max(1);
    let size = (packet.payload.len() / ticks).max(1); // of a sample
    let kept = packet.payload.chunks_exact(size).step_by(THIN);
    let mut length = 0;
    for (room, sample) in thinned.chunks_exact_mut(size).zip(kept) {
        room.copy_from_slice(sample);
        length += size;
    }
    length
}
