//! Why the core refuses.

use std::fmt;

use crate::id::{PortId, TrackId};
use crate::prompt::BadMediaFile;

#[derive(Debug)]
pub enum CoreError {
    /// The core has been closed.
    Stopped,
    /// No worker keeps up with what it has already.
    Overloaded,
    /// Every even port of the RTP range is taken.
    NoFreePort,
    /// There is no such port, or not of the kind that the call needs.
    UnknownPort(PortId),
    UnknownTrack(TrackId),
    /// The two ends of a crosspoint belong to different sessions.
    DifferentSessions(TrackId, PortId),
    BadOffer(String),
    BadMediaFile(BadMediaFile),
    BadSetting(String),
    Io(std::io::Error),
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoreError::Stopped => f.write_str("the media core is closed"),
            CoreError::Overloaded => f.write_str("the media core has no room for a new session"),
            CoreError::NoFreePort => f.write_str("every port of the RTP range is taken"),
            CoreError::UnknownPort(port) => write!(f, "no such port: {port}"),
            CoreError::UnknownTrack(track) => write!(f, "no such track: {track}"),
            CoreError::DifferentSessions(track, port) => {
                write!(
                    f,
                    "track {track} and port {port} belong to different sessions"
                )
            }
            CoreError::BadOffer(reason) | CoreError::BadSetting(reason) => f.write_str(reason),
            CoreError::BadMediaFile(bad) => bad.fmt(f),
            CoreError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CoreError {}

impl From<std::io::Error> for CoreError {
    fn from(error: std::io::Error) -> CoreError {
        CoreError::Io(error)
    }
}

impl From<BadMediaFile> for CoreError {
    fn from(bad: BadMediaFile) -> CoreError {
        CoreError::BadMediaFile(bad)
    }
}
