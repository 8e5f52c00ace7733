//! Digits: told once each, by packets or by sound.

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::dtmf::events::Signals;
use crate::dtmf::{Press, Signal, MASKED};
use crate::event::Happening;
use crate::id::{PortId, TrackId};
use crate::io::MediaIo;
use crate::overload::Stage;
use crate::port::audio_out::AudioOut;
use crate::port::Port;
use crate::track::AudioPacket;
use crate::wheel::{set_member, Wheel};

impl Worker {
    /// Listen for tones of digits in a track's sound, or no longer.
    pub(super) fn detect_digits(&mut self, id: TrackId, on: bool) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.digits.listen(on);
            self.provide(id);
        }
    }

    /// What telephone-events of a track told.
    pub(super) fn take_events(&mut self, port: PortId, id: TrackId, signals: Signals, now: Nanos) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.digits.note_events();
        }
        let is_masked = self.is_masked(id);
        for signal in signals.into_iter().flatten() {
            match signal {
                Signal::Began(_) if is_masked => {}
                Signal::Over(press) if is_masked => self.tell_masked(port, press, now),
                Signal::Began(digit) => self.pass_on(id, |out| out.digits.press(id, digit)),
                Signal::Over(press) => {
                    self.pass_on(id, |out| out.digits.release(id, press));
                    self.tell_press(port, press, now);
                }
            }
        }
    }

    /// Put a mask on a track, or take it off.
    pub(super) fn mask_digits(&mut self, id: TrackId, on: bool, now: Nanos, io: &mut dyn MediaIo) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if on {
            track.digits.mask.get_or_insert_default();
            self.pass_on(id, |out| out.digits.forget(id)); // the press that is going on is masked too
        } else {
            self.empty_mask(id, true, now, io);
            if let Some(track) = self.tracks.get_mut(&id) {
                track.digits.mask = None;
            }
        }
    }

    fn is_masked(&self, id: TrackId) -> bool {
        self.tracks
            .get(&id)
            .is_some_and(|track| track.digits.mask.is_some())
    }

    /// Keep a packet back until it is known to be no digit.
    pub(super) fn pass_mask(
        &mut self,
        id: TrackId,
        packet: &AudioPacket<'_>,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let (port, has_events) = (track.port, track.digits.sends_events());
        track.digits.masked_at = now;
        let told = track
            .digits
            .mask
            .as_mut()
            .and_then(|mask| mask.push(packet));
        if let Some(Signal::Over(press)) = told.filter(|_| !has_events) {
            self.tell_masked(port, press, now);
        }
        self.empty_mask(id, false, now, io);
    }

    /// An event packet came: what a mask kept back before it may be the same press, sounded too.
    pub(super) fn mask_event(&mut self, id: TrackId, now: Nanos, io: &mut dyn MediaIo) {
        let track = self.tracks.get_mut(&id);
        if let Some(mask) = track.and_then(|track| track.digits.mask.as_mut()) {
            mask.silence();
            self.empty_mask(id, true, now, io);
        }
    }

    /// Hand on what a mask need not keep back any more.
    pub(super) fn empty_mask(&mut self, id: TrackId, all: bool, now: Nanos, io: &mut dyn MediaIo) {
        let mut payload = [0; 1_500];
        loop {
            let track = self.tracks.get_mut(&id);
            let mask = track.and_then(|track| track.digits.mask.as_mut());
            let Some(packet) = mask.and_then(|mask| mask.pop(all, &mut payload)) else {
                return;
            };
            self.hand_on(id, &packet, true, now, io);
        }
    }

    /// That a digit was pressed is told, not which.
    fn tell_masked(&self, port: PortId, press: Press, now: Nanos) {
        let digit = MASKED;
        self.tell_press(port, Press { digit, ..press }, now);
    }

    /// A digit of the track's peer that came by signalling.
    pub(super) fn relay_digit(&mut self, id: TrackId, press: Press) {
        if self.is_masked(id) {
            return;
        }
        self.pass_on(id, |out| out.digits.send(press.digit, press.duration_ms));
    }

    /// Send digits to a port's peer.
    pub(super) fn send_digits(&mut self, id: PortId, digits: &str, ms: u32) {
        self.press_on(id, |out| {
            digits.chars().for_each(|digit| out.digits.send(digit, ms));
        });
    }

    /// Let everyone who hears the track have a press of its peer.
    fn pass_on(&mut self, id: TrackId, press: impl Fn(&mut AudioOut)) {
        for place in 0..self.matrix.from(id).len() {
            let destination = self.matrix.from(id)[place].destination;
            self.press_on(destination, &press);
        }
    }

    fn press_on(&mut self, id: PortId, press: impl Fn(&mut AudioOut)) {
        let Some(port) = self.ports.get_mut(&id) else {
            return;
        };
        let slot = Wheel::slot_of(port.session);
        let Some(out) = port.audio_out().filter(|out| out.is_sending()) else {
            return;
        };
        press(out);
        if out.digits.is_busy() {
            set_member(&mut self.wheel.slot(slot).pressing, id, true);
        }
    }

    /// The destination does not hear the track any more.
    pub(super) fn forget_digits(&mut self, id: TrackId, destination: PortId) {
        let port = self.ports.get_mut(&destination);
        if let Some(out) = port.and_then(Port::audio_out) {
            out.digits.forget(id);
        }
    }

    /// Send a frame of what a port's digits are; false when all are sent.
    pub(super) fn tick_digits(&mut self, id: PortId, at: Nanos, io: &mut dyn MediaIo) -> bool {
        let Some(port) = self.ports.get_mut(&id) else {
            return false;
        };
        let Some(out) = port.audio_out() else {
            return false;
        };
        let Some(moment) = out.digits.next_frame() else {
            return false;
        };
        let goes_on = out.digits.is_busy();
        if port.kind.send_digit(&moment, at, io) {
            self.legs.dirty.push(id);
        }
        goes_on
    }

    /// Make a track's frame that is due, and hear digits in it.
    pub(super) fn pull(&mut self, id: TrackId, at: Nanos) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        track.pull(self.stage >= Stage::Bare, at);
        if track.progress.is_some() {
            self.hear_progress(id, at);
        }
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let (Some(frames), Some(playout)) = (&track.frames, &track.playout) else {
            return;
        };
        let signals = track
            .digits
            .hear(frames.at(Rate::Narrow), playout.is_covering());
        let port = track.port;
        for signal in signals.into_iter().flatten() {
            if let Signal::Over(press) = signal {
                self.tell_press(port, press, at);
            }
        }
    }

    fn tell_press(&self, port: PortId, Press { digit, duration_ms }: Press, now: Nanos) {
        self.events.tell(
            now,
            Happening::Digit {
                port,
                digit,
                duration_ms,
            },
        );
    }
}
