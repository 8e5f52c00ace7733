//! Digits as telephone-events, RFC 4733: each press counts once, whatever becomes of its packets.

use super::{Press, Signal, DIGITS};
use crate::clock::{Nanos, MILLISECOND};

/// An event whose end was lost is over when nothing of it came for this long.
const LOST_END: Nanos = 200 * MILLISECOND;
/// Events that are remembered, so that their late packets are known.
const REMEMBERED: usize = 8;
/// A press that outlasts 16 bits of duration goes on as a new event that starts where the old one stops (§2.5.1.3);
/// senders stop at the last whole packet below.
const SEGMENT: std::ops::RangeInclusive<u32> = 0xFFFF - 1_920..=0xFFFF;

/// An event packet as it came.
#[derive(Clone, Copy, Debug)]
pub struct EventPacket<'a> {
    pub ssrc: u32,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
    /// Of the event's clock, in Hz.
    pub rate: u32,
}

/// What one packet told, in order.
pub type Signals = [Option<Signal>; 3];

#[derive(Clone, Copy, Debug)]
struct Event {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    duration: u16,
    /// Ticks of the segments before this one.
    before: u32,
    rate: u32,
    seen: Nanos,
    ended: bool,
    told: bool,
}

impl Event {
    /// The press, once; none for what is no digit.
    fn tell(&mut self) -> Option<Signal> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let digit = char::from(*DIGITS.get(usize::from(self.code))?);
        let ticks = u64::from(self.before) + u64::from(self.duration);
        let duration_ms = (ticks * 1_000 / u64::from(self.rate.max(1))) as u32;
        Some(Signal::Over(Press { digit, duration_ms }))
    }

    fn is_continued_by(&self, code: u8, packet: &EventPacket<'_>) -> bool {
        let step = packet.timestamp.wrapping_sub(self.timestamp);
        let unheard = step.saturating_sub(u32::from(self.duration));
        self.code == code
            && self.ssrc == packet.ssrc
            && !self.ended
            && !packet.marker
            && SEGMENT.contains(&step)
            && unheard <= self.rate / 5 + 1_920 // as much as may be lost before the press counts as over
    }
}

/// Counts each press once, however many packets tell of it and in whatever order.
#[derive(Debug, Default)]
pub struct TelephoneEvents {
    /// By arrival of their first packets; the oldest is replaced.
    events: [Option<Event>; REMEMBERED],
    place: usize,
    /// Where the one is that may still go on.
    newest: usize,
}

impl TelephoneEvents {
    /// Take one packet. A press is over with its end, when a newer one begins, or by `handle_timeout`.
    pub fn receive(&mut self, packet: &EventPacket<'_>, now: Nanos) -> Signals {
        let &[code, flags, high, low, ..] = packet.payload else {
            return [None; 3];
        };
        let known = self.events.iter().position(|event| {
            event.is_some_and(|e| e.timestamp == packet.timestamp && e.ssrc == packet.ssrc)
        });
        let mut signals = [None; 3];
        let place = match known {
            Some(place) => place,
            None => self.begin(code, packet, now, &mut signals),
        };
        let is_newest = place == self.newest;
        let Some(event) = &mut self.events[place] else {
            return signals;
        };
        event.duration = u16::from_be_bytes([high, low]).max(event.duration); // packets come out of order
        event.seen = now;
        event.ended |= flags & 0x80 != 0;
        if event.ended || !is_newest {
            signals[2] = event.tell();
        }
        signals
    }

    /// Remember a new event; returns where.
    fn begin(
        &mut self,
        code: u8,
        packet: &EventPacket<'_>,
        now: Nanos,
        signals: &mut Signals,
    ) -> usize {
        let mut event = Event {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            code,
            duration: 0,
            before: 0,
            rate: packet.rate,
            seen: now,
            ended: false,
            told: false,
        };
        let place = self.place;
        self.place = (place + 1) % REMEMBERED;
        let is_newer = match &mut self.events[self.newest] {
            Some(last) if last.is_continued_by(code, packet) => {
                event.before = last.before + packet.timestamp.wrapping_sub(last.timestamp);
                event.told = std::mem::replace(&mut last.told, true);
                true
            }
            Some(last) if last.ssrc == packet.ssrc && is_before(packet.timestamp, last) => false,
            Some(last) => {
                signals[0] = last.tell();
                true
            }
            None => true,
        };
        if event.before == 0 {
            signals[1] = DIGITS
                .get(usize::from(code))
                .map(|&digit| Signal::Began(char::from(digit)));
        }
        if is_newer {
            self.newest = place;
        }
        self.events[place] = Some(event);
        place
    }

