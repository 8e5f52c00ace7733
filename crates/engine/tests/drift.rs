//! A sender whose clock is not ours is heard for half an hour without a click, and no later at the end than at first.

use mediaswitch_engine::clock::{Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, MAX_PAYLOAD};
use mediaswitch_engine::jitter::Playout;

const PTIME: Nanos = 20 * MILLISECOND;
const FRAME: usize = 160;
const MINUTE: u64 = 60 * SECOND / PTIME;
const STEP: f64 = 440.0 / 8_000.0 * std::f64::consts::TAU;
const LOUD: f64 = 10_000.0;

fn tone(n: u64) -> [i16; FRAME] {
    std::array::from_fn(|k| (((n * FRAME as u64 + k as u64) as f64 * STEP).sin() * LOUD) as i16)
}

/// Half an hour of a tone, sent so many parts in a million too fast; returns the largest step between two samples heard
/// after the first second, and the mean delay of each minute in milliseconds.
fn half_an_hour(ppm: f64) -> (i32, Vec<f64>) {
    let mut encoder = Codec::L16Narrow.encoder(Codec::L16Narrow.rate());
    let mut playout = Playout::new(Codec::L16Narrow);
    let mut payload = [0; MAX_PAYLOAD];
    let sent = |n: u64| SECOND + (n as f64 * PTIME as f64 * (1.0 - ppm * 1e-6)) as Nanos;
    let (mut next, mut last, mut largest) = (0, 0, 0);
    let (mut delays_ms, mut before) = (Vec::new(), *playout.tally());
    let mut frame = [0; FRAME];
    for pulled in 0..30 * MINUTE {
        let due = SECOND + PTIME / 2 + pulled * PTIME;
        while sent(next) <= due {
            let length = encoder.encode(&tone(next), &mut payload);
            let timestamp = next as u32 * FRAME as u32;
            playout.push(
                Codec::L16Narrow,
                1,
                timestamp,
                &payload[..length],
                sent(next),
            );
            next += 1;
        }
        playout.pull(due, &mut frame);
        for &sample in &frame {
            if pulled > 50 {
                largest = largest.max((i32::from(sample) - last).abs());
            }
            last = i32::from(sample);
        }
        if (pulled + 1) % MINUTE == 0 {
            let tally = *playout.tally();
            let decoded = (tally.decoded - before.decoded) as f64;
            delays_ms.push((tally.delay_ns - before.delay_ns) as f64 / decoded / 1e6);
            before = tally;
        }
    }
    assert_eq!(playout.tally().concealed, 0, "nothing was lost or late");
    (largest, delays_ms)
}

#[test]
fn a_clock_that_drifts_is_followed_without_a_click_or_a_growing_delay() {
    // 30 minutes at 200 ppm are 360 ms.
    for ppm in [-200.0, 200.0] {
        let (largest, delays_ms) = half_an_hour(ppm);
        let own = LOUD * STEP;
        assert!(
            f64::from(largest) < 1.02 * own,
            "{ppm} ppm: {largest}, own {own}"
        );
        let worst = delays_ms.iter().copied().fold(0.0, f64::max);
        assert!(worst < 60.0, "{ppm} ppm: {delays_ms:?} ms");
    }
}
