//! What the core tells: one bounded queue, and a file descriptor that is readable while something waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::clock::Nanos;
use crate::id::{PortId, TrackId};
use crate::io::wake::Wake;
use crate::overload::Stage;
use crate::progress::Signal;
use crate::stats::TrackStats;

/// Room for what a busy second may tell while the control plane is held up.
const CAPACITY: usize = 65_536;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayOutcome {
    Finished,
    Replaced,
    Stopped,
    Failed,
}

impl PlayOutcome {
    pub fn name(self) -> &'static str {
        match self {
            PlayOutcome::Finished => "finished",
            PlayOutcome::Replaced => "replaced",
            PlayOutcome::Stopped => "stopped",
            PlayOutcome::Failed => "failed",
        }
    }
}

/// A closed or repaired track file.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub file: String,
    pub codec: String,
    pub start_ns: Nanos,
    pub end_ns: Nanos,
    pub first_media_ns: Option<Nanos>,
    pub packets: u64,
    /// None after a repair: the file does not tell.
    pub lost: Option<u64>,
    /// Stretches without media, from and to.
    pub gaps: Vec<(Nanos, Nanos)>,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    PortConnected {
        port: PortId,
    },
    PortFailed {
        port: PortId,
        reason: String,
    },
    PortGone {
        port: PortId,
    },
    /// What passed on each track of a leg's port while it was open.
    PortClosed {
        port: PortId,
        stats: Vec<TrackStats>,
    },
    MediaStarted {
        track: TrackId,
    },
    MediaStopped {
        track: TrackId,
    },
    MediaTimeout {
        port: PortId,
    },
    /// Another of its session's voices is the one to look at; its loudness in dBov.
    SpeakerChanged {
        track: TrackId,
        level_dbov: f32,
    },
    Digit {
        port: PortId,
        digit: char,
        duration_ms: u32,
    },
    PlayStarted {
        port: PortId,
        play_id: u64,
    },
    PlayPosition {
        port: PortId,
        play_id: u64,
        position_ms: u64,
    },
    /// `position_ms`: where it stood, in its last round if it is looped.
    PlayFinished {
        port: PortId,
        play_id: u64,
        outcome: PlayOutcome,
        position_ms: u64,
    },
    /// How a call goes that we make, or who answered it.
    CallProgress {
        track: TrackId,
        signal: Signal,
    },
    DataMessage {
        port: PortId,
        label: String,
        text: String,
    },
    SegmentClosed {
        recorder: PortId,
        track: TrackId,
        segment: Box<Segment>,
    },
    RecorderFailed {
        recorder: PortId,
        track: TrackId,
        reason: String,
    },
    RecorderClosed {
        recorder: PortId,
    },
    FramesReady {
        tap: PortId,
    },
    /// A worker gives up more to keep up, or less.
    StageChanged {
        worker: usize,
        stage: Stage,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Nanos,
    pub what: Happening,
}

/// Many tell, one listens. Telling neither locks nor waits; what finds no room is counted.
pub struct EventQueue {
    waiting: ArrayQueue<Event>,
    lost: AtomicU64,
    signalled: AtomicBool,
    wake: Wake,
}

impl EventQueue {
    pub fn new() -> std::io::Result<EventQueue> {
        EventQueue::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> std::io::Result<EventQueue> {
        Ok(EventQueue {
            waiting: ArrayQueue::new(capacity),
            lost: AtomicU64::new(0),
            signalled: AtomicBool::new(false),
            wake: Wake::new()?,
        })
    }

    pub fn tell(&self, at: Nanos, what: Happening) {
        if self.waiting.push(Event { at, what }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        if !self.signalled.swap(true, Ordering::SeqCst) {
            self.wake.raise();
        }
    }

    /// All that waits, oldest first.
    pub fn drain(&self) -> Vec<Event> {
        // Lowered first: what is told from here on raises it again. A plain store could be seen after the first pop.
        self.wake.lower();
        self.signalled.swap(false, Ordering::SeqCst);
        std::iter::from_fn(|| self.waiting.pop()).collect()
    }

    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub fn fd(&self) -> i32 {
        self.wake.fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(port: u64) -> Happening {
        Happening::PortGone { port: PortId(port) }
    }

    #[test]
    fn events_come_out_in_order_and_the_overflow_is_counted() {
        let queue = EventQueue::with_capacity(2).unwrap();
        (1..=3).for_each(|n| queue.tell(n, gone(n)));
        let drained = queue.drain();
        assert_eq!(
            drained.iter().map(|event| event.at).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(queue.lost(), 1);
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_events_wait() {
        let queue = EventQueue::new().unwrap();
        assert!(!queue.wake.is_raised());
        queue.tell(1, gone(1));
        queue.tell(2, gone(2));
        assert!(queue.wake.is_raised());
        queue.drain();
        assert!(!queue.wake.is_raised());
        queue.tell(3, gone(3));
        assert!(queue.wake.is_raised());
    }
}
