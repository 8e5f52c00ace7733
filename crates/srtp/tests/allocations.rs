//! No packet allocates after its key is there: a counting allocator watches this thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use srtp::{MasterKey, Profile, Receiver, Sender, MAX_OVERHEAD};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as promised by our caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by our caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn packets_of_many_ssrcs_and_reports_allocate_nothing() {
    for profile in Profile::ALL {
        let bytes = vec![7; profile.key_length() + profile.salt_length()];
        let key = MasterKey::new(profile, &bytes).unwrap();
        let mut receiver = Receiver::new(&key).unwrap();
        for round in 0..10u32 {
            let mut sender = Sender::new(&key).unwrap();
            let before = ALLOCATIONS.with(Cell::get);
            for n in 0..2_000u32 {
                let mut packet = [0x80; 172 + MAX_OVERHEAD];
                packet[2..4].copy_from_slice(&((n / 8) as u16).to_be_bytes());
                packet[8..12].copy_from_slice(&(round * 8 + n % 8).to_be_bytes());
                packet[0] = 0x80;
                let length = sender.protect_rtp(&mut packet, 172).unwrap();
                assert_eq!(receiver.unprotect_rtp(&mut packet[..length]), Ok(172));
                let mut report = [0x80; 28 + MAX_OVERHEAD];
                report[4..8].copy_from_slice(&(round * 8 + n % 8).to_be_bytes());
                let length = sender.protect_rtcp(&mut report, 28).unwrap();
                assert_eq!(receiver.unprotect_rtcp(&mut report[..length]), Ok(28));
            }
            assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{profile:?}");
        }
    }
}
