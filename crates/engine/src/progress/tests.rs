use std::f64::consts::TAU;

use super::*;
use crate::random::Random;

const FRAME: usize = 160;

/// Samples at 8 kHz.
#[derive(Default)]
struct Line(Vec<i16>);

impl Line {
    /// At -20 dBm0 in all.
    fn tone(mut self, hz: &[f32], ms: u32) -> Line {
        let amplitude = 2_270.0 / (hz.len() as f64).sqrt();
        let sample = |n: u32| {
            let sines = hz
                .iter()
                .map(|&hz| (TAU * f64::from(hz) * f64::from(n) / 8_000.0).sin());
            (sines.sum::<f64>() * amplitude) as i16
        };
        self.0.extend((0..ms * 8).map(sample));
        self
    }

    fn silence(mut self, ms: u32) -> Line {
        self.0.extend((0..ms * 8).map(|_| 0));
        self
    }

    /// Syllables of 160 ms with 40 ms between them: a buzz of 120 Hz whose strength moves.
    fn speech(mut self, ms: u32) -> Line {
        let sample = |n: u32| {
            let time = f64::from(n) / 8_000.0;
            let buzz = (1..20).map(|k| (TAU * 120.0 * f64::from(k) * time).sin() / f64::from(k));
            let swell = (TAU * time / 0.2).sin().max(0.0).sqrt();
            (buzz.sum::<f64>() * 2_500.0 * swell) as i16
        };
        self.0.extend((0..ms * 8).map(sample));
        self
    }

    fn noise(mut self, level: f64) -> Line {
        let mut random = Random::with_seed(5);
        for sample in &mut self.0 {
            let noise = (random.draw() % 2_001) as f64 / 1_000.0 - 1.0;
            *sample = sample.saturating_add((noise * level) as i16);
        }
        self
    }

    /// What is told, and when in ms.
    fn told_by(&self, progress: &mut Progress) -> Vec<(Signal, u32)> {
        let mut told = Vec::new();
        for (n, frame) in self.0.chunks_exact(FRAME).enumerate() {
            let signals = progress.hear(frame);
            told.extend(
                signals
                    .into_iter()
                    .flatten()
                    .map(|signal| (signal, 20 * (n as u32 + 1))),
            );
        }
        told
    }
}

fn tone(signal: Signal, hz: &[f32], cadence_ms: &[u32]) -> NetworkTone {
    NetworkTone {
        signal,
        hz: hz.to_vec(),
        cadence_ms: cadence_ms.to_vec(),
    }
}

