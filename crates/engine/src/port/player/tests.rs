use std::sync::Arc;

use super::*;
use crate::port::source::source;
use crate::programme::Programme;
use crate::prompt::{tone, Prompt};

fn play_of(id: u64, items: Vec<Prompt>, looped: bool) -> Play {
    let items = items.into_iter().map(Arc::new).collect();
    Play {
        id,
        programme: Arc::new(Programme::new(items, None)),
        looped,
        report: None,
    }
}

fn play(id: u64, lengths: &[usize], looped: bool) -> Play {
    let items = lengths
        .iter()
        .enumerate()
        .map(|(n, &l)| Prompt::Samples(vec![(n as i16 + 1) * 1_000; l]));
    play_of(id, items.collect(), looped)
}

/// Play it instead of what plays.
fn start(player: &mut PlayerPort, play: Play) -> Option<Finished> {
    let replaced = player.end_next(PlayOutcome::Replaced);
    assert!(player.enqueue(play).is_none());
    replaced
}

fn frame(player: &mut PlayerPort) -> (Vec<i16>, Option<Finished>) {
    let finished = player.fill().finished;
    (player.frame().to_vec(), finished)
}

fn over(play_id: u64, outcome: PlayOutcome, position_ms: u64) -> Option<Finished> {
    Some(Finished {
        play_id,
        outcome,
        position_ms,
    })
}

#[test]
fn items_follow_each_other_without_a_hole_and_the_end_is_told() {
    let mut player = PlayerPort::new(TrackId(1));
    assert_eq!(start(&mut player, play(1, &[320 + 100, 300], false)), None);
    assert_eq!(frame(&mut player).1, None);
    let (second, finished) = frame(&mut player);
    assert_eq!((second[99], second[100], finished), (1_000, 2_000, None));
    let (third, finished) = frame(&mut player);
    assert_eq!((third[79], third[80], third[319]), (2_000, 0, 0));
    assert_eq!(finished, over(1, PlayOutcome::Finished, 60));
    assert!(!player.is_silent(), "who mixes it has yet to hear the end");
    assert_eq!(frame(&mut player).0, [0; 320]);
    frame(&mut player);
    assert!(player.is_silent());
}

#[test]
fn a_play_that_ends_on_the_edge_of_a_frame_is_over_with_the_next() {
    let mut player = PlayerPort::new(TrackId(1));
    start(&mut player, play(1, &[320], false));
    assert_eq!(frame(&mut player).1, None);
    assert!(frame(&mut player).1.is_some());
}

#[test]
fn a_loop_goes_on_and_empty_items_do_not_hang_it() {
    let mut player = PlayerPort::new(TrackId(1));
    start(&mut player, play(1, &[10, 0, 20], true));
    (0..100).for_each(|_| assert_eq!(frame(&mut player).1, None));
    start(&mut player, play(2, &[0, 0], true));
    assert!(frame(&mut player).1.is_some());
    start(&mut player, play(3, &[], true));
    assert!(frame(&mut player).1.is_some());
}

#[test]
fn a_source_that_runs_dry_dies_away_and_goes_on_with_what_is_written_next() {
    let (mut writer, feed) = source(Rate::Wide, 4);
    let mut player = PlayerPort::of_source(TrackId(1), feed);
    assert!(player.is_starved() && player.is_silent());
    writer.write(&[1_000; 320]);
    assert!(!player.is_starved());
    assert_eq!(frame(&mut player).0, [1_000; 320]);
    let (rest, _) = frame(&mut player);
    assert!(rest[0] == 1_000 && rest[40] < 600 && rest[80] == 0);
    assert!(
        !player.is_silent(),
        "who mixes it has yet to hear it die away"
    );
    assert_eq!(frame(&mut player).0, [0; 320]);
    assert_eq!(frame(&mut player).0, [0; 320]);
    assert!(player.is_silent() && player.is_starved());
    writer.write(&[500; 320]);
    assert!(!player.is_starved());
    assert_eq!(frame(&mut player).0, [500; 320]);
}

