//! How calls go that we make.

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::event::Happening;
use crate::id::TrackId;
use crate::progress::{NetworkTone, Progress};

impl Worker {
    /// Listen how a call to the track's peer goes, or no longer.
    pub(super) fn watch_call(&mut self, id: TrackId, tones: Option<Vec<NetworkTone>>) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.progress = tones.map(|tones| Box::new(Progress::new(tones)));
            self.provide(id);
        }
    }

    /// The call is answered: listen who it is.
    pub(super) fn call_answered(&mut self, id: TrackId) {
        let track = self.tracks.get_mut(&id);
        if let Some(progress) = track.and_then(|track| track.progress.as_mut()) {
            progress.answered();
        }
    }

    /// Hear the newest frame of a track whose call is watched.
    pub(super) fn hear_progress(&mut self, id: TrackId, at: Nanos) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let (Some(progress), Some(frames)) = (&mut track.progress, &track.frames) else {
            return;
        };
        for signal in progress.hear(frames.at(Rate::Narrow)).into_iter().flatten() {
            let what = Happening::CallProgress { track: id, signal };
            self.events.tell(at, what);
        }
    }
}
