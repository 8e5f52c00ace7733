//! The engine with real sockets, threads and files.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::engine::{OpenedRtp, PlayItem, PlayOptions};
use mediaswitch_engine::event::{Event, Happening};
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::{CoreError, Engine, Settings};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SESSION: SessionId = SessionId(1);

fn settings(rtp_ports: (u16, u16)) -> Settings {
    Settings {
        workers: 2,
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
    }
}

struct Phone {
    opened: OpenedRtp,
    socket: UdpSocket,
}

impl Phone {
    fn new(engine: &Engine, session: SessionId) -> Phone {
        let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let opened = engine.open_rtp(session, true).unwrap();
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
        Phone { opened, socket }
    }

    fn send(&self, n: u16) {
        let mut packet = vec![0x80, 0];
        packet.extend(n.to_be_bytes());
        packet.extend((u32::from(n) * 160).to_be_bytes());
        packet.extend([1, 2, 3, 4]);
        packet.extend([n as u8; 160]);
        self.socket.send_to(&packet, self.opened.address).unwrap();
    }

    /// Sequence number and payload of the next packet.
    fn hear(&self) -> (u16, Vec<u8>) {
        let mut datagram = [0; 2_048];
        let length = self.socket.recv(&mut datagram).expect("something is heard");
        (
            u16::from_be_bytes([datagram[2], datagram[3]]),
            datagram[12..length].to_vec(),
        )
    }
}

