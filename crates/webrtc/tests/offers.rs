//! Offers of real browsers and of others, good and bad, and what we answer.

mod support;

use std::time::Instant;

use support::leg_config;
use webrtc::{Answer, Codec, Kind, Leg, Line};

const CHROMIUM_DESK: &str = include_str!("data/chromium_desk.sdp");
const CHROMIUM_AUDIO: &str = include_str!("data/chromium_audio.sdp");
const CHROMIUM_MANY: &str = include_str!("data/chromium_many.sdp");
const FIREFOX_DESK: &str = include_str!("data/firefox_desk.sdp");
const AIORTC: &str = include_str!("data/aiortc.sdp");

fn answer(offer: &str) -> Answer {
    match Leg::accept(offer, leg_config(), Instant::now()) {
        Ok((_, answer)) => answer,
        Err(error) => panic!("{error}"),
    }
}

fn reason(offer: &str) -> String {
    match Leg::accept(offer, leg_config(), Instant::now()) {
        Ok((_, answer)) => panic!("accepted: {}", answer.sdp),
        Err(error) => error.to_string(),
    }
}

fn section(sdp: &str, index: usize) -> Vec<&str> {
    let block = sdp.split("\r\nm=").nth(index + 1).expect("a section");
    block.split("\r\n").collect()
}

fn kinds(answer: &Answer) -> Vec<(&str, Kind)> {
    answer.lines.iter().map(|l| (&*l.mid, l.kind)).collect()
}

#[test]
fn each_desk_gets_audio_camera_screen_and_data() {
    for (offer, sections) in [(CHROMIUM_DESK, 4), (FIREFOX_DESK, 4), (AIORTC, 3)] {
        let answer = answer(offer);
        let all = [("0", Kind::Audio), ("1", Kind::Camera), ("2", Kind::Screen)];
        assert_eq!(kinds(&answer), all[..sections - 1]);
        assert!(answer.lines.iter().all(|l: &Line| l.sends && l.receives));
        assert_eq!(answer.sdp.matches("\r\nm=").count(), sections);
        let data = section(&answer.sdp, sections - 1);
        assert_eq!(data[0], "application 9 UDP/DTLS/SCTP webrtc-datachannel");
        assert!(answer.sdp.contains("\r\na=ice-lite\r\n"));
        assert!(!answer.sdp.contains("a=setup:actpass"));
    }
}

#[test]
fn audio_is_answered_in_our_order_with_digits_and_without_comfort_noise_or_red() {
    let chromium = section(&answer(CHROMIUM_DESK).sdp, 0)[0].to_owned();
    assert_eq!(chromium, "audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126");
    let firefox = section(&answer(FIREFOX_DESK).sdp, 0)[0].to_owned();
    assert_eq!(firefox, "audio 9 UDP/TLS/RTP/SAVPF 109 0 8 101");
    let aiortc = section(&answer(AIORTC).sdp, 0)[0].to_owned();
    assert_eq!(aiortc, "audio 9 UDP/TLS/RTP/SAVPF 96 0 8");
    let codecs = &answer(CHROMIUM_AUDIO).lines[0].codecs;
    assert_eq!(codecs[..], [Codec::Opus, Codec::Pcmu, Codec::Pcma]);
    let opus = "a=fmtp:111 minptime=10;useinbandfec=1";
    assert!(section(&answer(CHROMIUM_AUDIO).sdp, 0).contains(&opus));
}

#[test]
fn a_peer_may_come_by_tcp_and_is_asked_for_silence_where_that_is_set() {
    let mut config = leg_config();
    config.tcp_port = Some(10_001);
    config.opus_dtx = true;
    let (_, answer) = Leg::accept(CHROMIUM_DESK, config, Instant::now()).expect("a good offer");
    let audio = section(&answer.sdp, 0);
    let candidates: Vec<_> = audio
        .iter()
        .filter(|l| l.starts_with("a=candidate:"))
        .collect();
    let tcp = "a=candidate:tcp 1 tcp 1520435199 192.0.2.1 10001 typ host tcptype passive";
    assert_eq!(candidates.len(), 2);
    assert_eq!(*candidates[1], tcp);
    assert!(audio.contains(&"a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1"));
}

#[test]
fn only_video_is_answered_with_transport_wide_feedback() {
    for offer in [CHROMIUM_DESK, FIREFOX_DESK] {
        let answer = answer(offer);
        let feedback = |index: usize| {
            let lines = section(&answer.sdp, index);
            let tells = |l: &&str| l.contains("transport-wide-cc") || l.ends_with("transport-cc");
            lines.into_iter().filter(tells).count()
        };
        assert_eq!((feedback(0), feedback(1) > 0), (0, true));
    }
}

#[test]
fn video_is_answered_with_vp8_its_repair_and_the_feedback_we_act_on() {
    let answer = answer(CHROMIUM_DESK);
    let camera = section(&answer.sdp, 1);
    assert_eq!(camera[0], "video 9 UDP/TLS/RTP/SAVPF 96 97");
    let mut feedback: Vec<&str> = camera
        .iter()
        .filter_map(|l| l.strip_prefix("a=rtcp-fb:96 "))
        .collect();
    feedback.sort_unstable();
    assert_eq!(feedback, ["ccm fir", "nack", "nack pli", "transport-cc"]);
    assert!(camera.contains(&"a=fmtp:97 apt=96"));
    assert!(camera.contains(&"a=fmtp:96 x-google-start-bitrate=1500"));
}

