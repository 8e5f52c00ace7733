//! Opus (RFC 6716, RFC 7587) by libopus: mono, voice.

use std::ffi::c_int;
use std::ptr::NonNull;

use opusic_sys as sys;

use super::{Format, Rate};
use crate::quality::Coding;

pub static OPUS: Format = Format {
    name: "opus",
    clock_rate: 48_000,
    payload_type: None,
    webrtc: Some(webrtc::AudioCodec::Opus),
    rates: &Rate::ALL,
    coding: Coding::WIDEBAND,
    packets_ms: &[10, 20, 40, 60],
    duration,
    peek: None,
    decoder: |rate| Box::new(Decoder::at(rate)),
    encoder: |rate| Box::new(Encoder::new(rate)),
};

/// Longest packet we send or keep; RFC 6716 allows more, voice at our bit rates is far below.
pub const MAX_PACKET: usize = 1_275;
const BITRATE: c_int = 32_000;
const COMPLEXITY: c_int = 5;
/// For 8 kHz audio, by `examples/codec_cost.rs`: 23 us a packet and PESQ 4.44 (narrowband, against what goes in), where
/// complexity 5 takes 77 us for 4.32, and 75 us at 32 kbit/s for 4.45.
const NARROW_BITRATE: c_int = 24_000;
const NARROW_COMPLEXITY: c_int = 1;
/// What in-band FEC prepares for; above 0 the encoder spends bits on it.
const EXPECTED_LOSS_PERCENT: c_int = 5;

/// How long a packet sounds, in 48 kHz ticks; 0 if it is not valid. RFC 6716 §3.1.
pub fn duration(packet: &[u8]) -> u32 {
    let Some(&toc) = packet.first() else { return 0 };
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u32::from(count & 0x3F)),
    };
    let ticks = frame * frames;
    if ticks > 5_760 {
        return 0; // more than 120 ms
    }
    ticks
}

pub struct Encoder {
    state: NonNull<sys::OpusEncoder>,
    rate: Rate,
    /// The next packet is to be decoded without those before.
    begins_anew: bool,
}

// SAFETY: libopus keeps no thread-local state; an encoder is used by one thread at a time.
unsafe impl Send for Encoder {}

impl Encoder {
    pub fn new(rate: Rate) -> Encoder {
        match rate {
            Rate::Narrow => Encoder::tuned(rate, NARROW_BITRATE, NARROW_COMPLEXITY),
            Rate::Wide | Rate::Full => Encoder::tuned(rate, BITRATE, COMPLEXITY),
        }
    }

    fn bare(rate: Rate) -> Encoder {
        let mut error = 0;
        // SAFETY: a supported rate and channel count; `error` outlives the call.
        let state = unsafe {
            sys::opus_encoder_create(rate.hz() as i32, 1, sys::OPUS_APPLICATION_VOIP, &mut error)
        };
        let state = NonNull::new(state).expect("libopus has memory for an encoder");
        Encoder {
            state,
            rate,
            begins_anew: false,
        }
    }

    /// `bitrate` in bit/s; `complexity`: 0 to 10, what may be spent on finding the best.
    pub fn tuned(rate: Rate, bitrate: i32, complexity: i32) -> Encoder {
        let mut encoder = Encoder::bare(rate);
        encoder.set(sys::OPUS_SET_BITRATE_REQUEST, bitrate);
        encoder.set(sys::OPUS_SET_COMPLEXITY_REQUEST, complexity);
        encoder.set(sys::OPUS_SET_INBAND_FEC_REQUEST, 1);
        encoder.set(
            sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
            EXPECTED_LOSS_PERCENT,
        );
        encoder
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    fn set(&mut self, request: c_int, value: c_int) {
        // SAFETY: `state` is a live encoder, and every request this is called with takes one int.
        unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), request, value) };
    }

    /// Samples by which what is decoded lags behind what was encoded.
    pub fn lookahead(&self) -> usize {
        let mut samples: c_int = 0;
        // SAFETY: `state` is a live encoder; this request writes one int, which outlives the call.
        unsafe {
            sys::opus_encoder_ctl(
                self.state.as_ptr(),
                sys::OPUS_GET_LOOKAHEAD_REQUEST,
                &mut samples,
            )
        };
        usize::try_from(samples).unwrap_or(0)
    }

    /// Encode 10, 20, 40 or 60 ms at this encoder's rate; returns the packet's length.
    pub fn encode(&mut self, samples: &[i16], packet: &mut [u8]) -> usize {
        if !self.begins_anew {
            return self.call(samples, packet);
        }
        self.begins_anew = false;
        self.set(sys::OPUS_SET_PREDICTION_DISABLED_REQUEST, 1);
        let length = self.call(samples, packet);
        self.set(sys::OPUS_SET_PREDICTION_DISABLED_REQUEST, 0);
        length
    }

    fn call(&mut self, samples: &[i16], packet: &mut [u8]) -> usize {
        // SAFETY: pointers and lengths come from the slices; libopus checks the frame size.
        let length = unsafe {
            sys::opus_encode(
                self.state.as_ptr(),
                samples.as_ptr(),
                samples.len() as c_int,
                packet.as_mut_ptr(),
                packet.len() as i32,
            )
        };
        usize::try_from(length).unwrap_or(0)
    }
}

