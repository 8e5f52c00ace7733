//! The Python border of the media core: converts and decides nothing.

mod core;
mod errors;
mod events;
mod taps;
mod values;

use pyo3::prelude::*;

/// The compiled half of `mediaswitch.media`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::register(module)?;
    events::register(module)?;
    values::register(module)?;
    taps::register(module)?;
    module.add_function(wrap_pyfunction!(core::repair_track, module)?)?;
    module.add_class::<core::MediaCore>()
}
