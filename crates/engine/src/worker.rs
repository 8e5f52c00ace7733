//! A worker owns the ports, tracks and crosspoints of its sessions. It has no sockets, threads or clock of its own:
//! datagrams, commands and time come in; datagrams leave through `MediaIo` and events on the queue.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::{Nanos, MILLISECOND};
use crate::codec::Rate;
use crate::command::{Command, Play};
use crate::dtmf::Press;
use crate::event::{EventQueue, Happening};
use crate::id::{IdMap, PortId, SessionId, TrackId};
use crate::io::{Endpoint, MediaIo};
use crate::matrix::{Crosspoint, Matrix};
use crate::port::audio_out::Plan;
use crate::port::player::{Finished, PlayerPort};
use crate::port::rtp::{Received, RtpConfig, RtpPort};
use crate::port::{Port, PortKind};
use crate::random::Random;
use crate::stats::{Counters, MediaKind, TrackStats};
use crate::track::{AudioPacket, Track};
use crate::wheel::{set_member, Wheel};

/// Time-outs and reports are looked after this often.
const SWEEP_PERIOD: Nanos = 100 * MILLISECOND;
/// A frame that is made later than this after its time is counted.
const LATE: Nanos = 10 * MILLISECOND;

pub struct WorkerSettings {
    pub media_timeout: Nanos,
}

pub struct Worker {
    settings: WorkerSettings,
    ports: IdMap<PortId, Port>,
    tracks: IdMap<TrackId, Track>,
    matrix: Matrix,
    wheel: Wheel,
    sweep_due: Nanos,
    events: Arc<EventQueue>,
    counters: Arc<Counters>,
    random: Random,
}

impl Worker {
    pub fn new(
        settings: WorkerSettings,
        events: Arc<EventQueue>,
        counters: Arc<Counters>,
        random: Random,
        now: Nanos,
    ) -> Worker {
        Worker {
            settings,
            ports: IdMap::default(),
            tracks: IdMap::default(),
            matrix: Matrix::default(),
            wheel: Wheel::new(now),
            sweep_due: now,
            events,
            counters,
            random,
        }
    }

