//! What a relayed call costs the worker, beside a bare forwarder that is polled each millisecond.
//!
//! `cargo run --release -p mediaswitch-engine --example relay_cost -- 400` relays 400 calls (G.711, 50 packets a
//! second each way) for five seconds, then forwards the same packets barely, and prints the processor time of the
//! thread that did it, as a percentage of a core for each call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::id::SessionId;
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::{Engine, Settings};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MEASURED: Duration = Duration::from_secs(5);
const PTIME: Duration = Duration::from_millis(20);

/// Processor time of the thread of this name, from the scheduler's own account in nanoseconds.
fn cpu_of(thread: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|task| {
            let path = task.ok()?.path();
            let name = std::fs::read_to_string(path.join("comm")).ok()?;
            let account = std::fs::read_to_string(path.join("schedstat")).ok()?;
            let ran: u64 = account.split_whitespace().next()?.parse().ok()?;
            (name.trim() == thread).then_some(Duration::from_nanos(ran))
        })
        .sum()
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).expect("a free port");
    socket.set_nonblocking(true).expect("a socket");
    socket
}

/// Sends from every phone each 20 ms, spread over them, and counts what they hear.
struct Phones {
    running: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

/// Packets of all phones together.
#[derive(Default)]
struct Tally {
    sent: u64,
    heard: u64,
}

impl Phones {
    fn start(phones: Vec<(UdpSocket, SocketAddr)>) -> Phones {
        let running = Arc::new(AtomicBool::new(true));
        let going = running.clone();
        let thread = thread::spawn(move || speak(&phones, &going));
        Phones { running, thread }
    }

