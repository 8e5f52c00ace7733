//! How a call sounds, as both ends tell each other in extended reports (RFC 3611 §4.7).

use super::*;
use crate::rtp::bursts::Gathered;
use crate::rtp::extended::{self, VoipMetrics};
use crate::rtp::rtcp;
use crate::stats::Direction;

fn metered(phone: &Phone, voip_metrics: bool) -> RtpConfig {
    RtpConfig {
        link: Link {
            voip_metrics,
            ..Link::default()
        },
        ..config(phone.codec, phone.address)
    }
}

/// Extended reports to the phone's RTCP port.
fn reports(call: &Call, phone: &Phone) -> Vec<Vec<u8>> {
    let to_phone = |from: &Endpoint| *from == Endpoint::Rtcp(phone.port);
    let compounds = call.wire.sent.iter().filter(|(from, _, _)| to_phone(from));
    let extended = compounds.filter_map(|(_, _, compound)| {
        let mut rest = &compound[..];
        while rest[1] != extended::EXTENDED_REPORT {
            let length = 4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1);
            rest = rest.get(length..).filter(|rest| rest.len() >= 4)?;
        }
        Some(rest[..extended::LENGTH].to_vec())
    });
    extended.collect()
}

/// A call in which each tenth packet of the phone is lost; the reports that it gets.
fn lossy_call(voip_metrics: bool) -> Vec<Vec<u8>> {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: metered(&a, voip_metrics),
    });
    call.connect(a.track, b.port);
    for _ in 0..60 {
        call.pass(9 * PTIME, &mut [(&mut a, &numbered)]);
        a.sent += 1;
        call.silence(PTIME);
    }
    reports(&call, &a)
}

#[test]
fn a_peer_that_asks_is_told_how_it_sounds() {
    let reports = lossy_call(true);
    let last = reports.last().expect("reports are sent each few seconds");
    let ssrc = u32::from_be_bytes(last[12..16].try_into().unwrap());
    assert_eq!(ssrc, 101, "of the stream that came");
    assert!((22..=26).contains(&last[16]), "a tenth lost: {}", last[16]);
    assert_eq!(&last[28..32], [127, 127, 127, 16]);
    let score = extended::read_score(last, ssrc).unwrap();
    assert!((2.9..3.7).contains(&score), "{score}"); // R 93.2 - 95 * 10 / 35.1 = 66
}

#[test]
fn a_peer_that_does_not_ask_gets_no_extended_reports() {
    assert_eq!(lossy_call(false), Vec::<Vec<u8>>::new());
}

#[test]
fn what_a_peer_says_of_our_stream_is_its_score() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let ours = call.heard_by(&b)[0].ssrc;
    let metrics = VoipMetrics {
        ssrc: ours,
        loss: 0.0,
        gathered: Gathered::default(),
        packet_ms: 20,
        rtt_ms: 0.0,
        end_system_ms: 200.0,
        mos_listening: Some(3.0),
        mos_conversation: Some(2.1),
    };
    let mut compound = [0; rtcp::MAX_COMPOUND];
    let metrics = Some(&metrics);
    let length = rtcp::write(&mut compound, call.now, 7, None, None, metrics, false);
    let mut told_at = b.address;
    told_at.set_port(b.address.port() + 1);
    let (at, now) = (Endpoint::Rtcp(b.port), call.now);
    call.worker
        .receive(at, told_at, &compound[..length], now, &mut call.wire);
    let (reply, answer) = std::sync::mpsc::sync_channel(1);
    call.ask(Command::Stats {
        port: b.port,
        reply,
    });
    let stats = answer.try_recv().unwrap();
    let out = stats
        .iter()
        .find(|stats| stats.direction == Direction::Out)
        .unwrap();
    assert_eq!(out.mos.map(|mos| mos.value), Some(2.1));
}
