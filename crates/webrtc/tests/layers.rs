//! Video in layers, and what is known of the path that carries it.

mod support;

use std::time::Duration;

use str0m::format::Codec as WireCodec;
use str0m::Event as RtcEvent;
use support::{opus_packet, vp8_packet, Pair, Toward};
use webrtc::{Codec, OutPacket, Rid, Vp8Descriptor};

const FRAME: Duration = Duration::from_millis(33);

fn layered() -> Pair {
    Pair::layered(&["q", "h", "f"])
}

/// The lines of one media section of the answer.
fn section<'a>(pair: &'a Pair, mid: &str) -> Vec<&'a str> {
    let named = format!("a=mid:{mid}");
    let mut sections = pair.answer.sdp.split("m=").skip(1);
    let found = sections.find(|s| s.lines().any(|line| line == named));
    found.expect("the line").lines().collect()
}

/// The SSRCs of media and repair that the answer announces for a line.
fn announced(pair: &Pair, mid: &str) -> (u32, u32) {
    let lines = section(pair, mid);
    let group = lines
        .iter()
        .find_map(|l| l.strip_prefix("a=ssrc-group:FID "));
    let (ssrc, repair) = group.and_then(|g| g.split_once(' ')).expect("a pair");
    (ssrc.parse().unwrap(), repair.parse().unwrap())
}

#[test]
fn every_packet_tells_its_layer_also_when_only_its_ssrc_does() {
    let mut pair = layered();
    let mid = pair.browser.camera.unwrap();
    for n in 0..300 {
        for layer in ["q", "h", "f"] {
            let packet = vp8_packet(n, layer.as_bytes());
            pair.browser_sends_layer(mid, Some(layer.into()), WireCodec::Vp8, 90_000, packet);
        }
        pair.run_for(FRAME);
    }
    let packets = pair.leg_packets();
    assert_eq!(packets.len(), 900);
    for packet in packets {
        let layer = packet.layer.expect("a layer");
        assert_eq!(layer.as_bytes(), &packet.payload[..]);
    }
    assert_eq!(pair.leg.stats()[0].incoming.lost, 0);
}

#[test]
fn the_answer_takes_all_layers_and_announces_what_is_sent_back() {
    let pair = layered();
    let mid = pair.browser.camera.unwrap().to_string();
    let lines = section(&pair, &mid);
    assert!(lines.contains(&"a=simulcast:recv q;h;f"), "{lines:?}");
    for layer in ["q", "h", "f"] {
        assert!(lines.contains(&format!("a=rid:{layer} recv").as_str()));
    }
    assert!(lines
        .iter()
        .any(|line| line.starts_with("a=ssrc-group:FID")));
}

#[test]
fn a_line_with_layers_carries_one_picture_back_and_repairs_it() {
    let mut pair = layered();
    let mid = pair.browser.camera.unwrap();
    // Where a line has layers, this browser (str0m) reads no SSRCs of itself from the answer.
    let (ssrc, repair) = announced(&pair, &mid.to_string());
    let mut api = pair.browser.rtc.direct_api();
    api.expect_stream_rx(ssrc.into(), Some(repair.into()), mid, None);
    pair.loss = Box::new(|to, d| to == Toward::Browser && d[1] & 0x7F == 96 && d[3] == 10);
    for n in 0..40 {
        let payload = [0x10, n as u8, 0];
        let packet = OutPacket {
            seq: n,
            ..vp8_packet(n, &payload)
        };
        assert!(pair.leg_sends(mid, Codec::Vp8, packet));
        pair.run_for(FRAME);
    }
    let mut seqs: Vec<u64> = pair.browser_packets().iter().map(|p| *p.seq_no).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (0..40).collect::<Vec<_>>());
}