/// Ring-back, busy and congestion of some countries, as mediaswitch/tones.py has them.
fn countries() -> Vec<[NetworkTone; 3]> {
    type Published<'a> = (&'a [f32], &'a [u32]);
    let table: [[Published<'_>; 3]; 9] = [
        [
            (&[440.0, 480.0], &[2_000, 4_000]),
            (&[480.0, 620.0], &[500, 500]),
            (&[480.0, 620.0], &[250, 250]),
        ],
        [
            (&[400.0, 450.0], &[400, 200, 400, 2_000]),
            (&[400.0], &[375, 375]),
            (&[400.0], &[400, 350, 225, 525]),
        ],
        [
            (&[425.0], &[1_000, 4_000]),
            (&[425.0], &[480, 480]),
            (&[425.0], &[240, 240]),
        ],
        [
            (&[450.0], &[1_000, 4_000]),
            (&[450.0], &[350, 350]),
            (&[450.0], &[700, 700]),
        ],
        [
            (&[440.0], &[1_500, 3_500]),
            (&[440.0], &[500, 500]),
            (&[440.0], &[250, 250]),
        ],
        [
            (&[425.0], &[1_500, 3_000]),
            (&[425.0], &[200, 200]),
            (&[425.0], &[200, 200, 200, 200, 200, 600]),
        ],
        [
            (&[425.0], &[1_000, 4_000]),
            (&[425.0], &[250, 250]),
            (&[425.0], &[250, 250, 750, 250]),
        ],
        [
            (&[401.0, 425.0, 449.0], &[400, 200, 400, 2_000]),
            (&[425.0], &[750, 750]),
            (&[425.0], &[250, 250]),
        ],
        [
            (&[375.0, 400.0, 425.0], &[400, 200, 400, 2_000]),
            (&[400.0], &[750, 750]),
            (&[400.0], &[250, 250]),
        ],
    ];
    let signals = [Signal::RingBack, Signal::Busy, Signal::Congestion];
    table
        .map(|tones| std::array::from_fn(|n| tone(signals[n], tones[n].0, tones[n].1)))
        .to_vec()
}

/// `ms` of a tone, from somewhere in its cadence on.
fn played(tone: &NetworkTone, skipped: usize, ms: u32) -> Line {
    let mut line = Line::default();
    for (n, &part) in tone.cadence_ms.iter().enumerate().cycle().skip(skipped) {
        line = if n % 2 == 0 {
            line.tone(&tone.hz, part)
        } else {
            line.silence(part)
        };
        if line.0.len() as u32 >= ms * 8 {
            return line;
        }
    }
    line
}

#[test]
fn every_countrys_tones_are_told_from_each_other_wherever_they_begin() {
    for tones in countries() {
        for tone in &tones {
            for skipped in 0..tone.cadence_ms.len() {
                let line = played(tone, skipped, 7_000).noise(30.0);
                let told = line.told_by(&mut Progress::new(tones.to_vec()));
                let signals: Vec<_> = told.iter().map(|told| told.0).collect();
                assert_eq!(signals, [tone.signal], "{tone:?} from {skipped}: {told:?}");
            }
        }
    }
}

#[test]
fn ringing_and_then_busy_are_told_once_each() {
    let [ring, busy, congestion] = countries().swap_remove(0);
    let mut line = played(&ring, 0, 12_000);
    line.0.extend(played(&busy, 0, 5_000).0);
    let told = line.told_by(&mut Progress::new(vec![ring, busy, congestion]));
    let signals: Vec<_> = told.iter().map(|told| told.0).collect();
    assert_eq!(signals, [Signal::RingBack, Signal::Busy]);
    assert!(told[0].1 <= 2_200, "with its first ring: {told:?}");
}

#[test]
fn the_special_information_tone_is_told_in_any_of_its_forms() {
    for first in [913.8, 950.0, 985.2] {
        for (second, ms) in [(1_370.6, 274), (1_400.0, 330), (1_428.5, 380)] {
            let line = Line::default()
                .silence(500)
                .tone(&[first], ms)
                .tone(&[second], ms)
                .tone(&[1_776.7], 380)
                .silence(200)
                .speech(3_000);
            let told = line.told_by(&mut Progress::new(countries().swap_remove(0).to_vec()));
            assert_eq!(told.len(), 1, "{first} {second}: {told:?}");
            assert_eq!(told[0].0, Signal::SpecialInformation);
        }
    }
}

/// What is told of an answered call.
fn answered(line: &Line) -> Vec<Signal> {
    let mut progress = Progress::new(countries().swap_remove(0).to_vec());
    progress.answered();
    let told = line.noise_copy().told_by(&mut progress);
    told.into_iter().map(|told| told.0).collect()
}

impl Line {
    fn noise_copy(&self) -> Line {
        Line(self.0.clone()).noise(20.0)
    }
}

#[test]
fn who_says_a_word_or_two_and_waits_is_a_person() {
    for (before, greeting) in [(100, 400), (800, 1_000), (2_000, 1_600)] {
        let line = Line::default()
            .silence(before)
            .speech(greeting)
            .silence(2_000);
        assert_eq!(answered(&line), [Signal::Human], "{before} {greeting}");
    }
}

#[test]
fn who_goes_on_speaking_is_a_machine_and_its_beep_is_told() {
    for hz in [620.0, 1_000.0, 1_400.0, 2_000.0] {
        let line = Line::default()
            .silence(300)
            .speech(5_000)
            .silence(400)
            .tone(&[hz], 400)
            .silence(1_000);
        assert_eq!(answered(&line), [Signal::Machine, Signal::Beep], "{hz}");
    }
}

#[test]
fn a_beep_after_few_words_makes_it_a_machine() {
    let line = Line::default()
        .speech(800)
        .silence(300)
        .tone(&[1_000.0], 300)
        .silence(500);
    assert_eq!(answered(&line), [Signal::Machine, Signal::Beep]);
}

#[test]
fn silence_tells_nothing_of_who_it_is() {
    assert_eq!(
        answered(&Line::default().silence(10_000)),
        [Signal::Unknown]
    );
}

#[test]
fn speech_is_neither_a_tone_of_the_network_nor_a_beep() {
    let mut progress = Progress::new(countries().into_iter().flatten().collect());
    let told = Line::default().speech(60_000).told_by(&mut progress);
    assert_eq!(told, []);
}
