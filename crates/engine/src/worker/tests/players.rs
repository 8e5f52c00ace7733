//! Players: what is heard of them, alone and in a mix.

use super::*;

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
