//! Hostile datagrams on every socket: nothing panics, everything is counted, and calls go on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::engine::OpenedRtp;
use mediaswitch_engine::id::SessionId;
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::random::Random;
use mediaswitch_engine::{Engine, Settings};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SESSION: SessionId = SessionId(1);

fn engine(rtp_ports: (u16, u16)) -> Engine {
    Engine::start(Settings {
        workers: 1,
        bind_ip: LOCALHOST,
        public_ip: LOCALHOST,
        ipv6: None,
        rtp_ports,
        webrtc_port: 0,
        ice_tcp: false,
        opus_dtx: false,
        loudest_talkers: 0,
        clock_offset_ns: 0,
        media_timeout_ms: 30_000,
    })
    .unwrap()
}

fn phone(engine: &Engine) -> (OpenedRtp, UdpSocket) {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let opened = engine.open_rtp(SESSION, true).unwrap();
    let config = RtpConfig {
        remote: Some(socket.local_addr().unwrap()),
        payload_type: 0,
        codec: Codec::Pcmu,
        telephone_event: Some(101),
        ptime_ms: 20,
        send: true,
        receive: true,
        link: Link::default(),
    };
    engine.configure_rtp(opened.port, config).unwrap();
    (opened, socket)
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Plausible beginnings, so that the damage reaches beyond the first check.
fn seeds() -> Vec<Vec<u8>> {
    let mut rtp = vec![
        0xB1, 0x80, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x10, 0x20, 0, 0,
    ];
    rtp.extend([0xFF; 160]);
    let event = vec![0x80, 101, 0, 9, 0, 0, 0, 160, 0, 0, 0, 7, 5, 0x8A, 3, 0x20];
    let mut report = vec![0x81, 200, 0, 12];
    report.extend([0; 48]);
    report.extend([0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, b'x', 0]);
    let mut stun = vec![0, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42];
    stun.extend([9; 12]);
    stun.extend(b"\0\x06\0\x07ours:it\0");
    let mut dtls = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40];
    dtls.extend([1; 40]);
    vec![rtp, event, report, stun, dtls]
}

fn damage(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut datagram = seed.to_vec();
    for _ in 0..1 + random.draw() % 4 {
        let at = random.draw() as usize % datagram.len();
        match random.draw() % 3 {
            0 => datagram[at] = random.draw() as u8,
            1 => datagram.truncate(at.max(1)),
            _ => datagram.insert(at, random.draw() as u8),
        }
    }
    datagram
}

#[test]
fn ten_thousand_damaged_datagrams_leave_the_call_as_it_was() {
    let engine = engine((44_000, 44_100));
    let ((a, a_socket), (b, b_socket)) = (phone(&engine), phone(&engine));
    engine
        .connect(Crosspoint::new(a.track, b.port, 0.0))
        .unwrap();
    let recorder = engine
        .open_recorder(SESSION, &folder(), engine.now())
        .unwrap();
    engine
        .connect(Crosspoint::new(a.track, recorder, 0.0))
        .unwrap();

    let mut random = Random::with_seed(42);
    let (rtp, rtcp) = (
        a.address,
        SocketAddr::new(a.address.ip(), a.address.port() + 1),
    );
    let mut sent = 0;
    for round in 0..2_000 {
        for seed in seeds() {
            let datagram = damage(&seed, &mut random);
            for to in [rtp, rtcp] {
                sent += a_socket.send_to(&datagram, to).map_or(0, |_| 1);
            }
        }
        if round % 20 == 0 {
            let counters = engine.counters();
            wait_until("the worker reads what was sent", || {
                counters.packets_in.get() >= sent
            });
        }
    }
    let counters = engine.counters();
    wait_until("the worker reads all", || counters.packets_in.get() >= sent);
    assert!(
        counters.malformed.get() > 1_000,
        "{} were seen to be malformed",
        counters.malformed.get()
    );

    b_socket.set_nonblocking(true).unwrap();
    while b_socket.recv(&mut [0; 2_048]).is_ok() {} // damaged media that was media all the same
    b_socket.set_nonblocking(false).unwrap();
    b_socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 0xAA, 0xBB, 0xCC, 0xDD];
    packet.extend([0x55; 160]);
    let (mut heard, mut length) = ([0; 2_048], 0);
    // Damaged presses that were presses all the same are still being sent on, and cover what is said meanwhile.
    wait_until("the call goes on", || {
        a_socket.send_to(&packet, rtp).unwrap();
        packet[3] += 1;
        length = b_socket.recv(&mut heard).unwrap_or(0);
        length > 0 && heard[1] & 0x7F == 0
    });
    assert_eq!(&heard[12..length], &[0x55; 160]);
    engine.close();
    std::fs::remove_dir_all(folder()).unwrap();
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("mediaswitch-malformed-{}", std::process::id()))
}