    fn stop(self) -> Tally {
        self.running.store(false, Ordering::Relaxed);
        self.thread.join().expect("the phones end well")
    }
}

fn speak(phones: &[(UdpSocket, SocketAddr)], running: &AtomicBool) -> Tally {
    let mut datagram = [0xFFu8; 172];
    datagram[..2].copy_from_slice(&[0x80, 0]);
    let mut tally = Tally::default();
    let begun = Instant::now();
    for n in 0u32.. {
        for (place, (socket, to)) in phones.iter().enumerate() {
            if place % phones.len().div_ceil(20) == 0 {
                let due = begun + PTIME * n + PTIME * place as u32 / phones.len() as u32;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            datagram[2..4].copy_from_slice(&(n as u16).to_be_bytes());
            datagram[4..8].copy_from_slice(&(n * 160).to_be_bytes());
            datagram[8..12].copy_from_slice(&(place as u32).to_be_bytes());
            tally.sent += u64::from(socket.send_to(&datagram, to).is_ok());
            tally.heard += listen(socket);
        }
        if !running.load(Ordering::Relaxed) {
            break;
        }
    }
    thread::sleep(Duration::from_millis(500)); // what is on its way still counts
    tally.heard += phones.iter().map(|(socket, _)| listen(socket)).sum::<u64>();
    tally
}

/// Media packets that wait; reports may come by, since phones have no RTCP ports of their own.
fn listen(socket: &UdpSocket) -> u64 {
    let mut buffer = [0; 2_048];
    let mut next_is_media = || socket.recv(&mut buffer).ok().map(|_| buffer[1] & 0x7F == 0);
    std::iter::from_fn(&mut next_is_media)
        .filter(|is_media| *is_media)
        .count() as u64
}

/// Percent of a core a call, and the share of packets that were lost.
fn measure(calls: usize, thread: &str, phones: Vec<(UdpSocket, SocketAddr)>) -> (f64, f64) {
    let phones = Phones::start(phones);
    thread::sleep(Duration::from_secs(1));
    let (before, begun) = (cpu_of(thread), Instant::now());
    thread::sleep(MEASURED);
    let (used, wall) = (cpu_of(thread) - before, begun.elapsed());
    let Tally { sent, heard } = phones.stop();
    let lost = 1.0 - heard as f64 / sent as f64;
    (
        100.0 * used.as_secs_f64() / wall.as_secs_f64() / calls as f64,
        lost,
    )
}

fn switch(calls: usize) -> (f64, f64) {
    let engine = Engine::start(Settings {
        workers: 1,
        bind_ip: LOCALHOST,
        public_ip: LOCALHOST,
        ipv6: None,
        rtp_ports: (30_000, 39_999),
        webrtc_port: 0,
        ice_tcp: false,
        opus_dtx: false,
        loudest_talkers: 0,
        clock_offset_ns: 0,
        media_timeout_ms: 30_000,
    })
    .expect("the engine starts");
    let mut phones = Vec::new();
    for call in 0..calls as u64 {
        let ends: Vec<_> = (0..2)
            .map(|_| {
                let socket = bind();
                let opened = engine.open_rtp(SessionId(call), true).expect("a free port");
                let config = RtpConfig {
                    remote: socket.local_addr().ok(),
                    payload_type: 0,
                    codec: Codec::Pcmu,
                    telephone_event: Some(101),
                    ptime_ms: 20,
                    send: true,
                    receive: true,
                    link: Link::default(),
                };
                engine
                    .configure_rtp(opened.port, config)
                    .expect("the port is open");
                phones.push((socket, opened.address));
                opened
            })
            .collect();
        for (from, to) in [(0, 1), (1, 0)] {
            engine
                .connect(Crosspoint::new(ends[from].track, ends[to].port, 0.0))
                .expect("both are open");
        }
    }
    let measured = measure(calls, "media-0", phones);
    let counters = engine.counters();
    println!(
        "switch: {} in, {} out, {} not sent, {} ignored",
        counters.packets_in.get(),
        counters.packets_out.get(),
        counters.send_errors.get(),
        counters.ignored.get()
    );
    measured
}

/// The floor: poll each millisecond, read what is there, send it on unchanged.
fn floor(calls: usize) -> (f64, f64) {
    let phones: Vec<UdpSocket> = (0..2 * calls).map(|_| bind()).collect();
    let ports: Vec<UdpSocket> = (0..2 * calls).map(|_| bind()).collect();
    let addresses: Vec<SocketAddr> = phones
        .iter()
        .map(|phone| phone.local_addr().expect("bound"))
        .collect();
    let reached: Vec<SocketAddr> = ports
        .iter()
        .map(|port| port.local_addr().expect("bound"))
        .collect();
    let running = Arc::new(AtomicBool::new(true));
    let going = running.clone();
    let forward = move || {
        let poller = mediaswitch_engine::io::poller::Poller::new().expect("epoll");
        let mut poller = poller;
        for (key, port) in ports.iter().enumerate() {
            poller.add(&port.as_raw_fd(), key as u64).expect("watched");
        }
        let mut datagram = [0; 2_048];
        while going.load(Ordering::Relaxed) {
            for index in 0..poller.wait(Some(Duration::ZERO)) {
                let key = poller.key(index) as usize;
                while let Ok(length) = ports[key].recv(&mut datagram) {
                    let _ = ports[key ^ 1].send_to(&datagram[..length], addresses[key ^ 1]);
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
    };
    let thread = thread::Builder::new()
        .name("floor".into())
        .spawn(forward)
        .expect("a thread");
    let measured = measure(calls, "floor", phones.into_iter().zip(reached).collect());
    running.store(false, Ordering::Relaxed);
    thread.join().expect("the floor ends well");
    measured
}

fn main() {
    let calls = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(100);
    let (switched, switched_lost) = switch(calls);
    let (bare, bare_lost) = floor(calls);
    println!(
        "{calls} calls: switch {switched:.3} % of a core a call ({:.3} % lost)",
        100.0 * switched_lost
    );
    println!(
        "{calls} calls: floor  {bare:.3} % of a core a call ({:.3} % lost)",
        100.0 * bare_lost
    );
    println!("ratio {:.2}", switched / bare);
}
