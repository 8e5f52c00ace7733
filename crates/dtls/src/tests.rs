//! Two ends of ours in made-up time, on a wire that loses what a test says.

use std::time::{Duration, Instant};

use super::*;

const SPOILT_HANDSHAKES: u64 = 500;

struct End {
    handshake: Handshake,
    keys: Option<Keys>,
    failure: Option<Failure>,
}

impl End {
    fn new(ours: &Identity, is_client: bool, theirs: &Identity, now: Instant) -> End {
        let handshake = Handshake::start(ours, is_client, theirs.fingerprint(), now);
        End {
            handshake,
            keys: None,
            failure: None,
        }
    }

    fn note(&mut self, progress: Progress) {
        match progress {
            Progress::Pending => {}
            Progress::Done(keys) => self.keys = Some(*keys),
            Progress::Failed(failure) => self.failure = Some(failure),
        }
    }
}

/// Run both for so long; the nth datagram of either is lost if the test says so.
fn run(ends: &mut [End; 2], seconds: u64, is_lost: impl Fn(usize) -> bool) {
    let begin = Instant::now();
    let mut count = 0;
    for tick in 0..seconds * 10 {
        let now = begin + Duration::from_millis(tick * 100);
        for from in [0, 1] {
            let progress = ends[from].handshake.handle_timeout(now);
            ends[from].note(progress);
        }
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            // Who is first differs: datagrams that cross each other are the harder case.
            for from in if tick % 2 == 0 { [0, 1] } else { [1, 0] } {
                while let Some(datagram) = ends[from].handshake.poll() {
                    is_quiet = false;
                    count += 1;
                    if !is_lost(count) {
                        let progress = ends[1 - from].handshake.receive(&datagram, now);
                        ends[1 - from].note(progress);
                    }
                }
            }
        }
    }
}

fn pair() -> [End; 2] {
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let now = Instant::now();
    [End::new(&a, true, &b, now), End::new(&b, false, &a, now)]
}

#[track_caller]
fn assert_agreed(ends: &[End; 2]) {
    let [client, server] = ends.each_ref().map(|end| end.keys.clone().expect("keys"));
    assert_eq!(client.send, server.receive);
    assert_eq!(client.receive, server.send);
    assert_ne!(client.send, client.receive);
}

#[test]
fn both_ends_have_the_same_keys_and_prefer_gcm() {
    let mut ends = pair();
    run(&mut ends, 1, |_| false);
    assert_agreed(&ends);
    let profile = ends[0].keys.as_ref().unwrap().send.profile();
    assert_eq!(profile, srtp::Profile::AeadAes128Gcm);
}

#[test]
fn any_lost_flight_is_sent_again() {
    for lost in 1..=8 {
        let mut ends = pair();
        run(&mut ends, 12, |n| n == lost);
        assert_agreed(&ends);
    }
}

#[test]
fn two_losses_in_a_row_are_made_good() {
    for lost in 1..=12 {
        let mut ends = pair();
        run(&mut ends, 12, |n| n == lost || n == lost + 1);
        assert_agreed(&ends);
    }
}

#[test]
fn a_fifth_of_all_datagrams_may_be_lost() {
    for seed in 0..6 {
        let mut ends = pair();
        // Spread as if at random, the same in each run.
        let is_lost = |n: usize| (n + seed * 31).wrapping_mul(0x9E37_79B1) >> 16 & 0xFF < 51;
        run(&mut ends, 14, is_lost);
        assert_agreed(&ends);
    }
}

#[test]
fn a_client_goes_on_until_the_peer_is_there() {
    let mut ends = pair();
    run(&mut ends, 40, |n| n < 60);
    assert_agreed(&ends);
}

