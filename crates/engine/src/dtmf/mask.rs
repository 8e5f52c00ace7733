//! A mask on a track: while it is on, digits are taken out of the track's packets before anybody has them.
//!
//! Packets are kept back for 25 ms of sound, so that the beginning of a tone is gone too when the tone is known. What
//! has tone in it is replaced by silence of the same length; all else goes on as it came. A packet that comes out of
//! order is silenced unheard.

use super::{Signal, ToneDetector};
use crate::codec::resample::Resampler;
use crate::codec::{Codec, Decoder, Rate, MAX_SAMPLES};
use crate::track::AudioPacket;

/// Samples at 8 kHz before a look that found a tone, and after it.
const BEFORE: u64 = 200;
const AFTER: u64 = 80;
const SLOTS: usize = 32;
const MAX_PACKET: usize = 1_500;
/// What a masked digit is told as.
pub const MASKED: char = 'x';

struct Held {
    codec: Codec,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    level_dbov: Option<f32>,
    payload: Vec<u8>,
    /// Where it ends, in samples heard.
    to: u64,
    is_digit: bool,
}

/// What decodes the track's codec, and what silence is in it.
struct Coding {
    codec: Codec,
    decoder: Box<dyn Decoder>,
    narrow: Option<Resampler>,
    silence: Vec<u8>,
    /// Clock ticks that it lasts.
    ticks: u32,
}

impl Coding {
    fn new(codec: Codec) -> Coding {
        let rate = codec.rate_for(Rate::Narrow);
        Coding {
            codec,
            decoder: codec.decoder(rate),
            narrow: (rate != Rate::Narrow).then(|| Resampler::new(rate, Rate::Narrow)),
            silence: Vec::new(),
            ticks: 0,
        }
    }

    fn rate(&self) -> Rate {
        self.codec.rate_for(Rate::Narrow)
    }

    /// Make silence that lasts as long as a packet.
    fn silence(&mut self, ticks: u32) -> &[u8] {
        if self.ticks != ticks {
            let rate = self.rate();
            let samples = vec![0; self.codec.samples(ticks, rate)];
            self.silence.resize(MAX_PACKET, 0);
            let length = self.codec.encoder(rate).encode(&samples, &mut self.silence);
            self.silence.truncate(length);
            self.ticks = ticks;
        }
        &self.silence
    }
}

pub struct Mask {
    coding: Option<Coding>,
    detector: ToneDetector,
    held: Vec<Held>,
    free: Vec<Held>,
    /// Samples at 8 kHz that were heard, and until where all is silenced.
    heard: u64,
    silent_until: u64,
    newest: Option<(u32, u16)>,
    decoded: Vec<i16>,
    /// Samples at 8 kHz that do not fill a frame yet.
    narrow: Vec<i16>,
}

impl Default for Mask {
    fn default() -> Mask {
        Mask {
            coding: None,
            detector: ToneDetector::default(),
            held: Vec::with_capacity(SLOTS),
            free: Vec::with_capacity(SLOTS),
            heard: 0,
            silent_until: 0,
            newest: None,
            decoded: vec![0; MAX_SAMPLES],
            narrow: Vec::with_capacity(MAX_SAMPLES),
        }
    }
}

impl Mask {
    /// Keep a packet back, and hear in it; tells of presses that began or ended.
    pub fn push(&mut self, packet: &AudioPacket<'_>) -> Option<Signal> {
        if packet.payload.len() > MAX_PACKET || self.held.len() == SLOTS {
            return None;
        }
        let is_late = self.newest.is_some_and(|(ssrc, newest)| {
            ssrc == packet.ssrc && (packet.sequence.wrapping_sub(newest) as i16) <= 0
        });
        let from = self.heard;
        let mut told = None;
        if !is_late {
            self.newest = Some((packet.ssrc, packet.sequence));
            told = self.hear(packet);
        }
        let mut payload = self.free.pop().map_or_else(Vec::new, |held| held.payload);
        payload.clear();
        payload.extend_from_slice(packet.payload);
        let held = Held {
            codec: packet.codec,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            level_dbov: packet.level_dbov,
            payload,
            to: self.heard,
            is_digit: is_late || from < self.silent_until,
        };
        self.held.push(held);
        told
    }

    /// Decode, and look for tones in what was decoded.
    fn hear(&mut self, packet: &AudioPacket<'_>) -> Option<Signal> {
        let coding = self.coding.take_if(|coding| coding.codec == packet.codec);
        let coding = self
            .coding
            .insert(coding.unwrap_or_else(|| Coding::new(packet.codec)));
        let count = coding.decoder.decode(packet.payload, &mut self.decoded);
        let frame = coding.rate().frame();
        for chunk in self.decoded[..count].chunks(frame) {
            match &mut coding.narrow {
                Some(narrow) if chunk.len() == frame => {
                    let mut converted = [0; Rate::Narrow.frame()];
                    narrow.process(chunk, &mut converted);
                    self.narrow.extend_from_slice(&converted);
                }
                Some(_) => {} // no codec that needs converting has packets of other lengths
                None => self.narrow.extend_from_slice(chunk),
            }
        }
        let mut told = None;
        let mut used = 0;
        for hop in self.narrow.chunks_exact(ToneDetector::HOP) {
            used += hop.len();
            self.heard += hop.len() as u64;
            let [first, second] = self.detector.process(hop, false);
            told = told.or(first).or(second);
            if self.detector.suspects() {
                self.silent_until = self.heard + AFTER;
                let begin = self.heard.saturating_sub(BEFORE);
                let tone = self.held.iter_mut().filter(|held| held.to > begin);
                tone.for_each(|held| held.is_digit = true);
            }
        }
        self.narrow.drain(..used);
        told
    }

    /// Silence all that is kept back.
    pub fn silence(&mut self) {
        self.held.iter_mut().for_each(|held| held.is_digit = true);
    }

    /// Copy out the payload of the next packet that nobody needs to wait for any more, and give the rest of it;
    /// `all`: also what is younger.
    pub fn pop<'a>(
        &mut self,
        all: bool,
        payload: &'a mut [u8; MAX_PACKET],
    ) -> Option<AudioPacket<'a>> {
        let held = self.held.first()?;
        if !all && self.heard < held.to + BEFORE {
            return None;
        }
        let held = self.held.remove(0);
        let bytes = if held.is_digit {
            let ticks = held.codec.duration(&held.payload);
            let coding = self.coding.take_if(|coding| coding.codec == held.codec);
            let coding = self
                .coding
                .insert(coding.unwrap_or_else(|| Coding::new(held.codec)));
            coding.silence(ticks)
        } else {
            &held.payload
        };
        payload[..bytes.len()].copy_from_slice(bytes);
        let packet = AudioPacket {
            codec: held.codec,
            ssrc: held.ssrc,
            sequence: held.sequence,
            timestamp: held.timestamp,
            marker: held.marker,
            payload: &payload[..bytes.len()],
            level_dbov: held.level_dbov.filter(|_| !held.is_digit),
        };
        self.free.push(held);
        Some(packet)
    }
}
