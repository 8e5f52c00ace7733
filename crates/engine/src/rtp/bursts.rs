//! How losses gather: bursts and the gaps between them (RFC 3611 §4.7.2).

/// So many packets received in a row end a burst (Gmin; the RFC recommends 16).
pub const GMIN: u64 = 16;

/// What has been found so far; lengths in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bursts {
    count: u64,
    length: u64,
    lost: u64,
    /// Losses by themselves, outside bursts.
    lone: u64,
    /// From the first to the latest of losses that are nearer to each other than `GMIN`.
    open: Option<Cluster>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Cluster {
    first: u64,
    last: u64,
    lost: u64,
}

/// Shares are 0 to 1, mean lengths in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gathered {
    pub burst_density: f64,
    pub gap_density: f64,
    pub burst_length: f64,
    pub gap_length: f64,
}

impl Bursts {
    /// `count` packets are missing before the one with this extended sequence number.
    pub fn lose(&mut self, count: u64, before: u64) {
        let first = before.saturating_sub(count);
        let last = before.saturating_sub(1);
        if let Some(open) = &mut self.open {
            if first.saturating_sub(open.last + 1) < GMIN {
                (open.last, open.lost) = (last, open.lost + count);
                return;
            }
        }
        self.close();
        self.open = Some(Cluster {
            first,
            last,
            lost: count,
        });
    }

    /// The source has ended: another counts from elsewhere.
    pub fn close(&mut self) {
        match self.open.take() {
            Some(cluster) if cluster.lost > 1 => {
                self.count += 1;
                self.length += cluster.last + 1 - cluster.first;
                self.lost += cluster.lost;
            }
            Some(cluster) => self.lone += cluster.lost,
            None => {}
        }
    }

    /// Of a stream in which so many packets were expected.
    pub fn gathered(mut self, expected: u64) -> Gathered {
        self.close();
        let gaps = expected.saturating_sub(self.length);
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        Gathered {
            burst_density: share(self.lost, self.length),
            gap_density: share(self.lone, gaps).min(1.0),
            burst_length: share(self.length, self.count),
            gap_length: share(gaps, self.count + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where these of `expected` packets, numbered from 0, are missing.
    fn of(missing: &[u64], expected: u64) -> Gathered {
        let mut bursts = Bursts::default();
        for &lost in missing {
            bursts.lose(1, lost + 1);
        }
        bursts.gathered(expected)
    }

    #[test]
    fn losses_far_apart_are_no_burst() {
        let found = of(&[100, 117, 500], 1_000);
        assert_eq!((found.burst_density, found.burst_length), (0.0, 0.0));
        assert_eq!((found.gap_density, found.gap_length), (0.003, 1_000.0));
    }

    #[test]
    fn a_burst_lasts_from_its_first_loss_to_its_last() {
        let found = of(&[100, 110, 119, 500], 1_020); // 16 received between 100 and 117 would end it
        assert_eq!((found.burst_density, found.burst_length), (0.15, 20.0));
        assert_eq!((found.gap_density, found.gap_length), (0.001, 500.0));
    }

    #[test]
    fn packets_lost_in_a_row_are_a_burst() {
        let mut bursts = Bursts::default();
        bursts.lose(5, 105);
        let found = bursts.gathered(105);
        assert_eq!((found.burst_density, found.burst_length), (1.0, 5.0));
        assert_eq!((found.gap_density, found.gap_length), (0.0, 50.0));
    }
}
