//! ICE over TCP (RFC 6544), passive, for peers whose network lets no UDP through.
//!
//! A connection carries the same datagrams, each after its length (RFC 4571 §2). Few peers need that, and a stream wants
//! buffers that datagrams do without. So a thread of its own hands each frame to the worker's UDP socket, from a UDP
//! socket that stands for the connection, and back: to the worker every peer is one of UDP, known by its checks.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::frames::{BadStream, Frames, LENGTH};
use super::poller::Poller;
use super::udp::MAX_DATAGRAM;
use super::wake::Wake;

const WAKE: u64 = 0;
const LISTENER: u64 = 1;
/// Connections of one worker; more are not accepted.
const MAX_CONNECTIONS: usize = 256;
/// What waits for a slow peer. A frame that finds no room is lost, as in a full queue of a router.
const MAX_WAITING: usize = 64 * 1024;
/// What is read of one connection before the others have their turn.
const TURN: usize = 16 * 1024;
/// A peer that says nothing, not even a check of its path (RFC 7675), is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// A connection must begin with a check within this.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// How soon what waits is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// The listener and its thread; dropped, both end.
pub struct IceTcp {
    port: u16,
    wake: Arc<Wake>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl IceTcp {
    /// Listen at this port (0: any) for peers of the worker whose UDP port this is.
    pub fn start(ip: IpAddr, port: u16, worker_port: u16) -> io::Result<IceTcp> {
        let listener = TcpListener::bind((ip, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (wake, stop) = (Arc::new(Wake::new()?), Arc::new(AtomicBool::new(false)));
        let poller = Poller::new()?;
        poller.add(&*wake, WAKE)?;
        poller.add(&listener, LISTENER)?;
        let gate = Gate {
            poller,
            listener,
            worker: SocketAddr::new(reached_at(ip), worker_port),
            connections: HashMap::new(),
            last: 0,
        };
        let thread = Builder::new().name("ice-tcp".into()).spawn({
            let stop = stop.clone();
            move || gate.run(&stop)
        })?;
        Ok(IceTcp {
            port,
            wake,
            stop,
            thread: Some(thread),
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for IceTcp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake.raise();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // one that panicked has ended
        }
    }
}

/// Where a socket bound to this address is reached from this machine.
fn reached_at(bound: IpAddr) -> IpAddr {
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

struct Gate {
    poller: Poller,
    listener: TcpListener,
    /// The worker's UDP socket.
    worker: SocketAddr,
    connections: HashMap<u64, Connection>,
    last: u64,
}

impl Gate {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            let ready = self.poller.wait(self.patience());
            for index in 0..ready {
                match self.poller.key(index) {
                    WAKE => {}
                    LISTENER => self.accept(),
                    key => self.serve(key),
                }
            }
            let now = Instant::now();
            self.connections
                .retain(|_, connection| connection.goes_on(now));
        }
    }

    fn patience(&self) -> Option<Duration> {
        let waiting = self.connections.values().any(|c| !c.waiting.is_empty());
        match waiting {
            true => Some(RETRY),
            false => (!self.connections.is_empty()).then_some(Duration::from_secs(1)),
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.connections.len() < MAX_CONNECTIONS {
                let _ = self.open(stream); // without a socket for it the peer is turned away
            }
        }
    }

    fn open(&mut self, stream: TcpStream) -> io::Result<()> {
        let connection = Connection::new(stream, self.worker)?;
        let key = self.last + 2;
        self.poller.add(&connection.stream, key)?;
        self.poller.add(&connection.datagrams, key + 1)?;
        self.last = key;
        self.connections.insert(key, connection);
        Ok(())
    }

    /// Even keys are of streams, the odd ones above them of the datagrams back.
    fn serve(&mut self, key: u64) {
        let Some(connection) = self.connections.get_mut(&(key & !1)) else {
            return;
        };
        let served = match key & 1 {
            0 => connection.read_stream(),
            _ => connection.read_datagrams(),
        };
        connection.broken |= served.is_err();
    }
}

struct Connection {
    stream: TcpStream,
    /// Connected to the worker.
    datagrams: UdpSocket,
    frames: Frames,
    /// Whole frames for the peer, but for what of the first is sent already.
    waiting: VecDeque<u8>,
    heard_at: Instant,
    broken: bool,
}

impl Connection {
    fn new(stream: TcpStream, worker: SocketAddr) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let datagrams = UdpSocket::bind((worker.ip(), 0))?;
        datagrams.set_nonblocking(true)?;
        datagrams.connect(worker)?;
        Ok(Connection {
            stream,
            datagrams,
            frames: Frames::default(),
            waiting: VecDeque::new(),
            heard_at: Instant::now(),
            broken: false,
        })
    }

    /// Send what waits; false when the connection is over.
    fn goes_on(&mut self, now: Instant) -> bool {
        let patience = if self.frames.is_proven() {
            SILENCE
        } else {
            FIRST_WORD
        };
        self.broken |= now > self.heard_at + patience;
        if !self.broken && !self.waiting.is_empty() {
            self.broken |= self.flush().is_err();
        }
        !self.broken
    }

    fn read_stream(&mut self) -> io::Result<()> {
        let mut buffer = [0; TURN];
        let length = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) => return unless_blocked(error),
        };
        self.heard_at = Instant::now();
        let datagrams = &self.datagrams;
        let pushed = self.frames.push(&buffer[..length], |frame| {
            let _ = datagrams.send(frame); // the worker's queue is full: a lost packet
        });
        pushed.map_err(|BadStream| ErrorKind::InvalidData.into())
    }

