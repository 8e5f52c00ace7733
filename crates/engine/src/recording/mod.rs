//! Recorded tracks: packets leave the worker through a ring and are written by a thread of their own, so that a slow
//! disk never holds up a call.

use std::path::Path;

use crate::clock::Nanos;
use crate::error::CoreError;
use crate::event::Segment;
use crate::prompt::BadMediaFile;

mod batch;
mod tape;
mod writer;

pub use tape::{Pull, Record, RecordCodec, Tape, TapeEnd};
pub use writer::{Control, Writer};

/// Complete a file that a crash left behind: cut a torn tail, pad to `end`.
pub fn repair(path: &Path, end: Nanos) -> Result<Segment, CoreError> {
    let bad = |error: std::io::Error| BadMediaFile {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let summary = mediaswitch_matroska::repair(path, end).map_err(bad)?;
    let file = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(writer::segment(file, &summary))
}
