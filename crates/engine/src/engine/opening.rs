//! What opens ports: sockets, legs, rings and files are made in the calling thread.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use webrtc::{Leg, LegConfig};

use super::{Engine, Settings, Shared};
use crate::clock::Nanos;
use crate::codec::{Codec, Rate, FRAME_MS};
use crate::command::Command;
use crate::directory::{Entry, Kind};
use crate::error::CoreError;
use crate::id::{PortId, SessionId, TrackId};
use crate::io::shell::Message;
use crate::io::tcp::IceTcp;
use crate::io::{udp, Endpoint};
use crate::port::source::{source, SourceWriter};
use crate::port::tap::{tap, TapReader};
use crate::port::webrtc::{for_browsers, Line};
use crate::recording::Control;
use crate::stats::MediaKind;

/// Of a tap or a source: 48 kHz take 6 MB then.
const MAX_BUFFER_MS: u32 = 60_000;
/// Media lines of a WebRTC port: audio, camera, screen.
const MAX_LINES: usize = 3;

#[derive(Clone, Copy, Debug)]
pub struct OpenedRtp {
    pub port: PortId,
    pub track: TrackId,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug)]
pub struct OpenedPlayer {
    pub port: PortId,
    pub track: TrackId,
}

#[derive(Clone, Debug)]
pub struct OpenedTrack {
    pub track: TrackId,
    pub kind: MediaKind,
    pub mid: String,
}

#[derive(Clone, Debug)]
pub struct OpenedWebRtc {
    pub port: PortId,
    /// SDP.
    pub answer: String,
    /// What the peer may send.
    pub tracks: Vec<OpenedTrack>,
}

impl Engine {
    /// Open what becomes a port of the session, on the session's worker; a new session is given one.
    fn opening<T>(
        &self,
        session: SessionId,
        open: impl FnOnce(&mut Shared) -> Result<T, CoreError>,
    ) -> Result<T, CoreError> {
        let mut control = self.control();
        control.take_seat(session)?;
        let opened = open(&mut control);
        if opened.is_err() {
            control.placement.release(session);
        }
        opened
    }

    pub fn open_rtp(&self, session: SessionId, allow_latch: bool) -> Result<OpenedRtp, CoreError> {
        let addresses = (self.settings.bind_ip, self.settings.public_ip);
        self.opening(session, |control| {
            self.open_rtp_at(control, session, allow_latch, addresses)
        })
    }

    /// As `open_rtp`, for a peer of IPv6.
    pub fn open_rtp_ipv6(
        &self,
        session: SessionId,
        allow_latch: bool,
    ) -> Result<OpenedRtp, CoreError> {
        let Settings {
            bind_ip,
            public_ip,
            ipv6,
            ..
        } = self.settings;
        let main = public_ip.is_ipv6().then_some((bind_ip, public_ip));
        let addresses = ipv6
            .or(main)
            .ok_or_else(|| CoreError::BadSetting("IPv6 media is not set up".into()))?;
        self.opening(session, |control| {
            self.open_rtp_at(control, session, allow_latch, addresses)
        })
    }

    fn open_rtp_at(
        &self,
        control: &mut Shared,
        session: SessionId,
        allow_latch: bool,
        (bind_ip, public_ip): (IpAddr, IpAddr),
    ) -> Result<OpenedRtp, CoreError> {
        let (low, high) = self.settings.rtp_ports;
        let start = control.next_rtp_port;
        let (rtp, rtcp) =
            udp::bind_pair(bind_ip, start, (low, high)).ok_or(CoreError::NoFreePort)?;
        let udp_port = rtp.local_addr()?.port();
        // The search goes on after it, so that a port rests before a new call hears the stragglers of the old one.
        control.next_rtp_port = if udp_port.saturating_add(2) < high {
            udp_port + 2
        } else {
            low
        };
        let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
        let worker = control.worker(session)?;
        worker.send(Message::Open(Endpoint::Rtp(port), rtp))?;
        worker.send(Message::Open(Endpoint::Rtcp(port), rtcp))?;
        control.ask(
            session,
            Command::OpenRtp {
                port,
                track,
                session,
                allow_latch,
            },
        )?;
        control.directory.add(
            port,
            Entry {
                session,
                kind: Kind::Rtp,
                tracks: vec![track],
            },
        );
        Ok(OpenedRtp {
            port,
            track,
            address: SocketAddr::new(public_ip, udp_port),
        })
    }

    /// Answer a peer's offer. The leg is made here, in the calling thread: its keys cost more than a packet.
    pub fn open_webrtc(
        &self,
        session: SessionId,
        offer: &str,
        audio_codecs: Vec<Codec>,
    ) -> Result<OpenedWebRtc, CoreError> {
        let (local, tcp_port) = {
            let mut control = self.control();
            let worker = control.take_seat(session)?;
            (worker.webrtc, worker.ice_tcp.as_ref().map(IceTcp::port))
        };
        let opened = self.open_webrtc_at(session, offer, audio_codecs, local, tcp_port);
        if opened.is_err() {
            self.control().placement.release(session);
        }
        opened
    }