    fn read_datagrams(&mut self) -> io::Result<()> {
        let mut buffer = [0; MAX_DATAGRAM];
        for _ in 0..TURN / MAX_DATAGRAM {
            let length = match self.datagrams.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue, // no worker
                Err(error) => return unless_blocked(error),
            };
            if self.waiting.len() + LENGTH + length <= MAX_WAITING {
                self.waiting.extend((length as u16).to_be_bytes());
                self.waiting.extend(&buffer[..length]);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match self.stream.write(front) {
                Ok(sent) => drop(self.waiting.drain(..sent)),
                Err(error) => return unless_blocked(error),
            }
        }
        Ok(())
    }
}

fn unless_blocked(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn framed(datagram: &[u8]) -> Vec<u8> {
        [&(datagram.len() as u16).to_be_bytes(), datagram].concat()
    }

    fn check() -> Vec<u8> {
        let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        check.extend([7; 12]);
        check
    }

    /// A peer, and the worker's socket that its frames come to.
    fn connected() -> (IceTcp, TcpStream, UdpSocket) {
        let worker = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        worker
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let gate = IceTcp::start(LOCALHOST, 0, worker.local_addr().unwrap().port()).unwrap();
        let peer = TcpStream::connect((LOCALHOST, gate.port())).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (gate, peer, worker)
    }

    fn received(worker: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; MAX_DATAGRAM];
        let (length, from) = worker.recv_from(&mut buffer).expect("a datagram");
        (buffer[..length].to_vec(), from)
    }

    fn next_frame(peer: &mut TcpStream) -> Vec<u8> {
        let mut length = [0; LENGTH];
        peer.read_exact(&mut length).expect("a length");
        let mut frame = vec![0; u16::from_be_bytes(length).into()];
        peer.read_exact(&mut frame).expect("a frame");
        frame
    }

    fn is_closed(peer: &mut TcpStream) -> bool {
        matches!(peer.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    #[test]
    fn frames_cross_both_ways_however_torn() {
        let (_gate, mut peer, worker) = connected();
        let sent = [framed(&check()), framed(&[0x80; 1200]), framed(b"last")].concat();
        for bytes in sent.chunks(7) {
            peer.write_all(bytes).unwrap();
        }
        let (first, from) = received(&worker);
        assert_eq!(first, check());
        assert_eq!(received(&worker), (vec![0x80; 1200], from));
        assert_eq!(received(&worker), (b"last".to_vec(), from));
        worker.send_to(b"answer", from).unwrap();
        worker.send_to(&[9; 1200], from).unwrap();
        assert_eq!(next_frame(&mut peer), b"answer");
        assert_eq!(next_frame(&mut peer), [9; 1200]);
    }

    #[test]
    fn who_begins_with_no_check_or_sends_too_long_a_frame_is_cut_off() {
        let (_gate, mut stranger, _worker) = connected();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(is_closed(&mut stranger));

        let (_gate, mut peer, worker) = connected();
        peer.write_all(&framed(&check())).unwrap();
        received(&worker);
        peer.write_all(&[0xFF, 0xFF]).unwrap();
        assert!(is_closed(&mut peer));
    }

    #[test]
    fn a_peer_that_does_not_read_loses_whole_frames_and_reads_on() {
        let (_gate, mut peer, worker) = connected();
        peer.write_all(&framed(&check())).unwrap();
        let (_, from) = received(&worker);
        let count = 20_000u32;
        for number in 0..count {
            let mut datagram = [0; 1000];
            datagram[..4].copy_from_slice(&number.to_be_bytes());
            worker.send_to(&datagram, from).unwrap();
            if number % 10 == 0 {
                std::thread::sleep(Duration::from_micros(200)); // the loss is the stream's, not the datagrams'
            }
        }
        peer.set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let mut seen = Vec::new();
        let mut length = [0; LENGTH];
        while peer.read_exact(&mut length).is_ok() {
            assert_eq!(length, 1000u16.to_be_bytes());
            let mut frame = [0; 1000];
            peer.read_exact(&mut frame).unwrap();
            seen.push(u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]));
        }
        assert!(seen.is_sorted());
        assert!(
            seen.len() < count as usize,
            "nothing was lost: {}",
            seen.len()
        );
        worker.send_to(b"still here", from).unwrap();
        assert_eq!(next_frame(&mut peer), b"still here");
    }
}
