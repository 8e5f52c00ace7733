//! Both ways to the network keep the same promises.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::polled::Polled;
use super::uring::Uring;
use super::wake::Wake;
use super::{buffers, udp, Endpoint, MediaIo, Pace, PacketIo, Taker};
use crate::id::PortId;
use crate::stats::Counters;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const AT: Endpoint = Endpoint::Rtp(PortId(1));
const PATIENCE: Duration = Duration::from_secs(5);

struct By<F>(F);

impl<F: FnMut(Endpoint, SocketAddr, &[u8], &mut dyn MediaIo)> Taker for By<F> {
    fn take(&mut self, at: Endpoint, from: SocketAddr, datagram: &[u8], io: &mut dyn MediaIo) {
        (self.0)(at, from, datagram, io);
    }
}

/// A closure that takes.
fn by<F: FnMut(Endpoint, SocketAddr, &[u8], &mut dyn MediaIo)>(take: F) -> By<F> {
    By(take)
}

struct Bench {
    io: Box<dyn PacketIo>,
    counters: Arc<Counters>,
    wake: Arc<Wake>,
}

impl Bench {
    /// A bench for each way that this kernel has.
    fn all() -> Vec<Bench> {
        let parts = || {
            (
                Arc::new(Wake::new().unwrap()),
                Arc::new(Counters::default()),
            )
        };
        let mut benches = Vec::new();
        let (wake, counters) = parts();
        let io = Box::new(Polled::new(wake.clone(), counters.clone()).unwrap());
        benches.push(Bench { io, counters, wake });
        let (wake, counters) = parts();
        if let Ok(uring) = Uring::new(wake.clone(), counters.clone()) {
            let io = Box::new(uring);
            benches.push(Bench { io, counters, wake });
        }
        benches
    }

    fn open(&mut self) -> SocketAddr {
        // By number, as those of calls are: a port that the kernel chose is given up when the socket is let go.
        let free = udp::bind(LOCALHOST, 0)
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let socket = udp::bind(LOCALHOST, free).unwrap();
        let address = socket.local_addr().unwrap();
        self.io.open(AT, socket);
        self.io.rest(Pace::Batch(Duration::ZERO));
        address
    }

    /// Receive until so many datagrams came or patience ends.
    fn hear(&mut self, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let (mut heard, end) = (Vec::new(), Instant::now() + PATIENCE);
        while heard.len() < count && Instant::now() < end {
            self.io.receive(&mut by(|at, from, datagram, _| {
                assert_eq!(at, AT);
                heard.push((from, datagram.to_vec()));
            }));
            self.io.rest(Pace::Batch(Duration::from_millis(1)));
        }
        heard
    }
}

fn phone() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn read(phone: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = phone.recv(&mut buffer).expect("a datagram in time");
    buffer[..length].to_vec()
}

#[test]
fn endpoints_and_their_keys_translate_both_ways() {
    let (rtp, rtcp) = (Endpoint::Rtp(PortId(7)), Endpoint::Rtcp(PortId(1)));
    for endpoint in [Endpoint::WebRtc, AT, rtcp, rtp] {
        assert_eq!(Endpoint::from_key(endpoint.key()), endpoint);
    }
}

#[test]
fn a_datagram_comes_with_its_sender_and_the_answer_goes_there() {
    for mut bench in Bench::all() {
        let ours = bench.open();
        let (phone, address) = phone();
        phone.send_to(b"question", ours).unwrap();
        assert_eq!(bench.hear(1), [(address, b"question".to_vec())]);
        bench.io.outbox().send(AT, address, b"answer");
        bench.io.rest(Pace::Batch(Duration::ZERO));
        assert_eq!(read(&phone), b"answer");
        bench.io.receive(&mut by(|_, _, _, _| ()));
        assert_eq!(bench.counters.packets_out.get(), 1);
    }
}

#[test]
fn a_settled_socket_hears_its_peer_alone_until_it_is_let_go() {
    for mut bench in Bench::all() {
        let ours = bench.open();
        let ((peer, address), (stranger, _)) = (phone(), phone());
        bench.io.outbox().settle(AT, Some(address));
        stranger.send_to(b"intruder", ours).unwrap();
        peer.send_to(b"one", ours).unwrap();
        assert_eq!(bench.hear(1), [(address, b"one".to_vec())]);
        bench.io.outbox().send(AT, address, b"to the peer");
        bench.io.outbox().settle(AT, None);
        bench.io.rest(Pace::Batch(Duration::ZERO));
        assert_eq!(read(&peer), b"to the peer", "sent before it was let go");
        stranger.send_to(b"newcomer", ours).unwrap();
        assert_eq!(bench.hear(1)[0].1, b"newcomer");
    }
}

#[test]
fn a_peer_that_refuses_for_a_while_is_heard_again() {
    for mut bench in Bench::all() {
        let ours = bench.open();
        let (peer, address) = phone();
        bench.io.outbox().settle(AT, Some(address));
        drop(peer);
        for _ in 0..5 {
            bench.io.outbox().send(AT, address, b"nobody there");
            bench.hear(0);
            bench.io.rest(Pace::Batch(Duration::from_millis(1)));
            bench.io.receive(&mut by(|_, _, _, _| ()));
        }
        let peer = UdpSocket::bind(address).unwrap();
        peer.send_to(b"back", ours).unwrap();
        assert_eq!(bench.hear(1), [(address, b"back".to_vec())]);
    }
}

#[test]
fn a_closed_endpoint_sends_its_last_words_and_frees_its_port() {
    for mut bench in Bench::all() {
        let ours = bench.open();
        let (phone, address) = phone();
        bench.io.outbox().send(AT, address, b"bye");
        bench.io.outbox().close(AT);
        let end = Instant::now() + PATIENCE;
        while UdpSocket::bind(ours).is_err() {
            assert!(Instant::now() < end, "the port is still taken");
            bench.io.rest(Pace::Batch(Duration::from_millis(1)));
            bench.io.receive(&mut by(|_, _, _, _| ()));
        }
        assert_eq!(read(&phone), b"bye");
    }
}

#[test]
fn more_datagrams_than_there_are_buffers_all_come() {
    for mut bench in Bench::all().into_iter().skip(1) {
        let ours = bench.open();
        let (phone, _) = phone();
        let count = usize::from(buffers::COUNT) + 20;
        for n in 0..count {
            phone.send_to(&(n as u16).to_be_bytes(), ours).unwrap();
            if n % 32 == 0 {
                bench.io.rest(Pace::Batch(Duration::ZERO)); // what came is in the buffers
            }
        }
        let heard = bench.hear(count);
        let numbers = heard.iter().map(|(_, bytes)| [bytes[0], bytes[1]]);
        assert!(numbers.map(u16::from_be_bytes).eq(0..count as u16));
    }
}

#[test]
fn a_raised_wake_ends_the_wait_for_a_packet() {
    for mut bench in Bench::all() {
        bench.open();
        for _ in 0..3 {
            let wake = bench.wake.clone();
            let begun = Instant::now();
            let raiser = std::thread::spawn(move || wake.raise());
            bench.io.rest(Pace::Packet(Some(PATIENCE)));
            raiser.join().unwrap();
            while bench.wake.is_raised() {
                bench.io.receive(&mut by(|_, _, _, _| ()));
                bench.io.rest(Pace::Batch(Duration::ZERO));
            }
            assert!(begun.elapsed() < PATIENCE, "it slept on");
        }
    }
}
