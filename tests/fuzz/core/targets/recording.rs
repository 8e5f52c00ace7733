//! Any packets on a recorded track: the file stays whole, and repairing it finds nothing to repair.
#![no_main]

use std::io::Cursor;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_matroska::{Codec, TrackWriter};

const EPOCH: u64 = 1_700_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;
const CODECS: [Codec; 5] = [
    Codec::Pcmu,
    Codec::L16 { rate: 16_000 },
    Codec::Opus { channels: 1 },
    Codec::Opus { channels: 2 },
    Codec::Vp8,
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let codec = CODECS[usize::from(input.byte()) % CODECS.len()];
    let mut file = Cursor::new(Vec::new());
    let mut writer =
        TrackWriter::create(&mut file, codec, EPOCH, "track").expect("memory has room");
    let mut now = EPOCH;
    while !input.is_empty() {
        now += u64::from(input.byte()) * MILLISECOND;
        let (ssrc, sequence, timestamp) = (u32::from(input.byte() & 1), input.word(), input.long());
        let marker = input.byte() & 1 == 1;
        let payload = input.bytes(1_500);
        writer
            .write_rtp(now, ssrc, sequence, timestamp, marker, payload)
            .expect("memory has room");
    }
    let summary = writer.finish(now).expect("memory has room");
    assert!(summary.gaps.windows(2).all(|pair| pair[0].1 <= pair[1].0));
});
