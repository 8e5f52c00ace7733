//! What comes before media on RTP ports: checks and handshakes, ours, changed and made up. No port may say anything in
//! the clear, and none is open whose peer did not finish a handshake.
#![no_main]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::command::Command;
use mediaswitch_engine::dtls::Identity;
use mediaswitch_engine::event::EventQueue;
use mediaswitch_engine::ice::{self, Credentials};
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::port::setup::DtlsLink;
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::Tape;
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

const SESSION: SessionId = SessionId(1);
const PHONE: PortId = PortId(5);
const PORTS: [PortId; 2] = [PortId(1), PortId(3)];
const SILENCE: [u8; 160] = [0xFF; 160];

thread_local! {
    static IDENTITIES: RefCell<[Identity; 2]> =
        RefCell::new([(); 2].map(|()| Identity::generate().expect("a certificate")));
}

#[derive(Default)]
struct Wire(VecDeque<(Endpoint, Vec<u8>)>);

impl MediaIo for Wire {
    fn send(&mut self, from: Endpoint, _to: SocketAddr, datagram: &[u8]) {
        if from != Endpoint::Rtp(PHONE) {
            assert_ne!(datagram.get(12..), Some(&SILENCE[..]), "in the clear");
            self.0.push_back((from, datagram.to_vec()));
        }
    }

    fn close(&mut self, _endpoint: Endpoint) {}
}

fn address(port: PortId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000 + port.0 as u16 * 2))
}

fn credentials() -> Credentials {
    Credentials {
        local_ufrag: "ours".into(),
        local_password: "a password of some length".into(),
        remote_ufrag: "theirs".into(),
    }
}

fn config(link: Link, remote: PortId) -> RtpConfig {
    RtpConfig {
        remote: Some(address(remote)),
        payload_type: 0,
        codec: Codec::Pcmu,
        telephone_event: None,
        ptime_ms: 20,
        send: true,
        receive: true,
        link,
    }
}

/// Two ports that are each other's peer, and a plain phone whom both would send on.
fn worker(now: Nanos, clock: Clock, options: u8) -> Worker {
    let settings = WorkerSettings {
        index: 0,
        media_timeout: 60 * SECOND,
        clock,
        random: Random::with_seed(7),
    };
    let events = Arc::new(EventQueue::new().expect("a descriptor"));
    let counters = Arc::new(Counters::default());
    let mut worker = Worker::new(settings, events, counters, Tape::new().0, now);
    let mut wire = Wire::default();
    let mut ask = |command| worker.apply(command, now, &mut wire);
    for (port, is_plain) in [(PORTS[0], false), (PORTS[1], false), (PHONE, true)] {
        let track = TrackId(port.0 + 1);
        ask(Command::OpenRtp {
            port,
            track,
            session: SESSION,
            allow_latch: options & 4 == 0,
        });
        if is_plain {
            let config = config(Link::default(), port);
            ask(Command::ConfigureRtp { port, config });
            for port in PORTS {
                ask(Command::Connect(Crosspoint::new(track, port, 0.0)));
            }
        }
    }
    worker
}

fn configure(worker: &mut Worker, index: usize, options: u8, now: Nanos, wire: &mut Wire) {
    let dtls = IDENTITIES.with_borrow(|identities| DtlsLink {
        identity: identities[index].clone(),
        peer: identities[1 - index].fingerprint().clone(),
        is_active: index == 0,
    });
    let link = Link {
        dtls: Some(Box::new(dtls)),
        ice: (options & 1 != 0).then(|| Box::new(credentials())),
        rtcp_mux: options & 2 != 0,
        ..Link::default()
    };
    let config = config(link, PORTS[1 - index]);
    let port = PORTS[index];
    worker.apply(Command::ConfigureRtp { port, config }, now, wire);
}

fuzz_target!(|data: &[u8]| {
    let clock = Clock::new(0);
    let mut now = clock.now();
    let mut input = Input(data);
    let options = input.byte();
    let mut worker = worker(now, clock, options);
    let mut wire = Wire::default();
    let mut sequence = 0u16;
    while !input.is_empty() {
        let (what, which) = (input.byte(), usize::from(input.byte()));
        let (port, from) = (PORTS[which & 1], address(PORTS[!which & 1]));
        let at = match which & 2 {
            0 => Endpoint::Rtp(port),
            _ => Endpoint::Rtcp(port),
        };
        let datagram = match what % 8 {
            0 => {
                configure(&mut worker, which & 1, options, now, &mut wire);
                continue;
            }
            1 => {
                now += u64::from(input.word()) % 2_000 * MILLISECOND;
                worker.handle_time(now, &mut wire);
                continue;
            }
            2 => {
                let extra = input.bytes(64);
                let extra = &extra[..extra.len() / 4 * 4];
                let pair = (input.long(), which & 4 == 0);
                let attributes = [(input.word() | 0x8000, extra)];
                ice::check(
                    "ours:theirs",
                    "a password of some length",
                    pair,
                    &attributes,
                )
            }
            3 => input.bytes(1_500).to_vec(),
            // What one of them sent, to the other: as it was or changed.
            kind => {
                let Some((_, mut sent)) = wire.0.pop_front() else {
                    continue;
                };
                if kind > 5 {
                    for _ in 0..1 + input.byte() % 4 {
                        let index = usize::from(input.word()) % sent.len();
                        sent[index] = input.byte();
                    }
                }
                sent
            }
        };
        worker.receive(at, from, &datagram, now, &mut wire);
        sequence = sequence.wrapping_add(1);
        let [high, low] = sequence.to_be_bytes();
        let mut speech = vec![0x80, 0, high, low, 0, 0, high, low, 0, 0, 0, 9];
        speech.extend(SILENCE);
        worker.receive(
            Endpoint::Rtp(PHONE),
            address(PHONE),
            &speech,
            now,
            &mut wire,
        );
    }
    worker.handle_time(now + 20 * SECOND, &mut wire);
});
