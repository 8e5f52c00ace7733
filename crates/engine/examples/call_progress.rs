//! What the core makes of recordings of calls: one line a file, with what is told and when.
//!
//! `call_progress FILE...`: WAV, PCM s16, mono, 8, 16 or 48 kHz, from the instant when the call was answered on.

use std::path::Path;
use std::sync::Arc;

use mediaswitch_engine::codec::{resample::Resampler, Rate};
use mediaswitch_engine::programme::Programme;
use mediaswitch_engine::progress::{NetworkTone, Progress, Signal};
use mediaswitch_engine::prompt;

/// After the end of the file the line is silent.
const SILENT_FRAMES: usize = 150;

fn network() -> Vec<NetworkTone> {
    let tone = |signal, hz: &[f32], cadence_ms: &[u32]| NetworkTone {
        signal,
        hz: hz.to_vec(),
        cadence_ms: cadence_ms.to_vec(),
    };
    vec![
        tone(Signal::RingBack, &[440.0, 480.0], &[2_000, 4_000]),
        tone(Signal::Busy, &[480.0, 620.0], &[500, 500]),
        tone(Signal::Congestion, &[480.0, 620.0], &[250, 250]),
    ]
}

fn told_of(path: &str) -> Result<String, Box<dyn std::error::Error>> {
    let file = prompt::load(Path::new(path)).map_err(|error| error.to_string())?;
    let programme = Programme::new(vec![Arc::new(file)], None);
    let mut converter = Resampler::new(programme.rate(), Rate::Narrow);
    let mut progress = Progress::new(network());
    progress.answered();
    let mut wide = vec![0; programme.rate().frame()];
    let mut frame = [0; Rate::Narrow.frame()];
    let mut told = String::new();
    for n in 0..programme.frames() + SILENT_FRAMES {
        programme.read(n, &mut wide);
        converter.process(&wide, &mut frame);
        for signal in progress.hear(&frame).into_iter().flatten() {
            told += &format!(" {}@{}", signal.name(), 20 * (n + 1));
        }
    }
    Ok(format!("{path} {}ms{told}", 20 * programme.frames()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        println!("{}", told_of(&path)?);
    }
    Ok(())
}
