//! What a leg holds on the heap while it talks: what is freed when it is dropped.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use str0m::format::Codec as WireCodec;
use support::{opus_packet, vp8_packet, Pair};
use webrtc::Codec;

const KB: usize = 1024;
/// By the floor of the size's binary logarithm.
const SIZES: usize = 32;

static FREED: [AtomicUsize; SIZES] = [const { AtomicUsize::new(0) }; SIZES];

struct Counting;

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout, as it is.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let size = layout.size();
        FREED[size.max(1).ilog2() as usize % SIZES].fetch_add(size, Relaxed);
        // SAFETY: made by `alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn freed() -> [usize; SIZES] {
    std::array::from_fn(|size| FREED[size].load(Relaxed))
}

/// Bytes that the pair's leg held, and where they were: (size of a block, sum).
fn held_by_leg(pair: Pair) -> (usize, Vec<(usize, usize)>) {
    let Pair { leg, .. } = pair;
    let before = freed();
    drop(Box::new(leg));
    let after = freed();
    let by_size: Vec<(usize, usize)> = (0..SIZES)
        .map(|size| (1 << size, after[size] - before[size]))
        .filter(|(_, sum)| *sum > 0)
        .collect();
    (by_size.iter().map(|(_, sum)| sum).sum(), by_size)
}

/// Both talk for so many seconds, 50 packets each; with video also 30 pictures of 5 packets.
fn talk(pair: &mut Pair, seconds: u64, video: bool) {
    let (audio, camera) = (pair.browser.audio, pair.browser.camera);
    for n in 0..seconds * 50 {
        pair.browser_sends(audio, WireCodec::Opus, 48_000, opus_packet(n, &[1; 80]));
        pair.leg_sends(audio, Codec::Opus, opus_packet(n, &[2; 80]));
        if let Some(camera) = camera.filter(|_| video) {
            for m in 3 * n..3 * n + 3 {
                let mut payload = [0x10; 1000];
                payload[1..4].copy_from_slice(&[0x10, 0, 0]);
                pair.browser_sends(camera, WireCodec::Vp8, 90_000, vp8_packet(m, &payload));
                pair.leg_sends(camera, Codec::Vp8, vp8_packet(m, &payload));
            }
        }
        pair.run_for(Duration::from_millis(20));
        pair.leg_events.clear();
        pair.browser_events.clear();
        pair.seen_by_leg.clear();
    }
}

#[test]
fn a_leg_that_talks_holds_little() {
    // A picture's packets are kept to be sent again, and what the estimator of the path remembers.
    for (video, limit) in [(false, 100 * KB), (true, 440 * KB)] {
        let mut pair = Pair::connected();
        talk(&mut pair, 20, video);
        let (held, by_size) = held_by_leg(pair);
        assert!(held < limit, "video {video}: {held} bytes, {by_size:?}");
    }
}
