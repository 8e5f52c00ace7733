//! What the control plane asks of a worker.

use std::sync::mpsc::SyncSender;
use std::sync::Arc;

use crate::clock::Nanos;
use crate::id::{PortId, SessionId, TrackId};
use crate::matrix::Crosspoint;
use crate::port::rtp::RtpConfig;
use crate::prompt::Prompt;
use crate::stats::TrackStats;

/// What a player plays, prepared ahead.
#[derive(Clone, Debug)]
pub struct Play {
    pub id: u64,
    pub items: Vec<Arc<Prompt>>,
    pub looped: bool,
}

pub enum Command {
    OpenRtp { port: PortId, track: TrackId, session: SessionId, allow_latch: bool },
    ConfigureRtp { port: PortId, config: RtpConfig },
    OpenPlayer { port: PortId, track: TrackId, session: SessionId },
    Play { port: PortId, play: Play },
    StopPlaying { port: PortId },
    Connect(Crosspoint),
    Disconnect { source: TrackId, destination: PortId },
    /// `end`: a recorder's files are padded to it.
    ClosePort { port: PortId, end: Option<Nanos> },
    Stats { port: PortId, reply: SyncSender<Vec<TrackStats>> },
}
