//! A worker's threads, and how they are reached.

use std::net::SocketAddr;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::Settings;
use crate::clock::{Clock, MILLISECOND};
use crate::error::CoreError;
use crate::event::EventQueue;
use crate::io::shell::{Message, Shell};
use crate::io::tcp::IceTcp;
use crate::io::wake::Wake;
use crate::io::{udp, Endpoint};
use crate::overload::{Load, Stage};
use crate::random::Random;
use crate::recording::{Control, Tape, Writer};
use crate::stats::Counters;
use crate::worker::{Worker, WorkerSettings};

/// How a worker is.
#[derive(Clone, Copy, Debug)]
pub struct WorkerLoad {
    /// Share of a core, 0 to 1.
    pub busy: f64,
    pub stage: Stage,
    pub sessions: usize,
}

pub(super) struct WorkerHandle {
    pub(super) messages: Sender<Message>,
    pub(super) load: Arc<Load>,
    pub(super) wake: Arc<Wake>,
    pub(super) recording: Sender<Control>,
    /// Where its WebRTC legs are reached.
    pub(super) webrtc: SocketAddr,
    pub(super) ice_tcp: Option<IceTcp>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl WorkerHandle {
    pub(super) fn send(&self, message: Message) -> Result<(), CoreError> {
        self.messages
            .send(message)
            .map_err(|_| CoreError::Stopped)?;
        self.wake.raise();
        Ok(())
    }
}

pub(super) fn start_worker(
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
