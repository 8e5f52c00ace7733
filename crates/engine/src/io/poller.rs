//! Which sockets have something to read: epoll, level-triggered.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

const BATCH: usize = 256;

pub struct Poller {
    epoll: OwnedFd,
    ready: Vec<libc::epoll_event>,
}

impl Poller {
    pub fn new() -> io::Result<Poller> {
        // SAFETY: takes no pointers; the result is checked before it is owned.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Poller {
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            ready: Vec::with_capacity(BATCH),
        })
    }

    /// Watch a descriptor until it is closed.
    pub fn add(&self, source: &impl AsRawFd, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: key,
        };
        // SAFETY: both descriptors live, and the event outlives the call.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                source.as_raw_fd(),
                &mut event,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Wait until something can be read, for at most `timeout` (None: for ever); returns how many are ready.
    pub fn wait(&mut self, timeout: Option<Duration>) -> usize {
        let time = timeout.map(timespec);
        let pointer = time
            .as_ref()
            .map_or(std::ptr::null(), |time| &raw const *time);
        // SAFETY: `ready` has room for BATCH events, and the kernel says how many it wrote.
        unsafe {
            let count = libc::epoll_pwait2(
                self.epoll.as_raw_fd(),
                self.ready.as_mut_ptr(),
                BATCH as libc::c_int,
                pointer,
                std::ptr::null(),
            );
            self.ready.set_len(usize::try_from(count).unwrap_or(0)); // an error is an interruption
        }
        self.ready.len()
    }

    pub fn key(&self, index: usize) -> u64 {
        self.ready[index].u64
    }

    /// There may be more than one call returned.
    pub fn is_full(&self) -> bool {
        self.ready.len() == BATCH
    }
}

/// Wait for one descriptor only; true if it can be read.
pub fn wait_for(source: &impl AsRawFd, timeout: Duration) -> bool {
    let mut poll = libc::pollfd {
        fd: source.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let time = timespec(timeout);
    // SAFETY: one valid pollfd and a timespec that outlive the call.
    unsafe { libc::ppoll(&mut poll, 1, &time, std::ptr::null()) == 1 }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: duration.subsec_nanos() as libc::c_long,
    }
}
