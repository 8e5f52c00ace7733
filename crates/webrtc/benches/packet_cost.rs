//! What a packet and a leg cost, in microseconds of one core: `cargo bench -p webrtc`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use str0m::format::Codec as WireCodec;
use str0m::media::Direction;
use support::{browser_addr, leg_addr, leg_config, opus_packet, Browser, Pair, Toward};
use webrtc::{Codec, Leg};

const PACKETS: u64 = 20_000;
const LEGS: u32 = 200;
const OPUS: [u8; 80] = [0x55; 80];
const FRAME: Duration = Duration::from_millis(20);

fn main() {
    println!("send one Opus packet     {:6.2} us", send_cost());
    println!("receive one Opus packet  {:6.2} us", receive_cost());
    println!("answer a desk's offer    {:6.1} us", accept_cost());
    println!("wake an idle leg         {:6.2} us", timeout_cost());
}

fn micros(total: Duration, times: u64) -> f64 {
    total.as_secs_f64() * 1e6 / times as f64
}

/// `send`, and the drain that gives the datagram.
fn send_cost() -> f64 {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.run_for(Duration::from_secs(2));
    let (mut now, mut spent) = (pair.now, Duration::ZERO);
    for n in 0..PACKETS {
        now += FRAME;
        let start = Instant::now();
        assert!(pair
            .leg
            .send(now, mid, Codec::Opus, opus_packet(n, &OPUS[..])));
        while pair.leg.poll().is_some() {}
        spent += start.elapsed();
    }
    micros(spent, PACKETS)
}

/// `handle_datagram`, and the drain that gives the packet.
fn receive_cost() -> f64 {
    let mut pair = Pair::connected();
    let mid = pair.browser.audio;
    pair.run_for(Duration::from_secs(2));
    let (sender, datagrams) = std::sync::mpsc::channel();
    pair.loss = Box::new(move |to, d| to == Toward::Leg && sender.send(d.to_vec()).is_ok());
    let (mut spent, mut packets) = (Duration::ZERO, 0);
    for n in 0..PACKETS {
        pair.now += FRAME;
        pair.browser_sends(mid, WireCodec::Opus, 48_000, opus_packet(n, &OPUS));
        for datagram in datagrams.try_iter() {
            let start = Instant::now();
            pair.leg
                .handle_datagram(pair.now, browser_addr(), leg_addr(), &datagram);
            while pair.leg.poll().is_some() {}
            spent += start.elapsed();
            packets += 1;
        }
    }
    assert!(packets >= PACKETS);
    micros(spent, packets)
}

fn accept_cost() -> f64 {
    let now = Instant::now();
    let (_, offer, _) = Browser::offering(now, Direction::SendRecv, true);
    let start = Instant::now();
    for _ in 0..LEGS {
        let leg = Leg::accept(&offer, leg_config(), now);
        assert!(leg.is_ok());
    }
    micros(start.elapsed(), LEGS.into())
}

fn timeout_cost() -> f64 {
    let mut pair = Pair::connected();
    pair.run_for(Duration::from_secs(2));
    let mut spent = Duration::ZERO;
    for _ in 0..LEGS {
        let now = pair.leg.next_timeout();
        let start = Instant::now();
        pair.leg.handle_timeout(now);
        while pair.leg.poll().is_some() {}
        spent += start.elapsed();
    }
    micros(spent, LEGS.into())
}
