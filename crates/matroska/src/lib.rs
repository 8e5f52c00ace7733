//! Recorded tracks: each track of a session is one Matroska file, written as the packets came.
//!
//! A file is append-only while the call lasts (RFC 9559, unknown-size segment and clusters), so that whatever
//! reached the kernel before a crash stays readable. Nothing is transcoded. Audio is contiguous from the
//! session's start to its end: where no packet came, the codec's own silence is written, in a `BlockGroup`,
//! while media is always a `SimpleBlock`; hence a crashed file still tells its gaps.
//!
//! No threads, clocks or sockets: times come in as nanoseconds on the switch's one clock.

mod audio;
mod codec;
mod container;
mod ebml;
mod intake;
mod opus;
mod placement;
mod repair;
mod sequence;
mod summary;
mod timebase;
mod video;
mod vp8;
mod writer;

pub use codec::Codec;
pub use repair::repair;
pub use summary::Summary;
pub use writer::TrackWriter;
