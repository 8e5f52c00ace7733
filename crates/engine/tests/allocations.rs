//! Once a port runs, its packets are relayed, mixed, played and recorded without asking the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, Rate};
use mediaswitch_engine::command::{Command, Play};
use mediaswitch_engine::event::EventQueue;
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::port::source::source;
use mediaswitch_engine::port::tap::tap;
use mediaswitch_engine::programme::Programme;
use mediaswitch_engine::prompt::tone;
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::{Tape, TapeEnd};
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::voice::Wish;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// RTP packets that ports 1 to 6 sent: of sound, and of presses.
#[derive(Clone, Copy, Default)]
struct Sink {
    sound: [u32; 6],
    events: [u32; 6],
}

impl MediaIo for Sink {
    fn send(&mut self, from: Endpoint, _: SocketAddr, datagram: &[u8]) {
        let Endpoint::Rtp(PortId(port)) = from else {
            return;
        };
        let is_event = datagram[1] & 0x7F == 101;
        let sent = if is_event {
            &mut self.events
        } else {
            &mut self.sound
        };
        sent[port as usize - 1] += 1;
    }

    fn close(&mut self, _: Endpoint) {}
}

const SESSION: SessionId = SessionId(1);

fn address(port: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000 + port as u16))
}

fn config(port: u64, codec: Codec) -> RtpConfig {
    RtpConfig {
        remote: Some(address(port)),
        payload_type: 0,
        codec,
        telephone_event: Some(101),
        ptime_ms: 20,
        send: true,
        receive: true,
        link: Link::default(),
    }
}

struct Switch {
    worker: Worker,
    sink: Sink,
    now: Nanos,
}

impl Switch {
    fn ask(&mut self, command: Command) {
        self.worker.apply(command, self.now, &mut self.sink);
    }

    fn packet(&mut self, port: u64, n: u32, payload_type: u8, payload: &[u8]) {
        let mut datagram = [0u8; 256];
        datagram[..2].copy_from_slice(&[0x80, payload_type]);
        datagram[2..4].copy_from_slice(&(n as u16).to_be_bytes());
        datagram[4..8].copy_from_slice(&(n * 160).to_be_bytes());
        datagram[11] = port as u8;
        datagram[12..12 + payload.len()].copy_from_slice(payload);
        let (at, length) = (Endpoint::Rtp(PortId(port)), 12 + payload.len());
        self.worker.receive(
            at,
            address(port),
            &datagram[..length],
            self.now,
            &mut self.sink,
        );
    }

    /// Frames `from..to`: each port 1 to 4 speaks, and 20 ms pass.
    fn run(&mut self, from: u32, to: u32) {
        for n in from..to {
            for port in 1..=4 {
                // Every seventh packet of port 4 is lost, every twentieth of port 3 is a press.
                if port == 4 && n % 7 == 0 {
                    continue;
                }
                if port == 3 && n % 20 == 0 {
                    self.packet(port, n, 101, &[1, 0x8A, 0, 160]);
                } else {
                    self.packet(port, n, 0, &[n as u8; 160]);
                }
            }
            for _ in 0..20 {
                self.worker.handle_time(self.now, &mut self.sink);
                self.now += MILLISECOND;
            }
        }
    }
}

fn switch() -> (Switch, TapeEnd) {
    let clock = Clock::new(0);
    let now = clock.now() / SECOND * SECOND;
    let (tape, end) = Tape::new();
    let settings = WorkerSettings {
        index: 0,
        media_timeout: 30 * SECOND,
        clock,
        random: Random::with_seed(1),
    };
    let events = Arc::new(EventQueue::new().unwrap());
    let worker = Worker::new(settings, events, Arc::new(Counters::default()), tape, now);
    let switch = Switch {
        worker,
        sink: Sink::default(),
        now,
    };
    (switch, end)
}

