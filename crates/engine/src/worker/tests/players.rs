//! Players: what is heard of them, alone and in a mix.

use super::*;
use crate::progress::{self, NetworkTone};

/// A listener whose port mixes: beside the player it hears a phone that says nothing.
fn mixed_listener(call: &mut Call) -> (Phone, PortId) {
    let (listener, quiet) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    let (player, track) = call.player();
    call.connect(track, listener.port);
    call.connect(quiet.track, listener.port);
    (listener, player)
}

fn largest_step(samples: &[i16]) -> u32 {
    let steps = samples
        .windows(2)
        .map(|w| i32::from(w[1]).abs_diff(i32::from(w[0])));
    steps.max().unwrap_or(0)
}

#[test]
fn a_player_stopped_or_replaced_anywhere_in_a_tone_does_not_step_in_a_mix() {
    // 400 Hz at -10 dBm0 change by up to 2,260 a sample at 8 kHz; there G.711 counts in steps of 256.
    for length in (100..140).step_by(3) {
        for replaced in [false, true] {
            let mut call = Call::new();
            let (listener, player) = mixed_listener(&mut call);
            let mut forever = vec![tone(&[400.0], 5_000, -10.0)];
            forever.insert(0, Prompt::Silence(length)); // so that it is cut at another phase
            call.play(player, 1, forever);
            call.silence(300 * MILLISECOND);
            if replaced {
                call.play(player, 2, vec![Prompt::Silence(3_200)]);
            } else {
                call.ask(Command::StopPlaying { port: player });
            }
            call.silence(100 * MILLISECOND);
            let heard = samples(&call.heard_by(&listener));
            assert!(level_of(400.0, &heard[800..2_000]) > -15.0);
            let step = largest_step(&heard);
            assert!(step <= 2_260 + 256, "{step} after {length}, {replaced}");
        }
    }
}

#[test]
fn a_prompt_that_ends_within_a_frame_is_heard_to_its_end_in_a_mix() {
    let mut call = Call::new();
    let (listener, player) = mixed_listener(&mut call);
    let length = 3 * 320 + 300;
    call.play(player, 1, vec![Prompt::Samples(vec![8_000; length])]);
    call.silence(200 * MILLISECOND);
    let heard = samples(&call.heard_by(&listener));
    let loud = heard.iter().filter(|sample| **sample > 7_000).count();
    assert!(loud + 60 > length / 2, "{loud} of {} samples", length / 2);
}

/// Play it to the end of time, from packets where they are there.
fn play_on(call: &mut Call, port: PortId, programme: &Arc<Programme>) {
    let play = Play {
        id: 1,
        programme: programme.clone(),
        looped: true,
        report: None,
    };
    call.ask(Command::Play {
        port,
        play,
        queued: false,
    });
}

fn looped(hz: f32) -> Arc<Programme> {
    let items = vec![Arc::new(tone(&[hz], 2_000, -10.0))];
    Arc::new(Programme::new(items, None))
}

#[test]
fn listeners_of_many_players_get_the_packets_that_were_encoded_once() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let (mut call, programme) = (Call::new(), looped(440.0));
        programme.pack(codec);
        let listeners: Vec<Phone> = (0..3)
            .map(|_| {
                let listener = call.phone(codec);
                let (player, track) = call.player();
                call.connect(track, listener.port);
                play_on(&mut call, player, &programme);
                listener
            })
            .collect();
        call.silence(5 * SECOND);
        for listener in &listeners {
            let heard = call.heard_by(listener);
            assert_eq!(heard.len(), 250);
            for (n, packet) in heard.iter().enumerate() {
                let packed = programme.packet(codec, n % 100, n >= 100);
                assert_eq!(Some(&packet.payload[..]), packed, "{codec:?} {n}");
            }
        }
    }
}

#[test]
fn music_is_softer_while_somebody_speaks_and_back_when_nobody_does() {
    let mut call = Call::new();
    let (listener, mut speaker) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    let (player, track) = call.player();
    call.connect(track, listener.port);
    call.connect(speaker.track, listener.port);
    call.ask(Command::Duck {
        port: player,
        under: vec![speaker.track],
        gain: 0.178, // -15 dB
    });
    play_on(&mut call, player, &looped(800.0));
    let quiet = |_: u32| vec![0xFF; 160];
    let voice = tone_of(300.0, Codec::Pcmu);
    call.pass(SECOND, &mut [(&mut speaker, &quiet)]);
    call.pass(SECOND, &mut [(&mut speaker, &voice)]);
    call.pass(3 * SECOND, &mut [(&mut speaker, &quiet)]);
    let heard = call.heard_by(&listener);
    let level = |from_ms: usize| level_of(800.0, &samples(&heard[from_ms / 20..from_ms / 20 + 20]));
    let (before, under, after) = (level(500), level(1_500), level(4_000));
    assert!((before - after).abs() < 0.5, "{before} {after}");
    assert!((before - under - 15.0).abs() < 1.0, "{before} {under}");
    assert_continuous(&heard);
}

#[test]
fn a_watched_call_tells_busy_and_an_answered_one_who_it_is() {
    let mut call = Call::new();
    let mut called = call.phone(Codec::Pcmu);
    let busy = NetworkTone {
        signal: progress::Signal::Busy,
        hz: vec![480.0],
        cadence_ms: vec![500, 500],
    };
    call.ask(Command::WatchCall {
        track: called.track,
        tones: Some(vec![busy]),
    });
    let tone = tone_of(480.0, Codec::Pcmu);
    let cadence = |n: u32| {
        if n % 50 < 25 {
            tone(n)
        } else {
            vec![0xFF; 160]
        }
    };
    call.pass(4 * SECOND, &mut [(&mut called, &cadence)]);
    let signals = |call: &Call| -> Vec<progress::Signal> {
        let told = call.happened().into_iter();
        told.filter_map(|what| match what {
            Happening::CallProgress { track, signal } if track == called.track => Some(signal),
            _ => None,
        })
        .collect()
    };
    assert_eq!(signals(&call), [progress::Signal::Busy]);
    call.ask(Command::CallAnswered {
        track: called.track,
    });
    let (begins, voice) = (called.sent, voice());
    let hello = |n: u32| match n - begins {
        20..60 => voice(n),
        _ => vec![0xFF; 160],
    };
    let mut answering = called;
    call.pass(3 * SECOND, &mut [(&mut answering, &hello)]);
    assert_eq!(signals(&call), [progress::Signal::Human]);
}

/// A buzz of 120 Hz with its harmonics.
fn voice() -> impl Fn(u32) -> Vec<u8> {
    move |n| {
        let sample = |k: u32| {
            let time = f64::from(n * 160 + k) / 8_000.0 * std::f64::consts::TAU;
            let sum: f64 = (1..20)
                .map(|h| (120.0 * f64::from(h) * time).sin() / f64::from(h))
                .sum();
            (sum * 3_000.0) as i16
        };
        let samples: Vec<i16> = (0..160).map(sample).collect();
        let mut payload = vec![0; 160];
        g711::encode(Codec::Pcmu, &samples, &mut payload);
        payload
    }
}