    fn open_webrtc_at(
        &self,
        session: SessionId,
        offer: &str,
        audio_codecs: Vec<Codec>,
        local: SocketAddr,
        tcp_port: Option<u16>,
    ) -> Result<OpenedWebRtc, CoreError> {
        let mut config = LegConfig::new(self.identity.clone(), vec![local]);
        config.tcp_port = tcp_port;
        config.opus_dtx = self.settings.opus_dtx;
        config.audio_codecs = for_browsers(&audio_codecs);
        let accepted = Leg::accept(offer, config, self.clock.instant(self.clock.now()));
        let (leg, answer) = accepted.map_err(|error| CoreError::BadOffer(error.to_string()))?;
        let port = PortId(self.next_id());
        let lines: Vec<Line> = answer
            .lines
            .iter()
            .map(|line| Line::new(line, TrackId(self.next_id())))
            .collect();
        let tracks = lines.iter().map(|line| line.track).collect();
        let opened = opened(port, answer.sdp, &lines);
        let mut control = self.control();
        control.ask(
            session,
            Command::OpenWebRtc {
                port,
                session,
                leg: Box::new(leg),
                lines,
                local,
            },
        )?;
        control.directory.add(
            port,
            Entry {
                session,
                kind: Kind::WebRtc,
                tracks,
            },
        );
        Ok(opened)
    }

    /// Answer a later offer of the same peer.
    pub fn reoffer_webrtc(
        &self,
        port: PortId,
        offer: &str,
        audio_codecs: Vec<Codec>,
    ) -> Result<OpenedWebRtc, CoreError> {
        self.control().directory.session_of(port, Kind::WebRtc)?;
        let offer = offer.to_owned();
        let spare = (0..MAX_LINES).map(|_| TrackId(self.next_id())).collect();
        let command = |reply| Command::ReofferWebRtc {
            port,
            offer,
            audio_codecs,
            spare,
            reply,
        };
        let answered = self.ask_and_wait(port, command)?;
        let (answer, lines) = answered
            .ok_or(CoreError::UnknownPort(port))?
            .map_err(|error| CoreError::BadOffer(error.to_string()))?;
        self.control()
            .directory
            .add_tracks(port, lines.iter().map(|line| line.track));
        Ok(opened(port, answer.sdp, &lines))
    }

    pub fn open_recorder(
        &self,
        session: SessionId,
        folder: &Path,
        epoch: Nanos,
    ) -> Result<PortId, CoreError> {
        self.opening(session, |control| {
            let port = PortId(self.next_id());
            let open = Control::Open {
                recorder: port,
                folder: folder.to_owned(),
                epoch,
            };
            // The writer first: it must know the recorder when its first packet comes.
            control.record(session, open)?;
            control.ask(session, Command::OpenRecorder { port, session })?;
            let entry = Entry {
                session,
                kind: Kind::Recorder,
                tracks: Vec::new(),
            };
            control.directory.add(port, entry);
            Ok(port)
        })
    }

    pub fn open_player(&self, session: SessionId) -> Result<OpenedPlayer, CoreError> {
        self.opening(session, |control| {
            let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
            let command = Command::OpenPlayer {
                port,
                track,
                session,
            };
            control.ask(session, command)?;
            let entry = Entry {
                session,
                kind: Kind::Player,
                tracks: vec![track],
            };
            control.directory.add(port, entry);
            Ok(OpenedPlayer { port, track })
        })
    }

    /// Open a tap that keeps up to `buffer_ms` for its reader, who is told each `notify_ms` (0: never).
    pub fn open_tap(
        &self,
        session: SessionId,
        rate: Rate,
        buffer_ms: u32,
        notify_ms: u32,
    ) -> Result<(PortId, TapReader), CoreError> {
        let frames = frames_of(buffer_ms)?;
        let (tap, reader) = tap(rate, frames, notify_ms.div_ceil(FRAME_MS as u32));
        let tap = Box::new(tap);
        self.opening(session, |control| {
            let port = PortId(self.next_id());
            control.ask(session, Command::OpenTap { port, session, tap })?;
            let entry = Entry {
                session,
                kind: Kind::Tap,
                tracks: Vec::new(),
            };
            control.directory.add(port, entry);
            Ok((port, reader))
        })
    }

    /// Open a source that takes up to `buffer_ms` ahead.
    pub fn open_source(
        &self,
        session: SessionId,
        rate: Rate,
        buffer_ms: u32,
    ) -> Result<(OpenedPlayer, SourceWriter), CoreError> {
        let (writer, feed) = source(rate, frames_of(buffer_ms)?);
        self.opening(session, |control| {
            let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
            let command = Command::OpenSource {
                port,
                track,
                session,
                feed,
            };
            control.ask(session, command)?;
            let entry = Entry {
                session,
                kind: Kind::Source,
                tracks: vec![track],
            };
            control.directory.add(port, entry);
            Ok((OpenedPlayer { port, track }, writer))
        })
    }
}

/// Frames in the ring of a tap or a source.
fn frames_of(buffer_ms: u32) -> Result<usize, CoreError> {
    if !(FRAME_MS as u32..=MAX_BUFFER_MS).contains(&buffer_ms) {
        return Err(CoreError::BadSetting(format!(
            "buffer_ms must be {FRAME_MS} to {MAX_BUFFER_MS}"
        )));
    }
    Ok((buffer_ms as usize).div_ceil(FRAME_MS))
}

/// What the peer of this port may send.
fn opened(port: PortId, answer: String, lines: &[Line]) -> OpenedWebRtc {
    let sent = lines.iter().filter(|line| line.sends());
    let tracks = sent.map(|line| OpenedTrack {
        track: line.track,
        kind: line.kind,
        mid: line.mid.to_string(),
    });
    OpenedWebRtc {
        port,
        answer,
        tracks: tracks.collect(),
    }
}
