//! Digits as telephone-events, RFC 4733.

use crate::clock::{Nanos, MILLISECOND};

/// An event whose end was lost is over when nothing of it came for this long.
const LOST_END: Nanos = 200 * MILLISECOND;
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// A key press that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub digit: char,
    pub duration_ms: u32,
}

/// Counts each event once, however many packets tell of it.
#[derive(Debug, Default)]
pub struct TelephoneEvents {
    current: Option<Event>,
    /// RTP timestamp of the event that ended last: its end is sent three times (§2.5.1.4).
    ended: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    timestamp: u32,
    code: u8,
    duration: u16,
    rate: u32,
    seen: Nanos,
}

impl Event {
    fn press(self) -> Option<Press> {
        let digit = char::from(*DIGITS.get(usize::from(self.code))?);
        Some(Press {
            digit,
            duration_ms: u32::from(self.duration) * 1_000 / self.rate.max(1),
        })
    }
}

impl TelephoneEvents {
    /// Take one packet; a press comes out when it ended. A new event also ends one whose end was lost.
    pub fn receive(
        &mut self,
        timestamp: u32,
        payload: &[u8],
        rate: u32,
        now: Nanos,
    ) -> Option<Press> {
        let &[code, flags, high, low, ..] = payload else {
            return None;
        };
        if self.ended == Some(timestamp) {
            return None;
        }
        let unfinished = self.current.take_if(|event| event.timestamp != timestamp);
        let before = self.current.map_or(0, |event| event.duration);
        let duration = u16::from_be_bytes([high, low]).max(before); // packets may come out of order
        let event = Event {
            timestamp,
            code,
            duration,
            rate,
            seen: now,
        };
        if let Some(unfinished) = unfinished {
            self.ended = Some(unfinished.timestamp);
            self.current = Some(event);
            // Two presses in one call: the ended newcomer waits for its next end packet or the time-out.
            return unfinished.press();
        }
        if flags & 0x80 == 0 {
            self.current = Some(event);
            return None;
        }
        self.current = None;
        self.ended = Some(timestamp);
        event.press()
    }

    /// The press whose end never came.
    pub fn handle_timeout(&mut self, now: Nanos) -> Option<Press> {
        let event = self
            .current
            .take_if(|event| now.saturating_sub(event.seen) >= LOST_END)?;
        self.ended = Some(event.timestamp);
        event.press()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u8 = 0x80;

    fn packet(code: u8, flags: u8, duration: u16) -> [u8; 4] {
        let [high, low] = duration.to_be_bytes();
        [code, flags | 10, high, low]
    }

    fn presses(packets: &[(u32, u8, u8, u16)]) -> String {
        let mut events = TelephoneEvents::default();
        let mut heard: String = packets
            .iter()
            .filter_map(|&(timestamp, code, flags, d)| {
                events.receive(timestamp, &packet(code, flags, d), 8_000, 0)
            })
            .map(|press| press.digit)
            .collect();
        heard.extend(events.handle_timeout(LOST_END).map(|press| press.digit));
        heard
    }

    #[test]
    fn updates_and_three_ends_are_one_press() {
        let mut events = TelephoneEvents::default();
        assert_eq!(events.receive(100, &packet(1, 0, 160), 8_000, 0), None);
        let press = events.receive(100, &packet(1, END, 800), 8_000, 0);
        assert_eq!(
            press,
            Some(Press {
                digit: '1',
                duration_ms: 100
            })
        );
        assert_eq!(events.receive(100, &packet(1, END, 800), 8_000, 0), None);
        assert_eq!(events.receive(100, &packet(1, END, 800), 8_000, 0), None);
        assert_eq!(events.handle_timeout(LOST_END), None);
    }

    #[test]
    fn an_event_may_start_with_its_end() {
        assert_eq!(
            presses(&[(100, 5, END, 960), (100, 5, END, 960), (100, 5, END, 960)]),
            "5"
        );
    }

    #[test]
    fn the_same_digit_twice_is_two_presses() {
        assert_eq!(
            presses(&[(100, 9, END, 800), (2_000, 9, 0, 160), (2_000, 9, END, 800)]),
            "99"
        );
    }

    #[test]
    fn a_lost_end_is_made_up_for_by_time_or_by_the_next_event() {
        assert_eq!(presses(&[(100, 10, 0, 160)]), "*");
        assert_eq!(
            presses(&[
                (100, 10, 0, 160),
                (2_000, 11, 0, 160),
                (2_000, 11, END, 800)
            ]),
            "*#"
        );
        assert_eq!(presses(&[(100, 10, 0, 160), (2_000, 11, END, 800)]), "*#");
    }

    #[test]
    fn what_is_no_digit_or_no_event_is_nothing() {
        assert_eq!(presses(&[(100, 16, END, 800)]), ""); // flash
        assert_eq!(
            TelephoneEvents::default().receive(1, &[1, 0x80], 8_000, 0),
            None
        );
    }

    #[test]
    fn the_letters_are_digits_too() {
        assert_eq!(
            presses(&[
                (1, 12, END, 800),
                (2, 13, END, 800),
                (3, 14, END, 800),
                (4, 15, END, 800)
            ]),
            "ABCD"
        );
    }
}
