//! Digits: as telephone-events (RFC 4733) and as tones (ITU-T Q.23, Q.24).

pub mod events;
pub mod inband;
pub mod mask;
pub mod send;

use crate::clock::{Nanos, MILLISECOND};
pub use events::{EventPacket, TelephoneEvents};
pub use inband::ToneDetector;
pub use mask::{Mask, MASKED};
pub use send::{DigitSender, Moment};

/// A masked track that is quiet for so long gets no packet that what is kept back would wait for.
const MASK_WAIT: Nanos = 100 * MILLISECOND;
/// Event codes 0 to 15 in order (RFC 4733 §3.2).
pub const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// Hz of the rows and the columns of the keypad (ITU-T Q.23).
pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYPAD: [&[u8; 4]; 4] = [b"123A", b"456B", b"789C", b"*0#D"];

/// A key press that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub digit: char,
    pub duration_ms: u32,
}

/// What packets or samples told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Began(char),
    Over(Press),
}

/// The two frequencies of a digit.
pub fn pair_of(digit: char) -> Option<[f32; 2]> {
    let digit = u8::try_from(digit).ok()?;
    KEYPAD.iter().zip(ROWS).find_map(|(row, low)| {
        let column = row.iter().position(|&key| key == digit)?;
        Some([low, COLUMNS[column]])
    })
}

/// Its event code.
pub fn code_of(digit: char) -> Option<u8> {
    let place = DIGITS.iter().position(|&d| char::from(d) == digit)?;
    Some(place as u8)
}

/// What is known of a track's digits: by its sound, unless it is known to send telephone-events.
#[derive(Default)]
pub struct Digits {
    tones: Option<Box<ToneDetector>>,
    has_events: bool,
    pub mask: Option<Box<Mask>>,
    /// When the mask kept back its newest packet.
    pub masked_at: Nanos,
}

impl Digits {
    /// Listen to the sound, or no longer.
    pub fn listen(&mut self, on: bool) {
        match on {
            true => drop(self.tones.get_or_insert_default()),
            false => self.tones = None,
        }
    }

    pub fn listens(&self) -> bool {
        self.tones.is_some()
    }

    /// The track sends telephone-events: a digit that also sounds is not counted twice.
    pub fn note_events(&mut self) {
        self.has_events = true;
    }

    /// What a mask keeps back need not wait: the peer sends nothing for a while.
    pub fn mask_waits(&self, now: Nanos) -> bool {
        self.mask.is_some() && now.saturating_sub(self.masked_at) >= MASK_WAIT
    }

    pub fn sends_events(&self) -> bool {
        self.has_events
    }

    /// Hear a frame at `Rate::Narrow`; `is_covered`: it stands for a loss.
    pub fn hear(&mut self, frame: &[i16], is_covered: bool) -> [Option<Signal>; 2] {
        let Some(tones) = self.tones.as_mut().filter(|_| !self.has_events) else {
            return [None; 2];
        };
        tones.process(frame, is_covered)
    }
}
