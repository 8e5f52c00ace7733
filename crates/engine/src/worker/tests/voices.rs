//! A voice that is processed is decoded, however alike the codecs are; switching it on and off is not heard as a click.

use super::*;
use crate::voice::Wish;

const QUIET: Wish = Wish {
    noise_suppression: true,
    auto_gain: false,
};

/// A tone with noise 25 dB below it, in PCMU.
fn noisy(n: u32) -> Vec<u8> {
    let mut random = Random::with_seed(u64::from(n) + 1);
    let sample = |k: u32| {
        let time = f64::from(n * 160 + k) / 8_000.0;
        let noise = (random.draw() % 1_200) as f64 - 600.0;
        ((time * 400.0 * std::f64::consts::TAU).sin() * 8_000.0 + noise) as i16
    };
    let samples: Vec<i16> = (0..160).map(sample).collect();
    let mut payload = vec![0; 160];
    g711::encode(Codec::Pcmu, &samples, &mut payload);
    payload
}

fn hiss(n: u32) -> Vec<u8> {
    let mut random = Random::with_seed(u64::from(n) + 1);
    let samples: Vec<i16> = (0..160)
        .map(|_| (random.draw() % 1_200) as i16 - 600)
        .collect();
    let mut payload = vec![0; 160];
    g711::encode(Codec::Pcmu, &samples, &mut payload);
    payload
}

fn level(heard: &[Heard]) -> f32 {
    crate::codec::level_dbov(&samples(heard))
}

#[test]
fn noise_is_taken_out_for_a_listener_of_the_same_codec_and_comes_back_when_switched_off() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &hiss)]);
    let relayed = call.heard_by(&b);
    assert_eq!(relayed[10].payload, hiss(10), "relayed as it came");
    call.ask(Command::SetVoice {
        track: a.track,
        wish: QUIET,
    });
    call.pass(3 * SECOND, &mut [(&mut a, &hiss)]);
    let processed = call.heard_by(&b);
    let (before, after) = (level(&relayed), level(&processed[100..]));
    assert!(after < before - 9.0, "{before} became {after}");
    call.ask(Command::SetVoice {
        track: a.track,
        wish: Wish::default(),
    });
    call.pass(SECOND, &mut [(&mut a, &hiss)]);
    let again = call.heard_by(&b);
    assert_eq!(again[40].payload.len(), 160);
    let said: Vec<Vec<u8>> = (0..300).map(hiss).collect();
    assert!(
        again[20..]
            .iter()
            .all(|packet| said.contains(&packet.payload)),
        "relayed again"
    );
    assert_continuous(&[relayed, processed, again].concat());
}

#[test]
fn switching_while_he_speaks_makes_no_step() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcma));
    call.connect(a.track, b.port);
    for turn in 0..40 {
        call.pass((30 + turn * 7) * MILLISECOND, &mut [(&mut a, &noisy)]);
        let wish = Wish {
            noise_suppression: turn % 2 == 0,
            auto_gain: turn % 3 == 0,
        };
        call.ask(Command::SetVoice {
            track: a.track,
            wish,
        });
    }
    let heard = call.heard_by(&b);
    assert_continuous(&heard);
    let mut sound = vec![0; 160 * heard.len()];
    for (frame, packet) in sound.chunks_exact_mut(160).zip(&heard) {
        g711::decode(Codec::Pcma, &packet.payload, frame);
    }
    let step = |w: &[i16]| i32::from(w[1]).abs_diff(i32::from(w[0]));
    let largest = sound.windows(2).map(step).max().unwrap_or(0);
    let own = 8_000.0 * 400.0 * std::f64::consts::TAU / 8_000.0 + 1_200.0;
    assert!(
        f64::from(largest) <= 1.25 * own,
        "{largest} where the voice has {own}"
    );
}

#[test]
fn keys_are_heard_in_a_voice_whose_noise_is_taken_out() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    for command in [
        Command::DetectDigits {
            track: a.track,
            on: true,
        },
        Command::SetVoice {
            track: a.track,
            wish: Wish {
                noise_suppression: true,
                auto_gain: true,
            },
        },
    ] {
        call.ask(command);
    }
    let keys = |n: u32| -> Vec<u8> {
        let digit = ['1', '5', '9', '#'][(n / 25 % 4) as usize];
        let mut payload = vec![0; 160];
        if n >= 50 && n % 25 < 5 {
            g711::encode(Codec::Pcmu, &samples_of_digit(digit, n % 25), &mut payload);
            return payload;
        }
        hiss(n)
    };
    call.pass(4 * SECOND, &mut [(&mut a, &keys)]);
    let told: String = call
        .happened()
        .into_iter()
        .filter_map(|what| match what {
            Happening::Digit { digit, .. } => Some(digit),
            _ => None,
        })
        .collect();
    assert_eq!(told, "9#159#");
}