    /// When `handle_time` is next due; None while nothing is open.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let sweep = (!self.ports.is_empty()).then_some(self.sweep_due);
        [sweep, self.wheel.next_deadline()].into_iter().flatten().min()
    }

    pub fn apply(&mut self, command: Command, now: Nanos, io: &mut dyn MediaIo) {
        match command {
            Command::OpenRtp { port, track, session, allow_latch } => {
                let rtp = RtpPort::new(port, track, allow_latch, &mut self.random, now);
                self.open(port, session, PortKind::Rtp(Box::new(rtp)), &[(track, MediaKind::Audio)]);
            }
            Command::ConfigureRtp { port, config } => self.configure_rtp(port, config, now),
            Command::OpenPlayer { port, track, session } => {
                let player = PortKind::Player(Box::new(PlayerPort::new(track)));
                self.open(port, session, player, &[(track, MediaKind::Audio)]);
            }
            Command::Play { port, play } => self.play(port, play, now),
            Command::StopPlaying { port } => self.stop_playing(port, now),
            Command::Connect(crosspoint) => self.connect(crosspoint),
            Command::Disconnect { source, destination } => self.disconnect(source, destination),
            Command::ClosePort { port, end: _ } => self.close_port(port, now, io),
            Command::Stats { port, reply } => {
                let _ = reply.try_send(self.stats(port)); // who asked may have given up
            }
        }
    }

    fn open(&mut self, id: PortId, session: SessionId, kind: PortKind, tracks: &[(TrackId, MediaKind)]) {
        let is_player = matches!(kind, PortKind::Player(_));
        for &(track, kind) in tracks {
            self.tracks.insert(track, Track::new(id, kind, Wheel::slot_of(session), is_player));
        }
        self.counter(&kind).add(1);
        self.ports.insert(id, Port { session, kind });
    }

    fn counter(&self, kind: &PortKind) -> &crate::stats::Counter {
        match kind {
            PortKind::Rtp(_) => &self.counters.rtp_ports,
            PortKind::Player(_) => &self.counters.players,
        }
    }

    fn configure_rtp(&mut self, id: PortId, config: RtpConfig, now: Nanos) {
        let Some(Port { kind: PortKind::Rtp(rtp), .. }) = self.ports.get_mut(&id) else { return };
        let (track, codec) = (rtp.track, config.codec);
        rtp.configure(config, now);
        self.set_codec(track, codec);
        self.plan(id);
    }

    /// The track's packets have another codec from now on.
    fn set_codec(&mut self, id: TrackId, codec: crate::codec::Codec) {
        let Some(track) = self.tracks.get_mut(&id) else { return };
        if track.codec.replace(codec) == Some(codec) {
            return;
        }
        track.want(&[]);
        for index in 0..self.matrix.from(id).len() {
            self.plan(self.matrix.from(id)[index].destination);
        }
        self.provide(id);
    }

    fn play(&mut self, id: PortId, play: Play, now: Nanos) {
        let Some(Port { session, kind: PortKind::Player(player) }) = self.ports.get_mut(&id) else { return };
        let slot = Wheel::slot_of(*session);
        if let Some(replaced) = player.play(play) {
            self.tell_finished(id, replaced, now);
        }
        set_member(&mut self.wheel.slot(slot).players, id, true);
    }

    fn stop_playing(&mut self, id: PortId, now: Nanos) {
        let Some(Port { kind: PortKind::Player(player), .. }) = self.ports.get_mut(&id) else { return };
        if let Some(stopped) = player.stop() {
            self.tell_finished(id, stopped, now);
        }
    }

    fn tell_finished(&self, port: PortId, Finished { play_id, outcome }: Finished, now: Nanos) {
        self.events.tell(now, Happening::PlayFinished { port, play_id, outcome });
    }

    fn connect(&mut self, crosspoint: Crosspoint) {
        let known = self.tracks.contains_key(&crosspoint.source) && self.ports.contains_key(&crosspoint.destination);
        if !known {
            return; // closed in the meantime
        }
        if self.matrix.gain(crosspoint.source, crosspoint.destination).is_none() {
            self.counters.crosspoints.add(1);
        }
        self.matrix.connect(crosspoint);
        self.plan(crosspoint.destination);
    }

    fn disconnect(&mut self, source: TrackId, destination: PortId) {
        if self.matrix.disconnect(source, destination) {
            self.counters.crosspoints.subtract(1);
            self.plan(destination);
            self.provide(source);
        }
    }

    fn close_port(&mut self, id: PortId, now: Nanos, io: &mut dyn MediaIo) {
        let Some(Port { session, mut kind }) = self.ports.remove(&id) else { return };
        for source in self.matrix.to(id).to_vec() {
            self.disconnect(source, id);
        }
        let slot = Wheel::slot_of(session);
        set_member(&mut self.wheel.slot(slot).mixed, id, false);
        set_member(&mut self.wheel.slot(slot).players, id, false);
        self.counter(&kind).subtract(1);
        match &mut kind {
            PortKind::Rtp(rtp) => {
                rtp.say_goodbye(now, io);
                io.close(Endpoint::Rtp(id));
                io.close(Endpoint::Rtcp(id));
                self.close_track(rtp.track);
            }
            PortKind::Player(player) => {
                if let Some(stopped) = player.stop() {
                    self.tell_finished(id, stopped, now);
                }
                self.close_track(player.track);
            }
        }
    }

    fn close_track(&mut self, id: TrackId) {
        for crosspoint in self.matrix.from(id).to_vec() {
            self.disconnect(id, crosspoint.destination);
        }
        if let Some(track) = self.tracks.remove(&id) {
            set_member(&mut self.wheel.slot(track.slot).listened, id, false);
        }
    }

    /// Close everything.
    pub fn close(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        for id in self.ports.keys().copied().collect::<Vec<_>>() {
            self.close_port(id, now, io);
        }
    }

    fn stats(&self, id: PortId) -> Vec<TrackStats> {
        let level = |track: TrackId| self.tracks.get(&track).and_then(|track| track.level_dbov);
        match self.ports.get(&id).map(|port| &port.kind) {
            Some(PortKind::Rtp(rtp)) => rtp.stats(level(rtp.track)),
            Some(PortKind::Player(_)) | None => Vec::new(),
        }
    }
}

/// How each port's sources are carried.
impl Worker {
    /// Derive again how the sources of a port are carried, after anything about them changed.
    fn plan(&mut self, id: PortId) {
        let voices: Vec<(TrackId, f32)> = self
            .matrix
            .to(id)
            .iter()
            .filter(|track| self.tracks.get(track).is_some_and(|track| track.kind == MediaKind::Audio))
            .map(|&track| (track, self.matrix.gain(track, id).unwrap_or(1.0)))
            .collect();
        let Some(port) = self.ports.get_mut(&id) else { return };
        let slot = Wheel::slot_of(port.session);
        let Some(out) = port.audio_out() else { return };
        let rate = voices.iter().filter_map(|(track, _)| self.tracks.get(track)).map(Track::rate).max();
        match (voices.as_slice(), rate) {
            _ if !out.is_sending() => out.set_plan(Plan::Silent),
            (_, None) => out.set_plan(Plan::Silent),
            (&[(source, 1.0)], _) if can_relay(&self.tracks[&source], out) => out.set_plan(Plan::Relay(source)),
            (voices, Some(rate)) => out.set_mix(voices, rate),
        }
        let mixes = out.plan == Plan::Mix;
        set_member(&mut self.wheel.slot(slot).mixed, id, mixes);
        for (track, _) in voices {
            self.provide(track);
        }
    }

