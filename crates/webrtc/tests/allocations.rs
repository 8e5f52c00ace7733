//! How often a running leg asks the allocator, for each packet that it takes or sends.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use str0m::format::Codec as WireCodec;
use support::{leg_works, opus_packet, vp8_packet, Pair};
use webrtc::{Codec, OutPacket};

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if leg_works() {
            ASKED.set(ASKED.get() + 1);
        }
        // SAFETY: the caller's layout, as it is.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: made by `alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FRAME: Duration = Duration::from_millis(20);

/// What passes in a frame's time.
#[derive(Clone, Copy)]
struct Flow {
    voice_in: bool,
    voice_out: bool,
    /// Packets.
    picture_in: u64,
    picture_out: u64,
}

impl Flow {
    fn packets(self) -> u64 {
        u64::from(self.voice_in) + u64::from(self.voice_out) + self.picture_in + self.picture_out
    }
}

/// The packet as it is forwarded: with a payload that others send, too.
fn shared(packet: OutPacket<&[u8]>, payload: &Arc<[u8]>) -> OutPacket<Arc<[u8]>> {
    let OutPacket {
        seq,
        timestamp,
        marker,
        ..
    } = packet;
    OutPacket {
        seq,
        timestamp,
        marker,
        payload: payload.clone(),
    }
}

fn pass(pair: &mut Pair, flow: Flow, frames: std::ops::Range<u64>) {
    let (audio, camera) = (pair.browser.audio, pair.browser.camera.expect("a camera"));
    let voice: Arc<[u8]> = [1; 80].into();
    let picture: Arc<[u8]> = [&[0x10, 0x10, 0, 0][..], &[0; 996]].concat().into();
    for n in frames {
        if flow.voice_in {
            pair.browser_sends(audio, WireCodec::Opus, 48_000, opus_packet(n, &voice));
        }
        if flow.voice_out {
            pair.leg_sends(audio, Codec::Opus, shared(opus_packet(n, &voice), &voice));
        }
        for m in n * flow.picture_in..(n + 1) * flow.picture_in {
            pair.browser_sends(camera, WireCodec::Vp8, 90_000, vp8_packet(m, &picture));
        }
        for m in n * flow.picture_out..(n + 1) * flow.picture_out {
            pair.leg_sends(
                camera,
                Codec::Vp8,
                shared(vp8_packet(m, &picture), &picture),
            );
        }
        pair.run_for(FRAME);
        pair.leg_events.clear();
        pair.browser_events.clear();
        pair.seen_by_leg.clear();
    }
}

/// Allocations a packet, with all that its feedback and timers cost, once the leg has run for a while.
fn allocations_a_packet(flow: Flow) -> f64 {
    const FRAMES: u64 = 500;
    let mut pair = Pair::connected();
    pass(&mut pair, flow, 0..FRAMES);
    let before = ASKED.get();
    pass(&mut pair, flow, FRAMES..2 * FRAMES);
    (ASKED.get() - before) as f64 / (FRAMES * flow.packets()) as f64
}

/// One is the packet itself: its payload, or the datagram that str0m hands out. The others are str0m's reports, both ways,
/// of which a picture's path has ten and more a second.
#[test]
fn a_packet_costs_few_allocations() {
    let flow = |voice_in, voice_out, picture_in, picture_out| Flow {
        voice_in,
        voice_out,
        picture_in,
        picture_out,
    };
    let kinds = [
        ("a voice taken", flow(true, false, 0, 0), 1.6),
        ("a voice sent", flow(false, true, 0, 0), 1.6),
        ("a picture taken", flow(false, false, 3, 0), 3.2),
        ("a picture sent", flow(false, false, 0, 3), 2.8),
    ];
    let costs = kinds.map(|(what, flow, ceiling)| (what, allocations_a_packet(flow), ceiling));
    println!("{costs:?}");
    let is_dear = |(_, cost, ceiling): &(_, f64, f64)| cost > ceiling;
    assert!(!costs.iter().any(is_dear), "{costs:?}");
}
