//! The 20 ms wheel: one slot each millisecond, so that the frames of many sessions do not all fall due at once.
//!
//! A session stays in one slot: what its players and mixers make in a turn belongs together.

use crate::clock::{Nanos, MILLISECOND};
use crate::codec::FRAME_MS;
use crate::id::{BusId, PortId, SessionId, TrackId};
use crate::sum::Sum;

const SLOTS: u64 = FRAME_MS as u64;
/// After a longer stall than this the missed frames are left out instead of sent in a burst.
const MAX_BEHIND: u64 = 5 * SLOTS;

/// What is due in one millisecond of each twenty, in this order.
#[derive(Default, Debug)]
pub struct Slot {
    /// Players that play.
    pub players: Vec<PortId>,
    /// Tracks that somebody mixes.
    pub listened: Vec<TrackId>,
    /// Sessions with more talkers than are mixed.
    pub crowds: Vec<SessionId>,
    /// What buses are made of.
    pub sums: Vec<Sum>,
    /// What ports send that mix.
    pub buses: Vec<BusId>,
    /// Taps.
    pub taps: Vec<PortId>,
    /// Ports that send digits.
    pub pressing: Vec<PortId>,
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.players.is_empty()
            && self.listened.is_empty()
            && self.buses.is_empty()
            && self.taps.is_empty()
            && self.pressing.is_empty()
    }
}

pub struct Wheel {
    slots: Vec<Slot>,
    /// The next millisecond to serve, on the one clock.
    next: u64,
}

impl Wheel {
    pub fn new(now: Nanos) -> Wheel {
        Wheel {
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            next: now / MILLISECOND + 1,
        }
    }

    pub fn slot_of(session: SessionId) -> usize {
        // Mixed well: sessions are dealt to workers by their last bits.
        ((session.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % SLOTS) as usize
    }

    pub fn slot(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// When the next slot with anything in it is due.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let due = |step: &u64| !self.slots[((self.next + step) % SLOTS) as usize].is_empty();
        (0..SLOTS)
            .find(due)
            .map(|step| (self.next + step) * MILLISECOND)
    }

    /// Move past what is empty up to now: who joins a slot from here on is served for no time before.
    pub fn settle(&mut self, now: Nanos) {
        let current = now / MILLISECOND;
        if self.next_deadline().is_none() {
            self.next = self.next.max(current + 1);
        }
        while self.next <= current && self.slots[(self.next % SLOTS) as usize].is_empty() {
            self.next += 1;
        }
    }

    /// The next slot that is due, with its time; it is moved past. None when all is served.
    pub fn turn(&mut self, now: Nanos) -> Option<(usize, Nanos)> {
        let current = now / MILLISECOND;
        if current.saturating_sub(self.next) > MAX_BEHIND {
            self.next = current - (current - self.next) % SLOTS; // the same place, missed rounds left out
        }
        while self.next <= current {
            let (index, at) = ((self.next % SLOTS) as usize, self.next * MILLISECOND);
            self.next += 1;
            if !self.slots[index].is_empty() {
                return Some((index, at));
            }
        }
        None
    }
}

/// Put into or take out of a list of a slot.
pub fn set_member<T: PartialEq>(list: &mut Vec<T>, member: T, wanted: bool) {
    let place = list.iter().position(|known| *known == member);
    match (place, wanted) {
        (None, true) => list.push(member),
        (Some(at), false) => drop(list.remove(at)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(slots: &[u64]) -> Wheel {
        let mut wheel = Wheel::new(0);
        for &slot in slots {
            wheel.slot(slot as usize).taps.push(PortId(slot));
        }
        wheel
    }

    #[test]
    fn each_session_has_its_millisecond_of_every_twenty() {
        let mut wheel = wheel(&[3, 7]);
        assert_eq!(wheel.next_deadline(), Some(3 * MILLISECOND));
        let turns: Vec<_> = std::iter::from_fn(|| wheel.turn(45 * MILLISECOND))
            .map(|(_, at)| at / MILLISECOND)
            .collect();
        assert_eq!(turns, [3, 7, 23, 27, 43]);
        assert_eq!(wheel.next_deadline(), Some(47 * MILLISECOND));
    }

    #[test]
    fn an_empty_wheel_needs_no_waking() {
        let mut wheel = wheel(&[]);
        assert_eq!(
            (wheel.next_deadline(), wheel.turn(MILLISECOND)),
            (None, None)
        );
    }

    #[test]
    fn who_joins_after_a_rest_is_served_for_no_time_before() {
        let mut resting = wheel(&[]);
        resting.settle(90 * MILLISECOND);
        resting.slot(5).taps.push(PortId(5));
        assert_eq!(resting.turn(90 * MILLISECOND), None);
        assert_eq!(resting.next_deadline(), Some(105 * MILLISECOND));
        let mut busy = wheel(&[3]);
        busy.settle(10 * MILLISECOND);
        assert_eq!(
            busy.turn(10 * MILLISECOND),
            Some((3, 3 * MILLISECOND)),
            "what is due stays due"
        );
    }

    #[test]
    fn missed_rounds_are_left_out_and_the_phase_is_kept() {
        let mut wheel = wheel(&[3]);
        let turns: Vec<_> = std::iter::from_fn(|| wheel.turn(10_001 * MILLISECOND))
            .map(|(_, at)| at / MILLISECOND)
            .collect();
        assert!(
            turns.len() <= 2 && turns.iter().all(|at| at % 20 == 3),
            "{turns:?}"
        );
    }
}
