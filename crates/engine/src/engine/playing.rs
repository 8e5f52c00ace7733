//! What players play.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::Engine;
use crate::codec::FRAME_MS;
use crate::command::{Command, Play};
use crate::directory::Kind;
use crate::error::CoreError;
use crate::id::{PortId, TrackId};

/// What `play` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum PlayItem {
    File(PathBuf),
    Tone {
        hz: Vec<f32>,
        duration_ms: u32,
        level_dbm0: f32,
    },
    Silence {
        duration_ms: u32,
    },
}

/// How it is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayOptions {
    pub looped: bool,
    /// After all that plays and waits, not in its place.
    pub queued: bool,
    /// Tell when it begins, and each so many ms where it stands (0: never); None: only its end.
    pub report_ms: Option<u32>,
}

impl Engine {
    /// Prepare the items in the calling thread, then play them; returns the play's id.
    pub fn play(
        &self,
        port: PortId,
        items: &[PlayItem],
        options: PlayOptions,
    ) -> Result<u64, CoreError> {
        self.control().directory.session_of(port, Kind::Player)?;
        let programme = self.library.programme(items)?;
        let id = self.last_play.fetch_add(1, Ordering::Relaxed) + 1;
        let play = Play {
            id,
            programme,
            looped: options.looped,
            report: options.report_ms.map(|ms| (ms as usize).div_ceil(FRAME_MS)),
        };
        let queued = options.queued;
        self.ask_player(port, Command::Play { port, play, queued })?;
        Ok(id)
    }

    fn ask_player(&self, port: PortId, command: Command) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.session_of(port, Kind::Player)?;
        control.ask(session, command)
    }

    /// Go on at another place of what is playing.
    pub fn seek(&self, port: PortId, position_ms: u32) -> Result<(), CoreError> {
        self.ask_player(port, Command::Seek { port, position_ms })
    }

    /// Play softer, by `gain_db`, while one of these tracks speaks; with none, no longer.
    pub fn duck(&self, port: PortId, under: Vec<TrackId>, gain_db: f32) -> Result<(), CoreError> {
        let gain = 10f32.powf(gain_db.min(0.0) / 20.0);
        self.ask_player(port, Command::Duck { port, under, gain })
    }

    pub fn stop_playing(&self, port: PortId) -> Result<(), CoreError> {
        self.ask_player(port, Command::StopPlaying { port })
    }
}
