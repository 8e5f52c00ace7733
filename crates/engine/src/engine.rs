//! The handle of the media core: checks what can be checked, opens sockets, and asks the workers.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, sync_channel, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use webrtc::{Identity, Leg, LegConfig};

use crate::clock::{Clock, Nanos, MILLISECOND};
use crate::codec::{Codec, Rate, FRAME_MS};
use crate::command::{Command, Play};
use crate::directory::{Directory, Entry, Kind};
use crate::dtmf::{pair_of, Press};
use crate::error::CoreError;
use crate::event::{Event, EventQueue};
use crate::id::{PortId, SessionId, TrackId};
use crate::io::shell::{Message, Shell};
use crate::io::tcp::IceTcp;
use crate::io::wake::Wake;
use crate::io::{udp, Endpoint};
use crate::library::Library;
use crate::matrix::Crosspoint;
use crate::overload::{Load, Stage};
use crate::placement::Placement;
use crate::port::rtp::RtpConfig;
use crate::port::source::{source, SourceWriter};
use crate::port::tap::{tap, TapReader};
use crate::port::webrtc::{for_browsers, Line};
use crate::progress::NetworkTone;
use crate::random::Random;
use crate::recording::{Control, Tape, Writer};
use crate::stats::{Counters, MediaKind, TrackStats};
use crate::voice::Wish;
use crate::worker::{Worker, WorkerSettings};

/// A worker answers within a millisecond or two; one that does not in so long is gone.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a tap or a source: 48 kHz take 6 MB then.
const MAX_BUFFER_MS: u32 = 60_000;
const MAX_WORKERS: usize = 256;
/// Media lines of a WebRTC port: audio, camera, screen.
const MAX_LINES: usize = 3;

#[derive(Clone, Debug)]
pub struct Settings {
    pub workers: usize,
    /// Where sockets are bound.
    pub bind_ip: IpAddr,
    /// What SDP announces.
    pub public_ip: IpAddr,
    /// As both of these, of RTP ports for peers of IPv6; None: none of those.
    pub ipv6: Option<(IpAddr, IpAddr)>,
    /// Inclusive.
    pub rtp_ports: (u16, u16),
    /// UDP port of worker 0, the next one for worker 1 and so on; 0 for any.
    pub webrtc_port: u16,
    /// Take WebRTC peers by TCP too, at the same port numbers.
    pub ice_tcp: bool,
    /// Ask browsers to send no Opus while nobody speaks (RFC 7587 §6.1, usedtx).
    pub opus_dtx: bool,
    /// In sessions where more talk before more listeners than this, only so many are mixed; 0 for all.
    pub loudest_talkers: usize,
    pub clock_offset_ns: i64,
    pub media_timeout_ms: u64,
}

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

#[derive(Clone, Copy, Debug)]
pub struct OpenedRtp {
    pub port: PortId,
    pub track: TrackId,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug)]
pub struct OpenedPlayer {
    pub port: PortId,
    pub track: TrackId,
}

#[derive(Clone, Debug)]
pub struct OpenedTrack {
    pub track: TrackId,
    pub kind: MediaKind,
    pub mid: String,
}

#[derive(Clone, Debug)]
pub struct OpenedWebRtc {
    pub port: PortId,
    /// SDP.
    pub answer: String,
    /// What the peer may send.
    pub tracks: Vec<OpenedTrack>,
}

/// How a worker is.
#[derive(Clone, Copy, Debug)]
pub struct WorkerLoad {
    /// Share of a core, 0 to 1.
    pub busy: f64,
    pub stage: Stage,
    pub sessions: usize,
}

struct WorkerHandle {
    messages: Sender<Message>,
    load: Arc<Load>,
    wake: Arc<Wake>,
    recording: Sender<Control>,
    /// Where its WebRTC legs are reached.
    webrtc: SocketAddr,
    ice_tcp: Option<IceTcp>,
    threads: Vec<JoinHandle<()>>,
}

