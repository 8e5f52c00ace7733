//! STUN: a leg gets connectivity checks with the right key and any attributes, and any frames over TCP.
#![no_main]

#[path = "../../../../crates/webrtc/tests/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::io::frames::Frames;
use support::{browser_addr, leg_addr, Pair};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
/// Those that ICE uses, so that they are met more often than by chance.
const ATTRIBUTES: [u16; 8] = [
    0x0024, 0x0025, 0x8029, 0x802A, 0x0020, 0x0009, 0x8028, 0xC057,
];
/// Binding: request, indication, success, failure.
const KINDS: [u16; 4] = [0x0001, 0x0011, 0x0101, 0x0111];
/// A handshake costs more than many datagrams: a pair lives for so many inputs.
const INPUTS: u32 = 200;

thread_local! {
    static PAIR: RefCell<(Pair, u32)> = RefCell::new((Pair::connected(), 0));
}

fuzz_target!(|data: &[u8]| {
    frames(Input(data));
    PAIR.with_borrow_mut(|(pair, inputs)| {
        *inputs += 1;
        if *inputs % INPUTS == 0 || !pair.leg.is_connected() {
            *pair = Pair::connected();
        }
        let mut input = Input(data);
        while !input.is_empty() {
            let from = match input.byte() % 3 {
                0 => SocketAddr::from(([198, 51, 100, 7], 4_000)),
                _ => browser_addr(),
            };
            let check = check(&mut input, pair);
            pair.leg.handle_datagram(pair.now, from, leg_addr(), &check);
            pair.drain();
            pair.run_for(Duration::from_millis(5));
        }
        pair.leg_events.clear();
        pair.browser_events.clear();
        pair.seen_by_leg.clear();
    });
});

/// The value of an attribute of the answer.
fn answered<'a>(sdp: &'a str, name: &str) -> &'a str {
    let mut lines = sdp.lines();
    lines
        .find_map(|line| line.strip_prefix(name))
        .expect("the answer has it")
}

/// A message whose length and integrity are true.
fn check(input: &mut Input<'_>, pair: &Pair) -> Vec<u8> {
    let sdp = &pair.answer.sdp;
    let kind = KINDS[usize::from(input.byte()) % KINDS.len()];
    let mut message = [&kind.to_be_bytes()[..], &[0, 0], &COOKIE, &[7; 12]].concat();
    let name = format!("{}:peer", answered(sdp, "a=ice-ufrag:"));
    put(&mut message, USERNAME, name.as_bytes());
    for _ in 0..input.byte() % 8 {
        let which = input.word();
        let known = ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()];
        put(
            &mut message,
            if which >> 14 == 0 { which } else { known },
            input.bytes(40),
        );
    }
    set_length(&mut message, 24);
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        answered(sdp, "a=ice-pwd:").as_bytes(),
    );
    let tag = hmac::sign(&key, &message);
    put(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
    message.extend(input.bytes(8)); // what follows may be anything
    message.truncate(message.len() / 4 * 4);
    set_length(&mut message, 0);
    message
}

fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// However a stream is torn, the same frames come out of it, up to the same fault.
fn frames(mut input: Input<'_>) {
    let pieces: Vec<&[u8]> = (0..=input.byte() % 8).map(|_| input.bytes(60)).collect();
    let mut stream = [&[0, 20, 0, 1, 0, 0][..], &COOKIE, &[7; 12]].concat();
    stream.extend(pieces.concat());
    let (mut at_once, mut in_pieces) = (Vec::new(), Vec::new());
    let mut frames = Frames::default();
    let whole = frames.push(&stream, |frame| at_once.push(frame.to_vec()));
    let mut torn = Frames::default();
    let result = stream
        .chunks(1 + pieces[0].len())
        .try_for_each(|bytes| torn.push(bytes, |frame| in_pieces.push(frame.to_vec())));
    assert_eq!((whole, at_once), (result, in_pieces));
    assert!(frames.is_proven());
    let _ = Frames::default().push(&pieces.concat(), |_| {});
}
