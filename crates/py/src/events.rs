//! Events as frozen Python classes, one for each thing that happens.

use mediaswitch_engine::event::{Event, Happening};
use pyo3::prelude::*;

use crate::values::TrackStats;

/// Something happened in the core at `at_ns`.
#[pyclass(module = "mediaswitch._core", frozen, subclass, get_all)]
pub struct CoreEvent {
    at_ns: u64,
}

macro_rules! event {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[pyclass(module = "mediaswitch._core", frozen, get_all, extends = CoreEvent)]
        pub struct $name {
            $($field: $kind,)*
        }

        #[pymethods]
        impl $name {
            #[new]
            #[allow(clippy::too_many_arguments)] // an event's fields, each by its name
            #[pyo3(signature = (*, $($field,)* at_ns))]
            fn new($($field: $kind,)* at_ns: u64) -> PyClassInitializer<Self> {
                PyClassInitializer::from(CoreEvent { at_ns }).add_subclass($name { $($field,)* })
            }

            fn __repr__(slf: PyRef<'_, Self>) -> PyResult<String> {
                let py = slf.py();
                let mut fields = Vec::new();
                $(fields.push(format!("{}={}", stringify!($field), (&slf.$field).into_pyobject(py)?.repr()?));)*
                fields.push(format!("at_ns={}", slf.as_super().at_ns));
                Ok(format!("{}({})", stringify!($name), fields.join(", ")))
            }
        }
    };
}

event!(
    /// A WebRTC port's ICE and DTLS are done.
    PortConnected { port: u64 }
);
event!(
    /// A WebRTC port could not connect; the port stays until closed.
    PortFailed { port: u64, reason: String }
);
event!(
    /// A connected WebRTC peer closed or fell silent; the port stays until closed.
    PortGone { port: u64 }
);
event!(
    /// A leg's port was closed; what passed on each of its tracks.
    PortClosed { port: u64, stats: Vec<Py<TrackStats>> }
);
event!(
    /// The first packet of a track, or the first after MediaStopped.
    MediaStarted { track: u64 }
);
event!(
    /// Two seconds without a packet of a track that had started.
    MediaStopped { track: u64 }
);
event!(
    /// Nothing came on a port that should receive; once, until packets come again.
    MediaTimeout { port: u64 }
);
event!(
    /// Another voice of its session is the one to look at.
    SpeakerChanged { track: u64, level_dbov: f32 }
);
event!(
    /// A key press is over, by telephone-event (RFC 4733) or by tone; each counts once.
    Digit { port: u64, digit: String, duration_ms: u32 }
);
event!(
    /// The first frame of a play is heard.
    PlayStarted { port: u64, play_id: u64 }
);
event!(
    /// Where a play stands.
    PlayPosition { port: u64, play_id: u64, position_ms: u64 }
);
event!(
    /// A play is over.
    PlayFinished { port: u64, play_id: u64, outcome: String, position_ms: u64 }
);
event!(
    /// How a call goes that we make, or who answered it.
    CallProgress { track: u64, signal: String }
);
event!(
    /// Text from the peer's data channel.
    DataMessage { port: u64, label: String, text: String }
);
event!(
    /// A recorded file is complete on disk.
    SegmentClosed {
        recorder: u64,
        track: u64,
        file: String,
        codec: String,
        start_ns: u64,
        end_ns: u64,
        first_media_ns: Option<u64>,
        packets: u64,
        lost: Option<u64>,
        gaps: Vec<(u64, u64)>,
        width: Option<u32>,
        height: Option<u32>,
    }
);
event!(
    /// A file could not be written any further; calls go on.
    RecorderFailed { recorder: u64, track: u64, reason: String }
);
event!(
    /// Every SegmentClosed of this recorder has been given out.
    RecorderClosed { recorder: u64 }
);
event!(
    /// Frames wait in a tap.
    FramesReady { tap: u64 }
);

event!(
    /// A worker gives up more to keep up, or less: "calm", "refusing", "thinning", "bare".
    StageChanged { worker: usize, stage: String }
);

