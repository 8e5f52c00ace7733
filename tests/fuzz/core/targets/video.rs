//! Video of layers: whatever its packets hold, what goes out is one stream whose numbers go on.
#![no_main]

use std::sync::Arc;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::clock::MILLISECOND;
use mediaswitch_engine::id::TrackId;
use mediaswitch_engine::relay::OutStream;
use mediaswitch_engine::stats::MediaKind;
use mediaswitch_engine::video::vp8::{begins_keyframe, picture_height};
use mediaswitch_engine::video::{Incoming, LayerName, Placed, VideoOut, VideoPacket, CLOCK_RATE};
use webrtc::{Rid, Vp8Descriptor};

const CAMERA: TrackId = TrackId(1);

fuzz_target!(|data: &[u8]| {
    let layers: [LayerName; 3] = [None, Some(Rid::from("h")), Some(Rid::from("f"))];
    let mut input = Input(data);
    let mut incoming = Incoming::default();
    let mut out = VideoOut::new(MediaKind::Camera, OutStream::new(CLOCK_RATE, 65_000, 0));
    out.set_source(Some(CAMERA));
    let (mut now, mut sequences, mut sent) = (0, [0u16; 3], None);
    while !input.is_empty() {
        let (what, step, timestamp) = (input.byte(), input.byte(), input.long());
        let which = usize::from(what % 3);
        sequences[which] = sequences[which].wrapping_add(u16::from(step >> 6));
        let payload: Arc<[u8]> = input.bytes(1_500).into();
        let packet = VideoPacket {
            layer: layers[which],
            ssrc: which as u32,
            sequence: sequences[which],
            timestamp,
            marker: what & 4 != 0,
            payload: &payload,
        };
        assert!(picture_height(&payload).is_none() || begins_keyframe(&payload));
        now += u64::from(step & 63) * MILLISECOND;
        incoming.note(&packet, now);
        incoming.keep(&packet, now);
        incoming.has_lost(now);
        if what & 8 != 0 {
            let bandwidth = (what & 16 != 0).then_some(u64::from(timestamp));
            let picture = out.choose(&incoming.layers, bandwidth, now);
            out.want(picture.map(|picture| picture.name));
        }
        if let Placed::Sends(header, patch) = out.place(CAMERA, &packet, now) {
            assert!(patch.is_none() || Vp8Descriptor::parse(&payload).is_ok());
            let newest = sent.replace(header.sequence).unwrap_or(header.sequence);
            assert!(
                header.sequence.abs_diff(newest) < 40_000,
                "{newest} {header:?}"
            );
            sent = sent.max(Some(newest));
        }
    }
});
