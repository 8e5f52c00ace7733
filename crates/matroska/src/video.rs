//! A VP8 track: packets in sequence, whole frames into the file, from the first key frame on.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use crate::container::Container;
use crate::intake::{Packet, Placed};
use crate::timebase::Timebase;
use crate::vp8::{self, Assembler};

/// How long a missing packet is waited for: a retransmission takes a round trip.
const REORDER_MS: i64 = 200;
/// What is placed longer ago does not fit: the sender's timestamps have leapt or paused.
const OLDEST_MS: i64 = 500;
/// A picture that stands still longer than this counts as a gap; a shared screen sends a frame a second at least.
const STANDSTILL_MS: i64 = 1500;
/// More can only be a flood.
const MAX_HELD: usize = 4096;

pub(crate) struct VideoTrack {
    base: Timebase,
    held: BTreeMap<(u32, i64), Placed>,
    /// The stream and sequence number that continue what was taken last.
    awaited: Option<(u32, i64)>,
    assembler: Assembler,
    /// Where the last frame stands.
    last: Option<i64>,
    pub first_media: Option<i64>,
    pub packets: u64,
    pub late: u64,
    pub keyframes: u64,
    pub width: u16,
    pub height: u16,
    pub gaps: Vec<(i64, i64)>,
}

impl VideoTrack {
    pub fn new(base: Timebase) -> Self {
        VideoTrack {
            base,
            held: BTreeMap::new(),
            awaited: None,
            assembler: Assembler::default(),
            last: None,
            first_media: None,
            packets: 0,
            late: 0,
            keyframes: 0,
            width: 0,
            height: 0,
            gaps: Vec::new(),
        }
    }

    pub fn floor(&self, now: i64) -> i64 {
        now - self.base.ticks_in(OLDEST_MS)
    }

    pub fn insert(&mut self, placed: Placed) {
        let key = (placed.packet.stream, placed.packet.seq);
        let passed = self.awaited.is_some_and(|awaited| key < awaited);
        if passed || self.held.len() >= MAX_HELD {
            self.late += 1;
        } else {
            self.held.insert(key, placed);
        }
    }

    /// Write the frames that are whole; wait no longer than the reorder window for a missing packet.
    pub fn advance<W: Write + Seek>(
        &mut self,
        now: i64,
        file: &mut Container<W>,
    ) -> io::Result<()> {
        let patience = self.base.ticks_in(REORDER_MS);
        while let Some(entry) = self.held.first_entry() {
            let waited = now - entry.get().packet.arrival;
            if self.awaited.is_some_and(|awaited| awaited != *entry.key()) && waited < patience {
                break;
            }
            let placed = entry.remove();
            self.take(placed, file)?;
        }
        Ok(())
    }

    /// Write a frame of the switch's own.
    pub fn frame<W: Write + Seek>(
        &mut self,
        position: i64,
        frame: &[u8],
        file: &mut Container<W>,
    ) -> io::Result<()> {
        self.packets += 1;
        self.write(position, frame, file)
    }

    /// Write what is held. Returns where the last frame stands.
    pub fn finish<W: Write + Seek>(
        &mut self,
        end: i64,
        file: &mut Container<W>,
    ) -> io::Result<i64> {
        self.advance(i64::MAX / 2, file)?;
        let from = self.last.unwrap_or(0);
        if self.last.is_none() || end - from > self.base.ticks_in(STANDSTILL_MS) {
            self.note_gap(from, end);
        }
        Ok(from)
    }

    fn take<W: Write + Seek>(&mut self, placed: Placed, file: &mut Container<W>) -> io::Result<()> {
        let Placed {
            position, packet, ..
        } = placed;
        self.notice_missing(&packet);
        self.packets += 1;
        self.assembler
            .push(position, packet.timestamp, packet.marker, &packet.payload);
        for (position, frame) in std::mem::take(&mut self.assembler.frames) {
            self.write(position, &frame, file)?;
        }
        Ok(())
    }

    fn notice_missing(&mut self, packet: &Packet) {
        let key = (packet.stream, packet.seq);
        if self.awaited.is_some_and(|awaited| awaited != key) {
            self.assembler.interrupt();
        }
        self.awaited = Some((packet.stream, packet.seq + 1));
    }

    fn write<W: Write + Seek>(
        &mut self,
        position: i64,
        frame: &[u8],
        file: &mut Container<W>,
    ) -> io::Result<()> {
        let picture = vp8::key_frame(frame);
        if self.last.is_none() && picture.is_none() {
            return Ok(()); // nothing can be shown before a key frame
        }
        let position = self.after_last(position);
        self.note_interval(position);
        file.block(self.base.ms(position), picture.is_some(), frame)?;
        self.first_media.get_or_insert(position);
        self.last = Some(position);
        if let Some(picture) = picture {
            self.note_key_frame(picture, file)?;
        }
        Ok(())
    }

    /// Timestamps in the file only grow, by a millisecond at least.
    fn after_last(&self, position: i64) -> i64 {
        let earliest = self.last.map_or(0, |last| last + self.base.ticks_in(1));
        position.max(earliest)
    }

    fn note_interval(&mut self, position: i64) {
        let from = self.last.unwrap_or(0);
        let damaged = std::mem::take(&mut self.assembler.damaged);
        if self.last.is_none() || damaged || position - from > self.base.ticks_in(STANDSTILL_MS) {
            self.note_gap(from, position);
        }
    }

    fn note_gap(&mut self, from: i64, to: i64) {
        if to > from {
            self.gaps.push((from, to));
        }
    }

    fn note_key_frame<W: Write + Seek>(
        &mut self,
        picture: vp8::Picture,
        file: &mut Container<W>,
    ) -> io::Result<()> {
        self.keyframes += 1;
        if self.keyframes > 1 {
            return Ok(());
        }
        (self.width, self.height) = (picture.width, picture.height);
        file.set_picture(picture.width, picture.height)
    }
}
