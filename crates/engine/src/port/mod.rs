//! Ports: the core's end of a leg, a player, a source, a recorder or a tap.

pub mod audio_out;
mod guard;
pub mod player;
pub mod rtp;
pub mod source;
pub mod tap;
pub mod webrtc;

use self::audio_out::{AudioOut, OutAudio};
use self::player::PlayerPort;
use self::rtp::RtpPort;
use self::tap::TapPort;
use self::webrtc::WebRtcPort;
use crate::clock::Nanos;
use crate::id::SessionId;
use crate::io::MediaIo;

pub struct Port {
    pub session: SessionId,
    pub kind: PortKind,
}

pub enum PortKind {
    Rtp(Box<RtpPort>),
    WebRtc(Box<WebRtcPort>),
    Player(Box<PlayerPort>),
    Recorder,
    Tap(Box<TapPort>),
}

impl Port {
    /// Its outgoing audio, if it has any.
    pub fn audio_out(&mut self) -> Option<&mut AudioOut> {
        match &mut self.kind {
            PortKind::Rtp(port) => Some(&mut port.out),
            PortKind::WebRtc(port) => Some(&mut port.audio),
            PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_) => None,
        }
    }
}

impl PortKind {
    /// Send a packet placed by `audio_out`. True if it waits in a WebRTC leg to be polled.
    pub fn send(&mut self, audio: &OutAudio<'_>, now: Nanos, io: &mut dyn MediaIo) -> bool {
        match self {
            PortKind::Rtp(port) => port.send(audio, io),
            PortKind::WebRtc(port) => port.send(audio, now),
            PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_) => {}
        }
        matches!(self, PortKind::WebRtc(_))
    }
}
