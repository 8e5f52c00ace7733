//! A worker owns the ports, tracks and crosspoints of its sessions. It has no sockets or threads of its own and never
//! looks at a clock: datagrams, commands and time come in; datagrams leave through `MediaIo`, events on the queue and
//! what is recorded on the tape.

mod ahead;
mod buses;
mod digits;
mod handover;
mod legs;
mod packets;
mod plan;
mod playing;
mod ports;
mod progress;
mod talkers;
#[cfg(test)]
mod tests;
mod time;
mod video;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use self::buses::Buses;
use self::talkers::Talkers;
use crate::clock::{Clock, Nanos};
use crate::command::Command;
use crate::event::{EventQueue, Happening};
use crate::id::{IdMap, PortId, SessionId, TrackId};
use crate::io::udp::MAX_DATAGRAM;
use crate::io::MediaIo;
use crate::matrix::Matrix;
use crate::overload::Stage;
use crate::port::Port;
use crate::random::Random;
use crate::recording::Tape;
use crate::stats::Counters;
use crate::track::Track;
use crate::wheel::Wheel;

/// What a worker is made with.
pub struct WorkerSettings {
    /// Among the workers, from 0.
    pub index: usize,
    pub media_timeout: Nanos,
    /// Translates instants for WebRTC legs; never asked for the time.
    pub clock: Clock,
    pub random: Random,
}

pub struct Worker {
    index: usize,
    /// What it has given up to keep up.
    stage: Stage,
    media_timeout: Nanos,
    clock: Clock,
    random: Random,
    events: Arc<EventQueue>,
    counters: Arc<Counters>,
    tape: Tape,

    ports: IdMap<PortId, Port>,
    tracks: IdMap<TrackId, Track>,
    matrix: Matrix,
    wheel: Wheel,
    sweep_due: Nanos,

    buses: Buses,
    talkers: IdMap<SessionId, Talkers>,
    /// So many talkers are mixed where many are heard; 0 for all.
    loudest: usize,
    /// Talkers by loudness, within a tick.
    ranks: Vec<(f32, TrackId)>,
    legs: Legs,
    /// Ports that mixed their last frame, within a tick.
    leaving: Vec<PortId>,
    /// Recorders whose closing found no room on the tape.
    closing: Vec<(PortId, Nanos)>,
    /// Where a protected datagram is opened.
    clear: Vec<u8>,
}

/// How datagrams find their WebRTC leg, and when each leg wants the time.
#[derive(Default)]
struct Legs {
    by_address: HashMap<SocketAddr, PortId>,
    by_ufrag: HashMap<String, PortId>,
    /// Where each leg is reached, and when it is due.
    due: IdMap<PortId, (SocketAddr, Nanos)>,
    /// Legs with something to poll.
    dirty: Vec<PortId>,
}

impl Worker {
    pub fn new(
        settings: WorkerSettings,
        events: Arc<EventQueue>,
        counters: Arc<Counters>,
        tape: Tape,
        now: Nanos,
    ) -> Worker {
        Worker {
            index: settings.index,
            stage: Stage::Calm,
            media_timeout: settings.media_timeout,
            clock: settings.clock,
            random: settings.random,
            events,
            counters,
            tape,
            ports: IdMap::default(),
            tracks: IdMap::default(),
            matrix: Matrix::default(),
            wheel: Wheel::new(now),
            sweep_due: now,
            buses: Buses::default(),
            talkers: IdMap::default(),
            loudest: 0,
            ranks: Vec::new(),
            legs: Legs::default(),
            leaving: Vec::new(),
            closing: Vec::new(),
            clear: vec![0; MAX_DATAGRAM],
        }
    }

    /// Do what the control plane asks. What names a port or a track that is closed by now does nothing.
    pub fn apply(&mut self, command: Command, now: Nanos, io: &mut dyn MediaIo) {
        self.wheel.settle(now);
        match command {
            Command::OpenRtp {
                port,
                track,
                session,
                allow_latch,
            } => {
                self.open_rtp(port, track, session, allow_latch, now);
            }
            Command::ConfigureRtp { port, config } => self.configure_rtp(port, config, now, io),
            Command::OpenWebRtc {
                port,
                session,
                leg,
                lines,
                local,
            } => {
                self.open_webrtc(port, session, leg, lines, local, now);
            }
            Command::ReofferWebRtc {
                port,
                offer,
                audio_codecs,
                spare,
                reply,
            } => {
                let answer = self.reoffer_webrtc(port, &offer, &audio_codecs, &spare, now);
                let _ = reply.try_send(answer); // who asked may have given up
            }
            Command::OpenPlayer {
                port,
                track,
                session,
            } => self.open_player(port, track, session),
            Command::OpenSource {
                port,
                track,
                session,
                feed,
            } => self.open_source(port, track, session, feed),
            Command::OpenTap { port, session, tap } => self.open_tap(port, session, tap),
            Command::Play { port, play, queued } => self.play(port, play, queued, now),
            Command::StopPlaying { port } => self.stop_playing(port, now),
            Command::Seek { port, position_ms } => self.seek(port, position_ms),
            Command::Duck { port, under, gain } => self.duck(port, under, gain),
            Command::OpenRecorder { port, session } => self.open_recorder(port, session),
            Command::Connect(crosspoint) => self.connect(crosspoint, now),
            Command::Disconnect {
                source,
                destination,
            } => self.disconnect(source, destination, now),
            Command::SendDigits { port, digits, ms } => self.send_digits(port, &digits, ms),
            Command::RelayDigit { track, press } => self.relay_digit(track, press),
            Command::MaskDigits { track, on } => self.mask_digits(track, on, now, io),
            Command::SetVoice { track, wish } => self.set_voice(track, wish, now),
            Command::DetectDigits { track, on } => self.detect_digits(track, on),
            Command::WatchCall { track, tones } => self.watch_call(track, tones),
            Command::CallAnswered { track } => self.call_answered(track),
            Command::ClosePort { port, end } => self.close_port(port, end, now, io),
            Command::SendData { port, text } => self.send_data(port, &text),
            Command::RequestKeyframe { track } => self.request_keyframes(track, now),
            Command::Stats { port, reply } => {
                let _ = reply.try_send(self.stats(port));
            }
        }
    }

    /// Give up what the stage says, or take it back, and tell.
    pub fn shed(&mut self, stage: Stage, now: Nanos) {
        self.stage = stage;
        let worker = self.index;
        self.events
            .tell(now, Happening::StageChanged { worker, stage });
    }

    /// Close everything.
    pub fn close(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        for id in self.ports.keys().copied().collect::<Vec<_>>() {
            self.close_port(id, None, now, io);
        }
    }
}
