//! Looks at the thread it runs on: how busy it is and how late.

use std::sync::Arc;

use crate::clock::Nanos;
use crate::overload::{Load, Look, Stage, Strain, LOOK};

pub struct Watch {
    load: Arc<Load>,
    strain: Strain,
    looked_at: Nanos,
    /// Of this thread, at that look.
    cpu: Nanos,
    /// Worst since that look.
    late: Nanos,
}

impl Watch {
    pub fn new(load: Arc<Load>, now: Nanos) -> Watch {
        Watch {
            load,
            strain: Strain::default(),
            looked_at: now,
            cpu: thread_cpu(),
            late: 0,
        }
    }

    /// Time is handled now that was due at `deadline`.
    pub fn note_turn(&mut self, deadline: Option<Nanos>, now: Nanos) {
        let late = deadline.map_or(0, |deadline| now.saturating_sub(deadline));
        self.late = self.late.max(late);
    }

    /// Look, if it is time to; the stage from now on, if that changed it.
    pub fn look(&mut self, now: Nanos) -> Option<Stage> {
        let passed = now.saturating_sub(self.looked_at);
        if passed < LOOK {
            return None;
        }
        let cpu = thread_cpu();
        let busy = (cpu - self.cpu) as f64 / passed as f64;
        let late = std::mem::take(&mut self.late);
        (self.looked_at, self.cpu) = (now, cpu);
        let changed = self.strain.note(Look { busy, late }, now);
        self.load.publish(busy, self.strain.stage());
        changed
    }

    /// When it must look again though nothing else is due; None while all is calm.
    pub fn next_look(&self) -> Option<Nanos> {
        (self.strain.stage() != Stage::Calm).then(|| self.looked_at + LOOK)
    }
}

/// What this thread has computed since it began.
fn thread_cpu() -> Nanos {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure outlives the call; the clock exists on every Linux, and a refusal leaves zeros.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as Nanos * crate::clock::SECOND + time.tv_nsec as Nanos
}
