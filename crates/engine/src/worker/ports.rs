//! Ports open, change and close.

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Codec;
use crate::event::{Happening, PlayOutcome};
use crate::id::{PortId, SessionId, TrackId};
use crate::io::{Endpoint, MediaIo};
use crate::port::player::PlayerPort;
use crate::port::rtp::{RtpConfig, RtpPort};
use crate::port::source::Feed;
use crate::port::tap::TapPort;
use crate::port::{Port, PortKind};
use crate::stats::{Counter, Counters, MediaKind, TrackStats};
use crate::track::Track;
use crate::wheel::{set_member, Wheel};

fn open_ports<'a>(counters: &'a Counters, kind: &PortKind) -> &'a Counter {
    match kind {
        PortKind::Rtp(_) => &counters.rtp_ports,
        PortKind::WebRtc(_) => &counters.webrtc_ports,
        PortKind::Player(_) => &counters.players,
        PortKind::Recorder => &counters.recorders,
        PortKind::Tap(_) => &counters.taps,
    }
}

impl Worker {
    pub(super) fn open(&mut self, id: PortId, session: SessionId, kind: PortKind) {
        open_ports(&self.counters, &kind).add(1);
        self.ports.insert(id, Port { session, kind });
    }

    pub(super) fn open_track(
        &mut self,
        id: TrackId,
        port: PortId,
        session: SessionId,
        kind: MediaKind,
    ) {
        let mut track = Track::new(port, kind, Wheel::slot_of(session));
        track.session = session;
        self.tracks.insert(id, track);
        if kind == MediaKind::Audio {
            self.enter_talkers(session, id);
        }
    }

    pub(super) fn open_rtp(
        &mut self,
        id: PortId,
        track: TrackId,
        session: SessionId,
        allow_latch: bool,
        now: Nanos,
    ) {
        let rtp = RtpPort::new(id, track, allow_latch, &mut self.random, now);
        self.open(id, session, PortKind::Rtp(Box::new(rtp)));
        self.open_track(track, id, session, MediaKind::Audio);
    }

    pub(super) fn open_player(&mut self, id: PortId, track: TrackId, session: SessionId) {
        self.open(
            id,
            session,
            PortKind::Player(Box::new(PlayerPort::new(track))),
        );
        self.tracks
            .insert(track, Track::of_player(id, Wheel::slot_of(session)));
    }

    pub(super) fn open_source(
        &mut self,
        id: PortId,
        track: TrackId,
        session: SessionId,
        feed: Feed,
    ) {
        let slot = Wheel::slot_of(session);
        let player = PlayerPort::of_source(track, feed);
        self.open(id, session, PortKind::Player(Box::new(player)));
        self.tracks.insert(track, Track::of_player(id, slot));
        set_member(&mut self.wheel.slot(slot).players, id, true);
    }

    pub(super) fn open_tap(&mut self, id: PortId, session: SessionId, tap: Box<TapPort>) {
        self.open(id, session, PortKind::Tap(tap));
        set_member(&mut self.wheel.slot(Wheel::slot_of(session)).taps, id, true);
    }

    pub(super) fn open_recorder(&mut self, id: PortId, session: SessionId) {
        self.open(id, session, PortKind::Recorder);
    }

    pub(super) fn configure_rtp(
        &mut self,
        id: PortId,
        config: RtpConfig,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let Some(Port {
            kind: PortKind::Rtp(rtp),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        let (track, codec) = (rtp.track, config.codec);
        rtp.configure(config, now);
        io.settle(Endpoint::Rtp(id), None); // until the peer is heard again
        let told = rtp.begin_setup(self.clock, now, io);
        self.tell_setup(id, told, now);
        self.set_codec(track, codec, now);
        self.plan(id, now);
    }

    /// The track's packets have this codec from now on.
    pub(super) fn set_codec(&mut self, id: TrackId, codec: Codec, now: Nanos) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if track.codec.replace(codec) == Some(codec) {
            return;
        }
        track.want(&[]);
        for crosspoint in self.matrix.from(id).to_vec() {
            self.plan(crosspoint.destination, now);
        }
        self.provide(id);
    }

    pub(super) fn close_port(
        &mut self,
        id: PortId,
        end: Option<Nanos>,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let stats = self.stats(id);
        self.alight(id);
        let Some(Port { session, mut kind }) = self.ports.remove(&id) else {
            return;
        };
        if let PortKind::Rtp(_) | PortKind::WebRtc(_) = kind {
            let summary = Happening::PortClosed { port: id, stats };
            self.events.tell(now, summary);
        }
        open_ports(&self.counters, &kind).subtract(1);
        for source in self.matrix.to(id).to_vec() {
            self.disconnect(source, id, now);
        }
        let slot = self.wheel.slot(Wheel::slot_of(session));
        set_member(&mut slot.taps, id, false);
        set_member(&mut slot.players, id, false);
        set_member(&mut slot.pressing, id, false);
        match &mut kind {
            PortKind::Rtp(rtp) => {
                rtp.say_goodbye(now, io);
                io.close(Endpoint::Rtp(id));
                io.close(Endpoint::Rtcp(id));
                self.close_track(rtp.track, now);
            }
            PortKind::WebRtc(port) => self.close_leg(port, now, io),
            PortKind::Player(player) => {
                while let Some(stopped) = player.end_next(PlayOutcome::Stopped) {
                    self.tell_finished(id, stopped, now);
                }
                self.close_track(player.track, now);
            }
            PortKind::Recorder => self.close_recorder(id, end.unwrap_or(now)),
            PortKind::Tap(_) => {}
        }
    }

    pub(super) fn close_track(&mut self, id: TrackId, now: Nanos) {
        for crosspoint in self.matrix.from(id).to_vec() {
            self.disconnect(id, crosspoint.destination, now);
        }
        if let Some(track) = self.tracks.remove(&id) {
            set_member(&mut self.wheel.slot(track.slot).listened, id, false);
            self.leave_talkers(track.session, id);
        }
    }

    pub(super) fn close_recorder(&mut self, id: PortId, end: Nanos) {
        if !self.tape.close(id, end) {
            self.closing.push((id, end));
        }
    }

    pub(super) fn stats(&self, id: PortId) -> Vec<TrackStats> {
        let heard = |id: TrackId| {
            self.tracks
                .get(&id)
                .map_or((None, None), |track| (track.codec, track.level_dbov))
        };
        let mut all = match self.ports.get(&id).map(|port| &port.kind) {
            Some(PortKind::Rtp(rtp)) => rtp.stats(heard(rtp.track).1),
            Some(PortKind::WebRtc(port)) => port.stats(heard),
            Some(PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_)) | None => Vec::new(),
        };
        for stats in &mut all {
            let track = stats.track.and_then(|track| self.tracks.get(&track));
            stats.speech = track.and_then(|track| track.activity.speech());
        }
        all
    }
}
