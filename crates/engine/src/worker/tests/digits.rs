//! Digits by events and by tones: told, passed on, made for those who need them, and masked.

use super::*;

#[test]
fn digits_are_told_once_and_leave_no_hole_in_what_is_relayed() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let start = a.sent * 160;
    for n in 1..=5u8 {
        call.press(&mut a, start, [7, 10, 0, n * 40]);
    }
    for _ in 0..3 {
        call.press(&mut a, start, [7, 0x8A, 3, 0x20]);
    }
    call.press(&mut a, start + 2_000, [11, 10, 0, 160]); // the end of this one is lost
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let digits: Vec<_> = call
        .happened()
        .into_iter()
        .filter(|what| matches!(what, Happening::Digit { .. }))
        .collect();
    let digit = |digit, duration_ms| Happening::Digit {
        port: a.port,
        digit,
        duration_ms,
    };
    assert_eq!(digits, [digit('7', 100), digit('#', 20)]);
    let heard = call.heard_by(&b);
    assert_eq!(presses_heard(&heard, 8_000), ['7', '#']);
    let sequences: Vec<u16> = heard.iter().map(|packet| packet.sequence).collect();
    assert!(
        sequences
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{sequences:?}"
    );
}

/// Digits that a detector hears in what was sent.
fn tones_heard(heard: &[Heard]) -> String {
    let mut detector = ToneDetector::default();
    let mut digits = String::new();
    for frame in samples(heard).chunks_exact(160) {
        for signal in detector.process(frame, false).into_iter().flatten() {
            if let Signal::Over(press) = signal {
                digits.push(press.digit);
            }
        }
    }
    digits
}

#[test]
fn a_press_reaches_who_hears_the_track_across_codecs_and_clocks_and_nobody_else() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    let (b, c, d) = (
        call.phone(Codec::Pcma),
        call.phone(Codec::Opus),
        call.phone(Codec::Pcmu),
    );
    call.connect(a.track, b.port);
    call.connect(a.track, c.port);
    call.connect(c.track, d.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    for (n, code) in [4u8, 4, 11].into_iter().enumerate() {
        let start = a.sent * 160 + n as u32;
        call.press(&mut a, start, [code, 10, 0, 160]);
        call.silence(60 * MILLISECOND);
        call.press(&mut a, start, [code, 0x8A, 2, 0x80]);
        call.silence(100 * MILLISECOND);
    }
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let (at_b, at_c) = (call.heard_by(&b), call.heard_by(&c));
    assert_eq!(presses_heard(&at_b, 8_000), ['4', '4', '#']);
    assert_eq!(presses_heard(&at_c, 48_000), ['4', '4', '#']);
    for heard in [at_b, at_c] {
        let follows = |pair: &[Heard]| pair[1].sequence == pair[0].sequence.wrapping_add(1);
        assert!(heard.windows(2).all(follows));
        let sound: Vec<_> = heard
            .iter()
            .filter(|p| p.payload_type != TELEPHONE_EVENT)
            .collect();
        let step = |pair: &[&Heard]| pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!(
            sound.windows(2).all(|pair| step(pair) > 0),
            "sound goes on in time"
        );
    }
    assert!(presses_heard(&call.heard_by(&d), 8_000).is_empty());
}

#[test]
fn a_peer_without_telephone_events_gets_tones() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    let without = RtpConfig {
        telephone_event: None,
        ..config(Codec::Pcmu, b.address)
    };
    call.ask(Command::ConfigureRtp {
        port: b.port,
        config: without,
    });
    call.connect(a.track, b.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let digits = "1590".to_owned();
    call.ask(Command::SendDigits {
        port: b.port,
        digits,
        ms: 80,
    });
    call.ask(Command::RelayDigit {
        track: a.track,
        press: Press {
            digit: '#',
            duration_ms: 100,
        },
    });
    call.pass(2 * SECOND, &mut [(&mut a, &tone_of(300.0, Codec::Pcmu))]);
    let heard = call.heard_by(&b);
    assert_eq!(tones_heard(&heard), "1590#");
    assert_continuous(&heard);
}

#[test]
fn digits_are_sent_to_a_port_that_hears_nobody() {
    let mut call = Call::new();
    let a = call.phone(Codec::Opus);
    let digits = "42".to_owned();
    call.ask(Command::SendDigits {
        port: a.port,
        digits,
        ms: 100,
    });
    call.silence(SECOND);
    assert_eq!(presses_heard(&call.heard_by(&a), 48_000), ['4', '2']);
}

#[test]
fn tones_of_a_peer_that_also_sends_events_are_not_counted_again() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    call.ask(Command::DetectDigits {
        track: a.track,
        on: true,
    });
    let five = |n: u32| {
        let tone: Vec<i16> = samples_of_digit('5', n);
        let mut payload = vec![0; 160];
        g711::encode(Codec::Pcmu, &tone, &mut payload);
        payload
    };
    call.pass(100 * MILLISECOND, &mut [(&mut a, &five)]);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let digits = |call: &Call| {
        let told = call.happened();
        told.iter()
            .filter(|what| matches!(what, Happening::Digit { digit: '5', .. }))
            .count()
    };
    assert_eq!(digits(&call), 1, "by its tone");
    let start = a.sent * 160;
    call.press(&mut a, start, [5, 0x8A, 2, 0x80]);
    call.pass(100 * MILLISECOND, &mut [(&mut a, &five)]);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(digits(&call), 1, "by its event alone");
}

