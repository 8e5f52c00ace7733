//! The one place where the engine's errors become exceptions.

use mediaswitch_engine::CoreError as EngineError;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;

create_exception!(
    mediaswitch._core,
    CoreError,
    PyException,
    "Root of everything the core raises."
);
create_exception!(
    mediaswitch._core,
    CoreStopped,
    CoreError,
    "The core has been closed."
);
create_exception!(
    mediaswitch._core,
    Overloaded,
    CoreError,
    "No worker keeps up with what it has: no room for a new session."
);
create_exception!(
    mediaswitch._core,
    NoFreePort,
    CoreError,
    "Every even port of the RTP range is taken."
);
create_exception!(
    mediaswitch._core,
    UnknownPort,
    CoreError,
    "There is no such port, or not of the kind needed."
);
create_exception!(
    mediaswitch._core,
    UnknownTrack,
    CoreError,
    "There is no such track."
);
create_exception!(
    mediaswitch._core,
    DifferentSessions,
    CoreError,
    "The two ends belong to different sessions."
);
create_exception!(
    mediaswitch._core,
    BadOffer,
    CoreError,
    "The SDP offer cannot be answered."
);
create_exception!(
    mediaswitch._core,
    BadMediaFile,
    CoreError,
    "The file cannot be played or repaired."
);
create_exception!(
    mediaswitch._core,
    BadSetting,
    CoreError,
    "An argument makes no sense."
);

pub fn to_py_error(error: EngineError) -> PyErr {
    let words = error.to_string();
    match error {
        EngineError::Stopped => CoreStopped::new_err(words),
        EngineError::Overloaded => Overloaded::new_err(words),
        EngineError::NoFreePort => NoFreePort::new_err(words),
        EngineError::UnknownPort(_) => UnknownPort::new_err(words),
        EngineError::UnknownTrack(_) => UnknownTrack::new_err(words),
        EngineError::DifferentSessions(..) => DifferentSessions::new_err(words),
        EngineError::BadOffer(_) => BadOffer::new_err(words),
        EngineError::BadMediaFile(_) => BadMediaFile::new_err(words),
        EngineError::BadSetting(_) => BadSetting::new_err(words),
        EngineError::Io(error) => PyOSError::new_err(error),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CoreError", py.get_type::<CoreError>())?;
    module.add("CoreStopped", py.get_type::<CoreStopped>())?;
    module.add("Overloaded", py.get_type::<Overloaded>())?;
    module.add("NoFreePort", py.get_type::<NoFreePort>())?;
    module.add("UnknownPort", py.get_type::<UnknownPort>())?;
    module.add("UnknownTrack", py.get_type::<UnknownTrack>())?;
    module.add("DifferentSessions", py.get_type::<DifferentSessions>())?;
    module.add("BadOffer", py.get_type::<BadOffer>())?;
    module.add("BadMediaFile", py.get_type::<BadMediaFile>())?;
    module.add("BadSetting", py.get_type::<BadSetting>())
}
