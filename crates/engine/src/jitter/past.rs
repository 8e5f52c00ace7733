//! The last packets of a stream that nobody here decodes. A decoder that begins with them stands where the listener's
//! does: codecs with memory say only what changes.

use crate::codec::{Codec, Decoder, MAX_SAMPLES};

/// Packets of 20 ms: what came before them is forgotten by every codec's own leakage.
const KEPT: usize = 8;
/// Longer packets are of no voice; what came before one of them is not kept.
const LONGEST: usize = 480;

#[derive(Clone, Copy)]
struct Kept {
    length: usize,
    payload: [u8; LONGEST],
}

/// Allocates nothing.
#[derive(Clone)]
pub struct Past {
    codec: Codec,
    ssrc: u32,
    /// Timestamp behind the newest.
    end: u32,
    packets: [Kept; KEPT],
    /// So many were kept in a row; the newest lies before this, modulo `KEPT`.
    count: usize,
}

impl Past {
    pub fn new(codec: Codec) -> Past {
        let empty = Kept {
            length: 0,
            payload: [0; LONGEST],
        };
        Past {
            codec,
            ssrc: 0,
            end: 0,
            packets: [empty; KEPT],
            count: 0,
        }
    }

    /// Keep a packet that came; one that does not follow the newest begins anew.
    pub fn keep(&mut self, codec: Codec, ssrc: u32, timestamp: u32, payload: &[u8]) {
        if (ssrc, timestamp) != (self.ssrc, self.end) {
            (self.ssrc, self.count) = (ssrc, 0);
        }
        self.end = timestamp.wrapping_add(codec.duration(payload));
        self.add(codec, payload);
    }

    /// Keep a packet that the listener gets next.
    pub fn add(&mut self, codec: Codec, payload: &[u8]) {
        if codec != self.codec {
            (self.codec, self.count) = (codec, 0);
        }
        let kept = &mut self.packets[self.count % KEPT];
        match kept.payload.get_mut(..payload.len()) {
            Some(room) => {
                room.copy_from_slice(payload);
                kept.length = payload.len();
                self.count += 1;
            }
            None => self.count = 0,
        }
    }

    /// Whether a packet of this timestamp is the next.
    pub fn leads_to(&self, codec: Codec, ssrc: u32, timestamp: u32) -> bool {
        self.count > 0 && (self.codec, self.ssrc, self.end) == (codec, ssrc, timestamp)
    }

    /// Decode all that is kept, oldest first.
    pub fn replay(&self, decoder: &mut dyn Decoder, mut heard: impl FnMut(&[i16])) {
        let mut samples = [0; MAX_SAMPLES];
        for n in self.count.saturating_sub(KEPT)..self.count {
            let kept = &self.packets[n % KEPT];
            let count = decoder.decode(&kept.payload[..kept.length], &mut samples);
            heard(&samples[..count]);
        }
    }

    /// What a listener has heard, and how his decoder stands.
    pub fn heard(&self) -> Heard {
        let mut heard = Heard {
            codec: self.codec,
            decoder: self.codec.decoder(self.codec.rate()),
            sound: Vec::new(),
        };
        let sound = &mut heard.sound;
        self.replay(&mut *heard.decoder, |samples| {
            sound.extend_from_slice(samples)
        });
        heard
    }
}

/// What a listener of packets heard last.
pub struct Heard {
    pub codec: Codec,
    /// It is in the state of the listener's own.
    pub decoder: Box<dyn Decoder>,
    /// At the codec's own rate.
    pub sound: Vec<i16>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Rate;

    fn replayed(past: &Past) -> Vec<i16> {
        let mut all = Vec::new();
        let mut decoder = Codec::L16Narrow.decoder(Rate::Narrow);
        past.replay(&mut *decoder, |samples| all.extend(samples));
        all
    }

    #[test]
    fn the_newest_packets_in_a_row_are_kept() {
        let mut past = Past::new(Codec::L16Narrow);
        for n in 0..11u8 {
            past.keep(Codec::L16Narrow, 1, u32::from(n), &[0, n]);
        }
        assert_eq!(replayed(&past), [3, 4, 5, 6, 7, 8, 9, 10]);
        let leads_to =
            |past: &Past, ssrc, timestamp| past.leads_to(Codec::L16Narrow, ssrc, timestamp);
        assert!(leads_to(&past, 1, 11) && !leads_to(&past, 2, 11) && !leads_to(&past, 1, 12));
        past.keep(Codec::L16Narrow, 1, 12, &[0, 12]); // one is missing
        assert_eq!(replayed(&past), [12]);
        past.keep(Codec::L16Narrow, 1, 13, &[0; LONGEST + 2]);
        assert!(replayed(&past).is_empty());
        assert!(!leads_to(&past, 1, 13 + LONGEST as u32 / 2 + 1));
    }
}
