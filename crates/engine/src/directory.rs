//! Which ports and tracks there are, and whose: what can be checked before a worker is asked.

use crate::error::CoreError;
use crate::id::{IdMap, IdSet, PortId, SessionId, TrackId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rtp,
    WebRtc,
    Player,
    Recorder,
    Tap,
    Source,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub session: SessionId,
    pub kind: Kind,
    pub tracks: Vec<TrackId>,
}

#[derive(Default)]
pub struct Directory {
    ports: IdMap<PortId, Entry>,
    tracks: IdMap<TrackId, SessionId>,
    /// Tracks whose labels the writer keeps.
    named: IdSet<TrackId>,
}

impl Directory {
    pub fn add(&mut self, port: PortId, entry: Entry) {
        for &track in &entry.tracks {
            self.tracks.insert(track, entry.session);
        }
        self.ports.insert(port, entry);
    }

    /// The tracks that a WebRTC port has after another offer.
    pub fn add_tracks(&mut self, port: PortId, tracks: impl Iterator<Item = TrackId>) {
        let Some(entry) = self.ports.get_mut(&port) else {
            return;
        };
        for track in tracks
            .filter(|track| !entry.tracks.contains(track))
            .collect::<Vec<_>>()
        {
            entry.tracks.push(track);
            self.tracks.insert(track, entry.session);
        }
    }

    pub fn remove(&mut self, port: PortId) -> Option<Entry> {
        let entry = self.ports.remove(&port)?;
        for track in &entry.tracks {
            self.tracks.remove(track);
        }
        Some(entry)
    }

    pub fn note_named(&mut self, track: TrackId) {
        self.named.insert(track);
    }

    /// True once if the track had been named.
    pub fn forget_named(&mut self, track: TrackId) -> bool {
        self.named.remove(&track)
    }

    pub fn port(&self, port: PortId) -> Result<&Entry, CoreError> {
        self.ports.get(&port).ok_or(CoreError::UnknownPort(port))
    }

    /// The port's session, if the port is of this kind.
    pub fn session_of(&self, port: PortId, kind: Kind) -> Result<SessionId, CoreError> {
        let entry = self.port(port)?;
        if entry.kind != kind {
            return Err(CoreError::UnknownPort(port));
        }
        Ok(entry.session)
    }

    pub fn track(&self, track: TrackId) -> Result<SessionId, CoreError> {
        self.tracks
            .get(&track)
            .copied()
            .ok_or(CoreError::UnknownTrack(track))
    }

    /// The session that both belong to.
    pub fn session_of_both(
        &self,
        source: TrackId,
        destination: PortId,
    ) -> Result<SessionId, CoreError> {
        let session = self.track(source)?;
        if self.port(destination)?.session != session {
            return Err(CoreError::DifferentSessions(source, destination));
        }
        Ok(session)
    }
}
