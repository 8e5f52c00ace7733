//! Calls between a plain phone and one that speaks SRTP.

use srtp::{MasterKey, Profile, Receiver, Sender};

use super::*;
use crate::port::rtp::SrtpKeys;

const SILENT: [u8; 160] = [0x55; 160];

/// The far end of a secured port.
struct Secured {
    phone: Phone,
    sender: Sender,
    receiver: Receiver,
}

fn key(byte: u8) -> MasterKey {
    MasterKey::new(Profile::AeadAes128Gcm, &[byte; 28]).unwrap()
}

fn secured_config(phone: &Phone, send: u8, receive: u8) -> RtpConfig {
    let srtp = Some(SrtpKeys {
        send: key(send),
        receive: key(receive),
    });
    RtpConfig {
        link: Link {
            srtp,
            rtcp_mux: true,
            ..Link::default()
        },
        ..config(phone.codec, phone.address)
    }
}

impl Call {
    fn secured(&mut self) -> Secured {
        let phone = self.phone(Codec::Pcmu);
        self.ask(Command::ConfigureRtp {
            port: phone.port,
            config: secured_config(&phone, 1, 2),
        });
        Secured {
            phone,
            sender: Sender::new(&key(2)).unwrap(),
            receiver: Receiver::new(&key(1)).unwrap(),
        }
    }

    /// The far end sends its next packet; returns what was on the wire.
    fn speak_secured(&mut self, end: &mut Secured, payload: &[u8]) -> Vec<u8> {
        let mut datagram = [0; 1_500];
        let length = packet::write(&end.phone.packet(payload), &mut datagram).unwrap();
        let length = end.sender.protect_rtp(&mut datagram, length).unwrap();
        end.phone.sent += 1;
        self.take(&end.phone, &datagram[..length]);
        datagram[..length].to_vec()
    }

    fn take(&mut self, phone: &Phone, datagram: &[u8]) {
        let at = Endpoint::Rtp(phone.port);
        self.worker
            .receive(at, phone.address, datagram, self.now, &mut self.wire);
    }

    /// What the far end can open of what was sent to it since the last call, RTP alone.
    fn heard_secured(&mut self, end: &mut Secured) -> Vec<Heard> {
        let from = Endpoint::Rtp(end.phone.port);
        let sent = std::mem::take(&mut self.wire.sent);
        let (here, elsewhere) = sent.into_iter().partition(|(at, _, _)| *at == from);
        self.wire.sent = elsewhere;
        let here: Vec<(Endpoint, SocketAddr, Vec<u8>)> = here;
        let mut heard = Vec::new();
        for (_, to, mut datagram) in here {
            if packet::is_rtcp(&datagram) {
                let length = end.receiver.unprotect_rtcp(&mut datagram).unwrap();
                assert_eq!(datagram[1], 200, "a sender report of {length} bytes");
            } else {
                let length = end.receiver.unprotect_rtp(&mut datagram).unwrap();
                heard.push(Heard::new(to, &datagram[..length]));
            }
        }
        heard
    }
}

#[test]
fn plain_and_secured_phones_hear_each_other_over_the_wrap_of_the_sequence() {
    let mut call = Call::new();
    let (mut plain, mut end) = (call.phone(Codec::Pcmu), call.secured());
    call.connect(plain.track, end.phone.port);
    call.connect(end.phone.track, plain.port);
    let mut heard = Vec::new();
    for n in 0..70_000u32 {
        let payload = [n as u8; 160];
        call.speak(&mut plain, &payload);
        call.speak_secured(&mut end, &payload);
        if n % 100 == 0 {
            heard.extend(call.heard_secured(&mut end));
            assert!(call
                .heard_by(&plain)
                .iter()
                .all(|packet| packet.payload.len() == 160));
        }
    }
    assert_eq!(heard.len(), 69_901);
    assert_eq!(heard[69_900].payload, [69_900u32 as u8; 160]);
    assert_eq!(call.counters.ignored.get(), 0);
}

