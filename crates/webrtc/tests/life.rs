//! How a leg comes up, changes, breaks and ends.

mod support;

use std::time::Duration;

use str0m::format::Codec as WireCodec;
use str0m::media::{Direction, MediaKind};
use str0m::Event as RtcEvent;
use support::{leg_config, opus_packet, Pair};
use webrtc::{Codec, Event, FailureReason, Kind};

fn is_gone(event: &Event) -> bool {
    matches!(event, Event::Gone)
}

fn is_stun(datagram: &[u8]) -> bool {
    datagram[0] < 2
}

/// Whether a packet sent now by each end arrives at the other.
fn assert_both_hear(pair: &mut Pair, n: u64) {
    let mid = pair.browser.audio;
    let (up, down) = (pair.leg_packets().len(), pair.browser_packets().len());
    pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(n, &[1; 80]));
    assert!(pair.leg_sends(mid, Codec::Opus, opus_packet(n, &[2; 80])));
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.leg_packets().len(), up + 1);
    assert_eq!(pair.browser_packets().len(), down + 1);
}

fn with_open_channel() -> Pair {
    let mut pair = Pair::connected();
    pair.run_until("the channel opens", |p| {
        p.leg_events
            .iter()
            .any(|e| matches!(e, Event::DataOpen { .. }))
    });
    pair
}

#[test]
fn a_peer_connects_within_ten_round_trips() {
    let mut pair = Pair::new();
    let start = pair.now;
    pair.connect();
    assert!(
        pair.now - start < Duration::from_millis(400),
        "{:?}",
        pair.now - start
    );
    assert!(matches!(pair.leg_events[0], Event::Connected));
    assert_both_hear(&mut pair, 0);
}

#[test]
fn a_peer_that_never_checks_fails_by_ice() {
    let mut config = leg_config();
    config.connect_timeout = Duration::from_secs(5);
    let mut pair = Pair::with(config, Direction::SendRecv, true);
    let start = pair.now;
    pair.loss = Box::new(|_, _| true);
    pair.run_until("it fails", |p| p.leg.is_finished());
    assert_eq!(pair.now - start, Duration::from_secs(5));
    assert!(matches!(
        pair.leg_events[..],
        [Event::Failed(FailureReason::Ice)]
    ));
}

#[test]
fn a_peer_that_never_shakes_hands_fails_by_dtls() {
    let mut config = leg_config();
    config.connect_timeout = Duration::from_secs(5);
    let mut pair = Pair::with(config, Direction::SendRecv, true);
    pair.loss = Box::new(|_, d| !is_stun(d));
    pair.run_until("it fails", |p| p.leg.is_finished());
    assert!(matches!(
        pair.leg_events[..],
        [Event::Failed(FailureReason::Dtls)]
    ));
}

#[test]
fn a_peer_with_another_certificate_than_it_said_fails_by_dtls() {
    let now = std::time::Instant::now();
    let (mut browser, offer, pending) = support::Browser::offering(now, Direction::SendRecv, false);
    let at = offer.find("a=fingerprint:sha-256 ").unwrap() + 22;
    let other = if &offer[at..at + 2] == "00" {
        "11"
    } else {
        "00"
    };
    let forged = format!("{}{}{}", &offer[..at], other, &offer[at + 2..]);
    let (leg, answer) = webrtc::Leg::accept(&forged, leg_config(), now).unwrap();
    support::accept_answer(&mut browser.rtc, pending, &answer);
    let mut pair = Pair::new();
    (pair.browser, pair.leg, pair.now) = (browser, leg, now);
    pair.run_until("it fails", |p| p.leg.is_finished());
    assert!(matches!(
        pair.leg_events[..],
        [Event::Failed(FailureReason::Dtls)]
    ));
}

#[test]
fn a_peer_that_closes_is_gone_at_once() {
    let mut pair = with_open_channel();
    let start = pair.now;
    pair.browser.rtc.close().unwrap();
    pair.run_until("gone", |p| p.leg_events.iter().any(is_gone));
    assert!(pair.now - start < Duration::from_millis(50));
    pair.run_for(Duration::from_secs(60));
    assert_eq!(pair.leg_events.iter().filter(|e| is_gone(e)).count(), 1);
}

#[test]
fn a_peer_that_vanishes_is_gone_after_its_consent_ran_out() {
    let mut pair = Pair::connected();
    let start = pair.now;
    pair.loss = Box::new(|_, _| true);
    pair.run_until("gone", |p| p.leg_events.iter().any(is_gone));
    let waited = (pair.now - start).as_secs_f64();
    assert!((26.0..36.0).contains(&waited), "{waited}");
    assert!(pair.leg.is_finished());
}

#[test]
fn a_peer_that_comes_back_in_time_is_heard_again() {
    let mut pair = Pair::connected();
    pair.loss = Box::new(|_, _| true);
    pair.run_for(Duration::from_secs(12));
    pair.loss = Box::new(|_, _| false);
    pair.run_for(Duration::from_secs(40));
    assert!(!pair.leg_events.iter().any(is_gone));
    assert_both_hear(&mut pair, 0);
}

