//! A worker with a call of two phones, mixed and recorded, gets any datagrams at any time.
#![no_main]

use std::net::SocketAddr;
use std::sync::Arc;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::command::Command;
use mediaswitch_engine::event::EventQueue;
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::Tape;
use mediaswitch_engine::rtp::packet;
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

const SESSION: SessionId = SessionId(1);
const RECORDER: PortId = PortId(5);
const PHONES: [(PortId, TrackId, Codec, u8); 2] = [
    (PortId(1), TrackId(2), Codec::Pcmu, 0),
    (PortId(3), TrackId(4), Codec::Opus, 96),
];

/// Every media packet that leaves is well-formed.
struct Wire;

impl MediaIo for Wire {
    fn send(&mut self, from: Endpoint, _to: SocketAddr, datagram: &[u8]) {
        if let Endpoint::Rtp(_) = from {
            assert!(packet::parse(datagram).is_some());
        }
    }

    fn close(&mut self, _endpoint: Endpoint) {}
}

fn address(port: PortId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000 + port.0 as u16))
}

fn call(now: Nanos, clock: Clock) -> Worker {
    let settings = WorkerSettings {
        index: 0,
        media_timeout: 30 * SECOND,
        clock,
        random: Random::with_seed(7),
    };
    let events = Arc::new(EventQueue::new().expect("a descriptor"));
    let mut worker = Worker::new(
        settings,
        events,
        Arc::new(Counters::default()),
        Tape::new().0,
        now,
    );
    let mut ask = |command| worker.apply(command, now, &mut Wire);
    ask(Command::OpenRecorder {
        port: RECORDER,
        session: SESSION,
    });
    for (port, track, codec, payload_type) in PHONES {
        ask(Command::OpenRtp {
            port,
            track,
            session: SESSION,
            allow_latch: true,
        });
        let config = RtpConfig {
            remote: Some(address(port)),
            payload_type,
            codec,
            telephone_event: Some(101),
            ptime_ms: 20,
            send: true,
            receive: true,
            link: Link::default(),
        };
        ask(Command::ConfigureRtp { port, config });
        ask(Command::Connect(Crosspoint::new(track, RECORDER, 0.0)));
    }
    ask(Command::Connect(Crosspoint::new(
        PHONES[0].1,
        PHONES[1].0,
        0.0,
    )));
    ask(Command::Connect(Crosspoint::new(
        PHONES[1].1,
        PHONES[0].0,
        -6.0,
    )));
    worker
}

fuzz_target!(|data: &[u8]| {
    let clock = Clock::new(0);
    let mut now = clock.now();
    let mut worker = call(now, clock);
    let mut input = Input(data);
    while !input.is_empty() {
        let (which, milliseconds) = (input.byte(), input.byte());
        for _ in 0..milliseconds % 32 {
            now += MILLISECOND;
            worker.handle_time(now, &mut Wire);
        }
        let port = PHONES[usize::from(which & 1)].0;
        let (at, from) = match which >> 1 & 3 {
            0 | 1 => (Endpoint::Rtp(port), address(port)),
            2 => (Endpoint::Rtcp(port), address(port)),
            _ => (Endpoint::WebRtc, address(RECORDER)),
        };
        worker.receive(at, from, input.bytes(1_500), now, &mut Wire);
    }
    worker.handle_time(now + 10 * SECOND, &mut Wire);
});
