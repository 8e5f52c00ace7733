//! Payloads of sound in every codec: decoders and the playout take any at any time, and make whole frames of them.
#![no_main]

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::clock::MILLISECOND;
use mediaswitch_engine::codec::{Codec, Rate, MAX_SAMPLES};
use mediaswitch_engine::dtmf::events::{EventPacket, TelephoneEvents};
use mediaswitch_engine::jitter::Playout;

/// A tenth of a second without packets, and other times between frames.
const PAUSES_MS: [u64; 4] = [0, 20, 20, 100];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let codec = Codec::ALL[usize::from(input.byte()) % Codec::ALL.len()];
    decode(codec, Input(input.0));
    let (mut playout, mut events) = (Playout::new(codec), TelephoneEvents::default());
    let (mut now, mut timestamp) = (1_000 * MILLISECOND, input.long());
    let mut frame = [0; Rate::MAX_FRAME];
    while !input.is_empty() {
        let (what, payload) = (input.byte(), input.bytes(1_500));
        match what & 7 {
            0 => timestamp = input.long(),
            1 => timestamp = timestamp.wrapping_sub(u32::from(input.word())),
            _ => timestamp = timestamp.wrapping_add(codec.duration(payload)),
        }
        let ssrc = u32::from(what >> 7);
        match what >> 3 & 3 {
            0 => playout.push_noise(ssrc, timestamp, payload, now),
            1 => {
                let packet = EventPacket {
                    ssrc,
                    timestamp,
                    marker: what & 4 != 0,
                    payload,
                    rate: 8_000,
                };
                events.receive(&packet, now);
            }
            _ => playout.push(codec, ssrc, timestamp, payload, now),
        }
        for _ in 0..PAUSES_MS[usize::from(what >> 5 & 3)] / 20 {
            now += 20 * MILLISECOND;
            playout.pull(now, &mut frame[..playout.rate().frame()]);
            events.handle_timeout(now);
        }
    }
});

fn decode(codec: Codec, mut input: Input<'_>) {
    for &rate in codec.format().rates {
        let mut decoder = codec.decoder(rate);
        let mut samples = [0; MAX_SAMPLES];
        let payload = input.bytes(1_500);
        assert!(decoder.decode(payload, &mut samples) <= MAX_SAMPLES);
        assert!(decoder.recover(payload, &mut samples[..rate.frame()]) <= rate.frame());
        assert!(decoder.conceal(&mut samples[..rate.frame()]) <= rate.frame());
        if let Some(peek) = codec.format().peek {
            assert!(peek(payload, &mut samples) <= MAX_SAMPLES);
        }
        assert!(codec.duration(payload) <= 65_535);
    }
}
