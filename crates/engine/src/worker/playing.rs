//! Players: what they are asked, and their frames on the way to those who have them.

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::command::Play;
use crate::event::{Happening, PlayOutcome};
use crate::id::{PortId, TrackId};
use crate::io::MediaIo;
use crate::port::audio_out::Plan;
use crate::port::player::{Finished, PlayerPort, Told};
use crate::port::{Port, PortKind};
use crate::recording::{Record, RecordCodec};
use crate::wheel::{set_member, Wheel};

impl Worker {
    fn player(&mut self, id: PortId) -> Option<&mut PlayerPort> {
        match &mut self.ports.get_mut(&id)?.kind {
            PortKind::Player(player) => Some(player),
            _ => None,
        }
    }

    pub(super) fn play(&mut self, id: PortId, play: Play, queued: bool, now: Nanos) {
        if !queued {
            self.end_plays(id, PlayOutcome::Replaced, now);
        }
        let Some(player) = self.player(id) else {
            return;
        };
        if let Some(refused) = player.enqueue(play) {
            let finished = Finished {
                play_id: refused.id,
                outcome: PlayOutcome::Failed,
                position_ms: 0,
            };
            return self.tell_finished(id, finished, now);
        }
        if let Some(port) = self.ports.get(&id) {
            let slot = Wheel::slot_of(port.session);
            set_member(&mut self.wheel.slot(slot).players, id, true);
        }
    }

    pub(super) fn stop_playing(&mut self, id: PortId, now: Nanos) {
        self.end_plays(id, PlayOutcome::Stopped, now);
    }

    fn end_plays(&mut self, id: PortId, outcome: PlayOutcome, now: Nanos) {
        while let Some(ended) = self.player(id).and_then(|player| player.end_next(outcome)) {
            self.tell_finished(id, ended, now);
        }
    }

    pub(super) fn seek(&mut self, id: PortId, position_ms: u32) {
        if let Some(player) = self.player(id) {
            player.seek(position_ms);
        }
    }

    pub(super) fn duck(&mut self, id: PortId, under: Vec<TrackId>, gain: f32) {
        if let Some(player) = self.player(id) {
            player.duck(under, gain);
        }
    }

    pub(super) fn tell_finished(&self, port: PortId, finished: Finished, now: Nanos) {
        let Finished {
            play_id,
            outcome,
            position_ms,
        } = finished;
        let what = Happening::PlayFinished {
            port,
            play_id,
            outcome,
            position_ms,
        };
        self.events.tell(now, what);
    }

    fn tell_of_play(&self, port: PortId, told: Told, now: Nanos) {
        if let Some(finished) = told.finished {
            self.tell_finished(port, finished, now);
        }
        if let Some(play_id) = told.started {
            self.events
                .tell(now, Happening::PlayStarted { port, play_id });
        }
        if let Some((play_id, position_ms)) = told.position {
            let what = Happening::PlayPosition {
                port,
                play_id,
                position_ms,
            };
            self.events.tell(now, what);
        }
    }

    /// Make a player's frame and give it to those who have it; false when it has fallen silent.
    pub(super) fn tick_player(&mut self, id: PortId, at: Nanos, io: &mut dyn MediaIo) -> bool {
        // Taken out, so that player and listeners can be had at once; putting it back allocates nothing.
        let Some(mut port) = self.ports.remove(&id) else {
            return false;
        };
        let mut goes_on = false;
        if let PortKind::Player(player) = &mut port.kind {
            if player.is_starved() {
                self.ports.insert(id, port);
                return true; // its writer may go on at any time
            }
            let speaks = |track: &TrackId| {
                let track = self.tracks.get(track);
                track.is_some_and(|track| track.activity.talks(at))
            };
            let speaks = player.ducks_under().iter().any(speaks);
            player.note_speech(speaks);
            let told = player.fill();
            self.take_frame(player, at);
            self.hand_out(player, at, io);
            let silent = player.is_silent();
            goes_on = !silent || player.has_source();
            if silent {
                self.silence_player(player.track);
            }
            self.tell_of_play(id, told, at);
        }
        self.ports.insert(id, port);
        goes_on
    }

    /// Keep a player's frame for those who mix its track.
    fn take_frame(&mut self, player: &PlayerPort, at: Nanos) {
        let id = player.track;
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if track.player_rate != player.rate() {
            track.player_rate = player.rate();
            track.want(&[]);
            for place in 0..self.matrix.from(id).len() {
                let destination = self.matrix.from(id)[place].destination;
                self.plan(destination, at);
            }
            self.provide(id);
        }
        let track = self.tracks.get_mut(&id);
        let Some(frames) = track.and_then(|track| track.frames.as_mut()) else {
            return;
        };
        if frames.take_fresh() {
            frames.fill(|samples| samples.copy_from_slice(player.before()));
        }
        frames.fill(|samples| samples.copy_from_slice(player.frame()));
    }

    /// Give a player's frame to those who relay or record it.
    fn hand_out(&mut self, player: &mut PlayerPort, at: Nanos, io: &mut dyn MediaIo) {
        let id = player.track;
        let track = self.tracks.get(&id);
        let frames = track.and_then(|track| track.frames.as_deref());
        for crosspoint in self.matrix.from(id) {
            let Some(port) = self.ports.get_mut(&crosspoint.destination) else {
                continue;
            };
            if let PortKind::Recorder = port.kind {
                let Some(frames) = frames else { continue };
                let record = Record {
                    recorder: crosspoint.destination,
                    track: id,
                    codec: RecordCodec::L16,
                    at,
                    ssrc: 0,
                    sequence: 0,
                    timestamp: 0,
                    marker: false,
                };
                let mut payload = [0; 2 * Rate::Wide.frame()];
                for (bytes, sample) in payload.chunks_exact_mut(2).zip(frames.at(Rate::Wide)) {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                }
                let lost = !self.tape.packet(&record, &payload);
                self.counters.recording_lost.add(u64::from(lost));
                continue;
            }
            let Some(out) = port
                .audio_out()
                .filter(|out| out.plan == Plan::Relay(id) && !out.digits.is_busy())
            else {
                continue;
            };
            let Some(codec) = out.preferred() else {
                continue;
            };
            let payload = player.packet(codec);
            if payload.is_empty() {
                continue;
            }
            let audio = out.frame(codec, payload, at);
            if port.kind.send(&audio, at, io) {
                self.legs.dirty.push(crosspoint.destination);
            }
        }
    }

    /// A player has ended: those who mix it hear silence, those who relay it get no more packets.
    fn silence_player(&mut self, id: TrackId) {
        if let Some(frames) = self
            .tracks
            .get_mut(&id)
            .and_then(|track| track.frames.as_mut())
        {
            frames.silence();
        }
        for crosspoint in self.matrix.from(id) {
            let out = self
                .ports
                .get_mut(&crosspoint.destination)
                .and_then(Port::audio_out);
            if let Some(out) = out.filter(|out| out.plan == Plan::Relay(id)) {
                out.stream.pause();
            }
        }
    }
}
