//! A programme: the items of a play one after another, in frames of 20 ms; and its packets, encoded once for each codec
//! and relayed by every player that plays it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::codec::{resample::Resampler, Codec, Encoder, Rate, FRAME_MS, MAX_PAYLOAD};
use crate::packing::Packing;
use crate::prompt::Prompt;

/// Longest programme that is encoded ahead: 20 minutes are 9.6 MB of G.711.
const MAX_FRAMES: usize = 20 * 60 * 1_000 / FRAME_MS;
/// A round after the first begins with packets that were encoded after the last one: the listener's decoder follows an
/// encoder with memory through the seam. So long after it the two ways of encoding no longer differ.
const SEAM: usize = 10;

/// Encodes frames of one rate in one codec.
pub struct Voice {
    encoder: Box<dyn Encoder>,
    converter: Option<Resampler>,
    rate: Rate,
}

impl Voice {
    /// For frames at `from`.
    pub fn new(codec: Codec, from: Rate) -> Voice {
        let rate = codec.rate_for(from);
        Voice {
            encoder: codec.encoder(rate),
            converter: (rate != from).then(|| Resampler::new(from, rate)),
            rate,
        }
    }

    /// Returns the payload's length.
    pub fn encode(&mut self, frame: &[i16], payload: &mut [u8]) -> usize {
        let Some(converter) = &mut self.converter else {
            return self.encoder.encode(frame, payload);
        };
        let mut converted = [0; Rate::MAX_FRAME];
        let converted = &mut converted[..self.rate.frame()];
        converter.process(frame, converted);
        self.encoder.encode(converted, payload)
    }
}

/// Payloads one after another.
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Packets {
    fn get(&self, n: usize) -> &[u8] {
        let begin = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin as usize..self.ends[n] as usize]
    }
}

pub struct Programme {
    rate: Rate,
    items: Vec<Arc<Prompt>>,
    /// First sample of each item, and the end of the last.
    starts: Vec<usize>,
    packets: [OnceLock<Packets>; Codec::ALL.len()],
    asked: [AtomicBool; Codec::ALL.len()],
    /// Who encodes it; without one every player does.
    packing: Option<Arc<Packing>>,
}

impl Programme {
    /// Played at the highest rate that an item has.
    pub fn new(items: Vec<Arc<Prompt>>, packing: Option<Arc<Packing>>) -> Programme {
        let rates = items.iter().filter_map(|item| item.rate());
        let rate = rates.max().unwrap_or(Rate::Wide);
        let items: Vec<_> = items.into_iter().map(|item| item.at(rate)).collect();
        let mut starts = vec![0];
        for item in &items {
            starts.push(starts[starts.len() - 1] + item.len_at(rate));
        }
        Programme {
            rate,
            items,
            starts,
            packets: [const { OnceLock::new() }; Codec::ALL.len()],
            asked: [const { AtomicBool::new(false) }; Codec::ALL.len()],
            packing,
        }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Samples that it keeps in memory, at most.
    pub fn samples(&self) -> usize {
        self.items.iter().map(|item| item.kept()).sum()
    }

    fn length(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// The last one may be filled up with silence.
    pub fn frames(&self) -> usize {
        self.length().div_ceil(self.rate.frame())
    }

    /// Copy frame `n`, silence after its end; returns how many samples are of the programme.
    pub fn read(&self, n: usize, frame: &mut [i16]) -> usize {
        let begin = n * frame.len();
        let mut item = self.starts.partition_point(|&start| start <= begin) - 1;
        let mut filled = 0;
        while filled < frame.len() && item < self.items.len() {
            let offset = begin + filled - self.starts[item];
            let left = self.starts[item + 1] - self.starts[item] - offset;
            let count = left.min(frame.len() - filled);
            self.items[item].read(offset, &mut frame[filled..filled + count]);
            filled += count;
            item += 1;
        }
        frame[filled..].fill(0);
        filled
    }

    /// Packet `n` of the first round, or of a later one; None until somebody has encoded them, which this asks for.
    pub fn packet(self: &Arc<Programme>, codec: Codec, n: usize, is_later: bool) -> Option<&[u8]> {
        let Some(packets) = self.packets[codec as usize].get() else {
            self.ask(codec);
            return None;
        };
        let frames = self.frames();
        Some(packets.get(if is_later && n < SEAM.min(frames) {
            frames + n
        } else {
            n
        }))
    }

    fn ask(self: &Arc<Programme>, codec: Codec) {
        let Some(packing) = &self.packing else { return };
        let fits = (1..=MAX_FRAMES).contains(&self.frames());
        if fits && !self.asked[codec as usize].swap(true, Ordering::Relaxed) {
            let has_room = packing.ask(self.clone(), codec);
            self.asked[codec as usize].store(has_room, Ordering::Relaxed);
        }
    }

    /// Encode it; returns how many bytes that takes.
    pub fn pack(&self, codec: Codec) -> usize {
        let frames = self.frames();
        let mut voice = Voice::new(codec, self.rate);
        let mut packets = Packets {
            bytes: Vec::new(),
            ends: Vec::with_capacity(frames + SEAM),
        };
        let mut frame = [0; Rate::MAX_FRAME];
        let frame = &mut frame[..self.rate.frame()];
        let mut payload = [0; MAX_PAYLOAD];
        for n in (0..frames).chain(0..SEAM.min(frames)) {
            self.read(n, frame);
            let length = voice.encode(frame, &mut payload);
            packets.bytes.extend_from_slice(&payload[..length]);
            packets.ends.push(packets.bytes.len() as u32);
        }
        packets.bytes.shrink_to_fit();
        let _ = self.packets[codec as usize].set(packets); // it was encoded before
        self.packed()
    }

    /// Bytes of packets that it keeps.
    pub fn packed(&self) -> usize {
        let kept = self.packets.iter().filter_map(OnceLock::get);
        kept.map(|packets| packets.bytes.len() + 4 * packets.ends.len())
            .sum()
    }
}

impl std::fmt::Debug for Programme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Programme of {} frames", self.frames())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from: i16, length: usize) -> Arc<Prompt> {
        Arc::new(Prompt::Samples((from..).take(length).collect()))
    }

