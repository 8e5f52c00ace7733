//! What a packet of 20 ms costs to encode and to decode, in microseconds, and what Opus makes of its settings.
//!
//! `cargo run --release -p mediaswitch-engine --example codec_cost -- RATE < speech.raw`: signed 16-bit mono at RATE (8000,
//! 16000 or 48000). With `RATE BITRATE COMPLEXITY` Opus alone, what is heard of it on standard output at the same rate.

use std::io::{Read, Write};
use std::time::Instant;

use mediaswitch_engine::codec::{opus, Codec, Decoder, Encoder, Rate, MAX_PAYLOAD, MAX_SAMPLES};

fn main() {
    let numbers: Vec<i32> = std::env::args()
        .skip(1)
        .map(|word| word.parse().expect("a number"))
        .collect();
    let rate = Rate::ALL
        .into_iter()
        .find(|rate| rate.hz() as i32 == numbers[0])
        .expect("8000, 16000 or 48000");
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("samples");
    let samples: Vec<i16> = input
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    if let [_, bitrate, complexity] = numbers[..] {
        let encoder = Box::new(opus::Encoder::tuned(rate, bitrate, complexity));
        let heard = pass("opus", encoder, Codec::Opus.decoder(rate), rate, &samples);
        let bytes: Vec<u8> = heard
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        return std::io::stdout().write_all(&bytes).expect("it is taken");
    }
    for &codec in Codec::ALL {
        if codec.rate_for(rate) == rate {
            pass(
                codec.name(),
                codec.encoder(rate),
                codec.decoder(rate),
                rate,
                &samples,
            );
        }
    }
}

fn pass(
    name: &str,
    mut encoder: Box<dyn Encoder>,
    mut decoder: Box<dyn Decoder>,
    rate: Rate,
    samples: &[i16],
) -> Vec<i16> {
    let mut payload = [0; MAX_PAYLOAD];
    let mut decoded = vec![0; MAX_SAMPLES];
    let (mut heard, mut packets, mut bytes) = (Vec::new(), Vec::new(), 0);
    let start = Instant::now();
    for frame in samples.chunks_exact(rate.frame()) {
        let length = encoder.encode(frame, &mut payload);
        packets.push(payload[..length].to_vec());
        bytes += length;
    }
    let encoding = start.elapsed().as_secs_f64() * 1e6 / packets.len() as f64;
    let start = Instant::now();
    for packet in &packets {
        let count = decoder.decode(packet, &mut decoded);
        heard.extend(&decoded[..count]);
    }
    let decoding = start.elapsed().as_secs_f64() * 1e6 / packets.len() as f64;
    let kbits = bytes as f64 * 8.0 * 50.0 / packets.len() as f64 / 1e3;
    eprintln!(
        "{name:6} {rate:?}: encode {encoding:6.1} us, decode {decoding:6.1} us, {kbits:.1} kbit/s"
    );
    heard
}
