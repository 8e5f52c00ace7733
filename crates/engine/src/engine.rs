//! The handle of the media core: checks what can be checked, opens sockets, and asks the workers.

mod opening;
mod playing;
mod settings;
mod workers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webrtc::Identity;

use crate::clock::{Clock, Nanos};
use crate::command::Command;
use crate::directory::{Directory, Kind};
use crate::dtmf::{pair_of, Press};
use crate::error::CoreError;
use crate::event::{Event, EventQueue};
use crate::id::{PortId, SessionId, TrackId};
use crate::io::shell::Message;
use crate::library::Library;
use crate::matrix::Crosspoint;
use crate::overload::Load;
use crate::placement::Placement;
use crate::port::rtp::RtpConfig;
use crate::progress::NetworkTone;
use crate::recording::Control;
use crate::stats::{Counters, TrackStats};
use crate::voice::Wish;

use settings::check;
use workers::{start_worker, WorkerHandle};

pub use opening::{OpenedPlayer, OpenedRtp, OpenedTrack, OpenedWebRtc};
pub use playing::{PlayItem, PlayOptions};
pub use settings::Settings;
pub use workers::WorkerLoad;

/// A worker answers within a millisecond or two; one that does not in so long is gone.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the callers of the engine share; workers never touch it.
struct Shared {
    workers: Vec<WorkerHandle>,
    placement: Placement,
    directory: Directory,
    next_rtp_port: u16,
}

pub struct Engine {
    settings: Settings,
    clock: Clock,
    events: Arc<EventQueue>,
    counters: Arc<Counters>,
    identity: Identity,
    /// Of RTP ports.
    dtls: dtls::Identity,
    control: Mutex<Shared>,
    library: Library,
    last_id: AtomicU64,
    last_play: AtomicU64,
}

impl Engine {
    /// Start the workers.
    pub fn start(settings: Settings) -> Result<Engine, CoreError> {
        check(&settings)?;
        let clock = Clock::new(settings.clock_offset_ns);
        let events = Arc::new(EventQueue::new()?);
        let counters = Arc::new(Counters::default());
        let workers = (0..settings.workers)
            .map(|index| start_worker(index, &settings, clock, &events, &counters))
            .collect::<Result<Vec<_>, CoreError>>()?;
        let identity = Identity::generate()
            .ok_or_else(|| CoreError::BadSetting("no certificate can be made".into()))?;
        let dtls = dtls::Identity::generate()
            .ok_or_else(|| CoreError::BadSetting("no certificate can be made".into()))?;
        let control = Shared {
            workers,
            placement: Placement::default(),
            directory: Directory::default(),
            next_rtp_port: settings.rtp_ports.0,
        };
        Ok(Engine {
            settings,
            clock,
            events,
            counters,
            identity,
            dtls,
            control: Mutex::new(control),
            library: Library::open()?,
            last_id: AtomicU64::new(0),
            last_play: AtomicU64::new(0),
        })
    }

    /// Stop the workers and close everything; a second call does nothing.
    pub fn close(&self) {
        let workers = std::mem::take(&mut self.control().workers);
        for worker in &workers {
            let _ = worker.send(Message::Stop); // one that is gone has stopped
        }
        for WorkerHandle {
            messages,
            recording,
            threads,
            ..
        } in workers
        {
            drop((messages, recording)); // the writer ends when nobody can tell it anything more
            for thread in threads {
                let _ = thread.join();
            }
        }
        let mut control = self.control();
        (control.directory, control.placement) = (Directory::default(), Placement::default());
        drop(control);
        self.library.close();
    }

    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    pub fn event_fd(&self) -> i32 {
        self.events.fd()
    }

    pub fn drain_events(&self) -> Vec<Event> {
        self.events.drain()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Of each worker.
    pub fn loads(&self) -> Vec<WorkerLoad> {
        let control = self.control();
        let sessions = control.placement.sessions(control.workers.len());
        let load = |(worker, sessions): (&WorkerHandle, usize)| WorkerLoad {
            busy: worker.load.busy(),
            stage: worker.load.stage(),
            sessions,
        };
        control.workers.iter().zip(sessions).map(load).collect()
    }

    pub fn events_lost(&self) -> u64 {
        self.events.lost()
    }

    /// Ports and tracks share one count, so that neither is ever taken for the other.
    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn control(&self) -> MutexGuard<'_, Shared> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate that RTP ports show in DTLS.
    pub fn dtls_identity(&self) -> &dtls::Identity {
        &self.dtls
    }

    pub fn configure_rtp(&self, port: PortId, config: RtpConfig) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.session_of(port, Kind::Rtp)?;
        control.ask(session, Command::ConfigureRtp { port, config })
    }