impl WorkerHandle {
    fn send(&self, message: Message) -> Result<(), CoreError> {
        self.messages
            .send(message)
            .map_err(|_| CoreError::Stopped)?;
        self.wake.raise();
        Ok(())
    }
}

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

    /// Open what becomes a port of the session, on the session's worker; a new session is given one.
    fn opening<T>(
        &self,
        session: SessionId,
        open: impl FnOnce(&mut Shared) -> Result<T, CoreError>,
    ) -> Result<T, CoreError> {
        let mut control = self.control();
        control.take_seat(session)?;
        let opened = open(&mut control);
        if opened.is_err() {
            control.placement.release(session);
        }
        opened
    }

    pub fn open_rtp(&self, session: SessionId, allow_latch: bool) -> Result<OpenedRtp, CoreError> {
        let addresses = (self.settings.bind_ip, self.settings.public_ip);
        self.opening(session, |control| {
            self.open_rtp_at(control, session, allow_latch, addresses)
        })
    }

    /// As `open_rtp`, for a peer of IPv6.
    pub fn open_rtp_ipv6(
        &self,
        session: SessionId,
        allow_latch: bool,
    ) -> Result<OpenedRtp, CoreError> {
        let Settings {
            bind_ip,
            public_ip,
            ipv6,
            ..
        } = self.settings;
        let main = public_ip.is_ipv6().then_some((bind_ip, public_ip));
        let addresses = ipv6
            .or(main)
            .ok_or_else(|| CoreError::BadSetting("IPv6 media is not set up".into()))?;
        self.opening(session, |control| {
            self.open_rtp_at(control, session, allow_latch, addresses)
        })
    }

    fn open_rtp_at(
        &self,
        control: &mut Shared,
        session: SessionId,
        allow_latch: bool,
        (bind_ip, public_ip): (IpAddr, IpAddr),
    ) -> Result<OpenedRtp, CoreError> {
        let (low, high) = self.settings.rtp_ports;
        let start = control.next_rtp_port;
        let (rtp, rtcp) =
            udp::bind_pair(bind_ip, start, (low, high)).ok_or(CoreError::NoFreePort)?;
        let udp_port = rtp.local_addr()?.port();
        // The search goes on after it, so that a port rests before a new call hears the stragglers of the old one.
        control.next_rtp_port = if udp_port.saturating_add(2) < high {
            udp_port + 2
        } else {
            low
        };
        let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
        let worker = control.worker(session)?;
        worker.send(Message::Open(Endpoint::Rtp(port), rtp))?;
        worker.send(Message::Open(Endpoint::Rtcp(port), rtcp))?;
        control.ask(
            session,
            Command::OpenRtp {
                port,
                track,
                session,
                allow_latch,
            },
        )?;
        control.directory.add(
            port,
            Entry {
                session,
                kind: Kind::Rtp,
                tracks: vec![track],
            },
        );
        Ok(OpenedRtp {
            port,
            track,
            address: SocketAddr::new(public_ip, udp_port),
        })
    }

    pub fn configure_rtp(&self, port: PortId, config: RtpConfig) -> Result<(), CoreError> {
        let control = self.control();
        let session = control.directory.session_of(port, Kind::Rtp)?;
        control.ask(session, Command::ConfigureRtp { port, config })
    }

    /// Answer a peer's offer. The leg is made here, in the calling thread: its keys cost more than a packet.
    pub fn open_webrtc(
        &self,
        session: SessionId,
        offer: &str,
        audio_codecs: Vec<Codec>,
    ) -> Result<OpenedWebRtc, CoreError> {
        let (local, tcp_port) = {
            let mut control = self.control();
            let worker = control.take_seat(session)?;
            (worker.webrtc, worker.ice_tcp.as_ref().map(IceTcp::port))
        };
        let opened = self.open_webrtc_at(session, offer, audio_codecs, local, tcp_port);
        if opened.is_err() {
            self.control().placement.release(session);
        }
        opened
    }

    fn open_webrtc_at(
        &self,
        session: SessionId,
        offer: &str,
        audio_codecs: Vec<Codec>,
        local: SocketAddr,
        tcp_port: Option<u16>,
    ) -> Result<OpenedWebRtc, CoreError> {
        let mut config = LegConfig::new(self.identity.clone(), vec![local]);
        config.tcp_port = tcp_port;
        config.opus_dtx = self.settings.opus_dtx;
        config.audio_codecs = for_browsers(&audio_codecs);
        let accepted = Leg::accept(offer, config, self.clock.instant(self.clock.now()));
        let (leg, answer) = accepted.map_err(|error| CoreError::BadOffer(error.to_string()))?;
        let port = PortId(self.next_id());
        let lines: Vec<Line> = answer
            .lines
            .iter()
            .map(|line| Line::new(line, TrackId(self.next_id())))
            .collect();
        let tracks = lines.iter().map(|line| line.track).collect();
        let opened = opened(port, answer.sdp, &lines);
        let mut control = self.control();
        control.ask(
            session,
            Command::OpenWebRtc {
                port,
                session,
                leg: Box::new(leg),
                lines,
                local,
            },
        )?;
        control.directory.add(
            port,
            Entry {
                session,
                kind: Kind::WebRtc,
                tracks,
            },
        );
        Ok(opened)
    }

    /// Answer a later offer of the same peer.
    pub fn reoffer_webrtc(
        &self,
        port: PortId,
        offer: &str,
        audio_codecs: Vec<Codec>,
    ) -> Result<OpenedWebRtc, CoreError> {
        self.control().directory.session_of(port, Kind::WebRtc)?;
        let offer = offer.to_owned();
        let spare = (0..MAX_LINES).map(|_| TrackId(self.next_id())).collect();
        let command = |reply| Command::ReofferWebRtc {
            port,
            offer,
            audio_codecs,
            spare,
            reply,
        };
        let answered = self.ask_and_wait(port, command)?;
        let (answer, lines) = answered
            .ok_or(CoreError::UnknownPort(port))?
            .map_err(|error| CoreError::BadOffer(error.to_string()))?;
        self.control()
            .directory
            .add_tracks(port, lines.iter().map(|line| line.track));
        Ok(opened(port, answer.sdp, &lines))
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

    pub fn open_recorder(
        &self,
        session: SessionId,
        folder: &Path,
        epoch: Nanos,
    ) -> Result<PortId, CoreError> {
        self.opening(session, |control| {
            let port = PortId(self.next_id());
            let open = Control::Open {
                recorder: port,
                folder: folder.to_owned(),
                epoch,
            };
            // The writer first: it must know the recorder when its first packet comes.
            control.record(session, open)?;
            control.ask(session, Command::OpenRecorder { port, session })?;
            let entry = Entry {
                session,
                kind: Kind::Recorder,
                tracks: Vec::new(),
            };
            control.directory.add(port, entry);
            Ok(port)
        })
    }

    /// Label a track for files that begin later.
    pub fn name_track(&self, track: TrackId, name: String) -> Result<(), CoreError> {
        let mut control = self.control();
        let session = control.directory.track(track)?;
        control.directory.note_named(track);
        control.record(session, Control::Name { track, name })
    }

    pub fn open_player(&self, session: SessionId) -> Result<OpenedPlayer, CoreError> {
        self.opening(session, |control| {
            let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
            let command = Command::OpenPlayer {
                port,
                track,
                session,
            };
            control.ask(session, command)?;
            let entry = Entry {
                session,
                kind: Kind::Player,
                tracks: vec![track],
            };
            control.directory.add(port, entry);
            Ok(OpenedPlayer { port, track })
        })
    }

    /// Open a tap that keeps up to `buffer_ms` for its reader, who is told each `notify_ms` (0: never).
    pub fn open_tap(
        &self,
        session: SessionId,
        rate: Rate,
        buffer_ms: u32,
        notify_ms: u32,
    ) -> Result<(PortId, TapReader), CoreError> {
        let frames = frames_of(buffer_ms)?;
        let (tap, reader) = tap(rate, frames, notify_ms.div_ceil(FRAME_MS as u32));
        let tap = Box::new(tap);
        self.opening(session, |control| {
            let port = PortId(self.next_id());
            control.ask(session, Command::OpenTap { port, session, tap })?;
            let entry = Entry {
                session,
                kind: Kind::Tap,
                tracks: Vec::new(),
            };
            control.directory.add(port, entry);
            Ok((port, reader))
        })
    }

    /// Open a source that takes up to `buffer_ms` ahead.
    pub fn open_source(
        &self,
        session: SessionId,
        rate: Rate,
        buffer_ms: u32,
    ) -> Result<(OpenedPlayer, SourceWriter), CoreError> {
        let (writer, feed) = source(rate, frames_of(buffer_ms)?);
        self.opening(session, |control| {
            let (port, track) = (PortId(self.next_id()), TrackId(self.next_id()));
            let command = Command::OpenSource {
                port,
                track,
                session,
                feed,
            };
            control.ask(session, command)?;
            let entry = Entry {
                session,
                kind: Kind::Source,
                tracks: vec![track],
            };
            control.directory.add(port, entry);
            Ok((OpenedPlayer { port, track }, writer))
        })
    }

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

/// Frames in the ring of a tap or a source.
fn frames_of(buffer_ms: u32) -> Result<usize, CoreError> {
    if !(FRAME_MS as u32..=MAX_BUFFER_MS).contains(&buffer_ms) {
        return Err(CoreError::BadSetting(format!(
            "buffer_ms must be {FRAME_MS} to {MAX_BUFFER_MS}"
        )));
    }
    Ok((buffer_ms as usize).div_ceil(FRAME_MS))
}

fn check(settings: &Settings) -> Result<(), CoreError> {
    if !(1..=MAX_WORKERS).contains(&settings.workers) {
        return Err(CoreError::BadSetting(format!(
            "workers must be 1 to {MAX_WORKERS}"
        )));
    }
    let (low, high) = settings.rtp_ports;
    if low == 0 || low.next_multiple_of(2) >= high {
        return Err(CoreError::BadSetting(format!(
            "no pair of ports in the RTP range {low} to {high}"
        )));
    }
    let told = settings.ipv6.map_or(settings.public_ip, |(_, told)| told);
    if settings.public_ip.is_unspecified() || told.is_unspecified() {
        return Err(CoreError::BadSetting(
            "public_ip is needed where bind_ip is any address".into(),
        ));
    }
    if settings
        .ipv6
        .is_some_and(|(bound, told)| !bound.is_ipv6() || !told.is_ipv6())
    {
        return Err(CoreError::BadSetting(
            "bind_ip6 and public_ip6 must be of IPv6".into(),
        ));
    }
    if settings.webrtc_port != 0 && settings.workers > usize::from(u16::MAX - settings.webrtc_port)
    {
        return Err(CoreError::BadSetting(
            "not enough ports above webrtc_port for all workers".into(),
        ));
    }
    Ok(())
}

/// What the peer of this port may send.
fn opened(port: PortId, answer: String, lines: &[Line]) -> OpenedWebRtc {
    let sent = lines.iter().filter(|line| line.sends());
    let tracks = sent.map(|line| OpenedTrack {
        track: line.track,
        kind: line.kind,
        mid: line.mid.to_string(),
    });
    OpenedWebRtc {
        port,
        answer,
        tracks: tracks.collect(),
    }
}

fn start_worker(
    index: usize,
    settings: &Settings,
    clock: Clock,
    events: &Arc<EventQueue>,
    counters: &Arc<Counters>,
) -> Result<WorkerHandle, CoreError> {
    let (messages, inbox) = channel();
    let (recording, control) = channel();
    let (tape, tape_end) = Tape::new();
    let wake = Arc::new(Wake::new()?);
    let port = if settings.webrtc_port == 0 {
        0
    } else {
        settings.webrtc_port + index as u16
    };
    let socket = udp::bind_webrtc(settings.bind_ip, port)?;
    let udp_port = socket.local_addr()?.port();
    let webrtc = SocketAddr::new(settings.public_ip, udp_port);
    let listen = || IceTcp::start(settings.bind_ip, port, udp_port);
    let ice_tcp = settings.ice_tcp.then(listen).transpose()?;
    let load = Arc::new(Load::default());
    let worker_settings = WorkerSettings {
        index,
        media_timeout: settings.media_timeout_ms * MILLISECOND,
        clock,
        random: Random::from_system(),
    };
    let mut worker = Worker::new(
        worker_settings,
        events.clone(),
        counters.clone(),
        tape,
        clock.now(),
    );
    worker.mix_loudest(settings.loudest_talkers);
    let shell = Shell::new(
        worker,
        inbox,
        wake.clone(),
        clock,
        counters.clone(),
        load.clone(),
    )?;
    let writer = Writer::new(tape_end, control, clock, events.clone(), counters.clone());
    let threads = vec![
        Builder::new()
            .name(format!("media-{index}"))
            .spawn(move || shell.run())?,
        Builder::new()
            .name(format!("writer-{index}"))
            .spawn(move || writer.run())?,
    ];
    let worker = WorkerHandle {
        messages,
        load,
        wake,
        recording,
        webrtc,
        ice_tcp,
        threads,
    };
    worker.send(Message::Open(Endpoint::WebRtc, socket))?;
    Ok(worker)
}
