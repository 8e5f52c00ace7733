//! What a player plays: PCM at 16 or 48 kHz, made ahead in the thread that asks for it.

use std::f64::consts::TAU;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::codec::{resample::Resampler, Rate};

/// Longest file that is taken: an hour.
const MAX_SECONDS: usize = 3_600;
/// A longer file of 48 kHz is kept at 16 kHz: it would take 5.8 MB a minute.
const MAX_FULL_SECONDS: usize = 600;
/// A tone fades in and out for this long, so that it does not click.
const FADE_MS: u32 = 5;
/// 0 dBm0 lies this far below a full-scale sine (ITU-T G.711, µ-law).
const FULL_SCALE_DBM0: f32 = 3.17;

/// Samples of one item; silence keeps none.
#[derive(Debug, PartialEq)]
pub enum Prompt {
    /// At `Rate::Wide`.
    Samples(Vec<i16>),
    /// At `Rate::Full`.
    Full(Vec<i16>),
    /// Its length at `Rate::Wide`.
    Silence(usize),
}

impl Prompt {
    /// What it has to be heard at; silence at any.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Prompt::Samples(_) => Some(Rate::Wide),
            Prompt::Full(_) => Some(Rate::Full),
            Prompt::Silence(_) => None,
        }
    }

    /// Samples in memory.
    pub fn kept(&self) -> usize {
        match self {
            Prompt::Samples(samples) | Prompt::Full(samples) => samples.len(),
            Prompt::Silence(_) => 0,
        }
    }

    /// Its length at `rate`, which is its own or, of silence, any.
    pub fn len_at(&self, rate: Rate) -> usize {
        match self {
            Prompt::Samples(samples) | Prompt::Full(samples) => samples.len(),
            Prompt::Silence(length) => length * (rate.hz() / Rate::Wide.hz()) as usize,
        }
    }

    /// As it is played among others at `rate`, 16 or 48 kHz.
    pub fn at(self: Arc<Prompt>, rate: Rate) -> Arc<Prompt> {
        match &*self {
            Prompt::Samples(samples) if rate == Rate::Full => {
                let full = convert(Rate::Wide, Rate::Full, samples.clone());
                Arc::new(Prompt::Full(full))
            }
            _ => self,
        }
    }

    /// Copy from `offset`, which together with `out` lies within.
    pub fn read(&self, offset: usize, out: &mut [i16]) {
        match self {
            Prompt::Samples(samples) | Prompt::Full(samples) => {
                out.copy_from_slice(&samples[offset..offset + out.len()]);
            }
            Prompt::Silence(_) => out.fill(0),
        }
    }
}

fn samples_of(duration_ms: u32) -> usize {
    Rate::Wide.hz() as usize / 1_000 * duration_ms as usize
}

pub fn silence(duration_ms: u32) -> Prompt {
    Prompt::Silence(samples_of(duration_ms))
}

/// A sum of equally strong sines, `level_dbm0` in all.
pub fn tone(hz: &[f32], duration_ms: u32, level_dbm0: f32) -> Prompt {
    let level_dbfs = level_dbm0 - FULL_SCALE_DBM0 - 10.0 * (hz.len().max(1) as f32).log10();
    let amplitude = 32_767.0 * 10f64.powf(f64::from(level_dbfs) / 20.0);
    let length = samples_of(duration_ms);
    let fade = samples_of(FADE_MS) as f64;
    let sample = |n: usize| {
        let edge = (n.min(length - 1 - n) as f64 / fade).min(1.0);
        let time = n as f64 / f64::from(Rate::Wide.hz());
        let sum: f64 = hz
            .iter()
            .map(|&hz| (TAU * f64::from(hz) * time).sin())
            .sum();
        (sum * amplitude * edge).clamp(-32_768.0, 32_767.0) as i16
    };
    Prompt::Samples((0..length).map(sample).collect())
}

/// Why a file cannot be played.
#[derive(Debug, PartialEq, Eq)]
pub struct BadMediaFile {
    pub path: String,
    pub reason: String,
}

impl fmt::Display for BadMediaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// Read a WAV file: PCM s16, mono, 8, 16 or 48 kHz.
pub fn load(path: &Path) -> Result<Prompt, BadMediaFile> {
    let bad = |reason: String| BadMediaFile {
        path: path.display().to_string(),
        reason,
    };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let (rate, samples) = parse_wav(&bytes).map_err(|reason| bad(reason.to_string()))?;
    if rate == Rate::Full && samples.len() <= MAX_FULL_SECONDS * rate.hz() as usize {
        return Ok(Prompt::Full(samples));
    }
    Ok(Prompt::Samples(convert(rate, Rate::Wide, samples)))
}