fn made<T>(py: Python<'_>, event: PyClassInitializer<T>) -> PyResult<Py<PyAny>>
where
    T: pyo3::PyClass<BaseType = CoreEvent>,
{
    Ok(Py::new(py, event)?.into_any())
}

pub fn to_py(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    let at = event.at;
    match event.what {
        Happening::PortConnected { port } => made(py, PortConnected::new(port.0, at)),
        Happening::PortFailed { port, reason } => made(py, PortFailed::new(port.0, reason, at)),
        Happening::PortGone { port } => made(py, PortGone::new(port.0, at)),
        Happening::PortClosed { port, stats } => {
            let stats = stats
                .into_iter()
                .map(|stats| Py::new(py, TrackStats::from(stats)));
            made(
                py,
                PortClosed::new(port.0, stats.collect::<PyResult<_>>()?, at),
            )
        }
        Happening::MediaStarted { track } => made(py, MediaStarted::new(track.0, at)),
        Happening::MediaStopped { track } => made(py, MediaStopped::new(track.0, at)),
        Happening::MediaTimeout { port } => made(py, MediaTimeout::new(port.0, at)),
        Happening::SpeakerChanged { track, level_dbov } => {
            made(py, SpeakerChanged::new(track.0, level_dbov, at))
        }
        Happening::Digit {
            port,
            digit,
            duration_ms,
        } => made(py, Digit::new(port.0, digit.to_string(), duration_ms, at)),
        Happening::PlayStarted { port, play_id } => made(py, PlayStarted::new(port.0, play_id, at)),
        Happening::PlayPosition {
            port,
            play_id,
            position_ms,
        } => made(py, PlayPosition::new(port.0, play_id, position_ms, at)),
        Happening::PlayFinished {
            port,
            play_id,
            outcome,
            position_ms,
        } => {
            let outcome = outcome.name().to_string();
            let event = PlayFinished::new(port.0, play_id, outcome, position_ms, at);
            made(py, event)
        }
        Happening::CallProgress { track, signal } => {
            let signal = signal.name().to_string();
            made(py, CallProgress::new(track.0, signal, at))
        }
        Happening::DataMessage { port, label, text } => {
            made(py, DataMessage::new(port.0, label, text, at))
        }
        Happening::SegmentClosed {
            recorder,
            track,
            segment: s,
        } => made(
            py,
            SegmentClosed::new(
                recorder.0,
                track.0,
                s.file,
                s.codec,
                s.start_ns,
                s.end_ns,
                s.first_media_ns,
                s.packets,
                s.lost,
                s.gaps,
                s.width,
                s.height,
                at,
            ),
        ),
        Happening::RecorderFailed {
            recorder,
            track,
            reason,
        } => made(py, RecorderFailed::new(recorder.0, track.0, reason, at)),
        Happening::FramesReady { tap } => made(py, FramesReady::new(tap.0, at)),
        Happening::StageChanged { worker, stage } => {
            made(py, StageChanged::new(worker, stage.name().to_string(), at))
        }
        Happening::RecorderClosed { recorder } => made(py, RecorderClosed::new(recorder.0, at)),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CoreEvent>()?;
    module.add_class::<PortConnected>()?;
    module.add_class::<PortFailed>()?;
    module.add_class::<PortGone>()?;
    module.add_class::<PortClosed>()?;
    module.add_class::<MediaStarted>()?;
    module.add_class::<MediaStopped>()?;
    module.add_class::<MediaTimeout>()?;
    module.add_class::<SpeakerChanged>()?;
    module.add_class::<Digit>()?;
    module.add_class::<PlayStarted>()?;
    module.add_class::<PlayPosition>()?;
    module.add_class::<PlayFinished>()?;
    module.add_class::<CallProgress>()?;
    module.add_class::<DataMessage>()?;
    module.add_class::<SegmentClosed>()?;
    module.add_class::<RecorderFailed>()?;
    module.add_class::<RecorderClosed>()?;
    module.add_class::<FramesReady>()?;
    module.add_class::<StageChanged>()
}
