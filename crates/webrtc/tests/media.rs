//! Media, feedback and data between a browser and the leg.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use str0m::format::Codec as WireCodec;
use str0m::media::{Direction, KeyframeRequestKind};
use str0m::Event as RtcEvent;
use support::{leg_config, opus_packet, vp8_packet, Pair, Toward};
use webrtc::{AudioCodec, Codec, Event, Kind, OutPacket};

const FRAME: Duration = Duration::from_millis(20);

#[test]
fn audio_passes_both_ways_as_it_was_sent() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    for n in 0..50_u64 {
        let payload = [n as u8; 80];
        pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(n, &payload));
        assert!(pair.leg_sends(mid, Codec::Opus, opus_packet(n, &payload)));
        pair.run_for(FRAME);
    }
    let up = pair.leg_packets();
    assert_eq!(up.len(), 50);
    for (n, packet) in up.iter().enumerate() {
        assert_eq!(
            (packet.mid, packet.kind, packet.codec),
            (mid, Kind::Audio, Codec::Opus)
        );
        assert_eq!(
            (packet.seq, packet.timestamp),
            (1000 + n as u64, 960 * n as u32)
        );
        assert_eq!((packet.clock_rate, packet.marker), (48_000, n == 0));
        assert_eq!(&packet.payload[..], &[n as u8; 80]);
    }
    let down = pair.browser_packets();
    assert_eq!(down.len(), 50);
    for (n, packet) in down.iter().enumerate() {
        assert_eq!(
            (*packet.seq_no, packet.header.timestamp),
            (1000 + n as u64, 960 * n as u32)
        );
        assert_eq!(packet.header.marker, n == 0);
        assert_eq!(&packet.payload[..], &[n as u8; 80]);
    }
}

#[test]
fn packets_of_a_voice_that_were_queued_together_leave_together() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.run_for(Duration::from_secs(3)); // no picture: the leg rests
    for n in 0..3 {
        let now = pair.now;
        assert!(pair
            .leg
            .send(now, mid, Codec::Opus, opus_packet(n, &[0; 80])));
    }
    pair.run_for(Duration::from_millis(11));
    assert_eq!(pair.browser_packets().len(), 3);
}

#[test]
fn audio_changes_codec_within_one_ssrc() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    assert!(pair.leg_sends(mid, Codec::Opus, opus_packet(0, &[1; 80])));
    assert!(pair.leg_sends(mid, Codec::Pcma, opus_packet(1, &[2; 160])));
    assert!(pair.leg_sends(mid, Codec::Pcmu, opus_packet(2, &[3; 160])));
    assert!(!pair.leg_sends(mid, Codec::Vp8, opus_packet(3, &[4; 160])));
    pair.run_for(FRAME);
    let got = pair.browser_packets();
    let types: Vec<u8> = got.iter().map(|p| *p.header.payload_type).collect();
    assert_eq!(types, [111, 8, 0]);
    assert!(got.iter().all(|p| p.header.ssrc == got[0].header.ssrc));
}

#[test]
fn a_received_payload_is_forwarded_without_copying() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(0, &[7; 80]));
    pair.run_for(FRAME);
    let payload = pair.leg_packets()[0].payload.clone();
    let before = Arc::strong_count(&payload);
    let packet = OutPacket {
        seq: 1,
        timestamp: 0,
        marker: true,
        payload: payload.clone(),
    };
    assert!(pair.leg.send(pair.now, mid, Codec::Opus, packet));
    assert_eq!(Arc::strong_count(&payload), before + 1);
}

#[test]
fn digits_come_up_with_their_own_clock_rate() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    for (n, rate) in [(0, 48_000), (1, 8_000)] {
        pair.browser_sends(
            mid,
            WireCodec::Tele,
            rate,
            opus_packet(n, &[5, 0x8a, 0x03, 0x20]),
        );
    }
    pair.run_for(FRAME);
    let digits = pair.leg_packets();
    let got: Vec<_> = digits.iter().map(|p| (p.codec, p.clock_rate)).collect();
    assert_eq!(
        got,
        [
            (Codec::TelephoneEvent, 48_000),
            (Codec::TelephoneEvent, 8_000)
        ]
    );
}

/// A datagram of the RTP stream with this sequence number; RTX repairs bear another one.
fn is_rtp(datagram: &[u8], payload_type: u8, seq: u16) -> bool {
    datagram[0] >> 6 == 2
        && datagram[1] & 0x7f == payload_type
        && datagram[2..4] == seq.to_be_bytes()
}