    /// Let a track make its frames at the rates that its listeners need.
    fn provide(&mut self, id: TrackId) {
        let mut rates = [None; 3];
        for crosspoint in self.matrix.from(id) {
            let Some(out) = self.ports.get_mut(&crosspoint.destination).and_then(Port::audio_out) else { continue };
            let rate = match out.plan {
                Plan::Mix => out.mix_rate(),
                Plan::Relay(_) => out.preferred().map(PlayerPort::encoding_rate),
                Plan::Silent => None,
            };
            let relayed = matches!(out.plan, Plan::Relay(_));
            let is_player = self.tracks.get(&id).is_some_and(Track::is_player);
            if let Some(rate) = rate.filter(|_| is_player || !relayed) {
                rates[rate.index()] = Some(rate);
            }
        }
        let Some(track) = self.tracks.get_mut(&id) else { return };
        let rates: Vec<Rate> = rates.into_iter().flatten().collect();
        track.want(&rates);
        let listened = track.playout.is_some();
        set_member(&mut self.wheel.slot(track.slot).listened, id, listened);
    }
}

/// One source in a codec the peer takes needs no decoding.
fn can_relay(track: &Track, out: &crate::port::audio_out::AudioOut) -> bool {
    match track.codec {
        _ if track.is_player() => out.takes_frames(),
        Some(codec) => out.accepts(codec),
        None => false,
    }
}

/// Packets.
impl Worker {
    /// Take a datagram: relayed at once, or kept to mix.
    pub fn receive(&mut self, at: Endpoint, from: SocketAddr, datagram: &[u8], now: Nanos, io: &mut dyn MediaIo) {
        self.counters.packets_in.add(1);
        match at {
            Endpoint::Rtp(id) => self.receive_rtp(id, from, datagram, now, io),
            Endpoint::Rtcp(id) => {
                let Some(Port { kind: PortKind::Rtp(rtp), .. }) = self.ports.get_mut(&id) else { return };
                if let Received::Malformed = rtp.receive_rtcp(from, datagram, now) {
                    self.counters.malformed.add(1);
                }
            }
            Endpoint::WebRtc => {}
        }
    }

    fn receive_rtp(&mut self, id: PortId, from: SocketAddr, datagram: &[u8], now: Nanos, io: &mut dyn MediaIo) {
        let Some(Port { kind: PortKind::Rtp(rtp), .. }) = self.ports.get_mut(&id) else { return };
        let track = rtp.track;
        match rtp.receive(from, datagram, now) {
            Received::Audio(packet) => self.deliver(track, &packet, now, io),
            Received::Event { ssrc, sequence, press } => {
                self.keep_back(track, ssrc, sequence);
                if let Some(press) = press {
                    self.tell_press(id, press, now);
                }
            }
            Received::Ignored => self.counters.ignored.add(1),
            Received::Malformed => self.counters.malformed.add(1),
        }
    }

    fn tell_press(&self, port: PortId, Press { digit, duration_ms }: Press, now: Nanos) {
        self.events.tell(now, Happening::Digit { port, digit, duration_ms });
    }

    /// Hand a packet of a track to everyone who has the track.
    fn deliver(&mut self, id: TrackId, packet: &AudioPacket<'_>, now: Nanos, io: &mut dyn MediaIo) {
        self.set_codec(id, packet.codec);
        let Some(track) = self.tracks.get_mut(&id) else { return };
        if track.note(now) {
            self.events.tell(now, Happening::MediaStarted { track: id });
        }
        track.listen(packet, now);
        for crosspoint in self.matrix.from(id) {
            let Some(port) = self.ports.get_mut(&crosspoint.destination) else { continue };
            match &mut port.kind {
                PortKind::Rtp(rtp) => {
                    if let Some(audio) = rtp.out.relay(id, packet, now) {
                        rtp.send(&audio, io);
                    }
                }
                PortKind::Player(_) => {}
            }
        }
    }

    /// A packet of a track is not handed on; those who relay the track close the hole.
    fn keep_back(&mut self, id: TrackId, ssrc: u32, sequence: u16) {
        for crosspoint in self.matrix.from(id) {
            if let Some(out) = self.ports.get_mut(&crosspoint.destination).and_then(Port::audio_out) {
                out.stream.skip(id, ssrc, sequence);
            }
        }
    }
}