fn parse_wav(bytes: &[u8]) -> Result<(Rate, Vec<i16>), &'static str> {
    if bytes.len() < 12 || &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err("not a WAV file");
    }
    let mut rate = None;
    let mut rest = &bytes[12..];
    while let Some((header, body)) = rest.split_at_checked(8) {
        let stated = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let length = stated.min(body.len()); // writers that stream leave the length open
        match &header[..4] {
            b"fmt " => rate = Some(parse_format(&body[..length])?),
            b"data" => {
                let rate = rate.ok_or("the samples come before their format")?;
                return samples(rate, &body[..length]);
            }
            _ => {}
        }
        rest = body.get(length + length % 2..).unwrap_or(&[]);
    }
    Err("no samples in the file")
}

fn parse_format(format: &[u8]) -> Result<Rate, &'static str> {
    let word = |at: usize| {
        format
            .get(at..at + 2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
    };
    let extensible = word(0) == Some(0xFFFE);
    let kind = if extensible { word(24) } else { word(0) };
    if kind != Some(1) || word(14) != Some(16) {
        return Err("not 16-bit PCM");
    }
    if word(2) != Some(1) {
        return Err("not mono");
    }
    let hz = u32::from(word(4).unwrap_or(0)) | u32::from(word(6).unwrap_or(0)) << 16;
    Rate::ALL
        .into_iter()
        .find(|rate| rate.hz() == hz)
        .ok_or("the rate is not 8, 16 or 48 kHz")
}

fn samples(rate: Rate, data: &[u8]) -> Result<(Rate, Vec<i16>), &'static str> {
    if data.len() / 2 > MAX_SECONDS * rate.hz() as usize {
        return Err("longer than an hour");
    }
    Ok((
        rate,
        data.chunks_exact(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]))
            .collect(),
    ))
}

fn convert(from: Rate, to: Rate, samples: Vec<i16>) -> Vec<i16> {
    if from == to {
        return samples;
    }
    let mut resampler = Resampler::new(from, to);
    let frames = samples.len().div_ceil(from.frame());
    let mut converted = vec![0; frames * to.frame()];
    let mut input = vec![0; from.frame()];
    for (chunk, output) in samples
        .chunks(from.frame())
        .zip(converted.chunks_exact_mut(to.frame()))
    {
        input[..chunk.len()].copy_from_slice(chunk);
        input[chunk.len()..].fill(0);
        resampler.process(&input, output);
    }
    converted.truncate((samples.len() as u64 * u64::from(to.hz()) / u64::from(from.hz())) as usize);
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, channels: u16, bits: u16, data: &[i16]) -> Vec<u8> {
        let body: Vec<u8> = data.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
        out.extend(channels.to_le_bytes());
        out.extend(rate.to_le_bytes());
        out.extend((rate * 2).to_le_bytes());
        out.extend(2u16.to_le_bytes());
        out.extend(bits.to_le_bytes());
        out.extend(b"LIST\x03\0\0\0odd\0data"); // an odd chunk is padded
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn a_wav_file_is_read_whole_and_lasts_as_long_at_16_khz() {
        for rate in [8_000, 16_000, 48_000] {
            let (rate, samples) =
                parse_wav(&wav(rate, 1, 16, &vec![1_000; rate as usize])).unwrap();
            let wide = convert(rate, Rate::Wide, samples);
            assert_eq!(wide.len(), 16_000);
            assert!((wide[8_000] - 1_000).abs() < 5, "{rate:?}: {}", wide[8_000]);
        }
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        assert_eq!(parse_wav(b"ID3"), Err("not a WAV file"));
        assert_eq!(
            parse_wav(&wav(44_100, 1, 16, &[0])),
            Err("the rate is not 8, 16 or 48 kHz")
        );
        assert_eq!(parse_wav(&wav(8_000, 2, 16, &[0])), Err("not mono"));
        assert_eq!(parse_wav(&wav(8_000, 1, 8, &[0])), Err("not 16-bit PCM"));
        assert_eq!(
            parse_wav(&wav(8_000, 1, 16, &[])[..40]),
            Err("no samples in the file")
        );
        let missing = load(Path::new("/nowhere/prompt.wav")).unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere/prompt.wav: "));
    }

    #[test]
    fn a_tone_has_the_level_asked_for_however_many_sines() {
        for hz in [vec![440.0], vec![350.0, 440.0]] {
            let Prompt::Samples(samples) = tone(&hz, 1_000, -10.0) else {
                panic!("a tone has samples")
            };
            let level = crate::codec::level_dbov(&samples) + 3.01; // a sine lies 3 dB below a square wave
            assert!(
                (level - (-10.0 - FULL_SCALE_DBM0)).abs() < 0.2,
                "{hz:?}: {level}"
            );
            assert_eq!((samples[0], samples[15_999]), (0, 0));
        }
    }
}
