//! What a port hears of one source or many: relayed, transcoded, mixed, in one unbroken stream.

use super::*;

#[test]
fn a_lone_source_in_the_same_codec_is_relayed_byte_for_byte() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let heard = call.heard_by(&b);
    assert_continuous(&heard);
    let payloads: Vec<Vec<u8>> = heard.iter().map(|packet| packet.payload.clone()).collect();
    assert_eq!(payloads, (0..50).map(numbered).collect::<Vec<_>>());
    assert!(heard
        .iter()
        .all(|packet| packet.to == b.address && packet.ssrc != a.ssrc));
    assert!(call.heard_by(&a).is_empty(), "nobody hears himself");
}

#[test]
fn another_codec_is_transcoded_and_keeps_its_sound() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &tone_of(1_000.0, Codec::Pcma))]);
    let heard = call.heard_by(&b);
    assert_continuous(&heard);
    assert!(heard.iter().all(|packet| packet.payload_type == 0));
    let late = samples(&heard[20..]);
    assert!(
        (level_of(1_000.0, &late) - -12.2).abs() < 0.5,
        "{}",
        level_of(1_000.0, &late)
    );
    assert!(level_of(700.0, &late) < -60.0);
}

#[test]
fn opus_reaches_a_phone_and_a_phone_reaches_opus() {
    let mut call = Call::new();
    let (mut a, mut b) = (call.phone(Codec::Opus), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.connect(b.track, a.port);
    let encoder = std::cell::RefCell::new(opus::Encoder::new(Rate::Full));
    let browser = |n: u32| {
        let sample =
            |k: u32| (f64::from(n * 960 + k) / 48_000.0 * 500.0 * std::f64::consts::TAU).sin();
        let frame: Vec<i16> = (0..960).map(|k| (sample(k) * 8_000.0) as i16).collect();
        let mut packet = [0; opus::MAX_PACKET];
        let length = encoder.borrow_mut().encode(&frame, &mut packet);
        packet[..length].to_vec()
    };
    let phone = tone_of(1_200.0, Codec::Pcmu);
    call.pass(SECOND, &mut [(&mut a, &browser), (&mut b, &phone)]);

    let to_phone = call.heard_by(&b);
    assert_continuous(&to_phone);
    let level = level_of(500.0, &samples(&to_phone[20..]));
    assert!((level - -12.2).abs() < 1.5, "{level}");

    let to_browser = call.heard_by(&a);
    let mut decoder = opus::Decoder::new();
    let mut loudest: f64 = -99.0;
    for packet in &to_browser {
        assert_eq!(
            (packet.payload_type, opus::duration(&packet.payload)),
            (96, 960)
        );
        let mut frame = [0; opus::Decoder::MAX_SAMPLES];
        let count = decoder.decode(&packet.payload, &mut frame);
        let narrow: Vec<i16> = frame[..count].iter().step_by(6).copied().collect();
        loudest = loudest.max(level_of(1_200.0, &narrow));
    }
    assert!((loudest - -12.2).abs() < 2.0, "{loudest}");
}

#[test]
fn the_stream_goes_on_through_relay_mix_player_hold_and_back() {
    let mut call = Call::new();
    let (mut a, mut b, c) = (
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcmu),
    );
    let (player, music) = call.player();
    let (low, high) = (tone_of(500.0, Codec::Pcmu), tone_of(1_500.0, Codec::Pcmu));
    let mut second = |call: &mut Call| call.pass(SECOND, &mut [(&mut a, &low), (&mut b, &high)]);
    let (a_track, b_track) = (TrackId(2), TrackId(4));

    call.connect(a_track, c.port);
    second(&mut call); // relay
    call.connect(b_track, c.port);
    second(&mut call); // mix
    call.disconnect(a_track, c.port);
    second(&mut call); // relay of the other
    call.disconnect(b_track, c.port);
    call.connect(music, c.port);
    call.play(player, 1, vec![tone(&[800.0], 5_000, -10.0)]);
    second(&mut call); // player
    call.connect(a_track, c.port);
    second(&mut call); // player mixed with a voice
    let held = RtpConfig {
        send: false,
        ..config(Codec::Pcmu, c.address)
    };
    call.ask(Command::ConfigureRtp {
        port: c.port,
        config: held,
    });
    let before_hold = call.heard_by(&c);
    second(&mut call); // held: nothing is sent
    assert!(call.heard_by(&c).is_empty());
    call.ask(Command::ConfigureRtp {
        port: c.port,
        config: config(Codec::Pcmu, c.address),
    });
    call.disconnect(music, c.port);
    second(&mut call); // relay again

    let after_hold = call.heard_by(&c);
    assert!(after_hold[0].marker, "a talk spurt starts with a marker");
    let part = |second: usize| samples(&before_hold[second * 50 + 10..second * 50 + 45]);
    assert!(level_of(500.0, &part(0)) > -15.0 && level_of(1_500.0, &part(0)) < -50.0);
    assert!(level_of(500.0, &part(1)) > -15.0 && level_of(1_500.0, &part(1)) > -15.0);
    assert!(level_of(500.0, &part(2)) < -50.0 && level_of(1_500.0, &part(2)) > -15.0);
    assert!(level_of(800.0, &part(3)) > -15.0 && level_of(1_500.0, &part(3)) < -50.0);
    assert!(level_of(800.0, &part(4)) > -15.0 && level_of(500.0, &part(4)) > -15.0);
    assert_continuous(&[before_hold, after_hold].concat());
}

