//! Buffers that the kernel fills with datagrams by itself (io_uring's provided buffers).

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use io_uring::Submitter;

use super::udp::MAX_DATAGRAM;

/// Datagrams that can wait for the worker; more stay in the sockets. Few, so that they stay in the processor's cache.
pub const COUNT: u16 = 256;
/// Before the payload: what the kernel says about it (16 bytes), then the sender's address.
const HEAD: usize = 16 + size_of::<libc::sockaddr_in6>();
pub const GROUP: u16 = 0;

#[repr(C, align(4096))]
struct Page([u8; 4096]);

type Buffer = [u8; HEAD + MAX_DATAGRAM];

pub struct Buffers {
    /// The ring of free buffers that we share with the kernel; its last field of the first entry is the tail.
    free: Vec<Page>,
    bytes: Vec<Buffer>,
    tail: u16,
}

impl Buffers {
    pub fn new() -> Buffers {
        let pages = (usize::from(COUNT) * size_of::<BufRingEntry>()).div_ceil(size_of::<Page>());
        Buffers {
            free: (0..pages).map(|_| Page([0; 4096])).collect(),
            bytes: vec![[0; HEAD + MAX_DATAGRAM]; usize::from(COUNT)],
            tail: 0,
        }
    }

    /// Give all of them to the kernel.
    ///
    /// # Safety
    ///
    /// They must outlive the ring, and nothing may be given back before.
    pub unsafe fn register(&mut self, submitter: &Submitter<'_>) -> io::Result<()> {
        let ring = self.free.as_mut_ptr() as u64;
        // SAFETY: page-aligned and large enough for COUNT entries; the caller keeps it alive.
        unsafe { submitter.register_buf_ring_with_flags(ring, COUNT, GROUP, 0)? };
        (0..COUNT).for_each(|id| self.give_back(id));
        Ok(())
    }

    /// What the kernel wrote to a buffer.
    pub fn get(&self, id: u16, length: usize) -> &[u8] {
        let buffer = &self.bytes[usize::from(id % COUNT)];
        &buffer[..length.min(buffer.len())]
    }

    /// The kernel may fill it again.
    pub fn give_back(&mut self, id: u16) {
        let id = id % COUNT;
        let ring = self.free.as_mut_ptr().cast::<BufRingEntry>();
        let buffer = self.bytes[usize::from(id)].as_mut_ptr();
        // SAFETY: the place is within the ring, and the kernel does not read it before the tail has passed it; the tail
        // is an aligned u16 that only we write.
        unsafe {
            let entry = &mut *ring.add(usize::from(self.tail % COUNT));
            entry.set_addr(buffer as u64);
            entry.set_len(size_of::<Buffer>() as u32);
            entry.set_bid(id);
            self.tail = self.tail.wrapping_add(1);
            AtomicU16::from_ptr(BufRingEntry::tail(ring).cast_mut())
                .store(self.tail, Ordering::Release);
        }
    }
}
