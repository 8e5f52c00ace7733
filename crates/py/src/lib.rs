//! The Python border of the media core: converts and decides nothing.

use pyo3::prelude::*;

/// The compiled half of `mediaswitch.media`.
#[pymodule]
fn _core(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