#[test]
fn a_lost_video_packet_from_the_browser_is_asked_for_and_repaired() {
    let mut pair = Pair::connected();
    let mid = pair.browser.camera.unwrap();
    pair.loss = Box::new(|to, d| to == Toward::Leg && is_rtp(d, 96, 510));
    for n in 0..40_u64 {
        pair.browser_sends(
            mid,
            WireCodec::Vp8,
            90_000,
            vp8_packet(n, &[0x10, n as u8, 0]),
        );
        pair.run_for(Duration::from_millis(33));
    }
    let seqs: Vec<u64> = pair.leg_packets().iter().map(|p| p.seq).collect();
    let place = seqs
        .iter()
        .position(|s| *s == 510)
        .expect("the packet was repaired");
    assert!(place > 10, "it comes late, at {place}");
    let mut sorted = seqs.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (500..540).collect::<Vec<_>>());
    let repaired = pair.leg_packets()[place].clone();
    assert_eq!(repaired.timestamp, 3000 * 10);
    assert_eq!(&repaired.payload[..], &[0x10, 10, 0]);
    assert_eq!(pair.leg.stats()[0].incoming.lost, 0);
}

#[test]
fn a_lost_video_packet_to_the_browser_is_sent_again() {
    let mut pair = Pair::connected();
    let mid = pair.browser.screen.unwrap();
    pair.loss = Box::new(|to, d| to == Toward::Browser && is_rtp(d, 96, 510));
    for n in 0..40_u64 {
        assert!(pair.leg_sends(mid, Codec::Vp8, vp8_packet(n, &[0x10, n as u8, 0])));
        pair.run_for(Duration::from_millis(33));
    }
    let mut seqs: Vec<u64> = pair.browser_packets().iter().map(|p| *p.seq_no).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (500..540).collect::<Vec<_>>());
}

/// Whether a packet is there in the end whose repairs all got lost for 600 ms.
fn is_repaired_late(one_way: Duration) -> bool {
    let mut pair = Pair::connected();
    pair.one_way = one_way;
    let mid = pair.browser.screen.unwrap();
    let heals = Rc::new(Cell::new(false));
    let healed = heals.clone();
    let is_repair = |d: &[u8]| d[0] >> 6 == 2 && d[1] & 0x7f == 97;
    pair.loss = Box::new(move |to, d| {
        to == Toward::Browser && (is_rtp(d, 96, 650) || is_repair(d) && !healed.get())
    });
    for n in 0..200_u64 {
        pair.leg_sends(mid, Codec::Vp8, vp8_packet(n, &[0x10, n as u8, 0]));
        pair.run_for(Duration::from_millis(33));
        heals.set(n >= 168);
    }
    pair.browser_packets().iter().any(|p| *p.seq_no == 650)
}

#[test]
fn packets_are_kept_for_longer_where_the_path_is_long() {
    assert!(!is_repaired_late(Duration::from_millis(10)));
    assert!(is_repaired_late(Duration::from_millis(150)));
}

#[test]
fn lost_audio_is_counted_and_stays_lost() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.loss = Box::new(|to, d| to == Toward::Leg && is_rtp(d, 111, 1010));
    for n in 0..200_u64 {
        pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(n, &[0; 80]));
        pair.leg_sends(mid, Codec::Opus, opus_packet(n, &[0; 80]));
        pair.run_for(FRAME);
    }
    pair.run_for(Duration::from_secs(8));
    let stats = pair.leg.stats()[0];
    assert_eq!(
        (stats.incoming.packets, stats.incoming.bytes),
        (199, 199 * 80)
    );
    assert_eq!(stats.incoming.lost, 1);
    assert_eq!((stats.outgoing.packets, stats.outgoing.lost), (200, 0));
    let rtt = stats.rtt.expect("reports came").as_millis();
    assert!(
        (15..30).contains(&rtt),
        "the network takes 20 ms there and back: {rtt}"
    );
    assert!(stats.incoming.jitter.expect("a report was made") < Duration::from_millis(2));
}

