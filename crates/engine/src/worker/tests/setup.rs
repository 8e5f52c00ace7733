//! Two ports of a worker shake hands with each other, by way of a wire that the test holds.

use dtls::Identity;
use ice::Credentials;

use super::*;
use crate::port::setup::DtlsLink;

const SILENT: [u8; 160] = [0x55; 160];

/// Two ports, each the other's peer; and two plain phones that hear what comes from the far end of each.
struct Pair {
    call: Call,
    ends: [Phone; 2],
    phones: [Phone; 2],
    identities: [Identity; 2],
    is_muxed: bool,
    ice: [Option<Credentials>; 2],
}

fn rtcp(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1)
}

/// A port of which signalling has not spoken.
fn unconfigured(call: &mut Call) -> Phone {
    let (port, track) = (PortId(call.id()), TrackId(call.id()));
    call.ask(Command::OpenRtp {
        port,
        track,
        session: SESSION,
        allow_latch: true,
    });
    Phone {
        port,
        track,
        address: SocketAddr::from(([192, 0, 2, 1], 20_000 + port.0 as u16)),
        codec: Codec::Pcmu,
        sent: 0,
        ssrc: port.0 as u32,
    }
}

impl Pair {
    /// Not yet configured.
    fn new(is_muxed: bool) -> Pair {
        let mut call = Call::new();
        let ends = [unconfigured(&mut call), unconfigured(&mut call)];
        let phones = [call.phone(Codec::Pcmu), call.phone(Codec::Pcmu)];
        for (end, phone) in ends.iter().zip(&phones) {
            call.connect(phone.track, end.port);
            call.connect(end.track, phone.port);
        }
        Pair {
            call,
            ends,
            phones,
            identities: [(); 2].map(|()| Identity::generate().unwrap()),
            is_muxed,
            ice: [None, None],
        }
    }

    /// Configure an end for the peer with this certificate; the first end is the client.
    fn configure(&mut self, index: usize, peer: &Identity) {
        let dtls = DtlsLink {
            identity: self.identities[index].clone(),
            peer: peer.fingerprint().clone(),
            is_active: index == 0,
        };
        let config = RtpConfig {
            link: Link {
                srtp: None,
                dtls: Some(Box::new(dtls)),
                ice: self.ice[index].clone().map(Box::new),
                rtcp_mux: self.is_muxed,
                ..Link::default()
            },
            ..config(Codec::Pcmu, self.ends[1 - index].address)
        };
        let port = self.ends[index].port;
        self.call.ask(Command::ConfigureRtp { port, config });
    }

    fn configure_both(&mut self) {
        let [a, b] = self.identities.clone();
        self.configure(0, &b);
        self.configure(1, &a);
    }

    /// Carry what each end sent to the other, until nothing more comes; returns how many datagrams that were.
    fn carry(&mut self, mut is_lost: impl FnMut(&[u8]) -> bool) -> usize {
        let mut count = 0;
        loop {
            let (between, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.call.wire.sent)
                .into_iter()
                .partition(|(from, _, _)| self.end_of(*from).is_some());
            self.call.wire.sent = rest;
            if between.is_empty() {
                return count;
            }
            for (from, to, datagram) in between {
                count += 1;
                let (index, is_rtcp) = self.end_of(from).unwrap();
                let (sender, receiver) = (self.ends[index], self.ends[1 - index]);
                let (at, expected, source) = if is_rtcp {
                    let at = Endpoint::Rtcp(receiver.port);
                    (at, rtcp(receiver.address), rtcp(sender.address))
                } else {
                    (
                        Endpoint::Rtp(receiver.port),
                        receiver.address,
                        sender.address,
                    )
                };
                // The phone of `call.phone` has the address that the other end takes for its peer's.
                assert_eq!(to, expected);
                if !is_lost(&datagram) {
                    let Call {
                        worker, wire, now, ..
                    } = &mut self.call;
                    worker.receive(at, source, &datagram, *now, wire);
                }
            }
        }
    }

    fn end_of(&self, endpoint: Endpoint) -> Option<(usize, bool)> {
        let (port, is_rtcp) = match endpoint {
            Endpoint::Rtp(port) => (port, false),
            Endpoint::Rtcp(port) => (port, true),
            Endpoint::WebRtc => return None,
        };
        let index = self.ends.iter().position(|end| end.port == port)?;
        Some((index, is_rtcp))
    }

    /// Let time pass, carrying all the while.
    fn pass(&mut self, duration: Nanos, mut is_lost: impl FnMut(&[u8]) -> bool) {
        for _ in 0..duration / (100 * MILLISECOND) {
            self.call.silence(100 * MILLISECOND);
            self.carry(&mut is_lost);
        }
    }

