//! When to look anew how much a path carries.
//!
//! An estimate that random losses held down stays there: what little is sent proves no more. A look begins the estimate
//! from anew, somewhat higher, and fills the path with padding for a moment; in vain, it is done ever more seldom.

use crate::clock::{Nanos, SECOND};

/// How long a better picture is waited for before the first look, and at most between two.
const FIRST: Nanos = SECOND;
const LAST: Nanos = 16 * SECOND;
const LASTS: Nanos = 2 * SECOND;
/// A look that raised the estimate by so much was worth it, and one in which it falls so far is over, in percent.
const GAIN: u64 = 120;
const OVER: u64 = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    No,
    Begins,
    Goes,
}

#[derive(Debug)]
pub struct Climb {
    /// Since when a better picture is there than fits, or when it was last looked.
    since: Option<Nanos>,
    wait: Nanos,
    until: Option<Nanos>,
    /// The estimate before the look, and the highest in it, bits per second.
    before: u64,
    peak: u64,
}

impl Default for Climb {
    fn default() -> Climb {
        Climb {
            since: None,
            wait: FIRST,
            until: None,
            before: 0,
            peak: 0,
        }
    }
}

impl Climb {
    /// Whether to look now; `needed` is what the best picture takes, both in bits per second.
    pub fn look(&mut self, estimate: u64, needed: u64, now: Nanos) -> Look {
        if estimate >= needed {
            *self = Climb::default();
            return Look::No;
        }
        let since = *self.since.get_or_insert(now);
        match self.until {
            Some(until) => {
                self.peak = self.peak.max(estimate);
                if now < until && estimate * 100 >= self.peak * OVER {
                    return Look::Goes;
                }
                self.end(estimate, now);
                Look::No
            }
            None if now < since + self.wait => Look::No,
            None => {
                (self.until, self.before, self.peak) = (Some(now + LASTS), estimate, estimate);
                Look::Begins
            }
        }
    }

    fn end(&mut self, estimate: u64, now: Nanos) {
        (self.until, self.since) = (None, Some(now));
        self.wait = match estimate * 100 >= self.before * GAIN {
            true => FIRST,
            false => (2 * self.wait).min(LAST),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    /// What is done at each tenth of a second, when the estimate is so much.
    fn looks(estimate: impl Fn(u64) -> u64) -> Vec<Look> {
        let mut climb = Climb::default();
        (0..500)
            .map(|n| climb.look(estimate(n), 1_000, n * 100 * MILLISECOND))
            .collect()
    }

    fn begins(looks: &[Look]) -> Vec<usize> {
        let begins = |n: &usize| looks[*n] == Look::Begins;
        (0..looks.len()).filter(begins).collect()
    }

    #[test]
    fn in_vain_it_is_looked_ever_more_seldom() {
        let looks = looks(|_| 500);
        assert_eq!(begins(&looks), [10, 50, 110, 210, 390]);
        assert_eq!(looks[11..30], [Look::Goes; 19]);
        assert_eq!(looks[30], Look::No);
    }

    #[test]
    fn what_gained_is_done_again_soon_until_there_is_enough() {
        let looks = looks(|n| if n < 25 { 400 } else { 100 + 15 * n });
        assert_eq!(begins(&looks), [10, 40]);
        assert_eq!(looks[60..], [Look::No; 440]);
    }

    #[test]
    fn a_look_is_over_when_the_path_is_full() {
        let looks = looks(|n| if n < 13 { 500 } else { 390 });
        assert_eq!(looks[12], Look::Goes);
        assert_eq!(looks[13], Look::No);
    }

    #[test]
    fn who_has_room_for_the_best_is_left_alone() {
        assert!(begins(&looks(|_| 1_000)).is_empty());
    }
}