#[test]
fn a_running_worker_does_not_allocate() {
    let (mut switch, mut end) = switch();
    // 1 <-> 2 relayed; 3, 4 and 5 mixed with each other, 5 in Opus; a player to 6 by relay and to 5 by mix.
    let codecs = [
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Opus,
        Codec::Pcmu,
    ];
    for (port, codec) in (1..).zip(codecs) {
        let (id, track) = (PortId(port), TrackId(100 + port));
        switch.ask(Command::OpenRtp {
            port: id,
            track,
            session: SESSION,
            allow_latch: true,
        });
        switch.ask(Command::ConfigureRtp {
            port: id,
            config: config(port, codec),
        });
    }
    switch.ask(Command::OpenPlayer {
        port: PortId(7),
        track: TrackId(107),
        session: SESSION,
    });
    switch.ask(Command::OpenRecorder {
        port: PortId(8),
        session: SESSION,
    });
    let crosspoints = [
        (1, 2),
        (2, 1),
        (3, 4),
        (4, 3),
        (3, 5),
        (4, 5),
        (7, 5),
        (7, 6),
        (1, 8),
        (3, 8),
        (7, 8),
        (4, 4),
        (3, 3),
    ];
    for (from, to) in crosspoints {
        switch.ask(Command::Connect(Crosspoint::new(
            TrackId(100 + from),
            PortId(to),
            0.0,
        )));
    }
    // What a program writes is heard by 6 and by a tap, which hears 3 too; the tap is read by nobody, and full.
    let (mut writer, feed) = source(Rate::Narrow, 700);
    let (tap, reader) = tap(Rate::Full, 300, 5);
    switch.ask(Command::OpenSource {
        port: PortId(9),
        track: TrackId(109),
        session: SESSION,
        feed,
    });
    switch.ask(Command::OpenTap {
        port: PortId(10),
        session: SESSION,
        tap: Box::new(tap),
    });
    assert_eq!(writer.write(&[1_000; 160 * 400]), 160 * 400, "8 seconds");
    for (from, to) in [(9, 6), (9, 10), (3, 10)] {
        switch.ask(Command::Connect(Crosspoint::new(
            TrackId(100 + from),
            PortId(to),
            0.0,
        )));
    }
    // Packets for one of its listeners' codecs are there, for the other's they are made in the tick.
    let items = vec![Arc::new(tone(&[440.0], 1_000, -10.0))];
    let programme = Arc::new(Programme::new(items, None));
    programme.pack(Codec::Opus);
    switch.ask(Command::Play {
        port: PortId(7),
        play: Play {
            id: 1,
            programme,
            looped: true,
            report: Some(5),
        },
        queued: false,
    });
    switch.run(0, 100); // ports start, rings and buffers find their sizes

    switch.sink = Sink::default();
    let before = ALLOCATIONS.with(Cell::get);
    switch.run(100, 600);
    let allocated = ALLOCATIONS.with(Cell::get) - before;
    let Sink { sound, events } = switch.sink;
    assert_eq!([sound[0], sound[1], sound[5]], [500; 3], "without a hole");
    // Who hears port 3 is sent its presses instead of sound: three frames of the key, three of its end, one of rest.
    assert_eq!(sound[2..5], [500 - 25 * 7; 3]);
    assert_eq!(events, [0, 0, 25 * 6, 25 * 6, 25 * 6, 0]);
    assert!(
        end.pull(&mut Vec::new()).is_some(),
        "and the recorder was recording"
    );
    assert_eq!((reader.waiting(), reader.lost()), (300, 300));
    assert_eq!(allocated, 0, "allocations in 10 seconds of media");
}

#[test]
fn a_conference_that_chooses_the_loudest_does_not_allocate() {
    let (mut switch, _end) = switch();
    switch.worker.mix_loudest(2);
    let codecs = [
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Pcmu,
        Codec::Opus,
        Codec::Opus,
    ];
    for (port, codec) in (1..).zip(codecs) {
        let (id, track) = (PortId(port), TrackId(100 + port));
        switch.ask(Command::OpenRtp {
            port: id,
            track,
            session: SESSION,
            allow_latch: true,
        });
        switch.ask(Command::ConfigureRtp {
            port: id,
            config: config(port, codec),
        });
    }
    for (from, to) in (1..=4).flat_map(|from| (1..=6).map(move |to| (from, to))) {
        if from != to {
            let crosspoint = Crosspoint::new(TrackId(100 + from), PortId(to), 0.0);
            switch.ask(Command::Connect(crosspoint));
        }
    }
    let wish = Wish {
        noise_suppression: true,
        auto_gain: true,
    };
    for track in [101, 102].map(TrackId) {
        switch.ask(Command::SetVoice { track, wish });
    }
    switch.run(0, 100);
    switch.sink = Sink::default();
    let before = ALLOCATIONS.with(Cell::get);
    switch.run(100, 600);
    let allocated = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(
        switch.sink.sound[4..],
        [500 - 25 * 7; 2],
        "who hears 3 is sent its presses"
    );
    assert_eq!(allocated, 0, "allocations in 10 seconds of a conference");
}
