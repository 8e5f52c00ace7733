//! Whether a worker keeps up, and what it gives up, in which order, when it does not.

use std::sync::atomic::{AtomicU32, AtomicU8, Ordering};

use crate::clock::{Nanos, MILLISECOND, SECOND};

/// How often a worker is looked at.
pub const LOOK: Nanos = 100 * MILLISECOND;
/// A turn that comes a whole frame late is heard.
const LATE: Nanos = 20 * MILLISECOND;
/// Of a core: with less left a worker has no room for what comes next.
const BUSY: f64 = 0.9;
/// Looks in a row that must be bad before something is given up: half a second, which no single theft by the host lasts.
const BAD_LOOKS: u32 = 5;
/// Without a bad look for so long, what was given up last is taken back.
const RECOVERY: Nanos = 3 * SECOND;

/// What has been given up. Each stage keeps to those before it; the voices of those who talk are given up by none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    #[default]
    Calm,
    /// No new sessions.
    Refusing,
    /// Also no layer of a picture but the smallest.
    Thinning,
    /// Also no noise suppression.
    Bare,
}

impl Stage {
    const ALL: [Stage; 4] = [Stage::Calm, Stage::Refusing, Stage::Thinning, Stage::Bare];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Calm => "calm",
            Stage::Refusing => "refusing",
            Stage::Thinning => "thinning",
            Stage::Bare => "bare",
        }
    }

    fn worse(self) -> Stage {
        Stage::at(self as usize + 1)
    }

    fn better(self) -> Stage {
        Stage::at((self as usize).saturating_sub(1))
    }

    fn at(index: usize) -> Stage {
        Stage::ALL[index.min(Stage::ALL.len() - 1)]
    }
}

/// What one look at a worker found.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Share of a core that its thread had.
    pub busy: f64,
    /// By how much its latest turn was late.
    pub late: Nanos,
}

impl Look {
    fn is_bad(self) -> bool {
        self.busy > BUSY || self.late > LATE
    }
}

/// Decides the stage from look to look.
#[derive(Debug, Default)]
pub struct Strain {
    stage: Stage,
    bad_looks: u32,
    good_since: Option<Nanos>,
}

impl Strain {
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The stage from now on, if this look changed it.
    pub fn note(&mut self, look: Look, now: Nanos) -> Option<Stage> {
        if look.is_bad() {
            self.good_since = None;
            self.bad_looks += 1;
        } else {
            self.bad_looks = 0;
            self.good_since.get_or_insert(now);
        }
        let recovered = self.good_since.is_some_and(|since| now - since >= RECOVERY);
        let stage = match self.stage {
            stage if self.bad_looks == BAD_LOOKS => stage.worse(),
            stage if recovered => stage.better(),
            stage => stage,
        };
        if self.bad_looks == BAD_LOOKS {
            self.bad_looks = 0; // time to see what it helped
        }
        if recovered {
            self.good_since = Some(now);
        }
        let changed = stage != self.stage;
        self.stage = stage;
        changed.then_some(stage)
    }
}

/// How a worker is, written by its thread and read by any.
#[derive(Debug, Default)]
pub struct Load {
    busy_permille: AtomicU32,
    stage: AtomicU8,
}

impl Load {
    pub fn publish(&self, busy: f64, stage: Stage) {
        // A mean over about a second: one busy look must not send every session elsewhere.
        let before = f64::from(self.busy_permille.load(Ordering::Relaxed));
        let mean = before + (1_000.0 * busy - before) / 8.0;
        self.busy_permille
            .store(mean.round() as u32, Ordering::Relaxed);
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Share of a core, 0 to 1.
    pub fn busy(&self) -> f64 {
        f64::from(self.busy_permille.load(Ordering::Relaxed)) / 1_000.0
    }

    pub fn stage(&self) -> Stage {
        Stage::at(usize::from(self.stage.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Look = Look {
        busy: 0.5,
        late: 5 * MILLISECOND,
    };
    const LATE_LOOK: Look = Look {
        busy: 0.5,
        late: 21 * MILLISECOND,
    };

    /// The changes that so many looks bring, each with the number of its look.
    fn changes(strain: &mut Strain, now: &mut Nanos, look: Look, looks: u32) -> Vec<(u32, Stage)> {
        let mut changes = Vec::new();
        for n in 1..=looks {
            *now += LOOK;
            changes.extend(strain.note(look, *now).map(|stage| (n, stage)));
        }
        changes
    }

    #[test]
    fn what_is_given_up_goes_in_the_stated_order_and_comes_back_in_reverse() {
        let (mut strain, mut now) = (Strain::default(), 0);
        assert_eq!(
            changes(&mut strain, &mut now, LATE_LOOK, 30),
            [
                (5, Stage::Refusing),
                (10, Stage::Thinning),
                (15, Stage::Bare)
            ]
        );
        assert_eq!(
            changes(&mut strain, &mut now, GOOD, 100),
            [
                (31, Stage::Thinning),
                (61, Stage::Refusing),
                (91, Stage::Calm)
            ]
        );
    }

    #[test]
    fn a_core_without_room_counts_as_lateness_does() {
        let full = Look {
            busy: 0.95,
            late: 0,
        };
        let (mut strain, mut now) = (Strain::default(), 0);
        assert_eq!(
            changes(&mut strain, &mut now, full, 5),
            [(5, Stage::Refusing)]
        );
    }

    #[test]
    fn single_thefts_by_the_host_change_nothing() {
        let (mut strain, mut now) = (Strain::default(), 0);
        for _ in 0..50 {
            assert_eq!(changes(&mut strain, &mut now, LATE_LOOK, 4), []);
            assert_eq!(changes(&mut strain, &mut now, GOOD, 1), []);
        }
    }

    #[test]
    fn a_bad_look_begins_the_recovery_anew() {
        let (mut strain, mut now) = (Strain::default(), 0);
        changes(&mut strain, &mut now, LATE_LOOK, 5);
        assert_eq!(changes(&mut strain, &mut now, GOOD, 25), []);
        assert_eq!(changes(&mut strain, &mut now, LATE_LOOK, 1), []);
        assert_eq!(
            changes(&mut strain, &mut now, GOOD, 31),
            [(31, Stage::Calm)]
        );
    }

    #[test]
    fn the_published_load_is_a_mean() {
        let load = Load::default();
        load.publish(0.8, Stage::Refusing);
        assert_eq!((load.busy(), load.stage()), (0.1, Stage::Refusing));
        (0..60).for_each(|_| load.publish(0.8, Stage::Calm));
        assert!((load.busy() - 0.8).abs() < 0.01, "{}", load.busy());
        assert_eq!(load.stage(), Stage::Calm);
    }
}