    /// Both phones speak; what each end sent in the clear or not, and how much reached the other's phone.
    fn speak(&mut self, packets: usize) -> [usize; 2] {
        let mut heard = [0; 2];
        for _ in 0..packets {
            for index in [0, 1] {
                let mut phone = self.phones[index];
                self.call.speak(&mut phone, &SILENT);
                self.phones[index] = phone;
            }
            self.carry(|datagram| {
                assert_ne!(datagram.get(12..), Some(&SILENT[..]), "in the clear");
                false
            });
            for index in [0, 1] {
                let phone = self.phones[index];
                heard[index] += self.call.heard_by(&phone).len();
            }
        }
        heard
    }

    fn told(&self) -> Vec<Happening> {
        let of_setup = |what: &Happening| {
            matches!(
                what,
                Happening::PortConnected { .. } | Happening::PortFailed { .. }
            )
        };
        let events = self.call.events.drain().into_iter();
        events.map(|event| event.what).filter(of_setup).collect()
    }

    fn connected(&self) -> Vec<Happening> {
        let connected = |end: &Phone| Happening::PortConnected { port: end.port };
        self.ends.iter().map(connected).collect()
    }
}

#[test]
fn media_flows_after_the_handshake_and_not_before_with_rtcp_beside_or_within() {
    for is_muxed in [true, false] {
        let mut pair = Pair::new(is_muxed);
        pair.configure_both();
        let quiet = std::mem::take(&mut pair.call.wire.sent);
        assert_eq!(pair.speak(3), [0, 0]);
        pair.call.wire.sent = quiet;
        pair.carry(|_| false);
        let mut told = pair.told();
        told.sort_by_key(|what| format!("{what:?}"));
        assert_eq!(told, pair.connected());
        assert_eq!(pair.speak(50), [50, 50]);
        let ignored = pair.call.counters.ignored.get();
        pair.pass(20 * SECOND, |_| false);
        pair.speak(50);
        assert_eq!(
            pair.call.counters.ignored.get(),
            ignored,
            "reports are authentic"
        );
    }
}

#[test]
fn lost_flights_are_sent_again_in_time() {
    for lost in 0..12 {
        let mut pair = Pair::new(true);
        pair.configure_both();
        let mut count = 0;
        pair.pass(5 * SECOND, |_| {
            count += 1;
            count == lost || count == lost + 1
        });
        assert_eq!(pair.told().len(), 2, "after the loss of {lost}");
        assert_eq!(pair.speak(10), [10, 10]);
    }
}

#[test]
fn a_client_whose_peer_is_slow_to_answer_is_heard_at_once_then() {
    let mut pair = Pair::new(true);
    let [a, b] = pair.identities.clone();
    pair.configure(0, &b);
    pair.carry(|_| false); // it comes before the second end knows what it is for
    pair.configure(1, &a);
    pair.carry(|_| false);
    assert_eq!(pair.told().len(), 2);
}

#[test]
fn a_certificate_that_was_not_signalled_fails_the_port_and_nothing_flows() {
    let mut pair = Pair::new(true);
    let [_, b] = pair.identities.clone();
    let stranger = Identity::generate().unwrap();
    pair.configure(0, &b);
    pair.configure(1, &stranger);
    pair.pass(20 * SECOND, |_| false);
    let told = pair.told();
    let failed = told.iter().any(|what| {
        matches!(what, Happening::PortFailed { port, reason }
            if *port == pair.ends[1].port && reason.contains("fingerprint"))
    });
    assert!(failed, "{told:?}");
    assert!(!told.contains(&pair.connected()[1]));
    assert_eq!(pair.speak(20)[1], 0);
}

#[test]
fn a_handshake_that_is_never_finished_fails_the_port() {
    let mut pair = Pair::new(true);
    pair.configure_both();
    let mut count = 0;
    pair.pass(30 * SECOND, |_| {
        count += 1;
        count > 3
    });
    let told = pair.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told
        .iter()
        .all(|what| matches!(what, Happening::PortFailed { .. })));
    assert_eq!(pair.speak(20), [0, 0]);
}

#[test]
fn a_re_invite_keeps_the_keys_and_another_certificate_shuts_the_port_until_it_was_shown() {
    let mut pair = Pair::new(true);
    pair.configure_both();
    pair.carry(|_| false);
    assert_eq!(pair.speak(10), [10, 10]);
    pair.configure_both();
    assert_eq!(pair.carry(|_| false), 0, "no second handshake");
    assert_eq!(pair.speak(10), [10, 10]);
    pair.identities[0] = Identity::generate().unwrap();
    pair.configure_both();
    let hello = std::mem::take(&mut pair.call.wire.sent);
    assert_eq!(pair.speak(3), [0, 0]);
    pair.call.wire.sent = hello;
    pair.carry(|_| false);
    assert_eq!(pair.speak(10), [10, 10]);
}

