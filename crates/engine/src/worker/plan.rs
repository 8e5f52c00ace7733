//! Crosspoints, and how each port's sources are carried.

use super::Worker;
use crate::bus::Bus;
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::id::{PortId, TrackId};
use crate::io::MediaIo;
use crate::matrix::Crosspoint;
use crate::port::audio_out::{AudioOut, Plan};
use crate::port::{Port, PortKind};
use crate::stats::MediaKind;
use crate::track::Track;
use crate::voice::Wish;
use crate::wheel::set_member;

impl Worker {
    pub(super) fn connect(&mut self, crosspoint: Crosspoint, now: Nanos) {
        let Crosspoint {
            source,
            destination,
            ..
        } = crosspoint;
        if !self.tracks.contains_key(&source) || !self.ports.contains_key(&destination) {
            return;
        }
        let is_new = self.matrix.gain(source, destination).is_none();
        self.counters.crosspoints.add(u64::from(is_new));
        self.matrix.connect(crosspoint);
        self.plan(destination, now);
        self.provide(source);
        let records = matches!(
            self.ports.get(&destination),
            Some(Port {
                kind: PortKind::Recorder,
                ..
            })
        );
        if is_new && records {
            self.request_keyframes(source, now); // a file can begin only with one
        }
    }

    pub(super) fn disconnect(&mut self, source: TrackId, destination: PortId, now: Nanos) {
        if self.matrix.disconnect(source, destination) {
            self.forget_digits(source, destination);
            self.counters.crosspoints.subtract(1);
            self.plan(destination, now);
            self.provide(source);
        }
    }

    /// Derive again how the sources of a port are carried, after anything about them changed.
    pub(super) fn plan(&mut self, id: PortId, now: Nanos) {
        self.plan_audio(id, now);
        self.plan_video(id, now);
    }

    fn plan_audio(&mut self, id: PortId, now: Nanos) {
        let voices = self.voices(id);
        let rate = voices
            .iter()
            .filter_map(|(track, _)| self.tracks.get(track))
            .map(Track::rate)
            .max();
        let Some(port) = self.ports.get_mut(&id) else {
            return;
        };
        if let PortKind::Tap(tap) = &mut port.kind {
            tap.set_voices(&voices);
            return voices.iter().for_each(|&(track, _)| self.provide(track));
        }
        let Some(out) = port.audio_out() else { return };
        let before = (out.plan, out.mix_rate());
        match (voices.as_slice(), rate) {
            (_, None) => out.set_plan(Plan::Silent),
            _ if !out.is_sending() => out.set_plan(Plan::Silent),
            (&[(source, 1.0)], _) if can_relay(&self.tracks[&source], out) => {
                if out.plan == Plan::Mix && self.tracks[&source].playout.is_some() {
                    let bus = out.bus().and_then(|bus| self.buses.get(bus));
                    out.leave_for(source, bus.map_or(1, Bus::frames_to_leave));
                } else {
                    out.set_plan(Plan::Relay(source));
                }
            }
            _ => out.set_plan(Plan::Mix),
        }
        match rate.filter(|_| out.plan == Plan::Mix) {
            Some(rate) => self.mix(id, &voices, rate, before.0, now),
            None => self.alight(id),
        }
        let out = self.ports.get_mut(&id).and_then(Port::audio_out);
        let after = out.map(|out| (out.plan, out.mix_rate()));
        if after != Some(before) || before.0 != Plan::Mix {
            voices.iter().for_each(|&(track, _)| self.provide(track));
        }
    }

    /// Let a port mix these voices; `rate` is the highest that any of them has.
    fn mix(&mut self, id: PortId, voices: &[(TrackId, f32)], rate: Rate, before: Plan, now: Nanos) {
        let Some(out) = self.ports.get_mut(&id).and_then(Port::audio_out) else {
            return;
        };
        let last = out.bus().filter(|_| out.leaving_for().is_some());
        let form = match last.and_then(|bus| self.buses.get(bus)) {
            Some(bus) => bus.form(),
            None => match out.form(rate) {
                Some(form) => form,
                None => return,
            },
        };
        let goes_on = |&&(track, _): &&(TrackId, f32)| {
            before == Plan::Relay(track) && !self.tracks[&track].is_player()
        };
        let relayed = voices.iter().find(goes_on).map(|&(track, _)| track);
        self.board(id, form, voices, relayed, now);
    }

