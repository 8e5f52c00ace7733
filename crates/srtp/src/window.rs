//! Packet indices (RFC 3711 §3.3.1), and which of the latest were there already (§3.3.2).

use crate::error::Refused;

/// How many of the latest indices are told apart; 2.5 s of audio.
pub(crate) const WIDTH: u64 = u128::BITS as u64;

/// The highest index so far, and a bit for each of the indices up to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    highest: u64,
    /// Bit n: `highest - n` was there.
    seen: u128,
}

impl Window {
    /// The first index that was there.
    pub fn from(first: u64) -> Window {
        Window {
            highest: first,
            seen: 1,
        }
    }

    /// The index whose lower 16 bits are `sequence`, next to the highest one; None if it lies before the first.
    pub fn estimate(&self, sequence: u16) -> Option<u64> {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.checked_add_signed(i64::from(step))
    }

    pub fn check(&self, index: u64) -> Result<(), Refused> {
        match self.highest.checked_sub(index) {
            None => Ok(()),
            Some(age) if age < WIDTH && self.seen >> age & 1 == 0 => Ok(()),
            Some(_) => Err(Refused::Replayed),
        }
    }

    /// Note an index that passed `check`.
    pub fn accept(&mut self, index: u64) {
        if index > self.highest {
            let step = index - self.highest;
            self.seen = u32::try_from(step)
                .ok()
                .and_then(|step| self.seen.checked_shl(step))
                .unwrap_or(0)
                | 1;
            self.highest = index;
        } else if self.highest - index < WIDTH {
            self.seen |= 1 << (self.highest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_follows_the_sequence_over_its_wrap_and_back() {
        let mut window = Window::from(65_530);
        assert_eq!(window.estimate(3), Some(65_539));
        window.accept(65_539);
        assert_eq!(window.estimate(65_535), Some(65_535));
        assert_eq!(window.estimate(4), Some(65_540));
    }

    #[test]
    fn what_lies_before_the_first_index_of_all_has_none() {
        assert_eq!(Window::from(3).estimate(65_535), None);
    }

    #[test]
    fn an_index_passes_once_in_any_order_and_never_from_behind_the_window() {
        let mut window = Window::from(1_000);
        for index in [1_001, 1_005, 1_003, 1_000 + WIDTH, 1_002, 5_000, 4_999] {
            assert_eq!(window.check(index), Ok(()), "{index}");
            window.accept(index);
            assert_eq!(window.check(index), Err(Refused::Replayed), "{index} again");
        }
        assert_eq!(window.check(5_001 - WIDTH), Ok(()));
        assert_eq!(window.check(5_000 - WIDTH), Err(Refused::Replayed));
        assert_eq!(window.check(1_004), Err(Refused::Replayed));
    }
}
