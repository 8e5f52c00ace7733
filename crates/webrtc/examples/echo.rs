//! A peer that sends back what it hears and sees: the loop that owns a leg's socket and time, in small.
//!
//! Reads an offer from standard input up to its end, prints the answer, then a line for each event.
//! `cargo run -p webrtc --example echo < offer.sdp`

use std::error::Error;
use std::io::{ErrorKind, Read};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use webrtc::{Event, Identity, Leg, LegConfig, OutPacket, Output, Packet};

fn main() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let local = socket.local_addr()?;
    let mut offer = String::new();
    std::io::stdin().read_to_string(&mut offer)?;
    let identity = Identity::generate().ok_or("no certificate could be made")?;
    let config = LegConfig::new(identity, vec![local]);
    let (mut leg, answer) = Leg::accept(&offer, config, Instant::now())?;
    println!("{}", answer.sdp);

    let mut buffer = [0; 2000];
    while !leg.is_finished() {
        drain(&mut leg, &socket)?;
        let wait = leg.next_timeout().saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match socket.recv_from(&mut buffer) {
            Ok((length, remote)) => {
                leg.handle_datagram(Instant::now(), remote, local, &buffer[..length]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                leg.handle_timeout(Instant::now());
            }
            Err(error) => return Err(error.into()),
        }
    }
    drain(&mut leg, &socket)?;
    leg.stats().iter().for_each(|line| println!("{line:?}"));
    Ok(())
}

fn drain(leg: &mut Leg, socket: &UdpSocket) -> std::io::Result<()> {
    while let Some(output) = leg.poll() {
        match output {
            Output::Transmit { remote, datagram } => drop(socket.send_to(&datagram, remote)?),
            Output::Event(Event::Packet(packet)) => echo(leg, packet),
            Output::Event(event) => {
                println!("{event:?}");
                answer_event(leg, event);
            }
        }
    }
    Ok(())
}

fn echo(leg: &mut Leg, packet: Packet) {
    let out = OutPacket {
        seq: packet.seq % (1 << 16),
        timestamp: packet.timestamp,
        marker: packet.marker,
        payload: packet.payload,
    };
    leg.send(packet.arrival, packet.mid, packet.codec, out);
}

fn answer_event(leg: &mut Leg, event: Event) {
    match event {
        // The picture the browser misses is its own.
        Event::KeyframeRequest { mid } => drop(leg.request_keyframe(mid, None)),
        Event::Data { text, .. } => drop(leg.send_data(&text)),
        _ => {}
    }
}
