//! A connected WebRTC leg gets any datagrams, and any payloads from its own peer.
#![no_main]

#[path = "../../../../crates/webrtc/tests/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use str0m::format::Codec;
use support::{browser_addr, leg_addr, opus_packet, vp8_packet, Pair};

/// A handshake costs more than many datagrams: a pair lives for so many inputs.
const INPUTS: u32 = 500;

thread_local! {
    static PAIR: RefCell<(Pair, u32)> = RefCell::new((Pair::connected(), 0));
}

fuzz_target!(|data: &[u8]| {
    PAIR.with_borrow_mut(|(pair, inputs)| {
        *inputs += 1;
        if *inputs % INPUTS == 0 || !pair.leg.is_connected() {
            *pair = Pair::connected();
        }
        let mut input = Input(data);
        while !input.is_empty() {
            feed(pair, &mut input);
            pair.run_for(Duration::from_millis(5));
        }
        pair.leg_events.clear();
        pair.browser_events.clear();
        pair.seen_by_leg.clear();
    });
});

fn feed(pair: &mut Pair, input: &mut Input<'_>) {
    let (what, n) = (input.byte(), u64::from(input.word()));
    let bytes = input.bytes(1_300);
    let (audio, camera) = (pair.browser.audio, pair.browser.camera);
    let stranger = SocketAddr::from(([198, 51, 100, 7], 4_000));
    match (what % 4, camera) {
        (0, _) => pair
            .leg
            .handle_datagram(pair.now, browser_addr(), leg_addr(), bytes),
        (1, _) => pair
            .leg
            .handle_datagram(pair.now, stranger, leg_addr(), bytes),
        (2, Some(camera)) => pair.browser_sends(camera, Codec::Vp8, 90_000, vp8_packet(n, bytes)),
        _ => pair.browser_sends(audio, Codec::Opus, 48_000, opus_packet(n, bytes)),
    }
    pair.drain();
}
