//! What goes into and comes out of a leg.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::media::{Mid, Rid};

use crate::config::AudioCodec;

/// What a media line is for. In the order of the SDP: the first audio, the first and the second video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Audio,
    Camera,
    Screen,
}

impl Kind {
    pub fn is_video(self) -> bool {
        self != Self::Audio
    }
}

/// The payload formats that pass through a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    Opus,
    Pcmu,
    Pcma,
    G722,
    TelephoneEvent,
    Vp8,
}

impl From<AudioCodec> for Codec {
    fn from(codec: AudioCodec) -> Self {
        match codec {
            AudioCodec::Opus => Self::Opus,
            AudioCodec::Pcmu => Self::Pcmu,
            AudioCodec::Pcma => Self::Pcma,
            AudioCodec::G722 => Self::G722,
        }
    }
}

/// One media line as answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub mid: Mid,
    pub kind: Kind,
    /// The peer may send on this line.
    pub sends: bool,
    /// The peer takes what we send on this line.
    pub receives: bool,
    /// Negotiated codecs in our order of preference, telephone-event apart.
    pub codecs: Vec<Codec>,
}

/// The answer to an offer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub sdp: String,
    /// Accepted media lines in the order of the SDP; stopped and refused ones are not listed.
    pub lines: Vec<Line>,
}

/// An RTP packet from the peer, decrypted, its repair (RTX) undone.
#[derive(Debug, Clone)]
pub struct Packet {
    pub mid: Mid,
    pub kind: Kind,
    /// Which layer of a simulcast it is of (RFC 8853); `None` where the peer sends one.
    pub layer: Option<Rid>,
    pub codec: Codec,
    pub payload_type: u8,
    pub ssrc: u32,
    /// Sequence number with its rollovers counted. A repaired packet comes late, under its own number.
    pub seq: u64,
    pub timestamp: u32,
    /// Hz; of telephone-event it tells 8 kHz from 48 kHz.
    pub clock_rate: u32,
    pub marker: bool,
    /// dBov, -127 to 0 (RFC 6464), when the peer tells.
    pub audio_level: Option<i8>,
    pub arrival: Instant,
    pub payload: Arc<[u8]>,
}

/// An RTP packet for the peer. The leg has one SSRC a media line, for all its codecs.
#[derive(Debug, Clone, Copy)]
pub struct OutPacket<P> {
    /// Extended sequence number, continuous over the life of the line. It must begin below 65,536: the peer's
    /// rollover counter starts at zero (RFC 3711 §3.3.1).
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// `&[u8]` is copied; an `Arc<[u8]>` that came in as [`Packet::payload`] is shared.
    pub payload: P,
}

/// Why a leg never came up or broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// No connectivity check arrived in time.
    Ice,
    /// The handshake did not finish, or the certificate is not the one of the offer.
    Dtls,
}

impl FailureReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ice => "ice",
            Self::Dtls => "dtls",
        }
    }
}

/// What happened on a leg.
#[derive(Debug, Clone)]
pub enum Event {
    /// ICE and DTLS are up; media may flow.
    Connected,
    /// The leg did not come up. Nothing follows.
    Failed(FailureReason),
    /// The peer closed the connection, or answers no more. Nothing follows but the closing datagrams.
    Gone,
    Packet(Packet),
    /// The peer cannot show our video on this line and wants a key frame (PLI or FIR).
    KeyframeRequest {
        mid: Mid,
    },
    DataOpen {
        label: String,
    },
    Data {
        label: String,
        text: String,
    },
}

/// What the worker has to do.
#[derive(Debug)]
pub enum Output {
    Transmit {
        remote: SocketAddr,
        datagram: Vec<u8>,
    },
    Event(Event),
}
