//! Between relay and mix, at random instants within a tone: the listener's stream goes on, and so does the sound.

use super::*;
use crate::codec::MAX_SAMPLES;

const SWITCHES: u32 = 1_000;
const HZ: f64 = 400.0;
const AMPLITUDE: f64 = 8_000.0;

/// A tone in one codec, packet by packet.
struct Tone {
    encoder: Box<dyn crate::codec::Encoder>,
    rate: Rate,
    said: Vec<i16>,
}

impl Tone {
    fn new(codec: Codec) -> Tone {
        let rate = codec.rate();
        Tone {
            encoder: codec.encoder(rate),
            rate,
            said: Vec::new(),
        }
    }

    fn packet(&mut self) -> Vec<u8> {
        let begin = self.said.len();
        let step = HZ * std::f64::consts::TAU / f64::from(self.rate.hz());
        let sample = |n| ((n as f64 * step).sin() * AMPLITUDE) as i16;
        self.said
            .extend((begin..begin + self.rate.frame()).map(sample));
        let mut payload = vec![0; 1_275];
        let length = self.encoder.encode(&self.said[begin..], &mut payload);
        payload.truncate(length);
        payload
    }
}

/// Speak a tone to a listener while a silent third comes and goes, each time for 20 to 200 ms, both ways as often.
fn switched(codec: Codec) -> (Vec<Heard>, Tone) {
    let mut call = Call::new();
    let (mut speaker, listener) = (call.phone(codec), call.phone(codec));
    let third = call.phone(codec);
    call.connect(speaker.track, listener.port);
    let (mut random, mut tone) = (Random::with_seed(3), Tone::new(codec));
    let (mut left, mut due, mut mixes) = (SWITCHES, call.now + SECOND, false);
    let mut heard = Vec::new();
    while left > 0 || call.now < due + SECOND {
        if call.now % PTIME == 5 * MILLISECOND {
            let payload = tone.packet();
            call.speak(&mut speaker, &payload);
        }
        if call.now >= due && left > 0 {
            mixes = !mixes;
            if mixes {
                call.connect(third.track, listener.port);
            } else {
                call.disconnect(third.track, listener.port);
            }
            left -= 1;
            due = call.now + (20 + random.draw() % 180) * MILLISECOND;
        }
        call.worker.handle_time(call.now, &mut call.wire);
        call.now += MILLISECOND;
        heard.extend(call.heard_by(&listener));
    }
    (heard, tone)
}

/// No number is missed, and each packet begins where the one before ends.
fn assert_seamless(heard: &[Heard], ticks: u32) {
    for pair in heard.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert_eq!(step, ticks, "{pair:?}");
    }
}

fn decoded(codec: Codec, heard: &[Heard]) -> Vec<i16> {
    let mut decoder = codec.decoder(codec.rate());
    let mut samples = vec![0; MAX_SAMPLES];
    let mut all = Vec::new();
    for packet in heard {
        let count = decoder.decode(&packet.payload, &mut samples);
        all.extend(&samples[..count]);
    }
    all
}

fn largest_step(samples: &[i16]) -> f64 {
    let steps = samples
        .windows(2)
        .map(|w| i32::from(w[1]).abs_diff(i32::from(w[0])));
    f64::from(steps.max().unwrap_or(0))
}

#[test]
fn g711_is_heard_sample_by_sample_across_a_thousand_switches() {
    let (heard, tone) = switched(Codec::Pcmu);
    assert_seamless(&heard, 160);
    let said = Tone::new(Codec::Pcmu); // what G.711 leaves of the tone
    let (mut encoder, mut rounded) = (said.encoder, vec![0; tone.said.len()]);
    let mut codes = vec![0; tone.said.len()];
    encoder.encode(&tone.said, &mut codes);
    g711::decode(Codec::Pcmu, &codes, &mut rounded);
    let sound = decoded(Codec::Pcmu, &heard);
    let differs = sound
        .iter()
        .zip(&rounded)
        .position(|(heard, said)| heard != said);
    assert_eq!(differs, None, "of {} samples", sound.len());
    assert!(
        rounded.len() - sound.len() <= 3 * 160,
        "nothing is held back"
    );
    let largest = rounded
        .windows(2)
        .map(|w| i32::from(w[1]).abs_diff(i32::from(w[0])));
    assert_eq!(largest_step(&sound), f64::from(largest.max().unwrap_or(0)));
}

/// The same tone through the same codec for so long, never switched.
fn uninterrupted(codec: Codec, packets: usize) -> Vec<i16> {
    let (mut tone, mut decoder) = (Tone::new(codec), codec.decoder(codec.rate()));
    let (mut samples, mut all) = (vec![0; MAX_SAMPLES], Vec::new());
    for _ in 0..packets {
        let count = decoder.decode(&tone.packet(), &mut samples);
        all.extend(&samples[..count]);
    }
    all
}

#[test]
fn codecs_with_memory_go_on_close_to_the_tones_own_steps() {
    // The packets after a mix build on the sender's coder, from which ours has come off by some noise.
    for (codec, ticks, most) in [(Codec::G722, 160, 1.3), (Codec::Opus, 960, 1.4)] {
        let (heard, tone) = switched(codec);
        assert_seamless(&heard, ticks);
        let (sound, settled) = (decoded(codec, &heard), codec.rate().frame() * 20);
        let missing = tone.said.len() - sound.len();
        assert!(
            missing <= 3 * codec.rate().frame(),
            "{codec:?}: {missing} samples"
        );
        let own = largest_step(&uninterrupted(codec, 6_000)[settled..]);
        let largest = largest_step(&sound[settled..]) / own;
        println!("{codec:?}: largest step {largest:.2} times the tone's own");
        assert!(largest <= most, "{codec:?}: {largest:.2} times the tone's");
    }
}
