//! Digits: told once each, by packets or by sound.

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::dtmf::events::Signals;
use crate::dtmf::{Press, Signal};
use crate::event::Happening;
use crate::id::{PortId, TrackId};

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
        for signal in signals.into_iter().flatten() {
            if let Signal::Over(press) = signal {
                self.tell_press(port, press, now);
            }
        }
    }

    /// Make a track's frame that is due, and hear digits in it.
    pub(super) fn pull(&mut self, id: TrackId, at: Nanos) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        track.pull(at);
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
