//! Ports that hear the same share a mix and its packets; who changes leaves without a click; who is mixed, and who talks.

use super::*;
use crate::bus::Column;
use crate::codec::MAX_SAMPLES;

const HZ: f64 = 400.0;
const AMPLITUDE: f64 = 8_000.0;

fn sine(hz: f64, amplitude: f64) -> impl Fn(u32) -> Vec<u8> {
    move |n| {
        let time = |k: u32| f64::from(n * 160 + k) / 8_000.0;
        let sample = |k| ((time(k) * hz * std::f64::consts::TAU).sin() * amplitude) as i16;
        let mut payload = vec![0; 160];
        let samples: Vec<i16> = (0..160).map(sample).collect();
        g711::encode(Codec::Pcmu, &samples, &mut payload);
        payload
    }
}

fn silent(_: u32) -> Vec<u8> {
    vec![0xFF; 160]
}

fn decoded(codec: Codec, heard: &[Heard]) -> Vec<i16> {
    let mut decoder = codec.decoder(codec.rate());
    let (mut samples, mut all) = (vec![0; MAX_SAMPLES], Vec::new());
    for packet in heard {
        let count = decoder.decode(&packet.payload, &mut samples);
        all.extend(&samples[..count]);
    }
    all
}

fn largest_step(samples: &[i16]) -> f64 {
    let step = |w: &[i16]| i32::from(w[1]).abs_diff(i32::from(w[0]));
    f64::from(samples.windows(2).map(step).max().unwrap_or(0))
}

impl Call {
    /// The buses of the session, with the number of their members.
    fn buses(&mut self) -> Vec<usize> {
        let slot = crate::wheel::Wheel::slot_of(SESSION);
        let buses = &self.worker.wheel.slots()[slot].buses;
        let size = |&bus| self.worker.buses.get(bus).unwrap().members.len();
        buses.iter().map(size).collect()
    }

    fn sums(&mut self) -> usize {
        let slot = crate::wheel::Wheel::slot_of(SESSION);
        self.worker.wheel.slots()[slot].sums.len()
    }
}

fn payloads(heard: Vec<Heard>) -> Vec<Vec<u8>> {
    heard.into_iter().map(|packet| packet.payload).collect()
}

#[test]
fn listeners_who_come_one_by_one_are_sent_the_very_same_packets() {
    let mut call = Call::new();
    let mut talkers = [call.phone(Codec::Pcmu), call.phone(Codec::Pcmu)];
    let listeners: Vec<Phone> = (0..12).map(|_| call.phone(Codec::Opus)).collect();
    let [a, b] = &mut talkers;
    let (low, high) = (sine(HZ, AMPLITUDE), sine(900.0, AMPLITUDE));
    for listener in &listeners {
        call.connect(a.track, listener.port);
        call.connect(b.track, listener.port);
        call.pass(30 * MILLISECOND, &mut [(a, &low), (b, &high)]);
    }
    assert!(call.buses().len() > 1, "they came at different times");
    call.pass(SECOND, &mut [(a, &low), (b, &high)]);
    assert_eq!(call.buses(), [12]);
    listeners
        .iter()
        .for_each(|listener| drop(call.heard_by(listener)));
    call.pass(SECOND, &mut [(a, &low), (b, &high)]);
    let first = payloads(call.heard_by(&listeners[0]));
    assert_eq!(first.len(), 50);
    for listener in &listeners[1..] {
        let heard = call.heard_by(listener);
        assert_continuous_at(&heard, 960);
        assert_eq!(payloads(heard), first);
    }
    // A third voice for all of them: in no tick is the mix encoded for each.
    let mut third = call.phone(Codec::Pcmu);
    let other = sine(1_500.0, AMPLITUDE);
    for listener in &listeners {
        call.connect(third.track, listener.port);
        assert!(
            call.buses().len() <= 2,
            "one that is left, and one that is joined"
        );
    }
    assert_eq!(call.buses(), [12]);
    call.pass(SECOND, &mut [(a, &low), (b, &high), (&mut third, &other)]);
    let first = payloads(call.heard_by(&listeners[0]));
    assert_eq!(payloads(call.heard_by(&listeners[11])), first);
}

fn assert_continuous_at(heard: &[Heard], ticks: u32) {
    for pair in heard.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), ticks);
    }
}