    /// Drops the text if no data channel is open.
    pub fn send_data(&self, port: PortId, text: String) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.session_of(port, Kind::WebRtc)?;
        control.ask(session, Command::SendData { port, text })
    }

    pub fn request_keyframe(&self, track: TrackId) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::RequestKeyframe { track })
    }

    /// Send digits to a port's peer, each for so long: as telephone-events, or as tones if it takes none.
    pub fn send_digits(&self, port: PortId, digits: String, ms: u32) -> Result<(), CoreError> {
        if let Some(bad) = digits.chars().find(|&digit| pair_of(digit).is_none()) {
            return Err(CoreError::BadSetting(format!("no digit: {bad:?}")));
        }
        self.ask_port(port, Command::SendDigits { port, digits, ms })
    }

    fn ask_port(&self, port: PortId, command: Command) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.port(port)?.session;
        control.ask(session, command)
    }

    /// A digit of the track's peer came by signalling: those who hear the track get it.
    pub fn relay_digit(&self, track: TrackId, press: Press) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::RelayDigit { track, press })
    }

    /// Take digits out of a track before anybody has them, or no longer; each is told as `MASKED`.
    pub fn mask_digits(&self, track: TrackId, on: bool) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::MaskDigits { track, on })
    }

    /// Take noise out of a track's voice, or even its loudness, for all who hear it; it is then decoded, never relayed.
    pub fn set_voice(&self, track: TrackId, wish: Wish) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::SetVoice { track, wish })
    }

    /// Listen for tones of digits in a track's sound, for a peer that sends no telephone-events.
    pub fn detect_dtmf(&self, track: TrackId, on: bool) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::DetectDigits { track, on })
    }

    /// Listen how a call to the track's peer goes, by these tones of the network called; None: no longer.
    pub fn watch_call(
        &self,
        track: TrackId,
        tones: Option<Vec<NetworkTone>>,
    ) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::WatchCall { track, tones })
    }

    /// The call that is watched is answered: listen who it is.
    pub fn call_answered(&self, track: TrackId) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.track(track)?;
        control.ask(session, Command::CallAnswered { track })
    }

    /// Label a track for files that begin later.
    pub fn name_track(&self, track: TrackId, name: String) -> Result<(), CoreError> {
        let mut control = self.control();
        let session = control.directory.track(track)?;
        control.directory.note_named(track);
        control.record(session, Control::Name { track, name })
    }

    pub fn connect(&self, crosspoint: Crosspoint) -> Result<(), CoreError> {
        let control = self.control();
        let session = control
            .directory
            .session_of_both(crosspoint.source, crosspoint.destination)?;
        control.ask(session, Command::Connect(crosspoint))
    }

    /// What is not there needs no disconnecting.
    pub fn disconnect(&self, source: TrackId, destination: PortId) -> Result<(), CoreError> {
        let control = self.control();
        match control.directory.session_of_both(source, destination) {
            Ok(session) => control.ask(
                session,
                Command::Disconnect {
                    source,
                    destination,
                },
            ),
            Err(_) => Ok(()),
        }
    }

    /// What is not there needs no closing.
    pub fn close_port(&self, port: PortId, end: Option<Nanos>) -> Result<(), CoreError> {
        let mut control = self.control();
        let Some(entry) = control.directory.remove(port) else {
            return Ok(());
        };
        for track in entry.tracks {
            if control.directory.forget_named(track) {
                control.record(entry.session, Control::Forget { track })?;
            }
        }
        let asked = control.ask(entry.session, Command::ClosePort { port, end });
        control.placement.release(entry.session);
        asked
    }

    pub fn stats(&self, port: PortId) -> Result<Vec<TrackStats>, CoreError> {
        self.ask_and_wait(port, |reply| Command::Stats { port, reply })
    }

    /// Ask the port's worker and wait for its reply, without the lock.
    fn ask_and_wait<T>(
        &self,
        port: PortId,
        command: impl FnOnce(SyncSender<T>) -> Command,
    ) -> Result<T, CoreError> {
        let (reply, answer) = sync_channel(1);
        {
            let control = self.control();
            let session = control.directory.port(port)?.session;
            control.ask(session, command(reply))?;
        }
        answer
            .recv_timeout(REPLY_TIMEOUT)
            .map_err(|_| CoreError::Stopped)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The worker that a port more of the session goes to.
    fn take_seat(&mut self, session: SessionId) -> Result<&WorkerHandle, CoreError> {
        let loads: Vec<&Load> = self.workers.iter().map(|worker| &*worker.load).collect();
        let worker = self.placement.take(session, &loads)?;
        Ok(&self.workers[worker])
    }

    fn worker(&self, session: SessionId) -> Result<&WorkerHandle, CoreError> {
        let worker = self.placement.worker(session);
        worker
            .and_then(|worker| self.workers.get(worker))
            .ok_or(CoreError::Stopped)
    }

    fn record(&self, session: SessionId, control: Control) -> Result<(), CoreError> {
        self.worker(session)?
            .recording
            .send(control)
            .map_err(|_| CoreError::Stopped)
    }

    fn ask(&self, session: SessionId, command: Command) -> Result<(), CoreError> {
        self.worker(session)?
            .send(Message::Command(Box::new(command)))
    }
}