#[test]
fn a_conference_of_three_hears_the_others_and_never_itself() {
    let mut call = Call::new();
    let mut phones = [
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcma),
        call.phone(Codec::Pcmu),
    ];
    for from in phones {
        for to in phones.iter().filter(|to| to.port != from.port) {
            call.connect(from.track, to.port);
        }
    }
    let tones = [500.0, 900.0, 1_700.0];
    let [a, b, c] = &mut phones;
    let voices = [
        tone_of(tones[0], Codec::Pcmu),
        tone_of(tones[1], Codec::Pcma),
        tone_of(tones[2], Codec::Pcmu),
    ];
    call.pass(
        SECOND,
        &mut [(a, &voices[0]), (b, &voices[1]), (c, &voices[2])],
    );
    for (listener, index) in [(phones[0], 0), (phones[2], 2)] {
        let heard = samples(&call.heard_by(&listener)[20..]);
        for (n, hz) in tones.iter().enumerate() {
            let level = level_of(*hz, &heard);
            assert_eq!(
                level > -15.0,
                n != index,
                "{hz} Hz at {level} for listener {index}"
            );
            assert!(n != index || level < -50.0, "{hz} Hz at {level}");
        }
    }
}

#[test]
fn a_gain_is_applied_and_makes_a_mix_of_one_source() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.ask(Command::Connect(Crosspoint::new(a.track, b.port, -20.0)));
    call.pass(SECOND, &mut [(&mut a, &tone_of(1_000.0, Codec::Pcmu))]);
    let level = level_of(1_000.0, &samples(&call.heard_by(&b)[20..]));
    assert!((level - -32.2).abs() < 0.7, "{level}");
}

#[test]
fn a_port_without_sources_sends_nothing() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert!(call.heard_by(&b).is_empty());
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    call.disconnect(a.track, b.port);
    assert_eq!(call.heard_by(&b).len(), 50);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert!(call.heard_by(&b).is_empty());
}

#[test]
fn comfort_noise_of_the_peer_is_no_packet_of_the_stream_and_leaves_no_hole() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    for n in 0..3 {
        let payload_type = if n == 1 { COMFORT_NOISE } else { 0 };
        let packet = Packet {
            payload_type,
            ..a.packet(&[30; 160])
        };
        call.receive(&a, a.address, &packet);
        a.sent += 1;
    }
    let heard = call.heard_by(&b);
    assert_eq!((heard.len(), call.counters.ignored.get()), (2, 0));
    assert_eq!(heard[1].sequence, heard[0].sequence.wrapping_add(1));
    assert_eq!(heard[1].timestamp, heard[0].timestamp.wrapping_add(320));
}

#[test]
fn another_payload_type_is_ignored_and_counted() {
    let mut call = Call::new();
    let (a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.receive(
        &a,
        a.address,
        &Packet {
            payload_type: 18,
            ..a.packet(&[30])
        },
    ); // G.729
    assert_eq!(
        (call.counters.ignored.get(), call.heard_by(&b).len()),
        (1, 0)
    );
}

#[test]
fn a_ptime_of_30_ms_is_kept_to() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    let slow = RtpConfig {
        ptime_ms: 30,
        ..config(Codec::Pcmu, b.address)
    };
    call.ask(Command::ConfigureRtp {
        port: b.port,
        config: slow,
    });
    call.connect(a.track, b.port);
    call.pass(
        600 * MILLISECOND,
        &mut [(&mut a, &tone_of(500.0, Codec::Pcma))],
    );
    let heard = call.heard_by(&b);
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|packet| packet.payload.len() == 240));
    assert!(heard
        .windows(2)
        .all(|p| p[1].timestamp.wrapping_sub(p[0].timestamp) == 240));
}
