//! Ports: the core's end of a leg, a player or a recorder.

pub mod audio_out;
pub mod player;
pub mod rtp;

use crate::clock::Nanos;
use crate::id::SessionId;
use audio_out::AudioOut;
use player::PlayerPort;
use rtp::RtpPort;

pub struct Port {
    pub session: SessionId,
    pub kind: PortKind,
}

pub enum PortKind {
    Rtp(Box<RtpPort>),
    Player(Box<PlayerPort>),
}

impl Port {
    /// Its outgoing audio, if it has any.
    pub fn audio_out(&mut self) -> Option<&mut AudioOut> {
        match &mut self.kind {
            PortKind::Rtp(port) => Some(&mut port.out),
            PortKind::Player(_) => None,
        }
    }
}

/// When nothing is due.
pub const NEVER: Nanos = Nanos::MAX;