    /// The last mixed frame is sent: relay, after what waits of the source in its playout.
    pub(super) fn leave_mix(&mut self, id: PortId, now: Nanos, io: &mut dyn MediaIo) {
        let Some(port) = self.ports.get_mut(&id) else {
            return;
        };
        let Some(source) = port.audio_out().and_then(|out| out.leaving_for()) else {
            return;
        };
        if let Some(out) = port.audio_out() {
            out.stream.take_over();
        }
        let track = self.tracks.get(&source);
        if let Some(playout) = track.and_then(|track| track.playout.as_ref()) {
            for payload in playout.waiting() {
                let Some(out) = port.audio_out().filter(|out| out.accepts(playout.codec())) else {
                    break;
                };
                let audio = out.frame(playout.codec(), payload, now);
                if port.kind.send(&audio, now, io) {
                    self.legs.dirty.push(id);
                }
            }
        }
        if let Some(out) = port.audio_out() {
            out.set_plan(Plan::Relay(source));
        }
        self.plan(id, now);
        self.provide(source);
    }

    /// The audio sources of a port, with their gains.
    fn voices(&self, id: PortId) -> Vec<(TrackId, f32)> {
        let is_audio = |track: &&TrackId| {
            self.tracks
                .get(track)
                .is_some_and(|t| t.kind == MediaKind::Audio)
        };
        let gain = |&track: &TrackId| Some((track, self.matrix.gain(track, id)?));
        self.matrix
            .to(id)
            .iter()
            .filter(is_audio)
            .filter_map(gain)
            .collect()
    }

    /// Have a track's voice processed for all who hear it, or no longer.
    pub(super) fn set_voice(&mut self, id: TrackId, wish: Wish, now: Nanos) {
        let is_voice = |track: &&mut Track| track.kind == MediaKind::Audio && !track.is_player();
        let Some(track) = self.tracks.get_mut(&id).filter(is_voice) else {
            return;
        };
        if track.set_wish(wish) {
            for crosspoint in self.matrix.from(id).to_vec() {
                self.plan(crosspoint.destination, now);
            }
            self.provide(id);
        }
    }

    /// Let a track make its frames at the rates that those who have it need.
    pub(super) fn provide(&mut self, id: TrackId) {
        let Some(track) = self
            .tracks
            .get(&id)
            .filter(|track| track.kind == MediaKind::Audio)
        else {
            return;
        };
        let is_player = track.is_player();
        let mut rates: Vec<Rate> = Vec::with_capacity(Rate::ALL.len());
        for crosspoint in self.matrix.from(id) {
            let rate = match self.ports.get_mut(&crosspoint.destination) {
                Some(Port {
                    kind: PortKind::Recorder,
                    ..
                }) => is_player.then_some(Rate::Wide),
                Some(Port {
                    kind: PortKind::Tap(tap),
                    ..
                }) => Some(tap.rate()),
                Some(port) => port.audio_out().and_then(|out| out.mix_rate()),
                None => None,
            };
            rates.extend(rate.filter(|rate| !rates.contains(rate)));
        }
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let listens = track.digits.listens() || track.progress.is_some();
        if listens && !rates.contains(&Rate::Narrow) {
            rates.push(Rate::Narrow);
        }
        track.want(&rates);
        let listened = track.playout.is_some();
        set_member(&mut self.wheel.slot(track.slot).listened, id, listened);
    }
}

/// One source in a codec the peer takes needs no decoding.
fn can_relay(track: &Track, out: &AudioOut) -> bool {
    match track.codec {
        _ if track.is_processed() => false,
        _ if track.is_player() => out.takes_frames(),
        Some(codec) => out.accepts(codec),
        None => false,
    }
}