/// 300 Hz, and each second a digit of 40 to 280 ms that begins anywhere in a packet; also where the digits are.
fn voice_and_digits(seconds: usize) -> (Vec<i16>, Vec<std::ops::Range<usize>>) {
    let hum =
        |n: usize| ((n as f64 / 8_000.0 * 300.0 * std::f64::consts::TAU).sin() * 6_000.0) as i16;
    let mut sound: Vec<i16> = (0..seconds * 8_000).map(hum).collect();
    let mut spans = Vec::new();
    for n in 0..seconds - 1 {
        let digit = char::from(crate::dtmf::DIGITS[n % 16]);
        let start = n * 8_000 + 4_000 + n * 37 % 160;
        let length = 320 + n * 251 % 1_920;
        let tone: Vec<i16> = (0..15)
            .flat_map(|frame| samples_of_digit(digit, frame))
            .collect();
        sound[start..start + length].copy_from_slice(&tone[80..80 + length]);
        spans.push(start..start + length);
    }
    (sound, spans)
}

/// Samples of tone that came through, and the share of the sound around it that was kept.
fn leaked_and_kept(sent: &[i16], got: &[i16], digits: &[std::ops::Range<usize>]) -> (usize, f64) {
    let is_digit = |n: usize| digits.iter().any(|span| span.contains(&n));
    let (mut leaked, mut outside, mut kept) = (0, 0u32, 0u32);
    for n in 0..got.len() {
        if is_digit(n) {
            leaked += usize::from(got[n].abs() > 40);
        } else {
            outside += 1;
            kept += u32::from(got[n] == sent[n]);
        }
    }
    (leaked, f64::from(kept) / f64::from(outside))
}

#[test]
fn under_a_mask_no_digit_reaches_another_port_or_the_tape_and_each_is_counted() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut call = Call::new();
        let (mut a, b, c) = (
            call.phone(codec),
            call.phone(codec),
            call.phone(Codec::Opus),
        );
        let recorder = PortId(call.id());
        call.ask(Command::OpenRecorder {
            port: recorder,
            session: SESSION,
        });
        for port in [b.port, c.port, recorder] {
            call.connect(a.track, port);
        }
        call.ask(Command::MaskDigits {
            track: a.track,
            on: true,
        });
        let (sound, spans) = voice_and_digits(33);
        let mut decoded = vec![0; sound.len()];
        let mut coded = vec![0; sound.len()];
        g711::encode(codec, &sound, &mut coded);
        g711::decode(codec, &coded, &mut decoded);
        let frames = coded.len() / 160;
        let say = |n: u32| coded[n as usize * 160..][..160].to_vec();
        call.pass(frames as u64 * PTIME, &mut [(&mut a, &say)]);
        call.press(&mut a, 0, [5, 0x8A, 2, 0x80]);
        call.silence(SECOND);
        let told = call.happened();
        let digits = told.iter().filter_map(|what| match what {
            Happening::Digit { digit, .. } => Some(*digit),
            _ => None,
        });
        assert_eq!(digits.collect::<String>(), "x".repeat(spans.len() + 1));

        let heard = call.heard_by(&b);
        let payloads: Vec<u8> = heard
            .iter()
            .flat_map(|packet| packet.payload.clone())
            .collect();
        assert_eq!(payloads.len(), coded.len(), "nothing is missing");
        let mut tape = Vec::new();
        let mut payload = Vec::new();
        while let Some(Pull::Packet(_)) = call.tape.pull(&mut payload) {
            tape.extend_from_slice(&payload);
        }
        assert!(tape == payloads, "the tape has what the others hear");
        let mut got = vec![0; payloads.len()];
        g711::decode(codec, &payloads, &mut got);
        let (leaked, kept) = leaked_and_kept(&decoded, &got, &spans);
        assert_eq!(leaked, 0, "samples of tone came through");
        assert!(kept > 0.93, "{kept} of the voice was kept");

        let mut decoder = Codec::Opus.decoder(Rate::Narrow);
        let mut narrow = Vec::new();
        for packet in call.heard_by(&c) {
            assert_ne!(packet.payload_type, TELEPHONE_EVENT);
            let mut samples = [0; 960];
            let count = decoder.decode(&packet.payload, &mut samples);
            narrow.extend_from_slice(&samples[..count]);
        }
        let mut detector = ToneDetector::default();
        let signals = narrow
            .chunks_exact(160)
            .flat_map(|frame| detector.process(frame, false));
        assert_eq!(signals.flatten().count(), 0);
    }
}

#[test]
fn what_a_mask_keeps_back_comes_when_it_is_taken_off_or_the_peer_falls_silent() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    let track = a.track;
    let mask = |on| Command::MaskDigits { track, on };
    call.ask(mask(true));
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let at_once = call.heard_by(&b).len();
    assert!(at_once < 5);
    call.silence(300 * MILLISECOND);
    assert_eq!(at_once + call.heard_by(&b).len(), 5);
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    call.ask(mask(false));
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(call.heard_by(&b).len(), 10);
}
