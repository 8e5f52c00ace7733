//! What the control plane asks of a worker.

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::sync::Arc;

use webrtc::{Answer, BadOffer, Leg};

use crate::clock::Nanos;
use crate::codec::Codec;
use crate::dtmf::Press;
use crate::id::{PortId, SessionId, TrackId};
use crate::matrix::Crosspoint;
use crate::port::rtp::RtpConfig;
use crate::port::source::Feed;
use crate::port::tap::TapPort;
use crate::port::webrtc::Line;
use crate::programme::Programme;
use crate::progress::NetworkTone;
use crate::stats::TrackStats;
use crate::voice::Wish;

/// What a player plays, prepared ahead.
#[derive(Clone, Debug)]
pub struct Play {
    pub id: u64,
    pub programme: Arc<Programme>,
    pub looped: bool,
    /// Tell when it begins, and each so many frames where it stands (0: never); None: only its end.
    pub report: Option<usize>,
}

/// The answer to a later offer, and the lines it left.
pub type Reanswer = Result<(Answer, Vec<Line>), BadOffer>;

pub enum Command {
    OpenRtp {
        port: PortId,
        track: TrackId,
        session: SessionId,
        allow_latch: bool,
    },
    ConfigureRtp {
        port: PortId,
        config: RtpConfig,
    },
    /// `local`: the address that the leg announced.
    OpenWebRtc {
        port: PortId,
        session: SessionId,
        leg: Box<Leg>,
        lines: Vec<Line>,
        local: SocketAddr,
    },
    /// `audio_codecs`: what we send from now on, the best first. `spare`: an id for each line that may be new.
    ReofferWebRtc {
        port: PortId,
        offer: String,
        audio_codecs: Vec<Codec>,
        spare: Vec<TrackId>,
        reply: SyncSender<Option<Reanswer>>,
    },
    OpenPlayer {
        port: PortId,
        track: TrackId,
        session: SessionId,
    },
    /// In place of what plays and waits, or after it.
    Play {
        port: PortId,
        play: Play,
        queued: bool,
    },
    StopPlaying {
        port: PortId,
    },
    /// Go on at another place of what is playing.
    Seek {
        port: PortId,
        position_ms: u32,
    },
    /// Play softer while one of these tracks speaks; with none, no longer.
    Duck {
        port: PortId,
        under: Vec<TrackId>,
        gain: f32,
    },
    /// A player that plays what is written to its source.
    OpenSource {
        port: PortId,
        track: TrackId,
        session: SessionId,
        feed: Feed,
    },
    OpenTap {
        port: PortId,
        session: SessionId,
        tap: Box<TapPort>,
    },
    OpenRecorder {
        port: PortId,
        session: SessionId,
    },
    Connect(Crosspoint),
    Disconnect {
        source: TrackId,
        destination: PortId,
    },
    /// Send digits to a port's peer.
    SendDigits {
        port: PortId,
        digits: String,
        ms: u32,
    },
    /// A digit of the track's peer came by signalling: those who hear the track get it.
    RelayDigit {
        track: TrackId,
        press: Press,
    },
    /// Take digits out of a track's packets before anybody has them.
    MaskDigits {
        track: TrackId,
        on: bool,
    },
    /// Listen for tones of digits in a track's sound.
    DetectDigits {
        track: TrackId,
        on: bool,
    },
    /// What is done to a track's voice before it is mixed.
    SetVoice {
        track: TrackId,
        wish: Wish,
    },
    /// Listen how a call goes that is made to the track's peer, among these tones; None: no longer.
    WatchCall {
        track: TrackId,
        tones: Option<Vec<NetworkTone>>,
    },
    /// The call is answered: listen who it is.
    CallAnswered {
        track: TrackId,
    },
    /// `end`: a recorder's files are padded to it.
    ClosePort {
        port: PortId,
        end: Option<Nanos>,
    },
    SendData {
        port: PortId,
        text: String,
    },
    RequestKeyframe {
        track: TrackId,
    },
    Stats {
        port: PortId,
        reply: SyncSender<Vec<TrackStats>>,
    },
}