fn wait_for(
    engine: &Engine,
    what: &str,
    wanted: impl Fn(&Happening) -> bool,
) -> (Event, Vec<Event>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut before = Vec::new();
    loop {
        for event in engine.drain_events() {
            if wanted(&event.what) {
                return (event, before);
            }
            before.push(event);
        }
        assert!(Instant::now() < deadline, "never: {what}; but {before:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn two_phones_hear_each_other_through_sockets() {
    let engine = Engine::start(settings((45_000, 45_100))).unwrap();
    let (a, b) = (Phone::new(&engine, SESSION), Phone::new(&engine, SESSION));
    engine
        .connect(Crosspoint::new(a.opened.track, b.opened.port, 0.0))
        .unwrap();
    engine
        .connect(Crosspoint::new(b.opened.track, a.opened.port, 0.0))
        .unwrap();
    let mut numbers = Vec::new();
    for n in 0..100 {
        a.send(n);
        b.send(n + 100);
        let (number, payload) = b.hear();
        numbers.push(number);
        assert_eq!(payload, [n as u8; 160]);
        assert_eq!(a.hear().1, [(n + 100) as u8; 160]);
    }
    assert!(
        numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{numbers:?}"
    );
    let stats = engine.stats(a.opened.port).unwrap();
    assert_eq!(
        (stats[0].packets, stats[0].lost, stats[1].packets),
        (100, 0, 100)
    );
    engine.close();
    assert!(matches!(
        engine.open_rtp(SESSION, true),
        Err(CoreError::Stopped)
    ));
}

#[test]
fn ports_run_out_and_come_back() {
    let engine = Engine::start(settings((45_200, 45_203))).unwrap();
    let first = engine.open_rtp(SESSION, true).unwrap();
    let second = engine.open_rtp(SessionId(2), true).unwrap();
    assert_ne!(first.address, second.address);
    assert!(matches!(
        engine.open_rtp(SESSION, true),
        Err(CoreError::NoFreePort)
    ));
    engine.close_port(first.port, None).unwrap();
    engine.close_port(first.port, None).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let again = loop {
        match engine.open_rtp(SESSION, true) {
            Ok(opened) => break opened,
            Err(error) => assert!(Instant::now() < deadline, "the socket stays taken: {error}"),
        }
    };
    assert_eq!(again.address, first.address);
    assert!(again.port > second.port, "ids are never used again");
}

#[test]
fn what_cannot_be_connected_says_why() {
    let engine = Engine::start(settings((45_300, 45_400))).unwrap();
    let (a, b) = (
        Phone::new(&engine, SESSION),
        Phone::new(&engine, SessionId(2)),
    );
    let connect = |source, destination| engine.connect(Crosspoint::new(source, destination, 0.0));
    let (track, port) = (a.opened.track, b.opened.port);
    assert!(matches!(
        connect(track, port),
        Err(CoreError::DifferentSessions(..))
    ));
    assert!(matches!(
        connect(TrackId(999), port),
        Err(CoreError::UnknownTrack(_))
    ));
    assert!(matches!(
        connect(track, PortId(999)),
        Err(CoreError::UnknownPort(_))
    ));
    assert!(matches!(
        engine.play(port, &[], PlayOptions::default()),
        Err(CoreError::UnknownPort(_))
    ));
    let missing = [PlayItem::File("/nowhere.wav".into())];
    let player = engine.open_player(SESSION).unwrap();
    assert!(matches!(
        engine.play(player.port, &missing, PlayOptions::default()),
        Err(CoreError::BadMediaFile(_))
    ));
    assert!(matches!(
        engine.open_webrtc(SESSION, "v=0", vec![Codec::Opus]),
        Err(CoreError::BadOffer(_))
    ));
}

#[test]
fn a_player_keeps_the_pace_and_says_when_it_is_over() {
    let engine = Engine::start(settings((45_500, 45_600))).unwrap();
    let a = Phone::new(&engine, SESSION);
    let player = engine.open_player(SESSION).unwrap();
    engine
        .connect(Crosspoint::new(player.track, a.opened.port, 0.0))
        .unwrap();
    let tone = PlayItem::Tone {
        hz: vec![440.0],
        duration_ms: 500,
        level_dbm0: -10.0,
    };
    let play = engine
        .play(player.port, &[tone], PlayOptions::default())
        .unwrap();
    let begun = Instant::now();
    (0..25).for_each(|_| assert_eq!(a.hear().1.len(), 160));
    let took = begun.elapsed().as_millis();
    assert!((440..900).contains(&took), "25 frames took {took} ms");
    let over = |what: &Happening| matches!(what, Happening::PlayFinished { play_id, .. } if *play_id == play);
    wait_for(&engine, "the play is over", over);
}

#[test]
fn a_recorded_call_has_a_file_for_each_track_as_long_as_the_session() {
    let engine = Engine::start(settings((45_700, 45_800))).unwrap();
    let folder = std::env::temp_dir().join(format!("mediaswitch-loopback-{}", std::process::id()));
    let epoch = engine.now();
    let recorder = engine.open_recorder(SESSION, &folder, epoch).unwrap();
    let (a, silent) = (Phone::new(&engine, SESSION), Phone::new(&engine, SESSION));
    for phone in [&a, &silent] {
        engine
            .connect(Crosspoint::new(phone.opened.track, recorder, 0.0))
            .unwrap();
    }
    engine.name_track(a.opened.track, "caller".into()).unwrap();
    for n in (0..40).filter(|n| n % 10 != 9) {
        a.send(n);
        std::thread::sleep(Duration::from_millis(20));
    }
    let end = engine.now() + 300_000_000;
    engine.close_port(recorder, Some(end)).unwrap();
    let closed = |what: &Happening| matches!(what, Happening::RecorderClosed { .. });
    let (_, before) = wait_for(&engine, "the recorder is closed", closed);
    let segments: Vec<_> = before
        .into_iter()
        .filter_map(|event| match event.what {
            Happening::SegmentClosed { track, segment, .. } => Some((track, segment)),
            _ => None,
        })
        .collect();
    let [(track, segment)] = segments.as_slice() else {
        panic!("{segments:?}")
    };
    assert_eq!((*track, segment.codec.as_str()), (a.opened.track, "PCMU"));
    assert_eq!(
        (segment.start_ns, segment.end_ns, segment.packets),
        (epoch, end, 36)
    );
    assert_eq!(
        segment.lost,
        Some(3),
        "the last one lost is not followed by another"
    );
    assert!(folder.join(&segment.file).exists());
    assert_eq!(engine.counters().open_files.get(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_fails_the_recording_and_not_the_call() {
    let engine = Engine::start(settings((45_900, 45_999))).unwrap();
    let recorder = engine
        .open_recorder(SESSION, "/proc/nowhere".as_ref(), engine.now())
        .unwrap();
    let (a, b) = (Phone::new(&engine, SESSION), Phone::new(&engine, SESSION));
    engine
        .connect(Crosspoint::new(a.opened.track, recorder, 0.0))
        .unwrap();
    engine
        .connect(Crosspoint::new(a.opened.track, b.opened.port, 0.0))
        .unwrap();
    a.send(1);
    let failed = |what: &Happening| matches!(what, Happening::RecorderFailed { .. });
    wait_for(&engine, "the failure is told", failed);
    a.send(2);
    assert_eq!((b.hear().1, b.hear().1), (vec![1; 160], vec![2; 160]));
    engine.close_port(recorder, None).unwrap();
    let (_, before) = wait_for(&engine, "the recorder is closed", |what| {
        matches!(what, Happening::RecorderClosed { .. })
    });
    let again = before.iter().filter(|event| failed(&event.what)).count();
    assert_eq!(again, 0, "a failure is told once");
}
