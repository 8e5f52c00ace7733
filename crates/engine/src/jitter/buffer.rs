//! Packets in order of their timestamps.

use crate::clock::Nanos;

const SLOTS: usize = 64;
/// Longer payloads are no audio of ours; a slot keeps this much room from the start.
pub const MAX_PAYLOAD: usize = 1_500;

/// What a payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Content {
    #[default]
    Sound,
    /// How the silence sounds (RFC 3389).
    Noise,
}

/// All of a packet but its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub timestamp: u32,
    pub arrival: Nanos,
    /// As `Delays::observe` gave it.
    pub transit: i64,
    pub content: Content,
}

struct Slot {
    stamp: Stamp,
    payload: Vec<u8>,
}

/// Allocates only when made.
pub struct PacketBuffer {
    /// Waiting packets by timestamp, oldest first, then free slots.
    slots: Vec<Slot>,
    waiting: usize,
}

impl PacketBuffer {
    pub fn new() -> PacketBuffer {
        let slot = || Slot {
            stamp: Stamp::default(),
            payload: Vec::with_capacity(MAX_PAYLOAD),
        };
        PacketBuffer {
            slots: std::iter::repeat_with(slot).take(SLOTS).collect(),
            waiting: 0,
        }
    }

    pub fn clear(&mut self) {
        self.waiting = 0;
    }

    /// The oldest packet, while it stays.
    pub fn oldest(&self) -> Option<(Stamp, &[u8])> {
        let slot = self.waiting().first()?;
        Some((slot.stamp, &slot.payload))
    }

    pub fn newest(&self) -> Option<u32> {
        self.waiting().last().map(|slot| slot.stamp.timestamp)
    }

    fn waiting(&self) -> &[Slot] {
        &self.slots[..self.waiting]
    }

    /// The payloads of sound that wait, oldest first.
    pub fn sounds(&self) -> impl Iterator<Item = &[u8]> {
        let is_sound = |slot: &&Slot| slot.stamp.content == Content::Sound;
        let sounds = self.waiting().iter().filter(is_sound);
        sounds.map(|slot| slot.payload.as_slice())
    }

    /// Keep a packet; a duplicate is dropped, and the oldest if there is no room.
    pub fn push(&mut self, stamp: Stamp, payload: &[u8]) {
        if payload.len() > MAX_PAYLOAD {
            return;
        }
        if self.waiting == SLOTS {
            self.drop_oldest();
        }
        let after = |slot: &Slot| slot.stamp.timestamp.wrapping_sub(stamp.timestamp) as i32;
        let place = self
            .waiting()
            .iter()
            .rposition(|slot| after(slot) <= 0)
            .map_or(0, |at| at + 1);
        if place > 0 && self.slots[place - 1].stamp.timestamp == stamp.timestamp {
            return;
        }
        let slot = &mut self.slots[self.waiting];
        slot.stamp = stamp;
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        self.slots[place..=self.waiting].rotate_right(1);
        self.waiting += 1;
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

    fn push(buffer: &mut PacketBuffer, timestamp: u32) {
        let stamp = Stamp {
            timestamp,
            ..Stamp::default()
        };
        buffer.push(stamp, &[1]);
    }

    fn timestamps(buffer: &mut PacketBuffer) -> Vec<u32> {
        let mut out = Vec::new();
        while let Some((stamp, _)) = buffer.oldest() {
            out.push(stamp.timestamp);
            buffer.drop_oldest();
        }
        out
    }

    #[test]
    fn packets_come_out_in_order_and_once_across_the_wrap() {
        let mut buffer = PacketBuffer::new();
        for n in [2u32, 0, 1, 2, 4, 3, 0] {
            push(&mut buffer, (u32::MAX - 200).wrapping_add(n * 160));
        }
        let expected: Vec<u32> = (0..5)
            .map(|n| (u32::MAX - 200).wrapping_add(n * 160))
            .collect();
        assert_eq!(timestamps(&mut buffer), expected);
    }

    #[test]
    fn a_full_buffer_gives_up_its_oldest() {
        let mut buffer = PacketBuffer::new();
        (0..70).for_each(|n| push(&mut buffer, n * 160));
        assert_eq!(
            buffer.oldest().map(|(stamp, _)| stamp.timestamp),
            Some(6 * 160)
        );
    }
}
