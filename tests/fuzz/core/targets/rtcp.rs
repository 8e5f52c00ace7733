//! RTCP: any compound is read or refused, and what we write is read back.
#![no_main]

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::clock::SECOND;
use mediaswitch_engine::rtp::packet;
use mediaswitch_engine::rtp::reception::ReportBlock;
use mediaswitch_engine::rtp::rtcp::{self, LastReport, SenderInfo};

const OURS: u32 = 7;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    while !input.is_empty() {
        match input.byte() % 3 {
            0 => drop(rtcp::parse(
                input.bytes(1_500),
                OURS,
                u64::from(input.long()),
            )),
            1 => drop(rtcp::parse(&compound(&mut input), OURS, SECOND)),
            _ => write_and_read(&mut input),
        }
    }
});

/// Packets whose lengths are true, of any kinds, with any counts and bodies.
fn compound(input: &mut Input<'_>) -> Vec<u8> {
    let mut compound = Vec::new();
    for _ in 0..=input.byte() % 4 {
        let (count, kind, body) = (input.byte(), input.byte(), input.bytes(120));
        let words = body.len() / 4;
        compound.extend([0x80 | (count & 0x3F), 192 | (kind & 0x1F)]);
        compound.extend((words as u16).to_be_bytes());
        compound.extend(&body[..4 * words]);
    }
    compound
}

fn write_and_read(input: &mut Input<'_>) {
    let now = u64::from(input.long()) << 12;
    let flags = input.byte();
    let sent = (flags & 1 != 0).then(|| SenderInfo {
        timestamp: input.long(),
        packets: input.long(),
        octets: input.long(),
    });
    let block = ReportBlock {
        ssrc: OURS,
        fraction_lost: input.byte(),
        lost: input.long() & 0x7F_FFFF,
        highest: input.long(),
        jitter: input.long(),
    };
    let last = (flags & 2 != 0).then(|| LastReport {
        ntp_middle: input.long(),
        at: u64::from(input.long()),
    });
    let block = (flags & 4 != 0).then_some((block, last));
    let mut out = [0; rtcp::MAX_COMPOUND];
    let length = rtcp::write(
        &mut out,
        now,
        input.long(),
        sent,
        block,
        None,
        flags & 8 != 0,
    );
    assert!(packet::is_rtcp(&out[..length]));
    let told = rtcp::parse(&out[..length], OURS, now).expect("what we write is valid");
    assert_eq!(told.goodbye, flags & 8 != 0);
    assert_eq!(told.sender_report_ntp.is_some(), sent.is_some());
    let about = told.about_us.map(|about| (about.lost, about.jitter));
    assert_eq!(about, block.map(|(block, _)| (block.lost, block.jitter)));
}
