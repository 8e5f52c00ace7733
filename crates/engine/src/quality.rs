//! What a listener would say of a stream: the E-model of ITU-T G.107 (06/2015) with its default values, fed by what was
//! measured of loss and delay.

/// R of a narrowband connection without loss, delay or coding impairment (G.107 §7.7, default values).
const BASIC_R: f64 = 93.2;
/// Packet-loss robustness of G.711 with concealment (ITU-T G.113 appendix I). Taken for every codec: none of those we
/// carry conceals worse, and for Opus no figure is published there.
const LOSS_ROBUSTNESS: f64 = 25.1;
/// Delay that nobody notices (G.107 §7.4, default sensitivity).
const UNNOTICED_MS: f64 = 100.0;

/// Loss of a stream, by how it gathers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// 0 to 1.
    pub share: f64,
    /// Mean length of the runs of lost packets against that of random loss of the same share: 1 is random.
    pub burst_ratio: f64,
}

impl Loss {
    /// From packets expected and lost, and in how many runs.
    pub fn new(expected: u64, lost: u64, runs: u64) -> Loss {
        if expected == 0 || lost == 0 {
            return Loss {
                share: 0.0,
                burst_ratio: 1.0,
            };
        }
        let share = (lost as f64 / expected as f64).min(1.0);
        let mean_run = lost as f64 / runs.max(1) as f64;
        Loss {
            share,
            burst_ratio: (mean_run * (1.0 - share)).max(1.0),
        }
    }
}

/// The mean opinion score on the narrowband scale, 1 to 4.4, for loss and mouth-to-ear delay.
pub fn mos(loss: Loss, delay_ms: f64) -> f64 {
    let percent = 100.0 * loss.share;
    let coding = 95.0 * percent / (percent / loss.burst_ratio.max(1.0) + LOSS_ROBUSTNESS);
    to_mos(BASIC_R - coding - delay_impairment(delay_ms))
}

/// Idd of G.107 §7.4.
fn delay_impairment(delay_ms: f64) -> f64 {
    if delay_ms <= UNNOTICED_MS {
        return 0.0;
    }
    let x = (delay_ms / UNNOTICED_MS).log2();
    let root = |value: f64| (1.0 + value.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// G.107 annex B.
fn to_mos(r: f64) -> f64 {
    match r {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 0.01
    }

    #[test]
    fn a_clean_line_scores_what_the_recommendation_says() {
        assert!(near(mos(Loss::new(1_000, 0, 0), 50.0), 4.41)); // R 93.2
        assert!(near(to_mos(80.0), 4.02) && near(to_mos(70.0), 3.60) && near(to_mos(50.0), 2.58));
    }

    #[test]
    fn loss_costs_and_bursts_cost_more() {
        let random = mos(Loss::new(1_000, 50, 50), 50.0);
        let bursts = mos(Loss::new(1_000, 50, 10), 50.0);
        assert!(near(random, 3.92), "{random}"); // R 93.2 - 95 * 5 / (5 + 25.1)
        assert!(near(bursts, 3.82), "{bursts}"); // R 93.2 - 95 * 5 / (5 / 4.75 + 25.1)
        assert!(mos(Loss::new(10, 10, 1), 50.0) < 2.0);
    }

    #[test]
    fn delay_is_free_up_to_a_tenth_of_a_second() {
        assert_eq!(delay_impairment(100.0), 0.0);
        let half_second = delay_impairment(500.0);
        assert!((25.0..45.0).contains(&half_second), "{half_second}");
    }
}
