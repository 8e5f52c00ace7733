//! Packets in order of their timestamps, and how long they should wait.

use crate::clock::{Nanos, MILLISECOND, SECOND};

const SLOTS: usize = 64;
/// Longer payloads are no audio of ours; a slot keeps this much room from the start.
pub const MAX_PAYLOAD: usize = 1_500;
const MIN_TARGET: Nanos = 20 * MILLISECOND;
const MAX_TARGET: Nanos = 200 * MILLISECOND;
/// Kept above the worst delay seen, for the phase between arrivals and frames.
const MARGIN: Nanos = 10 * MILLISECOND;

struct Slot {
    timestamp: u32,
    arrival: Nanos,
    payload: Vec<u8>,
}

/// Allocates only when made.
pub struct JitterBuffer {
    clock_rate: u32,
    /// Waiting packets by timestamp, oldest first, then free slots.
    slots: Vec<Slot>,
    waiting: usize,
    delay: DelayEstimate,
}

/// How much later than the quickest the packets come.
#[derive(Default)]
struct DelayEstimate {
    /// Arrival less media time of the quickest packet.
    quickest: Option<i64>,
    worst_ns: f64,
}

impl DelayEstimate {
    fn observe(&mut self, arrival: Nanos, media_ns: i64) {
        let transit = arrival as i64 - media_ns;
        // 50 ppm upwards each 20 ms, so that a sender with a slower clock is not taken for ever later.
        let quickest = self
            .quickest
            .map_or(transit, |quickest| (quickest + 1_000).min(transit));
        self.quickest = Some(quickest);
        let delay = (transit - quickest) as f64;
        self.worst_ns = delay.max(self.worst_ns * 0.998); // halves in about 7 s
    }
}

impl JitterBuffer {
    pub fn new(clock_rate: u32) -> JitterBuffer {
        let slot = || Slot {
            timestamp: 0,
            arrival: 0,
            payload: Vec::with_capacity(MAX_PAYLOAD),
        };
        let slots = std::iter::repeat_with(slot).take(SLOTS).collect();
        JitterBuffer {
            clock_rate,
            slots,
            waiting: 0,
            delay: DelayEstimate::default(),
        }
    }

    /// Another codec's clock: what waits is void.
    pub fn restart(&mut self, clock_rate: u32) {
        self.clock_rate = clock_rate;
        self.waiting = 0;
        self.delay = DelayEstimate::default();
    }

    /// How long a packet should wait before it is played.
    pub fn target(&self) -> Nanos {
        (self.delay.worst_ns as Nanos + MARGIN).clamp(MIN_TARGET, MAX_TARGET)
    }

    pub fn oldest(&self) -> Option<(u32, Nanos)> {
        self.waiting()
            .first()
            .map(|slot| (slot.timestamp, slot.arrival))
    }

    pub fn newest(&self) -> Option<u32> {
        self.waiting().last().map(|slot| slot.timestamp)
    }

    fn waiting(&self) -> &[Slot] {
        &self.slots[..self.waiting]
    }

    /// Measure a packet's delay, also of one that is too late to keep.
    pub fn observe(
        &mut self,
        timestamp: u32,
        reference: u32,
        reference_arrival: Nanos,
        arrival: Nanos,
    ) {
        let ticks = i64::from(timestamp.wrapping_sub(reference) as i32);
        let media_ns =
            reference_arrival as i64 + ticks * SECOND as i64 / i64::from(self.clock_rate);
        self.delay.observe(arrival, media_ns);
    }

    /// Keep a packet; a duplicate is dropped, and the oldest if there is no room.
    pub fn push(&mut self, timestamp: u32, arrival: Nanos, payload: &[u8]) {
        if payload.len() > MAX_PAYLOAD {
            return;
        }
        if self.waiting == SLOTS {
            self.drop_oldest();
        }
        let after = |slot: &Slot| slot.timestamp.wrapping_sub(timestamp) as i32;
        let place = self
            .waiting()
            .iter()
            .rposition(|slot| after(slot) <= 0)
            .map_or(0, |at| at + 1);
        if place > 0 && self.slots[place - 1].timestamp == timestamp {
            return;
        }
        let slot = &mut self.slots[self.waiting];
        (slot.timestamp, slot.arrival) = (timestamp, arrival);
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        self.slots[place..=self.waiting].rotate_right(1);
        self.waiting += 1;
    }

    /// The oldest packet's payload, while it stays.
    pub fn peek(&self) -> Option<&[u8]> {
        self.waiting().first().map(|slot| slot.payload.as_slice())
    }

    pub fn drop_oldest(&mut self) {
        if self.waiting > 0 {
            self.slots[..self.waiting].rotate_left(1);
            self.waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamps(buffer: &mut JitterBuffer) -> Vec<u32> {
        let mut out = Vec::new();
        while let Some((timestamp, _)) = buffer.oldest() {
            out.push(timestamp);
            buffer.drop_oldest();
        }
        out
    }

    #[test]
    fn packets_come_out_in_order_and_once_across_the_wrap() {
        let mut buffer = JitterBuffer::new(8_000);
        for n in [2u32, 0, 1, 2, 4, 3, 0] {
            buffer.push((u32::MAX - 200).wrapping_add(n * 160), 0, &[1]);
        }
        let expected: Vec<u32> = (0..5)
            .map(|n| (u32::MAX - 200).wrapping_add(n * 160))
            .collect();
        assert_eq!(timestamps(&mut buffer), expected);
    }

    #[test]
    fn a_full_buffer_gives_up_its_oldest() {
        let mut buffer = JitterBuffer::new(8_000);
        (0..70).for_each(|n| buffer.push(n * 160, 0, &[1]));
        assert_eq!(buffer.oldest(), Some((6 * 160, 0)));
    }

    #[test]
    fn the_wait_grows_with_jitter_and_shrinks_again() {
        let mut buffer = JitterBuffer::new(8_000);
        let mut observe = |n: u64, late_ms: u64| {
            buffer.observe(
                n as u32 * 160,
                0,
                SECOND,
                SECOND + (20 * n + late_ms) * MILLISECOND,
            );
            buffer.target() / MILLISECOND
        };
        assert_eq!((0..50).map(|n| observe(n, 0)).max(), Some(20));
        assert!((69..=70).contains(&observe(50, 60)));
        assert!((51..2_000).map(|n| observe(n, 0)).last() < Some(25));
    }
}
