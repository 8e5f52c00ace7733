//! Whose packets are taken, and what is told and left when they come, stop or end.

use super::*;

#[test]
fn a_phone_behind_nat_is_found_and_a_stranger_is_not_let_in() {
    let mut call = Call::new();
    let (a, mut b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(b.track, a.port);
    let natted = SocketAddr::from(([198, 51, 100, 1], 4_000));
    let stranger = SocketAddr::from(([203, 0, 113, 9], 666));
    let payload = numbered(1);
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        a.address,
        "until media comes, signalling says where to"
    );
    for sent in 0..4 {
        let a = Phone { sent, ..a };
        call.receive(&a, natted, &a.packet(&payload)); // the last of them shows that it is a stream
    }
    call.receive(&a, stranger, &a.packet(&payload));
    call.speak(&mut b, &payload);
    assert_eq!(call.heard_by(&a)[0].to, natted);
    assert_eq!(call.counters.ignored.get(), 4);

    let elsewhere = SocketAddr::new(a.address.ip(), 9);
    call.receive(&a, elsewhere, &a.packet(&payload)); // the signalled host, another port
    call.receive(&a, natted, &a.packet(&payload));
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        elsewhere,
        "the signalled host settles it"
    );
    assert_eq!(call.counters.ignored.get(), 5);

    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: config(Codec::Pcmu, a.address),
    });
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        elsewhere,
        "a re-INVITE to the same place changes nothing"
    );
    let moved = SocketAddr::from(([192, 0, 2, 77], 7_000));
    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: config(Codec::Pcmu, moved),
    });
    call.speak(&mut b, &payload);
    assert_eq!(call.heard_by(&a)[0].to, moved);
}

#[test]
fn without_latching_only_the_signalled_host_is_heard() {
    let mut call = Call::new();
    let (port, track) = (PortId(call.id()), TrackId(call.id()));
    let address = SocketAddr::from(([192, 0, 2, 1], 5_000));
    call.ask(Command::OpenRtp {
        port,
        track,
        session: SESSION,
        allow_latch: false,
    });
    call.ask(Command::ConfigureRtp {
        port,
        config: config(Codec::Pcmu, address),
    });
    let a = Phone {
        port,
        track,
        address,
        codec: Codec::Pcmu,
        sent: 0,
        ssrc: 1,
    };
    call.receive(
        &a,
        SocketAddr::from(([198, 51, 100, 1], 5_000)),
        &a.packet(&numbered(1)),
    );
    assert_eq!((call.counters.ignored.get(), call.happened()), (1, vec![]));
    call.receive(
        &a,
        SocketAddr::new(address.ip(), 1),
        &a.packet(&numbered(1)),
    );
    assert_eq!(call.happened(), [Happening::MediaStarted { track }]);
}

#[test]
fn media_that_starts_stops_or_never_comes_is_told() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(
        call.happened(),
        [Happening::MediaStarted { track: a.track }]
    );
    call.silence(3 * SECOND);
    assert_eq!(
        call.happened(),
        [Happening::MediaStopped { track: a.track }]
    );
    call.silence(40 * SECOND);
    assert_eq!(call.happened(), [Happening::MediaTimeout { port: a.port }]);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(
        call.happened(),
        [Happening::MediaStarted { track: a.track }]
    );
    let held = RtpConfig {
        receive: false,
        ..config(Codec::Pcmu, a.address)
    };
    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: held,
    });
    call.silence(60 * SECOND);
    assert_eq!(
        call.happened(),
        [Happening::MediaStopped { track: a.track }],
        "a held phone may be silent"
    );
}

#[test]
fn reports_are_sent_to_the_port_above_and_their_answers_measured() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(12 * SECOND, &mut [(&mut a, &numbered)]);
    let reports: Vec<_> = call
        .wire
        .sent
        .iter()
        .filter(|(from, _, _)| matches!(from, Endpoint::Rtcp(_)))
        .collect();
    assert!(reports.len() >= 2, "{}", reports.len());
    assert!(reports
        .iter()
        .all(|(_, to, _)| to.port() == a.address.port() + 1 || to.port() == b.address.port() + 1));
    assert!(reports
        .iter()
        .all(|(_, _, datagram)| packet::is_rtcp(datagram)));
}

#[test]
fn closing_leaves_nothing_behind() {
    let mut call = Call::new();
    let (mut a, mut b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    let (player, music) = call.player();
    for (source, destination) in [(a.track, b.port), (b.track, a.port), (music, a.port)] {
        call.connect(source, destination);
    }
    call.play(player, 1, vec![tone(&[440.0], 10_000, -10.0)]);
    let low = tone_of(500.0, Codec::Pcma);
    call.pass(SECOND, &mut [(&mut a, &low), (&mut b, &low)]);
    assert_eq!(call.counters.crosspoints.get(), 3);
    for port in [a.port, player, b.port, b.port] {
        call.ask(Command::ClosePort { port, end: None });
    }
    let counters = &call.counters;
    let open = [
        &counters.rtp_ports,
        &counters.players,
        &counters.crosspoints,
    ]
    .map(|counter| counter.get());
    assert_eq!(open, [0, 0, 0]);
    assert_eq!(call.wire.closed.len(), 4);
    assert_eq!(call.worker.next_deadline(), None, "an empty worker sleeps");
    assert!(call.worker.ports.is_empty() && call.worker.tracks.is_empty());
    assert!(call.worker.matrix.is_empty());
}

#[test]
fn what_names_a_closed_port_or_track_does_nothing() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (nobody, nothing) = (PortId(99), TrackId(99));
    for command in [
        Command::Connect(Crosspoint::new(nothing, a.port, 0.0)),
        Command::Connect(Crosspoint::new(a.track, nobody, 0.0)),
        Command::Disconnect {
            source: nothing,
            destination: nobody,
        },
        Command::ClosePort {
            port: nobody,
            end: None,
        },
        Command::StopPlaying { port: a.port },
        Command::SendData {
            port: a.port,
            text: String::new(),
        },
        Command::RequestKeyframe { track: a.track },
        Command::ConfigureRtp {
            port: nobody,
            config: config(Codec::Pcmu, a.address),
        },
    ] {
        call.ask(command);
    }
    assert_eq!(
        (call.counters.crosspoints.get(), call.happened()),
        (0, vec![])
    );
}
