//! Whatever a stranger sends, nothing panics and the call goes on.

mod support;

use std::time::{Duration, Instant};

use str0m::format::Codec as WireCodec;
use support::{browser_addr, leg_addr, leg_config, opus_packet, vp8_packet, Pair};
use webrtc::{Codec, Leg};

/// A small generator with a fixed seed, so that a failure can be repeated (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Some bytes changed, or cut, or doubled.
    fn mutate(&mut self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        match self.below(4) {
            _ if bytes.is_empty() => {}
            0 => bytes.truncate(self.below(bytes.len())),
            1 => bytes.extend_from_within(self.below(original.len())..),
            _ => {
                for _ in 0..=self.below(8) {
                    let at = self.below(bytes.len());
                    bytes[at] = self.next() as u8;
                }
            }
        }
        bytes
    }

    fn mutate_one(&mut self, material: &[Vec<u8>]) -> Vec<u8> {
        let chosen = self.below(material.len());
        self.mutate(&material[chosen])
    }

    fn noise(&mut self) -> Vec<u8> {
        // First bytes that lead into the STUN, DTLS, RTP and RTCP readers, and any other.
        let first = [0, 1, 20, 22, 23, 0x80, 0x81, 0x90, 0xb0, self.next() as u8];
        let mut bytes: Vec<u8> = (0..self.below(200)).map(|_| self.next() as u8).collect();
        if let Some(byte) = bytes.first_mut() {
            *byte = first[self.below(first.len())];
        }
        bytes
    }
}

/// A connected pair that has exchanged every kind of datagram.
fn busy_pair() -> Pair {
    let mut pair = Pair::connected();
    let (audio, camera) = (pair.browser.audio, pair.browser.camera.unwrap());
    for n in 0..50 {
        pair.browser_sends(audio, WireCodec::Opus, 48_000, opus_packet(n, &[0; 40]));
        pair.browser_sends(camera, WireCodec::Vp8, 90_000, vp8_packet(n, &[0x10; 90]));
        pair.leg_sends(audio, Codec::Opus, opus_packet(n, &[0; 40]));
        pair.leg_sends(camera, Codec::Vp8, vp8_packet(n, &[0x10; 90]));
        pair.run_for(Duration::from_millis(20));
    }
    pair.run_for(Duration::from_secs(3));
    pair
}

#[test]
fn malformed_datagrams_are_ignored_and_the_call_goes_on() {
    let mut pair = busy_pair();
    let mut random = Random(0x6d65_6469_6173_7769);
    let material = std::mem::take(&mut pair.seen_by_leg);
    for _ in 0..10_000 {
        let datagram = match random.below(3) {
            0 => random.noise(),
            _ => random.mutate_one(&material),
        };
        pair.leg.accepts(browser_addr(), &datagram);
        pair.leg
            .handle_datagram(pair.now, browser_addr(), leg_addr(), &datagram);
        pair.drain();
    }
    assert!(pair.leg.malformed() > 1000, "{}", pair.leg.malformed());
    assert!(pair.leg.is_connected());
    let before = pair.leg_packets().len();
    let audio = pair.browser.audio;
    pair.browser_sends(audio, WireCodec::Opus, 48_000, opus_packet(60, &[0; 40]));
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.leg_packets().len(), before + 1);
}

#[test]
fn malformed_datagrams_before_the_handshake_do_not_stop_it() {
    let material = busy_pair().seen_by_leg;
    let mut pair = Pair::new();
    let mut random = Random(0x7377_6974_6368);
    for _ in 0..5_000 {
        let datagram = match random.below(2) {
            0 => random.noise(),
            _ => random.mutate_one(&material),
        };
        pair.leg
            .handle_datagram(pair.now, browser_addr(), leg_addr(), &datagram);
        while pair.leg.poll().is_some() {}
    }
    pair.connect();
}

#[test]
fn mutated_offers_never_panic() {
    let mut random = Random(0x6f66_6665_7273);
    let offers = [
        include_str!("data/chromium_audio.sdp"),
        include_str!("data/chromium_desk.sdp"),
        include_str!("data/firefox_desk.sdp"),
        include_str!("data/aiortc.sdp"),
    ];
    let mut accepted = 0;
    for round in 0..600 {
        let offer = mutate_sdp(&mut random, offers[round % offers.len()]);
        accepted += usize::from(Leg::accept(&offer, leg_config(), Instant::now()).is_ok());
    }
    assert!(
        accepted > 100,
        "{accepted} accepted: the mutations are too coarse to reach the depths"
    );
}

/// Lines lost, doubled, swapped, their numbers changed, or bytes spoilt.
fn mutate_sdp(random: &mut Random, sdp: &str) -> String {
    let mut lines: Vec<String> = sdp.split("\r\n").map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        let (a, b) = (random.below(lines.len()), random.below(lines.len()));
        match random.below(5) {
            0 => drop(lines.remove(a)),
            1 => lines.insert(b, lines[a].clone()),
            2 => lines.swap(a, b),
            3 => {
                let number = random.below(300).to_string();
                lines[a] = lines[a].replace(|c: char| c.is_ascii_digit(), &number);
            }
            _ => {
                let spoilt = random.mutate(lines[a].as_bytes());
                lines[a] = String::from_utf8_lossy(&spoilt).into_owned();
            }
        }
    }
    lines.join("\r\n")
}
