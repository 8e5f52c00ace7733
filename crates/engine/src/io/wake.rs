//! An eventfd: one thread raises it, another waits for it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};

pub struct Wake(File);

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl Wake {
    pub fn new() -> io::Result<Wake> {
        // SAFETY: eventfd takes no pointers; the result is checked before it is owned.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Wake(unsafe { File::from_raw_fd(fd) }))
    }

    pub fn raise(&self) {
        // Fails only when the counter is full, and then it is raised already.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    pub fn lower(&self) {
        // Fails only when it is not raised.
        let _ = (&self.0).read(&mut [0; 8]);
    }

    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    #[cfg(test)]
    pub fn is_raised(&self) -> bool {
        let mut poll = libc::pollfd {
            fd: self.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&mut poll, 1, 0) == 1 }
    }
}