    /// The press whose end never came.
    pub fn handle_timeout(&mut self, now: Nanos) -> Option<Signal> {
        let event = self.events[self.newest].as_mut()?;
        if now.saturating_sub(event.seen) < LOST_END {
            return None;
        }
        event.tell()
    }
}

/// A packet from before the newest event, and not from a sender that began anew.
fn is_before(timestamp: u32, newest: &Event) -> bool {
    let behind = newest.timestamp.wrapping_sub(timestamp);
    behind < 2 * newest.rate.max(8_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u8 = 0x80;

    fn told(packets: &[(u32, u8, u8, u16)], rate: u32) -> Vec<Signal> {
        let mut events = TelephoneEvents::default();
        let mut told = Vec::new();
        for &(timestamp, code, flags, duration) in packets {
            let [high, low] = duration.to_be_bytes();
            let packet = EventPacket {
                ssrc: 7,
                timestamp,
                marker: false,
                payload: &[code, flags | 10, high, low],
                rate,
            };
            told.extend(events.receive(&packet, 0).into_iter().flatten());
        }
        told.extend(events.handle_timeout(LOST_END));
        told
    }

    fn presses(packets: &[(u32, u8, u8, u16)]) -> Vec<(char, u32)> {
        let over = |signal| match signal {
            Signal::Over(Press { digit, duration_ms }) => Some((digit, duration_ms)),
            Signal::Began(_) => None,
        };
        told(packets, 8_000).into_iter().filter_map(over).collect()
    }

    #[test]
    fn updates_and_three_ends_are_one_press_told_as_it_begins_and_ends() {
        let press = Press {
            digit: '1',
            duration_ms: 100,
        };
        let packets = [
            (100, 1, 0, 160),
            (100, 1, END, 800),
            (100, 1, END, 800),
            (100, 1, END, 800),
        ];
        assert_eq!(
            told(&packets, 8_000),
            [Signal::Began('1'), Signal::Over(press)]
        );
    }

    #[test]
    fn an_event_may_start_with_its_end() {
        assert_eq!(
            presses(&[(100, 5, END, 960), (100, 5, END, 960)]),
            [('5', 120)]
        );
    }

    #[test]
    fn the_same_digit_twice_is_two_presses() {
        assert_eq!(
            presses(&[(100, 9, END, 800), (2_000, 9, 0, 160), (2_000, 9, END, 800)]),
            [('9', 100), ('9', 100)]
        );
    }

    #[test]
    fn a_lost_end_is_made_up_for_by_time_or_by_the_next_press() {
        assert_eq!(presses(&[(100, 10, 0, 160)]), [('*', 20)]);
        assert_eq!(
            presses(&[(100, 10, 0, 160), (2_000, 11, END, 800)]),
            [('*', 20), ('#', 100)]
        );
    }

    #[test]
    fn a_press_that_is_overtaken_by_the_next_one_counts_too_and_its_stragglers_do_not() {
        let packets = [
            (2_000, 2, 0, 160),
            (100, 1, END, 800),
            (100, 1, 0, 320),
            (2_000, 2, END, 480),
            (100, 1, END, 800),
        ];
        assert_eq!(presses(&packets), [('1', 100), ('2', 60)]);
    }

    #[test]
    fn a_press_longer_than_16_bits_of_duration_is_one() {
        let packets = [
            (100, 3, 0, 0xFF00),
            (100, 3, 0, 0xFFFF),
            (100 + 0xFFFF, 3, 0, 960),
            (100, 3, 0, 0xFFFF),
            (100 + 0xFFFF, 3, END, 30_465),
        ];
        let over = Signal::Over(Press {
            digit: '3',
            duration_ms: 2_000,
        });
        assert_eq!(told(&packets, 48_000), [Signal::Began('3'), over]);
    }

    #[test]
    fn what_is_no_digit_or_no_event_is_nothing() {
        assert_eq!(presses(&[(100, 16, END, 800)]), []); // flash
        let short = EventPacket {
            ssrc: 1,
            timestamp: 1,
            marker: false,
            payload: &[1, END],
            rate: 8_000,
        };
        assert_eq!(TelephoneEvents::default().receive(&short, 0), [None; 3]);
    }

    #[test]
    fn the_letters_are_digits_too() {
        let packets = [12, 13, 14, 15].map(|code| (u32::from(code) * 1_000, code, END, 800));
        let letters: String = presses(&packets).iter().map(|press| press.0).collect();
        assert_eq!(letters, "ABCD");
    }
}
