//! An audio track: packets in order of their place, and silence wherever there is none, without a hole or an
//! overlap from the session's start on. Positions are ticks of the media clock from there.

use std::collections::VecDeque;
use std::io::{self, Seek, Write};

use crate::container::Container;
use crate::timebase::Timebase;
use crate::Codec;

/// A packet may come this late, and finds its place free.
const REORDER_MS: i64 = 200;
/// Nothing is written sooner: on a busy machine the session's end is told late, and what is in the file cannot be
/// taken back. With the owner's flush every half second it bounds what a crash costs.
const HELD_MS: i64 = 400;
/// While nothing comes, silence is written in pieces of at least this length.
const FILL_MS: i64 = 100;
/// More can only be a flood.
const MAX_HELD: usize = 512;

/// What is held for its turn.
struct Frame {
    position: i64,
    anchor: u32,
    duration: i64,
    payload: Vec<u8>,
}

pub(crate) struct AudioTrack {
    codec: Codec,
    base: Timebase,
    held: VecDeque<Frame>,
    /// Everything before is in the file.
    cursor: i64,
    pub first_media: Option<i64>,
    pub packets: u64,
    pub late: u64,
    /// Stretches filled with silence.
    pub gaps: Vec<(i64, i64)>,
}

impl AudioTrack {
    pub fn new(codec: Codec, base: Timebase) -> Self {
        let held = VecDeque::new();
        AudioTrack {
            codec,
            base,
            held,
            cursor: 0,
            first_media: None,
            packets: 0,
            late: 0,
            gaps: Vec::new(),
        }
    }

    /// Go on at `cursor` with what a former writer left.
    pub fn resume(codec: Codec, base: Timebase, cursor: i64) -> Self {
        AudioTrack {
            cursor,
            ..Self::new(codec, base)
        }
    }

    /// Nothing is placed before this any more.
    pub fn floor(&self, now: i64) -> i64 {
        self.cursor.max(now - self.ticks(REORDER_MS))
    }

    /// Hold a packet until its turn. `anchor`: what placed it, 0 for frames of the switch's own.
    pub fn insert(&mut self, position: i64, anchor: u32, payload: Vec<u8>) {
        let duration = self.codec.duration(&payload);
        let (Some(duration), true) = (duration, self.held.len() < MAX_HELD) else {
            self.late += 1;
            return;
        };
        let after = self
            .held
            .iter()
            .rposition(|frame| frame.position <= position);
        self.held.insert(
            after.map_or(0, |index| index + 1),
            Frame {
                position,
                anchor,
                duration,
                payload,
            },
        );
    }

    /// Move what is held of an anchor to an earlier place.
    pub fn shift(&mut self, anchor: u32, ticks: i64) {
        for frame in self.held.iter_mut().filter(|frame| frame.anchor == anchor) {
            frame.position -= ticks;
        }
        self.held
            .make_contiguous()
            .sort_by_key(|frame| frame.position);
    }

    /// Write what is due at `now`: packets, and silence where it is certain that none will come.
    pub fn advance<W: Write + Seek>(
        &mut self,
        now: i64,
        file: &mut Container<W>,
    ) -> io::Result<()> {
        let limit = now - self.ticks(HELD_MS);
        while let Some(frame) = self.take_due(limit) {
            self.write(frame, file)?;
        }
        let free_until = self
            .held
            .front()
            .map_or(limit, |frame| frame.position.min(limit));
        if free_until - self.cursor >= self.ticks(FILL_MS) {
            self.fill(free_until, file)?;
        }
        Ok(())
    }

    /// Write what is held, and silence to `end`; nothing goes beyond it that is not in the file already. Returns
    /// where the track ends.
    pub fn finish<W: Write + Seek>(
        &mut self,
        end: i64,
        file: &mut Container<W>,
    ) -> io::Result<i64> {
        while let Some(frame) = self.held.pop_front() {
            match self.before(frame, end) {
                Some(frame) => self.write(frame, file)?,
                None => self.late += 1,
            }
        }
        self.fill(end, file)?;
        Ok(self.cursor)
    }

    fn ticks(&self, ms: i64) -> i64 {
        self.base.ticks_in(ms)
    }

    fn take_due(&mut self, limit: i64) -> Option<Frame> {
        let due = self
            .held
            .front()
            .is_some_and(|frame| frame.position + frame.duration <= limit);
        if due {
            self.held.pop_front()
        } else {
            None
        }
    }

    fn write<W: Write + Seek>(&mut self, frame: Frame, file: &mut Container<W>) -> io::Result<()> {
        self.fill(frame.position, file)?;
        let Some(frame) = self.after_cursor(frame) else {
            self.late += 1;
            return Ok(());
        };
        file.block(self.base.ms(self.cursor), true, &frame.payload)?;
        self.first_media.get_or_insert(self.cursor);
        self.packets += 1;
        self.cursor += frame.duration;
        Ok(())
    }

    /// What of a frame lies after the cursor, where an earlier one already took part of its time.
    fn after_cursor(&self, frame: Frame) -> Option<Frame> {
        let skip = self.cursor - frame.position;
        if skip <= 0 {
            return Some(frame);
        }
        self.cut(&frame, skip, frame.duration - skip)
    }

    /// What of a frame lies before the session's end. A frame that cannot be cut may exceed it by half.
    fn before(&self, frame: Frame, end: i64) -> Option<Frame> {
        let excess = frame.position + frame.duration - end;
        if excess <= 0 {
            return Some(frame);
        }
        let keep = frame.duration - excess;
        self.cut(&frame, 0, keep).or_else(|| {
            (self.codec.grid() > 1 && keep > excess && excess <= self.ticks(10)).then_some(frame)
        })
    }

    fn cut(&self, frame: &Frame, skip: i64, keep: i64) -> Option<Frame> {
        if keep <= 0 {
            return None;
        }
        let payload = self.codec.cut(&frame.payload, skip, keep)?.to_vec();
        Some(Frame {
            position: frame.position + skip,
            anchor: frame.anchor,
            duration: keep,
            payload,
        })
    }

    /// Write silence from the cursor to `until`.
    pub fn fill<W: Write + Seek>(&mut self, until: i64, file: &mut Container<W>) -> io::Result<()> {
        let from = self.cursor;
        while let Some((payload, lasts)) = self.codec.silence(until - self.cursor) {
            let (at, to) = (self.base.ms(self.cursor), self.base.ms(self.cursor + lasts));
            file.fill(at, to - at, &payload)?;
            self.cursor += lasts;
        }
        self.note_gap(from, self.cursor);
        Ok(())
    }

    fn note_gap(&mut self, from: i64, to: i64) {
        match self.gaps.last_mut() {
            _ if from >= to => {}
            Some(last) if last.1 == from => last.1 = to,
            _ => self.gaps.push((from, to)),
        }
    }
}