#[test]
fn what_was_replayed_or_forged_or_is_plain_is_not_handed_on() {
    let mut call = Call::new();
    let (plain, mut end) = (call.phone(Codec::Pcmu), call.secured());
    call.connect(end.phone.track, plain.port);
    let mut datagram = call.speak_secured(&mut end, &SILENT);
    call.take(&end.phone, &datagram);
    datagram[20] ^= 1;
    call.take(&end.phone, &datagram);
    let phone = end.phone;
    call.receive(&phone, phone.address, &phone.packet(&SILENT));
    assert_eq!(call.heard_by(&plain).len(), 1);
    assert_eq!(call.counters.ignored.get(), 3);
}

#[test]
fn hold_a_re_invite_and_a_new_ssrc_keep_the_secured_stream() {
    let mut call = Call::new();
    let (mut plain, mut end) = (call.phone(Codec::Pcmu), call.secured());
    call.connect(plain.track, end.phone.port);
    call.connect(end.phone.track, plain.port);
    for step in 0..4 {
        for n in 0..40_000u32 {
            call.speak(&mut plain, &[n as u8; 160]);
            call.speak_secured(&mut end, &[n as u8; 160]);
            if n % 200 == 199 {
                assert_eq!(call.heard_secured(&mut end).len(), 200);
                assert_eq!(call.heard_by(&plain).len(), 200);
            }
        }
        let mut again = secured_config(&end.phone, 1, 2);
        (again.send, again.receive) = (step % 2 == 1, step % 2 == 1);
        call.ask(Command::ConfigureRtp {
            port: end.phone.port,
            config: again.clone(),
        });
        call.silence(SECOND);
        call.heard_secured(&mut end);
        (again.send, again.receive) = (true, true);
        call.ask(Command::ConfigureRtp {
            port: end.phone.port,
            config: again,
        });
        end.phone.ssrc += u32::from(step == 1);
    }
    assert_eq!(call.counters.ignored.get(), 0);
}

#[test]
fn new_keys_take_over_without_a_lost_packet() {
    let mut call = Call::new();
    let (plain, mut end) = (call.phone(Codec::Pcmu), call.secured());
    call.connect(end.phone.track, plain.port);
    call.speak_secured(&mut end, &SILENT);
    call.ask(Command::ConfigureRtp {
        port: end.phone.port,
        config: secured_config(&end.phone, 3, 4),
    });
    call.speak_secured(&mut end, &SILENT); // sent before the answer arrived
    end.sender = Sender::new(&key(4)).unwrap();
    call.speak_secured(&mut end, &SILENT);
    assert_eq!(call.heard_by(&plain).len(), 3);
}

#[test]
fn a_secured_report_comes_on_the_port_of_rtp_and_is_read() {
    let mut call = Call::new();
    let (mut plain, mut end) = (call.phone(Codec::Pcmu), call.secured());
    call.connect(plain.track, end.phone.port);
    for _ in 0..600 {
        call.speak(&mut plain, &SILENT);
        call.silence(PTIME);
    }
    let muxed = Endpoint::Rtp(end.phone.port);
    let is_report = |(at, to, datagram): &&(Endpoint, SocketAddr, Vec<u8>)| {
        *at == muxed && *to == end.phone.address && packet::is_rtcp(datagram)
    };
    assert!(call.wire.sent.iter().filter(is_report).count() > 0);
    call.heard_secured(&mut end);
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
    report.resize(8 + srtp::MAX_OVERHEAD, 0);
    let length = end.sender.protect_rtcp(&mut report, 8).unwrap();
    call.take(&end.phone, &report[..length]);
    assert_eq!(
        (call.counters.ignored.get(), call.counters.malformed.get()),
        (0, 0)
    );
    call.take(&end.phone, &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    assert_eq!(call.counters.ignored.get(), 1, "a plain one is not");
}
