//! Packets of RTP: whatever parses is written back and parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::rtp::packet;

fuzz_target!(|data: &[u8]| {
    let _ = packet::is_rtcp(data);
    let Some(parsed) = packet::parse(data) else {
        return;
    };
    let mut out = [0; 70_000];
    let length = packet::write(&parsed, &mut out).expect("it came in one datagram");
    let again = packet::parse(&out[..length]).expect("what we write is valid");
    assert_eq!(again.payload, parsed.payload);
    assert_eq!(
        (again.ssrc, again.sequence, again.timestamp),
        (parsed.ssrc, parsed.sequence, parsed.timestamp)
    );
});