    #[test]
    fn items_follow_each_other_to_the_sample_and_the_last_frame_is_filled_up() {
        let items = vec![ramp(1, 300), ramp(0, 0), ramp(1_001, 100)];
        let programme = Programme::new(items, None);
        let mut frame = [7; Rate::Wide.frame()];
        assert_eq!(
            (programme.frames(), programme.read(0, &mut frame)),
            (2, 320)
        );
        assert_eq!((frame[299], frame[300], frame[319]), (300, 1_001, 1_020));
        assert_eq!(programme.read(1, &mut frame), 80);
        assert_eq!((frame[79], frame[80], frame[319]), (1_100, 0, 0));
        assert_eq!(programme.read(2, &mut frame), 0);
        let empty = Programme::new(vec![ramp(0, 0)], None);
        assert_eq!((empty.frames(), empty.read(0, &mut frame)), (0, 0));
    }

    #[test]
    fn a_programme_with_48_khz_in_it_is_played_at_48_khz() {
        let full = Arc::new(Prompt::Full(vec![500; 960]));
        let items = vec![full, ramp(0, 320), Arc::new(Prompt::Silence(320))];
        let programme = Programme::new(items, None);
        assert_eq!((programme.rate(), programme.frames()), (Rate::Full, 3));
        let mut frame = [1; Rate::Full.frame()];
        assert_eq!(programme.read(0, &mut frame), 960);
        assert!(frame.iter().all(|&sample| sample == 500));
        assert_eq!(programme.read(2, &mut frame), 960);
        assert!(frame.iter().all(|&sample| sample == 0));
    }

    #[test]
    fn packets_are_those_that_an_encoder_makes_frame_by_frame_and_go_on_over_the_seam() {
        let music = crate::prompt::tone(&[440.0, 660.0], 1_000, -10.0);
        let programme = Arc::new(Programme::new(vec![Arc::new(music)], None));
        for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
            assert_eq!(programme.packet(codec, 0, false), None);
            programme.pack(codec);
            let mut voice = Voice::new(codec, Rate::Wide);
            let (mut frame, mut payload) = ([0; Rate::Wide.frame()], [0; MAX_PAYLOAD]);
            for n in 0..programme.frames() + SEAM {
                let is_later = n >= programme.frames();
                let n = n % programme.frames();
                programme.read(n, &mut frame);
                let length = voice.encode(&frame, &mut payload);
                let packet = programme.packet(codec, n, is_later);
                assert_eq!(packet, Some(&payload[..length]), "{codec:?} {n}");
            }
        }
        assert!(programme.packed() > 60 * (160 + 160 + 40));
    }
}
