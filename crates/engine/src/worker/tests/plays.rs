//! What a player plays is paced, relayed and told.

use super::*;

#[test]
fn a_play_is_paced_relayed_and_told() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (player, track) = call.player();
    call.connect(track, a.port);
    call.play(player, 41, vec![tone(&[440.0], 1_000, -10.0)]);
    call.silence(300 * MILLISECOND);
    assert_eq!(call.heard_by(&a).len(), 15);
    call.play(
        player,
        42,
        vec![tone(&[440.0], 200, -10.0), Prompt::Silence(1_600)],
    );
    call.silence(SECOND);
    let heard = call.heard_by(&a);
    // What is cut dies away in a frame of its own, and the end is noticed with an empty one.
    assert_eq!(heard.len(), 300 / 20 + 2);
    assert_continuous(&heard);
    assert!((level_of(440.0, &samples(&heard[2..10])) - -13.2).abs() < 0.5);
    let finished = |play_id, outcome, position_ms| Happening::PlayFinished {
        port: player,
        play_id,
        outcome,
        position_ms,
    };
    let expected = [
        finished(41, PlayOutcome::Replaced, 300),
        finished(42, PlayOutcome::Finished, 300),
    ];
    assert_eq!(call.happened(), expected);
    call.play(player, 43, vec![Prompt::Silence(160_000)]);
    call.ask(Command::ClosePort {
        port: player,
        end: None,
    });
    assert_eq!(call.happened(), [finished(43, PlayOutcome::Stopped, 0)]);
    call.silence(SECOND);
    assert!(call.heard_by(&a).is_empty());
}

#[test]
fn a_play_on_an_idle_worker_starts_with_one_frame() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (player, track) = call.player();
    call.connect(track, a.port);
    call.worker.handle_time(call.now, &mut call.wire);
    call.now += 99 * MILLISECOND; // an idle worker sleeps up to its next look at time-outs
    call.play(player, 1, vec![tone(&[440.0], 1_000, -10.0)]);
    call.silence(20 * MILLISECOND);
    assert_eq!(call.heard_by(&a).len(), 1);
    assert_eq!(call.counters.late_ticks.get(), 0);
}