#[test]
fn who_leaves_a_group_and_comes_back_hears_no_click_nor_do_the_others() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        let mut call = Call::new();
        // The talkers' codec is not the listeners', so that each of them is mixed for.
        let (mut a, mut b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcma));
        let listeners = [(); 4].map(|()| call.phone(codec));
        for listener in &listeners {
            call.connect(a.track, listener.port);
            call.connect(b.track, listener.port);
        }
        let tone = tone_of(HZ, Codec::Pcma);
        let quiet = |_| vec![0xD5; 160];
        call.pass(SECOND, &mut [(&mut a, &tone), (&mut b, &quiet)]);
        let mut random = Random::with_seed(11);
        for turn in 0..200 {
            let whose = listeners[(random.draw() % 3) as usize].port;
            match random.draw() % 3 {
                0 => call.disconnect(b.track, whose),
                1 => call.ask(Command::Connect(Crosspoint::new(b.track, whose, -6.0))),
                _ => call.connect(b.track, whose),
            }
            let ms = if turn % 10 == 9 {
                800
            } else {
                10 + random.draw() % 60
            };
            call.pass(ms * MILLISECOND, &mut [(&mut a, &tone), (&mut b, &quiet)]);
        }
        let ticks = codec.clock_rate() / 50;
        let own = AMPLITUDE * HZ * std::f64::consts::TAU / f64::from(codec.rate().hz());
        for (n, listener) in listeners.iter().enumerate() {
            let heard = call.heard_by(listener);
            assert_continuous_at(&heard, ticks);
            let largest = largest_step(&decoded(codec, &heard)[codec.rate().frame() * 10..]);
            println!("{codec:?} {n}: largest step {largest}, the tone's own {own:.0}");
            assert!(
                largest <= 1.5 * own,
                "{codec:?} {n}: {largest} where the tone has {own}"
            );
        }
    }
}

#[test]
fn a_conference_is_summed_once_and_nobody_hears_himself() {
    let mut call = Call::new();
    let mut phones: Vec<Phone> = (0..6).map(|_| call.phone(Codec::Pcmu)).collect();
    let listener = call.phone(Codec::Pcmu);
    for from in &phones {
        for to in phones
            .iter()
            .chain([&listener])
            .filter(|to| to.port != from.port)
        {
            call.connect(from.track, to.port);
        }
    }
    let hz = |n: usize| 300.0 + 370.0 * n as f64;
    let tones: Vec<_> = (0..6).map(|n| sine(hz(n), 3_000.0)).collect();
    let speak = |call: &mut Call, phones: &mut [Phone], duration| {
        let mut speakers: Vec<Speaker<'_>> = Vec::new();
        for (phone, tone) in phones.iter_mut().zip(&tones) {
            speakers.push((phone, tone));
        }
        call.pass(duration, &mut speakers);
    };
    speak(&mut call, &mut phones, 2 * SECOND);
    assert_eq!((call.buses().len(), call.sums()), (7, 1));
    for (n, phone) in phones.clone().iter().chain([&listener]).enumerate() {
        let heard = samples(&call.heard_by(phone)[50..]);
        for other in 0..6 {
            let level = level_of(hz(other), &heard);
            let expected = 20.0 * (3_000.0f64 / 32_768.0).log10();
            if other == n {
                assert!(level < -55.0, "{n} hears himself at {level}");
            } else {
                assert!(
                    (level - expected).abs() < 0.3,
                    "{n} hears {other} at {level}"
                );
            }
        }
    }
    // One hangs up in the middle of his tone: he dies away for all, and the rest goes on from sums.
    let gone = phones.remove(0);
    call.ask(Command::ClosePort {
        port: gone.port,
        end: None,
    });
    let mut rest: Vec<Speaker<'_>> = Vec::new();
    for (phone, tone) in phones.iter_mut().zip(&tones[1..]) {
        rest.push((phone, tone));
    }
    call.pass(SECOND, &mut rest);
    let heard = samples(&call.heard_by(&listener));
    let own: f64 = (1..6)
        .map(|n| 3_000.0 * hz(n) * std::f64::consts::TAU / 8_000.0)
        .sum();
    assert!(
        largest_step(&heard) <= own + 3_000.0 / 40.0 + 600.0,
        "{}",
        largest_step(&heard)
    );
    assert!(level_of(hz(0), &heard[2_000..]) < -55.0);
    assert_eq!(call.sums(), 1);
}