/// Time.
impl Worker {
    /// Do all that is due.
    pub fn handle_time(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        while let Some((index, at)) = self.wheel.turn(now) {
            if now - at > LATE {
                self.counters.late_ticks.add(1);
            }
            self.tick(index, at, io);
        }
        if now >= self.sweep_due {
            self.sweep_due = now + SWEEP_PERIOD;
            self.sweep(now, io);
        }
    }

    /// One turn of a slot: players, then what is listened to, then who mixes it. Allocates nothing.
    fn tick(&mut self, index: usize, at: Nanos, io: &mut dyn MediaIo) {
        let mut slot = std::mem::take(self.wheel.slot(index));
        slot.players.retain(|&player| self.tick_player(player, at, io));
        for track in &slot.listened {
            if let Some(track) = self.tracks.get_mut(track) {
                track.pull(at);
            }
        }
        for port in &slot.mixed {
            self.tick_mixer(*port, at, io);
        }
        *self.wheel.slot(index) = slot;
    }

    /// Make a player's frame and send it to those who relay it; false when it has fallen silent.
    fn tick_player(&mut self, id: PortId, at: Nanos, io: &mut dyn MediaIo) -> bool {
        let Some(Port { kind: PortKind::Player(player), .. }) = self.ports.get_mut(&id) else { return false };
        let track_id = player.track;
        let Some(track) = self.tracks.get_mut(&track_id) else { return false };
        let mut frame = [0; Rate::Wide.frame()];
        let finished = player.fill(&mut frame);
        if let Some(frames) = &mut track.frames {
            frames.fill(|samples| samples.copy_from_slice(&frame));
        }
        self.send_player_frame(id, track_id, at, io);
        if let Some(finished) = finished {
            self.tell_finished(id, finished, at);
        }
        let Some(Port { kind: PortKind::Player(player), .. }) = self.ports.get(&id) else { return false };
        let goes_on = !player.is_silent();
        if !goes_on {
            self.silence_player(track_id);
        }
        goes_on
    }

    fn send_player_frame(&mut self, id: PortId, track_id: TrackId, at: Nanos, io: &mut dyn MediaIo) {
        // Taken out, so that player and listeners can be had at once; an insert of a removed key allocates nothing.
        let Some(mut port) = self.ports.remove(&id) else { return };
        if let (PortKind::Player(player), Some(frames)) =
            (&mut port.kind, self.tracks.get(&track_id).and_then(|track| track.frames.as_deref()))
        {
            for crosspoint in self.matrix.from(track_id) {
                let Some(port) = self.ports.get_mut(&crosspoint.destination) else { continue };
                let Some(out) = port.audio_out().filter(|out| out.plan == Plan::Relay(track_id)) else { continue };
                let Some(codec) = out.preferred() else { continue };
                let payload = player.encode(codec, frames);
                let audio = out.frame(codec, payload, at);
                if let PortKind::Rtp(rtp) = &port.kind {
                    rtp.send(&audio, io);
                }
            }
        }
        self.ports.insert(id, port);
    }

    /// A player has ended: its frames are silent for those who mix it, and those who relay it pause.
    fn silence_player(&mut self, id: TrackId) {
        if let Some(frames) = self.tracks.get_mut(&id).and_then(|track| track.frames.as_mut()) {
            frames.silence();
        }
        for crosspoint in self.matrix.from(id) {
            if let Some(out) = self.ports.get_mut(&crosspoint.destination).and_then(Port::audio_out) {
                if out.plan == Plan::Relay(id) {
                    out.stream.pause();
                }
            }
        }
    }

    fn tick_mixer(&mut self, id: PortId, at: Nanos, io: &mut dyn MediaIo) {
        let Some(port) = self.ports.get_mut(&id) else { return };
        let tracks = &self.tracks;
        match &mut port.kind {
            PortKind::Rtp(rtp) => {
                let Some(rate) = rtp.out.mix_rate() else { return };
                let frame_of = |track| Some(tracks.get(&track)?.frames.as_ref()?.at(rate));
                rtp.mix(frame_of, at, io);
            }
            PortKind::Player(_) => {}
        }
    }

    /// What time brings without packets.
    fn sweep(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        for (&id, port) in &mut self.ports {
            if let PortKind::Rtp(rtp) = &mut port.kind {
                rtp.report(&mut self.random, now, io);
                if let Some(Press { digit, duration_ms }) = rtp.unfinished_press(now) {
                    self.events.tell(now, Happening::Digit { port: id, digit, duration_ms });
                }
                if rtp.has_timed_out(self.settings.media_timeout, now) {
                    self.events.tell(now, Happening::MediaTimeout { port: id });
                }
            }
        }
        for (&id, track) in &mut self.tracks {
            if track.has_stopped(now) {
                self.events.tell(now, Happening::MediaStopped { track: id });
            }
        }
    }
}