#[test]
fn what_is_stopped_or_replaced_dies_away_within_5_ms() {
    let mut player = PlayerPort::new(TrackId(1));
    start(&mut player, play(1, &[1_000], false));
    frame(&mut player);
    assert_eq!(
        player.end_next(PlayOutcome::Stopped),
        over(1, PlayOutcome::Stopped, 20)
    );
    assert_eq!(player.end_next(PlayOutcome::Stopped), None);
    assert!(!player.is_silent());
    let (rest, _) = frame(&mut player);
    assert!(rest[0] == 1_000 && rest[40] < 600 && rest[80] == 0);
    assert!(
        !player.is_silent(),
        "who mixes it has yet to hear it die away"
    );
    frame(&mut player);
    assert!(!player.is_silent(), "a converter has yet to give its last");
    frame(&mut player);
    assert!(player.is_silent());
}

#[test]
fn plays_that_wait_follow_without_a_hole_and_each_is_told() {
    let mut player = PlayerPort::new(TrackId(1));
    for (id, length) in [(1, 640), (2, 320), (3, 320)] {
        assert!(player.enqueue(play(id, &[length], false)).is_none());
    }
    let mut told = Vec::new();
    for _ in 0..4 {
        let (samples, finished) = frame(&mut player);
        assert_eq!(samples, [1_000; 320]);
        told.extend(finished.map(|f| f.play_id));
    }
    assert_eq!(told, [1, 2]);
    assert_eq!(frame(&mut player).1, over(3, PlayOutcome::Finished, 20));
}

#[test]
fn stopping_ends_what_waits_too_and_no_queue_grows_without_end() {
    let mut player = PlayerPort::new(TrackId(1));
    for id in 0..MAX_QUEUED as u64 {
        assert!(player.enqueue(play(id, &[640], false)).is_none());
    }
    assert_eq!(
        player.enqueue(play(200, &[640], false)).map(|p| p.id),
        Some(200)
    );
    frame(&mut player);
    assert_eq!(
        player.end_next(PlayOutcome::Stopped),
        over(0, PlayOutcome::Stopped, 20)
    );
    let rest = std::iter::from_fn(|| player.end_next(PlayOutcome::Stopped)).count();
    assert_eq!(rest, MAX_QUEUED - 1);
}

#[test]
fn seeking_goes_on_elsewhere_after_what_was_heard_has_died_away() {
    let mut player = PlayerPort::new(TrackId(1));
    player.enqueue(play(1, &[320, 320, 320, 320], false));
    frame(&mut player);
    player.seek(60);
    let (rest, _) = frame(&mut player);
    assert!(rest[0] == 1_000 && rest[80] == 0);
    assert_eq!(frame(&mut player).0, [4_000; 320]);
    assert_eq!(frame(&mut player).1, over(1, PlayOutcome::Finished, 80));
    player.enqueue(play(2, &[320, 320], true));
    (0..3).for_each(|_| drop(frame(&mut player)));
    player.seek(20);
    frame(&mut player);
    assert_eq!(frame(&mut player).0, [2_000; 320]);
    assert_eq!(
        frame(&mut player).0,
        [1_000; 320],
        "a loop goes round from there"
    );
}

#[test]
fn where_a_play_stands_is_told_as_often_as_asked() {
    let mut player = PlayerPort::new(TrackId(1));
    player.enqueue(Play {
        report: Some(2),
        ..play(7, &[320 * 5], false)
    });
    let told: Vec<Told> = (0..6).map(|_| player.fill()).collect();
    let positions: Vec<_> = told.iter().filter_map(|told| told.position).collect();
    assert_eq!(positions, [(7, 40), (7, 80)]);
    let started: Vec<_> = told.iter().filter_map(|told| told.started).collect();
    assert_eq!(started, [7]);
    assert_eq!(told[5].finished, over(7, PlayOutcome::Finished, 100));
}