#[test]
fn only_the_loudest_are_mixed_where_many_talk_but_a_whisper_is() {
    let mut call = Call::new();
    call.worker.mix_loudest(3);
    let mut phones: Vec<Phone> = (0..6).map(|_| call.phone(Codec::Pcmu)).collect();
    let whisperer = call.phone(Codec::Pcmu);
    for from in &phones {
        for to in phones.iter().filter(|to| to.port != from.port) {
            call.connect(from.track, to.port);
        }
    }
    call.connect(whisperer.track, phones[5].port);
    phones.push(whisperer);
    let hz = |n: usize| 300.0 + 370.0 * n as f64;
    let run = |call: &mut Call, phones: &mut [Phone], amplitudes: [f64; 7]| {
        let tones: Vec<_> = (0..7).map(|n| sine(hz(n), amplitudes[n])).collect();
        let mut speakers: Vec<Speaker<'_>> = Vec::new();
        for (phone, tone) in phones.iter_mut().zip(&tones) {
            speakers.push((phone, tone));
        }
        call.pass(2 * SECOND, &mut speakers);
    };
    let hears = |heard: &[i16]| -> Vec<usize> {
        (0..7).filter(|&n| level_of(hz(n), heard) > -45.0).collect()
    };
    run(
        &mut call,
        &mut phones,
        [4_000.0, 300.0, 3_000.0, 320.0, 2_500.0, 350.0, 300.0],
    );
    let first = samples(&call.heard_by(&phones[5]));
    assert_eq!(
        hears(&first[8_000..]),
        [0, 2, 4, 6],
        "three, and the whisper"
    );
    assert_eq!(hears(&samples(&call.heard_by(&phones[0])[50..])), [2, 4]);
    // Slightly louder is not enough to take a place; far louder is, and takes it without a click.
    run(
        &mut call,
        &mut phones,
        [2_000.0, 300.0, 2_000.0, 2_400.0, 2_000.0, 350.0, 300.0],
    );
    assert_eq!(
        hears(&samples(&call.heard_by(&phones[5])[50..])),
        [0, 2, 4, 6]
    );
    run(
        &mut call,
        &mut phones,
        [300.0, 4_000.0, 3_000.0, 330.0, 4_000.0, 350.0, 300.0],
    );
    let heard = samples(&call.heard_by(&phones[5]));
    assert_eq!(hears(&heard[8_000..]), [1, 2, 4, 6]);
    let own: f64 = [(1, 4_000.0), (2, 3_000.0), (4, 4_000.0)]
        .map(|(n, amplitude)| amplitude * hz(n) * std::f64::consts::TAU / 8_000.0)
        .iter()
        .sum();
    assert!(
        largest_step(&heard) <= own + 800.0,
        "{}",
        largest_step(&heard)
    );
}

#[test]
fn the_end_of_a_track_says_how_long_it_talked_and_who_speaks_is_told() {
    let mut call = Call::new();
    let (mut a, mut b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.connect(b.track, a.port);
    let tone = sine(HZ, AMPLITUDE);
    let (a, b) = (&mut a, &mut b);
    call.pass(3 * SECOND, &mut [(a, &tone), (b, &silent)]);
    call.pass(SECOND, &mut [(a, &tone), (b, &tone)]);
    call.pass(2 * SECOND, &mut [(a, &silent), (b, &tone)]);
    call.pass(2 * SECOND, &mut [(a, &silent), (b, &silent)]);
    let (first, second) = (a.track, b.track);
    for port in [a.port, b.port] {
        call.ask(Command::ClosePort { port, end: None });
    }
    let (mut spoke, mut said) = (Vec::new(), Vec::new());
    for what in call.happened() {
        match what {
            Happening::SpeakerChanged { track, .. } => spoke.push(track),
            Happening::PortClosed { stats, .. } => said.extend(stats[0].speech),
            _ => {}
        }
    }
    assert_eq!(spoke, [first, second]);
    let near = |time: Nanos, ms: i64| ((time / MILLISECOND) as i64 - ms).abs() <= 350;
    let [a, b] = said[..] else {
        panic!("two tracks have ended")
    };
    assert!(
        near(a.talk, 4_000) && near(a.silence, 4_000) && near(a.overtalk, 1_000),
        "{a:?}"
    );
    assert!(
        near(b.talk, 3_000) && near(b.silence, 5_000) && near(b.overtalk, 1_000),
        "{b:?}"
    );
    assert!((a.level_dbov().unwrap() + 15.3).abs() < 0.5, "{a:?}"); // a sine of 8000
}

#[test]
fn a_column_is_the_same_in_whatever_order_it_was_made() {
    let voices: Column = vec![(TrackId(2), 1.0), (TrackId(1), 0.5)];
    assert_eq!(
        crate::bus::column(&voices),
        [(TrackId(1), 0.5), (TrackId(2), 1.0)]
    );
}
