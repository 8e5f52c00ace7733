//! Taps and sources: PCM out of the core and into it, many frames a call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mediaswitch_engine::codec::Rate;
use mediaswitch_engine::port::source::SourceWriter;
use mediaswitch_engine::port::tap::TapReader;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::BadSetting;

/// Most frames of one `read`: a minute.
const MAX_FRAMES: usize = 3_000;

pub fn parse_rate(hz: u32) -> PyResult<Rate> {
    Rate::ALL
        .into_iter()
        .find(|rate| rate.hz() == hz)
        .ok_or_else(|| {
            BadSetting::new_err(format!("rate_hz must be 8000, 16000 or 48000, not {hz}"))
        })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frames that were read: 16-bit little-endian samples, and the instant of each 20 ms.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct TapFrames {
    pcm: Py<PyBytes>,
    at_ns: Vec<u64>,
}

/// What a port hears, as PCM.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct Tap {
    #[pyo3(get)]
    pub port: u64,
    pub reader: Mutex<TapReader>,
}

#[pymethods]
impl Tap {
    #[getter]
    fn rate_hz(&self) -> u32 {
        lock(&self.reader).rate().hz()
    }

    /// Frames that can be read now.
    #[getter]
    fn waiting(&self) -> usize {
        lock(&self.reader).waiting()
    }

    /// Frames lost so far because they were not read in time.
    #[getter]
    fn lost(&self) -> u64 {
        lock(&self.reader).lost()
    }

    /// Whether the port is closed; what waits can still be read.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.reader).is_closed()
    }

    /// Take up to `max_frames`, oldest first; never waits.
    #[pyo3(signature = (max_frames = 3_000))]
    fn read(&self, py: Python<'_>, max_frames: usize) -> TapFrames {
        let (mut pcm, mut at_ns) = (Vec::new(), Vec::new());
        lock(&self.reader).read(max_frames.min(MAX_FRAMES), &mut pcm, &mut at_ns);
        TapFrames {
            pcm: PyBytes::new(py, &pcm).unbind(),
            at_ns,
        }
    }
}

/// A track that plays what is written.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct Source {
    #[pyo3(get)]
    pub port: u64,
    #[pyo3(get)]
    pub track: u64,
    pub writer: Mutex<SourceWriter>,
}

#[pymethods]
impl Source {
    /// Write 16-bit little-endian samples; returns how many bytes were taken. Raises BadSetting for half a sample.
    fn write(&self, py: Python<'_>, pcm: &[u8]) -> PyResult<usize> {
        if !pcm.len().is_multiple_of(2) {
            return Err(BadSetting::new_err("pcm holds half a sample"));
        }
        let samples: Vec<i16> = pcm
            .chunks_exact(2)
            .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
            .collect();
        Ok(2 * py.detach(|| lock(&self.writer).write(&samples)))
    }

    /// How long what is written and not yet played lasts.
    #[getter]
    fn queued_ms(&self) -> usize {
        lock(&self.writer).queued_ms()
    }

    /// Whether the port is closed: nothing written will be heard.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.writer).is_closed()
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TapFrames>()?;
    module.add_class::<Tap>()?;
    module.add_class::<Source>()
}