#[test]
fn each_line_has_one_source_of_ours_and_video_one_for_repair() {
    let answer = answer(CHROMIUM_DESK);
    for (index, sources) in [(0, 1), (1, 2), (2, 2)] {
        let section = section(&answer.sdp, index);
        let named = section
            .iter()
            .filter(|l| l.starts_with("a=ssrc:") && l.contains("cname"));
        assert_eq!(named.count(), sources);
    }
}

#[test]
fn a_second_audio_and_a_third_video_are_refused() {
    let answer = answer(CHROMIUM_MANY);
    let all = [("0", Kind::Audio), ("2", Kind::Camera), ("3", Kind::Screen)];
    assert_eq!(kinds(&answer), all);
    let directions: Vec<_> = answer.lines.iter().map(|l| (l.sends, l.receives)).collect();
    assert_eq!(directions, [(true, true), (true, false), (false, true)]);
    for (index, start) in [(1, "audio 0 "), (4, "video 0 ")] {
        assert!(section(&answer.sdp, index)[0].starts_with(start));
    }
    assert!(answer.sdp.contains("a=group:BUNDLE 0 2 3 5\r\n"));
}

/// A fax line before the audio: refused in its own words, and the candidates move to the audio.
#[test]
fn a_line_of_another_medium_is_refused_and_leaves_the_rest() {
    let at = CHROMIUM_AUDIO.find("m=audio").unwrap();
    let fax = "m=image 9 UDPTL t38\r\nc=IN IP4 0.0.0.0\r\na=mid:fax\r\n";
    let offer = format!("{}{}{}", &CHROMIUM_AUDIO[..at], fax, &CHROMIUM_AUDIO[at..]);
    let answer = answer(&offer);
    assert_eq!(section(&answer.sdp, 0)[0], "image 0 UDPTL t38");
    let is_candidate = |l: &&str| l.starts_with("a=candidate:");
    assert!(!section(&answer.sdp, 0).iter().any(&is_candidate));
    assert!(section(&answer.sdp, 1).iter().any(is_candidate));
    assert_eq!(kinds(&answer), [("0", Kind::Audio)]);
}

#[test]
fn a_single_line_needs_no_bundle_and_gets_none() {
    let offer = CHROMIUM_AUDIO.replace("a=group:BUNDLE 0\r\n", "");
    let answer = answer(&offer);
    assert_eq!(kinds(&answer), [("0", Kind::Audio)]);
    assert!(!answer.sdp.contains("BUNDLE"));
}

#[test]
fn a_missing_direction_means_both_ways() {
    let offer = CHROMIUM_AUDIO.replace("a=sendrecv\r\n", "");
    let line = &answer(&offer).lines[0];
    assert!(line.sends && line.receives);
}

/// A browser hides its addresses from a page that may not use the microphone.
#[test]
fn candidates_with_hidden_addresses_are_taken() {
    let hidden = "2f7d1b0e-6f0c-4c5e-9d8e-0a3b5c7d9e1f.local";
    let offer = CHROMIUM_AUDIO.replace(" 127.0.0.1 ", &format!(" {hidden} "));
    assert!(offer.contains(hidden));
    assert_eq!(kinds(&answer(&offer)), [("0", Kind::Audio)]);
}

#[test]
fn a_direction_is_answered_with_its_mirror() {
    for (offered, answered, sends, receives) in [
        ("sendonly", "a=recvonly", true, false),
        ("recvonly", "a=sendonly", false, true),
        ("inactive", "a=inactive", false, false),
    ] {
        let offer = CHROMIUM_AUDIO.replace("a=sendrecv", &format!("a={offered}"));
        let answer = answer(&offer);
        assert!(section(&answer.sdp, 0).contains(&answered));
        let line = &answer.lines[0];
        assert_eq!((line.sends, line.receives), (sends, receives));
    }
}

#[test]
fn a_bad_offer_is_refused_in_words() {
    let no_fingerprint: String = CHROMIUM_AUDIO
        .split_inclusive("\r\n")
        .filter(|l| !l.starts_with("a=fingerprint"))
        .collect();
    for (offer, words) in [
        ("", "does not begin with v=0"),
        ("hello", "does not begin with v=0"),
        (
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
            "no media line",
        ),
        ("v=0\r\nm=audio\r\n", "not a media line: m=audio"),
        (
            &CHROMIUM_AUDIO.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
            "can take",
        ),
        (&CHROMIUM_AUDIO.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (&CHROMIUM_AUDIO.replace("a=mid:0\r\n", ""), "a=mid"),
        (
            &CHROMIUM_AUDIO.replace("a=ice-pwd", "a=ice-pass"),
            "ice-ufrag/pwd",
        ),
        (&no_fingerprint, "fingerprint"),
        (
            &CHROMIUM_DESK.replace("a=group:BUNDLE 0 1 2 3", "a=group:BUNDLE 0 1"),
            "BUNDLE",
        ),
        (
            &CHROMIUM_DESK.replace("a=mid:1", "a=mid:0"),
            "Mid 0 is used by more than one",
        ),
        (&"v=0\r\n".repeat(40_000), "longer than"),
    ] {
        let said = reason(offer);
        assert!(said.contains(words), "{said:?} should say {words:?}");
    }
}
