//! The limits of ITU-T Q.24 (AT&T's where the administrations differ), each from both sides.

use super::*;
use crate::dtmf::{pair_of, DIGITS};
use crate::random::Random;

/// A keypad's tone: how long, how far off its frequencies, how strong.
#[derive(Clone, Copy)]
struct Tone {
    digit: char,
    ms: f32,
    off: f32,
    row_dbm0: f32,
    column_dbm0: f32,
}

fn tone(digit: char, ms: f32) -> Tone {
    Tone {
        digit,
        ms,
        off: 0.0,
        row_dbm0: -10.0,
        column_dbm0: -10.0,
    }
}

fn samples(tone: Tone) -> Vec<i16> {
    let [row, column] = pair_of(tone.digit).unwrap();
    let amplitude = |dbm0: f32| 32_768.0 * 10f32.powf((dbm0 - 3.17) / 20.0);
    let sine = |hz: f32, n: usize| {
        (f64::from(hz * (1.0 + tone.off)) * n as f64 / 8_000.0 * std::f64::consts::TAU).sin() as f32
    };
    (0..(tone.ms * 8.0) as usize)
        .map(|n| {
            let sum = amplitude(tone.row_dbm0) * sine(row, n)
                + amplitude(tone.column_dbm0) * sine(column, n);
            sum.clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

fn silence(ms: f32) -> Vec<i16> {
    vec![0; (ms * 8.0) as usize]
}

/// Digits in the sounds, one after another, from every phase between sounds and frames.
fn heard_at(phase: usize, sounds: &[Vec<i16>]) -> String {
    let mut all = vec![0i16; 800 + phase];
    sounds.iter().for_each(|sound| all.extend(sound));
    all.extend(vec![0; 1_600]);
    let mut detector = ToneDetector::default();
    let mut digits = String::new();
    for frame in all.chunks_exact(160) {
        for signal in detector.process(frame, false).into_iter().flatten() {
            if let Signal::Over(press) = signal {
                digits.push(press.digit);
            }
        }
    }
    digits
}

fn always_heard(expected: &str, sounds: &[Vec<i16>], what: &str) {
    for phase in (0..160).step_by(7) {
        assert_eq!(
            heard_at(phase, sounds),
            expected,
            "{what}, {phase} samples in"
        );
    }
}

#[test]
fn every_digit_of_40_ms_is_heard_and_none_of_23_ms() {
    for digit in DIGITS.map(char::from) {
        always_heard(&digit.to_string(), &[samples(tone(digit, 40.0))], "40 ms");
        always_heard("", &[samples(tone(digit, 23.0))], "23 ms");
    }
}

#[test]
fn a_pause_of_40_ms_parts_two_presses_and_one_of_10_ms_does_not() {
    for digit in DIGITS.map(char::from) {
        let press = samples(tone(digit, 60.0));
        let twice = format!("{digit}{digit}");
        always_heard(
            &twice,
            &[press.clone(), silence(40.0), press.clone()],
            "40 ms",
        );
        always_heard(
            &digit.to_string(),
            &[press.clone(), silence(10.0), press],
            "10 ms",
        );
    }
}

#[test]
fn frequencies_1_5_percent_off_are_taken_and_3_5_percent_off_are_not() {
    for digit in DIGITS.map(char::from) {
        for off in [-0.015, 0.015] {
            let press = samples(Tone {
                off,
                ..tone(digit, 50.0)
            });
            always_heard(&digit.to_string(), &[press], &format!("{off} off"));
        }
        for off in [-0.035, 0.035] {
            let press = samples(Tone {
                off,
                ..tone(digit, 200.0)
            });
            always_heard("", &[press], &format!("{off} off"));
        }
    }
}

#[test]
fn the_column_may_be_4_db_stronger_or_8_db_weaker_and_not_much_more() {
    for digit in DIGITS.map(char::from) {
        for (row_dbm0, column_dbm0, expected) in [
            (-14.0, -10.0, digit.to_string()),
            (-10.0, -18.0, digit.to_string()),
            (-17.0, -10.0, String::new()),
            (-10.0, -21.0, String::new()),
        ] {
            let press = samples(Tone {
                row_dbm0,
                column_dbm0,
                ..tone(digit, 60.0)
            });
            always_heard(
                &expected,
                &[press],
                &format!("{row_dbm0} and {column_dbm0} dBm0"),
            );
        }
    }
}

#[test]
fn levels_from_0_to_minus_25_dbm0_are_taken_and_minus_29_is_not() {
    for digit in DIGITS.map(char::from) {
        for (level, expected) in [
            (0.0, digit.to_string()),
            (-25.0, digit.to_string()),
            (-29.0, String::new()),
        ] {
            let press = samples(Tone {
                row_dbm0: level,
                column_dbm0: level,
                ..tone(digit, 50.0)
            });
            always_heard(&expected, &[press], &format!("{level} dBm0"));
        }
    }
}

#[test]
fn noise_15_db_below_does_not_hide_a_press() {
    let mut random = Random::with_seed(3);
    for digit in DIGITS.map(char::from) {
        let mut press = samples(tone(digit, 50.0));
        let rms =
            (press.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / press.len() as f64).sqrt();
        let noise = rms * 10f64.powf(-15.0 / 20.0) * 3f64.sqrt(); // peak of evenly spread noise
        for sample in &mut press {
            let even = random.draw() as f64 / u64::MAX as f64 * 2.0 - 1.0;
            *sample = (f64::from(*sample) + noise * even) as i16;
        }
        always_heard(&digit.to_string(), &[press], "noise");
    }
}

#[test]
fn the_duration_is_told_within_10_ms() {
    let mut detector = ToneDetector::default();
    let sound = [silence(100.0), samples(tone('5', 200.0)), silence(200.0)].concat();
    let told = sound
        .chunks_exact(160)
        .flat_map(|frame| detector.process(frame, false))
        .flatten()
        .collect::<Vec<_>>();
    let [Signal::Began('5'), Signal::Over(press)] = told[..] else {
        panic!("{told:?}")
    };
    assert!(press.duration_ms.abs_diff(200) <= 10, "{press:?}");
}

#[test]
fn two_digits_without_a_pause_are_two() {
    let sounds = [samples(tone('1', 80.0)), samples(tone('9', 80.0))];
    always_heard("19", &sounds, "no pause");
}

#[test]
fn two_sines_with_their_harmonics_are_a_voice() {
    let [row, column] = pair_of('5').unwrap();
    let wave = |n: usize| {
        let at = |hz: f32| (hz * n as f32 / 8_000.0 * TAU).sin();
        (4_000.0 * (at(row) + at(column) + 0.5 * at(2.0 * column))) as i16
    };
    always_heard("", &[(0..1_600).map(wave).collect()], "harmonics");
}
