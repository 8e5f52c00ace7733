//! L16 (RFC 3551 §4.5.11): 16-bit samples in network byte order, mono.

use super::{Decoder, Encoder, Format, Rate};
use crate::quality::Coding;

pub static L16_16000: Format = Format {
    rates: &[Rate::Wide],
    coding: Coding::WIDEBAND,
    clock_rate: 16_000,
    packets_ms: &[10, 20, 30, 40], // 60 ms would not fit a datagram
    ..L16_8000
};

pub static L16_8000: Format = Format {
    name: "L16",
    clock_rate: 8_000,
    payload_type: None, // the static ones are at 44.1 kHz
    webrtc: None,
    rates: &[Rate::Narrow],
    coding: Coding::NARROWBAND,
    packets_ms: &[10, 20, 30, 40, 50, 60],
    duration: |payload| payload.len() as u32 / 2,
    peek: Some(decode),
    decoder: |_| Box::new(L16),
    encoder: |_| Box::new(L16),
};

struct L16;

fn decode(payload: &[u8], samples: &mut [i16]) -> usize {
    for (sample, bytes) in samples.iter_mut().zip(payload.chunks_exact(2)) {
        *sample = i16::from_be_bytes([bytes[0], bytes[1]]);
    }
    samples.len().min(payload.len() / 2)
}

impl Decoder for L16 {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        decode(payload, samples)
    }
}

impl Encoder for L16 {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        for (bytes, sample) in payload.chunks_exact_mut(2).zip(samples) {
            bytes.copy_from_slice(&sample.to_be_bytes());
        }
        2 * samples.len().min(payload.len() / 2)
    }

    fn fork(&self) -> Box<dyn Encoder> {
        Box::new(L16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_travel_in_network_byte_order_and_a_lone_byte_is_ignored() {
        let mut payload = [0; 6];
        assert_eq!(L16.encode(&[1, -2, 0x1234], &mut payload), 6);
        assert_eq!(payload, [0, 1, 0xFF, 0xFE, 0x12, 0x34]);
        let mut samples = [0; 3];
        assert_eq!(L16.decode(&payload[..5], &mut samples), 2);
        assert_eq!(samples, [1, -2, 0]);
    }
}
