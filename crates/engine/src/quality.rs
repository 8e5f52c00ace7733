//! What a listener would say of a stream: the E-model of ITU-T G.107 (06/2015) for narrowband codecs and of G.107.1
//! (06/2019) for wideband ones, with their default values, fed by what was measured of loss and delay.

/// Packet-loss robustness of G.711 with concealment (ITU-T G.113 appendix I). Taken for every codec: none of those we
/// carry conceals worse, and for G.722 and Opus no figure is published there.
const LOSS_ROBUSTNESS: f64 = 25.1;
/// Delay that nobody notices (G.107 §7.4, default sensitivity).
const UNNOTICED_MS: f64 = 100.0;

/// What a score is compared with: the best telephone, or the best that carries 7 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Narrowband,
    Wideband,
}

impl Scale {
    pub fn name(self) -> &'static str {
        match self {
            Scale::Narrowband => "narrowband",
            Scale::Wideband => "wideband",
        }
    }

    /// R without loss, delay or coding impairment, by default values (G.107 §7.7, G.107.1 §7.7).
    fn basic_r(self) -> f64 {
        match self {
            Scale::Narrowband => 93.2,
            Scale::Wideband => 129.0,
        }
    }

    /// What R is divided by before it becomes an opinion (G.107.1 annex A).
    fn stretch(self) -> f64 {
        match self {
            Scale::Narrowband => 1.0,
            Scale::Wideband => 1.29,
        }
    }
}

/// What a codec does to speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    pub scale: Scale,
    /// Ie of ITU-T G.113 appendix I, or Ie,wb of its appendix IV.
    pub impairment: f64,
}

impl Coding {
    /// G.711, and uncoded samples at 8 kHz.
    pub const NARROWBAND: Coding = Coding {
        scale: Scale::Narrowband,
        impairment: 0.0,
    };
    /// Uncoded samples at 16 kHz, and Opus, for which G.113 has no figure and no rate that we send harms 7 kHz.
    pub const WIDEBAND: Coding = Coding {
        scale: Scale::Wideband,
        impairment: 0.0,
    };
    /// At 64 kbit/s.
    pub const G722: Coding = Coding {
        scale: Scale::Wideband,
        impairment: 13.0,
    };
}

/// A mean opinion score, 1 to 4.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mos {
    pub value: f64,
    pub scale: Scale,
}

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

/// The score of what a codec carried with this loss and mouth-to-ear delay.
pub fn mos(coding: Coding, loss: Loss, delay_ms: f64) -> Mos {
    let Coding { scale, impairment } = coding;
    let r = scale.basic_r() - effective_impairment(impairment, loss) - delay_impairment(delay_ms);
    Mos {
        value: to_mos(r / scale.stretch()),
        scale,
    }
}

/// Ie,eff of G.107 §7.5 and G.107.1 §7.5.
fn effective_impairment(coding: f64, loss: Loss) -> f64 {
    let percent = 100.0 * loss.share;
    let robust = percent / loss.burst_ratio.max(1.0) + LOSS_ROBUSTNESS;
    coding + (95.0 - coding) * percent / robust
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

    fn narrow(loss: Loss) -> f64 {
        mos(Coding::NARROWBAND, loss, 50.0).value
    }

    #[test]
    fn a_clean_line_scores_what_the_recommendation_says() {
        assert!(near(narrow(Loss::new(1_000, 0, 0)), 4.41)); // R 93.2
        assert!(near(to_mos(80.0), 4.02) && near(to_mos(70.0), 3.60) && near(to_mos(50.0), 2.58));
    }

    #[test]
    fn loss_costs_and_bursts_cost_more() {
        let random = narrow(Loss::new(1_000, 50, 50));
        let bursts = narrow(Loss::new(1_000, 50, 10));
        assert!(near(random, 3.92), "{random}"); // R 93.2 - 95 * 5 / (5 + 25.1)
        assert!(near(bursts, 3.82), "{bursts}"); // R 93.2 - 95 * 5 / (5 / 4.75 + 25.1)
        assert!(narrow(Loss::new(10, 10, 1)) < 2.0);
    }

    #[test]
    fn wideband_is_judged_beside_the_best_wideband() {
        let clean = |coding| mos(coding, Loss::new(1_000, 0, 0), 50.0);
        let best = clean(Coding::WIDEBAND);
        assert_eq!((best.value, best.scale), (4.5, Scale::Wideband)); // R 129
        assert!(
            near(clean(Coding::G722).value, 4.34),
            "R (129 - 13) / 1.29 = 89.9"
        );
        let lossy = mos(Coding::G722, Loss::new(1_000, 50, 50), 50.0).value;
        assert!(near(lossy, 4.00), "{lossy}"); // R (129 - 13 - 82 * 5 / 30.1) / 1.29 = 79.4
    }

    #[test]
    fn delay_is_free_up_to_a_tenth_of_a_second() {
        assert_eq!(delay_impairment(100.0), 0.0);
        let half_second = delay_impairment(500.0);
        assert!((25.0..45.0).contains(&half_second), "{half_second}");
    }
}