#[test]
fn garbage_and_strangers_neither_open_nor_disturb_a_port() {
    let mut pair = Pair::new(true);
    pair.configure_both();
    let hello = pair.call.wire.sent[0].2.clone();
    let stranger = SocketAddr::from(([198, 51, 100, 1], 9));
    let garbage = |pair: &mut Pair| {
        for length in [1, 12, 13, 14, 40, 1_500] {
            for first in [0u8, 1, 20, 22, 23, 63, 64, 127] {
                for from in [stranger, pair.ends[0].address] {
                    let Call {
                        worker, wire, now, ..
                    } = &mut pair.call;
                    let at = Endpoint::Rtp(pair.ends[1].port);
                    worker.receive(at, from, &vec![first; length], *now, wire);
                }
            }
        }
    };
    garbage(&mut pair);
    pair.carry(|_| false);
    pair.pass(4 * SECOND, |_| false);
    assert_eq!(pair.told().len(), 2);
    garbage(&mut pair);
    let Call {
        worker, wire, now, ..
    } = &mut pair.call;
    let at = Endpoint::Rtp(pair.ends[1].port);
    worker.receive(at, stranger, &hello, *now, wire);
    let to_stranger = wire.sent.iter().filter(|(_, to, _)| *to == stranger);
    assert_eq!(to_stranger.count(), 0);
    assert_eq!(pair.speak(10), [10, 10]);
}

fn credentials(ours: &str, theirs: &str) -> Option<Credentials> {
    Some(Credentials {
        local_ufrag: ours.into(),
        local_password: format!("the-password-of-{ours}-and-long"),
        remote_ufrag: theirs.into(),
    })
}

/// The peer of an end checks the way to it from an address.
fn check(pair: &mut Pair, index: usize, from: SocketAddr, rank: u32, nominates: bool) {
    let agreed = pair.ice[index].clone().expect("ICE");
    let name = format!("{}:{}", agreed.local_ufrag, agreed.remote_ufrag);
    let request = ice::check(&name, &agreed.local_password, (rank, nominates), &[]);
    let Call {
        worker, wire, now, ..
    } = &mut pair.call;
    let at = Endpoint::Rtp(pair.ends[index].port);
    worker.receive(at, from, &request, *now, wire);
    let (_, to, answer) = wire.sent.iter().find(|(from, _, _)| *from == at).unwrap();
    assert_eq!((*to, answer[..2].to_vec()), (from, vec![1, 1]));
    wire.sent.retain(|(_, _, datagram)| datagram[0] > 3);
}

#[test]
fn with_ice_nothing_is_sent_before_a_nomination_and_all_to_the_nominated() {
    let mut pair = Pair::new(true);
    pair.ice = [credentials("aaaa", "bbbb"), credentials("bbbb", "aaaa")];
    pair.configure_both();
    assert_eq!(pair.call.wire.sent.len(), 0);
    let [a, b] = pair.ends;
    check(&mut pair, 0, b.address, 1, false);
    assert_eq!(pair.carry(|_| false), 0);
    check(&mut pair, 1, a.address, 9, true);
    check(&mut pair, 0, b.address, 9, true);
    pair.carry(|_| false);
    assert_eq!(pair.told().len(), 2);
    assert_eq!(pair.speak(10), [10, 10]);

    // The second phone's peer moves: first to a worse place, which it is not followed to, then to as good a one.
    let elsewhere = SocketAddr::from(([203, 0, 113, 5], 5_000));
    for (rank, place) in [(8, a.address), (9, elsewhere)] {
        check(&mut pair, 1, elsewhere, rank, true);
        let mut phone = pair.phones[1];
        pair.call.speak(&mut phone, &SILENT);
        pair.phones[1] = phone;
        let sent = std::mem::take(&mut pair.call.wire.sent);
        let from = Endpoint::Rtp(b.port);
        let to: Vec<_> = sent.iter().filter(|(at, _, _)| *at == from).collect();
        assert_eq!(to.len(), 1);
        assert_eq!(to[0].1, place);
    }

    // A restart: the pair stays until another is nominated, be it as bad as can be.
    pair.ice[1] = credentials("cccc", "dddd");
    let former = pair.identities[0].clone();
    pair.configure(1, &former);
    check(&mut pair, 1, a.address, 1, true);
    assert_eq!(pair.speak(10), [10, 10]);
}

#[test]
fn a_check_with_another_password_moves_nobody_and_gets_no_answer() {
    let mut pair = Pair::new(true);
    pair.ice = [credentials("aaaa", "bbbb"), credentials("bbbb", "aaaa")];
    pair.configure_both();
    let at = Endpoint::Rtp(pair.ends[0].port);
    let from = pair.ends[1].address;
    let oversized: Vec<(u16, &[u8])> = vec![(0x8022, &[0; 700])];
    for request in [
        ice::check("aaaa:bbbb", "guessed", (9, true), &[]),
        ice::check("bbbb:aaaa", "the-password-of-aaaa-and-long", (9, true), &[]),
        [
            ice::check("aaaa:bbbb", "guessed", (9, true), &oversized),
            vec![0; 900],
        ]
        .concat(),
        vec![0; 20],
    ] {
        let Call {
            worker, wire, now, ..
        } = &mut pair.call;
        worker.receive(at, from, &request, *now, wire);
        assert_eq!(wire.sent.len(), 0);
    }
    assert_eq!(pair.speak(5), [0, 0]);
    assert!(pair.told().is_empty());
}