#[test]
fn a_key_frame_is_asked_of_the_layer_that_wants_it() {
    let mut pair = layered();
    let mid = pair.browser.camera.unwrap();
    let layers: [Rid; 2] = ["q".into(), "f".into()];
    for layer in layers {
        let packet = vp8_packet(0, &[0x10, 0, 0]);
        pair.browser_sends_layer(mid, Some(layer), WireCodec::Vp8, 90_000, packet);
    }
    pair.run_for(FRAME);
    assert!(
        !pair.leg.request_keyframe(mid, Some("h".into())),
        "nothing came of it"
    );
    assert!(pair.leg.request_keyframe(mid, Some("f".into())));
    pair.run_for(FRAME);
    let asked = pair.browser_events.iter().filter_map(|event| match event {
        RtcEvent::KeyframeRequest(request) => request.rid,
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), ["f".into()]);
}

#[test]
fn voice_and_camera_are_played_in_step_and_the_screen_by_itself() {
    let pair = layered();
    let stream = |mid: &str| {
        let lines = section(&pair, mid);
        let msid = lines.iter().find_map(|l| l.strip_prefix("a=msid:"));
        msid.and_then(|m| m.split(' ').next())
            .expect("a stream")
            .to_owned()
    };
    let browser = &pair.browser;
    let mids = [
        browser.audio,
        browser.camera.unwrap(),
        browser.screen.unwrap(),
    ];
    let [audio, camera, screen] = mids.map(|mid| stream(&mid.to_string()));
    assert_eq!(audio, camera);
    assert_ne!(camera, screen);
}

#[test]
fn picture_numbers_are_replaced_on_the_way_out() {
    let mut pair = Pair::connected();
    let mid = pair.browser.camera.unwrap();
    let payload = [0x90, 0x80, 0x80, 7, 0x50, 0, 0];
    let patch = Vp8Descriptor::parse(&payload)
        .unwrap()
        .patch()
        .picture_id(300)
        .build()
        .unwrap();
    let packet = vp8_packet(0, &payload);
    assert!(pair
        .leg
        .send_patched(pair.now, mid, Codec::Vp8, packet, Some(patch)));
    pair.run_for(FRAME);
    assert_eq!(
        &pair.browser_packets()[0].payload[..],
        &[0x90, 0x80, 0x81, 0x2C, 0x50, 0, 0]
    );
}

#[test]
fn what_the_path_carries_is_found_out_while_video_is_wanted() {
    let mut pair = Pair::connected();
    let mid = pair.browser.camera.unwrap();
    pair.leg.set_wanted_bandwidth(0, 2_000_000);
    for n in 0..90 {
        pair.leg_sends(mid, Codec::Vp8, vp8_packet(n, &[0x10; 1_000]));
        pair.run_for(FRAME);
    }
    let last = pair.leg.bandwidth().expect("an estimate");
    assert!(
        last > 1_000_000,
        "240 kbit/s pass and the path has no limit: {last}"
    );
}

#[test]
fn a_call_of_voices_is_not_filled_up() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    let sent = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = sent.clone();
    pair.loss = Box::new(move |to, datagram| {
        let rtp =
            to == Toward::Browser && datagram[0] >> 6 == 2 && !(200..=207).contains(&datagram[1]);
        count.set(count.get() + u64::from(rtp));
        false
    });
    for n in 0..250 {
        pair.leg_sends(mid, Codec::Opus, opus_packet(n, &[0; 20]));
        pair.run_for(Duration::from_millis(20));
    }
    assert_eq!(sent.get(), 250);
}

#[test]
fn a_camera_is_repaired_soon_also_while_nothing_goes_back() {
    let mut pair = Pair::connected();
    let mid = pair.browser.camera.unwrap();
    let is_lost =
        |datagram: &[u8]| datagram[1] & 0x7F == 96 && datagram[2..4] == 650_u16.to_be_bytes();
    pair.loss = Box::new(move |to, datagram| to == Toward::Leg && is_lost(datagram));
    for n in 0..156 {
        pair.browser_sends(mid, WireCodec::Vp8, 90_000, vp8_packet(n, &[0x10, 0x51, 0]));
        pair.run_for(FRAME);
    }
    assert!(
        pair.leg_packets().iter().any(|packet| packet.seq == 650),
        "5 frames later"
    );
}