impl super::Encoder for Encoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        Encoder::encode(self, samples, payload)
    }

    fn fork(&self) -> Box<dyn super::Encoder> {
        let mut copy = Encoder::bare(self.rate);
        // SAFETY: both are encoders of one channel, so of this size, and apart; a shallow copy of one is one (opus.h).
        unsafe {
            let size = sys::opus_encoder_get_size(1) as usize;
            let (from, to) = (self.state.as_ptr(), copy.state.as_ptr());
            std::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), size);
        }
        copy.begins_anew = self.begins_anew;
        Box::new(copy)
    }

    fn begin_anew(&mut self) {
        self.begins_anew = true;
    }

    fn lookahead(&self) -> usize {
        Encoder::lookahead(self)
    }

    fn follow(&mut self, _decoder: &dyn super::Decoder) {
        self.begins_anew = true;
    }

    fn expect_loss(&mut self, percent: u8) {
        let percent = c_int::from(percent.min(100)).max(EXPECTED_LOSS_PERCENT);
        self.set(sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST, percent);
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_encoder_create, destroyed once.
        unsafe { sys::opus_encoder_destroy(self.state.as_ptr()) }
    }
}

pub struct Decoder {
    state: NonNull<sys::OpusDecoder>,
}

// SAFETY: as for the encoder.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Longest packet, in samples: 120 ms at 48 kHz.
    pub const MAX_SAMPLES: usize = 5_760;

    /// Decodes to 48 kHz mono.
    pub fn new() -> Decoder {
        Decoder::at(Rate::Full)
    }

    /// Decodes to mono at `rate`.
    pub fn at(rate: Rate) -> Decoder {
        let mut error = 0;
        // SAFETY: a supported rate and channel count; `error` outlives the call.
        let state = unsafe { sys::opus_decoder_create(rate.hz() as i32, 1, &mut error) };
        Decoder {
            state: NonNull::new(state).expect("libopus has memory for a decoder"),
        }
    }

    /// Decode a packet; returns the samples written, 0 if it was not valid.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> usize {
        self.call(packet, samples, false)
    }

    /// Rebuild the packet before `next` from the copy that `next` may carry; 0 if it carries none.
    pub fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> usize {
        // SAFETY: pointer and length come from the slice.
        let has_copy = unsafe { sys::opus_packet_has_lbrr(next.as_ptr(), next.len() as i32) };
        if next.is_empty() || has_copy != 1 {
            return 0;
        }
        self.call(next, samples, true)
    }

    /// Guess on from what was heard; fills `samples` (a multiple of 2.5 ms).
    pub fn conceal(&mut self, samples: &mut [i16]) -> usize {
        self.call(&[], samples, false)
    }

    fn call(&mut self, packet: &[u8], samples: &mut [i16], fec: bool) -> usize {
        let data = if packet.is_empty() {
            std::ptr::null()
        } else {
            packet.as_ptr()
        };
        // SAFETY: pointers and lengths come from the slices; a null packet asks for concealment.
        let count = unsafe {
            sys::opus_decode(
                self.state.as_ptr(),
                data,
                packet.len() as i32,
                samples.as_mut_ptr(),
                samples.len() as c_int,
                c_int::from(fec),
            )
        };
        usize::try_from(count).unwrap_or(0)
    }
}

impl super::Decoder for Decoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        Decoder::decode(self, payload, samples)
    }

    fn conceal(&mut self, samples: &mut [i16]) -> usize {
        Decoder::conceal(self, samples)
    }

    fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> usize {
        Decoder::recover(self, next, samples)
    }
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_decoder_create, destroyed once.
        unsafe { sys::opus_decoder_destroy(self.state.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_contents_byte() {
        assert_eq!(duration(&[]), 0);
        assert_eq!(duration(&[0xF8, 0xFF, 0xFE]), 960); // CELT fullband, 20 ms, one frame
        assert_eq!(duration(&[1 << 3, 0]), 960); // SILK narrowband 20 ms
        assert_eq!(duration(&[(3 << 3) | 1, 0]), 5_760); // two frames of 60 ms
        assert_eq!(duration(&[(3 << 3) | 3, 3]), 0); // three of them: too long
        assert_eq!(duration(&[0xFB]), 0); // the frame count is missing
    }

    #[test]
    fn a_tone_survives_encoding_and_decoding() {
        for rate in Rate::ALL {
            let mut encoder = Encoder::new(rate);
            let mut decoder = Decoder::new();
            let mut energy = 0.0;
            for frame in 0..20 {
                let samples: Vec<i16> = (0..rate.frame())
                    .map(|n| (frame * rate.frame() + n) as f64 / f64::from(rate.hz()))
                    .map(|t| ((t * 1_000.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16)
                    .collect();
                let mut packet = [0; MAX_PACKET];
                let length = encoder.encode(&samples, &mut packet);
                assert_eq!(duration(&packet[..length]), 960);
                let mut decoded = [0; Decoder::MAX_SAMPLES];
                assert_eq!(decoder.decode(&packet[..length], &mut decoded), 960);
                energy = decoded[..960]
                    .iter()
                    .map(|&s| f64::from(s).powi(2))
                    .sum::<f64>()
                    / 960.0;
            }
            assert!(
                (energy.sqrt() / 5_657.0 - 1.0).abs() < 0.2,
                "{rate:?}: {}",
                energy.sqrt()
            );
        }
    }

    #[test]
    fn rubbish_decodes_to_nothing_or_something_but_never_panics() {
        let mut decoder = Decoder::new();
        let mut samples = [0; Decoder::MAX_SAMPLES];
        for length in 0..64usize {
            let packet: Vec<u8> = (0..length).map(|n| (n * 37 + length * 101) as u8).collect();
            assert!(decoder.decode(&packet, &mut samples) <= Decoder::MAX_SAMPLES);
        }
    }
}
