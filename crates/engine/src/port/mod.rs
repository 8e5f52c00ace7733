//! Ports: the core's end of a leg, a player, a source, a recorder or a tap.

pub mod audio_out;
mod guard;
mod latch;
pub mod player;
pub mod rtp;
pub mod setup;
pub mod source;
pub mod tap;
pub mod webrtc;

use self::audio_out::{AudioOut, OutAudio, Plan};
use self::player::PlayerPort;
use self::rtp::RtpPort;
use self::tap::TapPort;
use self::webrtc::WebRtcPort;
use crate::clock::Nanos;
use crate::codec::MAX_PAYLOAD;
use crate::dtmf::Moment;
use crate::id::{SessionId, TrackId};
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
    /// The voice of its peer.
    pub fn audio_track(&self) -> Option<TrackId> {
        match self {
            PortKind::Rtp(port) => Some(port.track),
            PortKind::WebRtc(port) => port.audio_track(),
            PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_) => None,
        }
    }

    /// Whether its peer is sent a mix.
    pub fn mixes(&self) -> bool {
        match self {
            PortKind::Rtp(port) => port.out.plan == Plan::Mix,
            PortKind::WebRtc(port) => port.audio.plan == Plan::Mix,
            PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_) => false,
        }
    }

    /// Send what a frame of a digit is: an event where the peer takes them, else its tone. True as for `send`.
    pub fn send_digit(&mut self, moment: &Moment, now: Nanos, io: &mut dyn MediaIo) -> bool {
        let (out, takes_events) = match self {
            PortKind::Rtp(port) => {
                let takes_events = port.takes_events();
                (&mut port.out, takes_events)
            }
            PortKind::WebRtc(port) => {
                let takes_events = port.takes_events();
                (&mut port.audio, takes_events)
            }
            _ => return false,
        };
        let mut payload = [0; MAX_PAYLOAD];
        if !takes_events {
            let Some((codec, length)) = out.tone(moment, &mut payload) else {
                return false;
            };
            let audio = out.frame(codec, &payload[..length], now);
            return self.send(&audio, now, io);
        }
        let Some((header, payload)) = out.event(moment, now) else {
            return false;
        };
        match self {
            PortKind::Rtp(port) => port.send_event(header, &payload, io),
            PortKind::WebRtc(port) => port.send_event(header, &payload, now),
            _ => {}
        }
        matches!(self, PortKind::WebRtc(_))
    }

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