#[test]
fn a_key_frame_the_browser_wants_is_told() {
    let mut pair = Pair::connected();
    let mid = pair.browser.camera.unwrap();
    pair.leg_sends(mid, Codec::Vp8, vp8_packet(0, &[0x10, 0, 0]));
    pair.run_for(Duration::from_millis(50));
    let mut api = pair.browser.rtc.direct_api();
    let stream = api.stream_rx_by_mid(mid, None).unwrap();
    stream.request_keyframe(KeyframeRequestKind::Pli);
    pair.run_until("the request arrives", |p| {
        let wanted = |e: &Event| matches!(e, Event::KeyframeRequest { mid: m } if *m == mid);
        p.leg_events.iter().any(wanted)
    });
}

#[test]
fn a_key_frame_we_want_is_asked_of_the_browser() {
    let mut pair = Pair::connected();
    let mid = pair.browser.screen.unwrap();
    pair.browser_sends(mid, WireCodec::Vp8, 90_000, vp8_packet(0, &[0x10, 0, 0]));
    pair.run_for(Duration::from_millis(50));
    let asked = pair.now;
    assert!(pair.leg.request_keyframe(mid, None));
    pair.run_until("the browser is asked", |p| {
        let asked = |e: &RtcEvent| matches!(e, RtcEvent::KeyframeRequest(r) if r.mid == mid);
        p.browser_events.iter().any(asked)
    });
    assert!(
        pair.now - asked < Duration::from_millis(50),
        "{:?}",
        pair.now - asked
    );
}

#[test]
fn text_passes_both_ways_on_the_data_channel() {
    let mut pair = Pair::connected();
    assert!(!pair.leg.send_data("too early"));
    pair.run_until("the channel opens", |p| {
        let open = |e: &Event| matches!(e, Event::DataOpen { label } if label == "control");
        let open_there = |e: &RtcEvent| matches!(e, RtcEvent::ChannelOpen(..));
        p.leg_events.iter().any(open) && p.browser_events.iter().any(open_there)
    });
    assert!(pair.leg.send_data("to the desk"));
    let id = pair.browser.channel.unwrap();
    let mut channel = pair.browser.rtc.channel(id).unwrap();
    assert!(channel.write(false, "Grüße 你好".as_bytes()).unwrap());
    pair.run_until("both arrive", |p| {
        let up = |e: &Event| matches!(e, Event::Data { text, .. } if text == "Grüße 你好");
        let down = |e: &RtcEvent| matches!(e, RtcEvent::ChannelData(d) if d.data == b"to the desk");
        p.leg_events.iter().any(up) && p.browser_events.iter().any(down)
    });
}

#[test]
fn the_server_order_of_codecs_wins() {
    let mut config = leg_config();
    config.audio_codecs = vec![AudioCodec::Pcma, AudioCodec::Opus];
    let pair = Pair::with(config, Direction::SendRecv, false);
    assert_eq!(pair.answer.lines[0].codecs, [Codec::Pcma, Codec::Opus]);
    assert!(pair
        .answer
        .sdp
        .contains("m=audio 9 UDP/TLS/RTP/SAVPF 8 111 110 126\r\n"));
}

#[test]
fn the_codec_of_a_call_changes_by_a_later_offer() {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.leg.set_audio_codecs(vec![AudioCodec::Pcmu]);
    let answer = pair.reoffer(|change| {
        change.ice_restart(true);
    });
    assert_eq!(answer.lines[0].codecs, [Codec::Pcmu]);
    assert!(answer
        .sdp
        .contains("m=audio 9 UDP/TLS/RTP/SAVPF 0 110 126\r\n"));
    assert!(!answer.sdp.contains("opus"));
    assert!(!pair.leg_sends(mid, Codec::Opus, opus_packet(0, &[0; 80])));
    assert!(pair.leg_sends(mid, Codec::Pcmu, opus_packet(0, &[0; 160])));
    // What the browser still had on its way in the old codec is taken.
    pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(1, &[0; 80]));
    pair.run_for(FRAME);
    assert_eq!(pair.leg_packets().len(), 1);
}

#[test]
fn nothing_is_sent_to_a_peer_that_only_sends() {
    let mut pair = Pair::with(leg_config(), Direction::SendOnly, false);
    pair.connect();
    let line = &pair.answer.lines[0];
    assert!(line.sends && !line.receives);
    let mid = pair.browser.audio;
    assert!(!pair.leg_sends(mid, Codec::Opus, opus_packet(0, &[0; 80])));
    pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(0, &[0; 80]));
    pair.run_for(FRAME);
    assert_eq!(pair.leg_packets().len(), 1);
}