#[test]
fn a_closed_leg_tells_the_browser_and_says_no_more() {
    let mut pair = with_open_channel();
    let events = pair.leg_events.len();
    pair.leg.close();
    pair.run_until("the browser is told", |p| {
        p.browser_events
            .iter()
            .any(|e| matches!(e, RtcEvent::Closed))
    });
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.leg_events.len(), events);
    assert!(!pair.leg_sends(pair.browser.audio, Codec::Opus, opus_packet(0, &[0; 80])));
}

#[test]
fn a_leg_may_be_closed_before_it_is_up() {
    let mut pair = Pair::new();
    pair.leg.close();
    pair.run_for(Duration::from_secs(5));
    assert!(pair.leg.is_finished());
    assert!(pair.leg_events.is_empty());
}

#[test]
fn an_ice_restart_changes_the_ufrag_and_media_goes_on() {
    let mut pair = Pair::connected();
    assert_both_hear(&mut pair, 0);
    let before = pair.leg.local_ufrag().to_owned();
    let answer = pair.reoffer(|change| {
        change.ice_restart(true);
    });
    let after = pair.leg.local_ufrag().to_owned();
    assert_ne!(before, after);
    assert!(answer.sdp.contains(&format!("a=ice-ufrag:{after}\r\n")));
    pair.run_for(Duration::from_secs(40));
    assert!(!pair.leg_events.iter().any(is_gone));
    assert_both_hear(&mut pair, 1);
}

#[test]
fn a_later_offer_adds_lines_and_keeps_the_mids_of_the_old() {
    let mut pair = Pair::with(leg_config(), Direction::SendRecv, false);
    pair.connect();
    let answer = pair.reoffer(|change| {
        change.add_media(MediaKind::Video, Direction::SendRecv, None, None, None);
    });
    let kinds: Vec<Kind> = answer.lines.iter().map(|l| l.kind).collect();
    assert_eq!(kinds, [Kind::Audio, Kind::Camera]);
    assert_eq!(answer.lines[0].mid, pair.browser.audio);
    assert_both_hear(&mut pair, 0);
}

#[test]
fn a_camera_that_stops_leaves_the_screen_a_screen() {
    let mut pair = Pair::connected();
    let (camera, screen) = (pair.browser.camera.unwrap(), pair.browser.screen.unwrap());
    let answer = pair.reoffer(|change| change.stop_media(camera));
    let lines: Vec<_> = answer.lines.iter().map(|l| (l.mid, l.kind)).collect();
    assert_eq!(
        lines,
        [(pair.browser.audio, Kind::Audio), (screen, Kind::Screen)]
    );
    assert_both_hear(&mut pair, 0);
}

#[test]
fn a_held_peer_takes_nothing_and_goes_on_with_the_same_source() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    assert_both_hear(&mut pair, 0);
    let held = pair.reoffer(|change| change.set_direction(mid, Direction::Inactive));
    assert!(!held.lines[0].sends && !held.lines[0].receives);
    assert!(!pair.leg_sends(mid, Codec::Opus, opus_packet(1, &[0; 80])));
    let resumed = pair.reoffer(|change| change.set_direction(mid, Direction::SendRecv));
    assert!(resumed.lines[0].sends && resumed.lines[0].receives);
    assert_both_hear(&mut pair, 1);
    let sources: Vec<_> = pair
        .browser_packets()
        .iter()
        .map(|p| p.header.ssrc)
        .collect();
    assert_eq!(sources[0], sources[1]);
}

#[test]
fn a_bad_later_offer_leaves_the_leg_as_it_was() {
    let mut pair = Pair::connected();
    assert!(pair.leg.reoffer("v=0\r\ns=-\r\n").is_err());
    assert_both_hear(&mut pair, 0);
}

#[test]
fn an_idle_leg_sleeps() {
    let mut pair = Pair::connected();
    pair.run_for(Duration::from_secs(10));
    pair.leg_wakeups = 0;
    pair.run_for(Duration::from_secs(10));
    assert!(
        pair.leg_wakeups <= 30,
        "{} wake-ups in 10 s",
        pair.leg_wakeups
    );
}

#[test]
fn a_leg_knows_its_own_datagrams() {
    let mut pair = Pair::new();
    pair.run_for(Duration::from_millis(5));
    let other = Pair::connected();
    pair.connect();
    let check = pair.seen_by_leg.iter().find(|d| is_stun(d)).unwrap();
    let stranger = "198.51.100.7:9".parse().unwrap();
    assert!(
        pair.leg.accepts(stranger, check),
        "by its user name, from anywhere"
    );
    assert!(!other.leg.accepts(stranger, check));
    let media = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    assert!(
        pair.leg.accepts(support::browser_addr(), &media),
        "by its address"
    );
    assert!(!pair.leg.accepts(stranger, &media));
}