#[test]
fn another_certificate_than_signalled_gives_no_keys_to_the_one_who_looks() {
    for stranger in [0, 1] {
        let (a, b, c) = (
            Identity::generate().unwrap(),
            Identity::generate().unwrap(),
            Identity::generate().unwrap(),
        );
        let now = Instant::now();
        let (to_client, to_server) = if stranger == 0 { (&b, &c) } else { (&c, &a) };
        let mut ends = [
            End::new(&a, true, to_client, now),
            End::new(&b, false, to_server, now),
        ];
        run(&mut ends, 20, |_| false);
        let looks = 1 - stranger;
        assert_eq!(ends[looks].keys, None);
        assert_eq!(ends[looks].failure, Some(Failure::WrongFingerprint));
    }
}

#[test]
fn a_peer_that_falls_silent_in_the_middle_is_given_up() {
    let mut ends = pair();
    run(&mut ends, 20, |n| n > 3);
    for end in &ends {
        assert_eq!(end.keys, None);
        assert!(matches!(end.failure, Some(Failure::TimedOut(_))));
    }
}

#[test]
fn garbage_in_between_neither_hurts_nor_gathers() {
    let mut ends = pair();
    let now = Instant::now();
    for n in 0..2_000u32 {
        let mut garbage = [22; 200];
        garbage[1..5].copy_from_slice(&n.to_be_bytes());
        for end in &mut ends {
            assert_eq!(end.handshake.receive(&garbage, now), Progress::Pending);
        }
    }
    run(&mut ends, 10, |_| false);
    assert_agreed(&ends);
}

#[test]
fn a_fingerprint_has_the_length_of_its_hash_and_is_told_by_name() {
    assert_eq!(Hash::from_name("SHA-256"), Some(Hash::Sha256));
    assert_eq!(Hash::from_name("md5"), None);
    assert!(Fingerprint::new(Hash::Sha256, &[1; 32]).is_some());
    assert!(Fingerprint::new(Hash::Sha256, &[1; 20]).is_none());
    let ours = Identity::generate().unwrap();
    assert_eq!(ours.fingerprint().digest().len(), 32);
}

/// A number that looks random, the same in each run.
fn drawn(seed: &mut u64) -> usize {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

/// A datagram as a stranger might make it of one that he saw: some bytes changed, cut, or a piece there twice.
fn spoilt(datagram: &[u8], seed: &mut u64) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    for _ in 0..1 + drawn(seed) % 4 {
        let at = drawn(seed) % bytes.len().min([14, 40, 2_000][drawn(seed) % 3]);
        bytes[at] = [0, 1, 0xFF, drawn(seed) as u8][drawn(seed) % 4];
    }
    match drawn(seed) % 4 {
        0 => bytes.truncate(1 + drawn(seed) % bytes.len()),
        1 => bytes.extend_from_within(drawn(seed) % bytes.len()..),
        _ => {}
    }
    bytes
}

#[test]
fn spoilt_copies_of_every_flight_give_nobody_keys_that_the_other_has_not() {
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let begin = Instant::now();
    let mut agreed = 0;
    for mut seed in 0..SPOILT_HANDSHAKES {
        let mut ends = [
            End::new(&a, true, &b, begin),
            End::new(&b, false, &a, begin),
        ];
        for tick in 0..30 {
            let now = begin + Duration::from_millis(tick * 100);
            for from in [0, 1] {
                let progress = ends[from].handshake.handle_timeout(now);
                ends[from].note(progress);
                while let Some(datagram) = ends[from].handshake.poll() {
                    for _ in 0..drawn(&mut seed) % 3 {
                        let spoilt = spoilt(&datagram, &mut seed);
                        let progress = ends[1 - from].handshake.receive(&spoilt, now);
                        ends[1 - from].note(progress);
                    }
                    let progress = ends[1 - from].handshake.receive(&datagram, now);
                    ends[1 - from].note(progress);
                }
            }
        }
        if ends.iter().all(|end| end.keys.is_some()) {
            assert_agreed(&ends);
            agreed += 1;
        }
    }
    assert!(
        agreed > SPOILT_HANDSHAKES / 20,
        "only {agreed} came to an end"
    );
}