/// What a listener decodes of `count` frames.
fn decoded(player: &mut PlayerPort, codec: Codec, count: usize) -> Vec<i16> {
    let mut decoder = codec.decoder(codec.rate_for(Rate::Wide));
    let mut samples = vec![0; crate::codec::MAX_SAMPLES];
    let mut all = Vec::new();
    for _ in 0..count {
        player.fill();
        let length = decoder.decode(player.packet(codec), &mut samples);
        all.extend_from_slice(&samples[..length]);
    }
    all
}

fn largest_step(samples: &[i16]) -> i32 {
    let steps = samples
        .windows(2)
        .map(|w| i32::from(w[1]) - i32::from(w[0]));
    steps.map(i32::abs).max().unwrap_or(0)
}

#[test]
fn every_player_relays_the_packets_that_were_encoded_once() {
    let programme = play_of(0, vec![tone(&[440.0], 2_000, -10.0)], true).programme;
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        programme.pack(codec);
        let [mut one, mut other] = [1, 2].map(|n| PlayerPort::new(TrackId(n)));
        for player in [&mut one, &mut other] {
            player.enqueue(Play {
                id: 1,
                programme: programme.clone(),
                looped: true,
                report: None,
            });
        }
        for n in 0..250 {
            let place = programme
                .packet(codec, n % 100, n >= 100)
                .map(<[u8]>::as_ptr);
            for player in [&mut one, &mut other] {
                player.fill();
                assert_eq!(Some(player.packet(codec).as_ptr()), place, "{codec:?} {n}");
            }
        }
    }
}

#[test]
fn a_loop_of_packets_encoded_once_has_no_click_at_its_seam() {
    // 40 periods of 400 Hz in 100 ms: the tone goes on over the seam.
    let samples =
        |n: usize| ((n as f64 * 400.0 * std::f64::consts::TAU / 16_000.0).sin() * 8_000.0) as i16;
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let music = Prompt::Samples((0..16_000).map(samples).collect());
        let play = play_of(1, vec![music], true);
        play.programme.pack(codec);
        let mut player = PlayerPort::new(TrackId(1));
        player.enqueue(play);
        let heard = decoded(&mut player, codec, 200);
        let rate = codec.rate_for(Rate::Wide).hz();
        let own = 8_000.0 * 400.0 * std::f64::consts::TAU / f64::from(rate);
        let step = largest_step(&heard[heard.len() / 4..]);
        assert!(
            f64::from(step) < 1.2 * own + 256.0,
            "{codec:?}: {step} of {own}"
        );
    }
}

#[test]
fn packets_encoded_once_and_frames_encoded_now_join_without_a_click() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let rate = codec.rate_for(Rate::Wide).hz();
        let own = 7_193.0 * 400.0 * std::f64::consts::TAU / f64::from(rate);
        let mut player = PlayerPort::new(TrackId(1));
        let play = play_of(1, vec![tone(&[400.0], 2_000, -10.0)], false);
        play.programme.pack(codec);
        player.enqueue(play);
        let mut decoder = codec.decoder(codec.rate_for(Rate::Wide));
        let mut samples = vec![0; crate::codec::MAX_SAMPLES];
        let mut heard = Vec::new();
        for n in 0..90 {
            if n == 30 {
                player.duck(vec![TrackId(2)], 0.5);
            }
            player.note_speech((30..40).contains(&n));
            if n == 80 {
                player.end_next(PlayOutcome::Stopped);
            }
            player.fill();
            let length = decoder.decode(player.packet(codec), &mut samples);
            heard.extend_from_slice(&samples[..length]);
        }
        let step = largest_step(&heard);
        println!("{codec:?}: largest step {step}, the tone's own {own:.0}");
        assert!(
            f64::from(step) < 1.5 * own + 256.0,
            "{codec:?}: {step} of {own}"
        );
    }
}
