//! Sockets stamped by the kernel, so that the generator's own lateness is no part of a measured latency.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const RECEIVE_BUFFER: libc::c_int = 1 << 20;

/// Nanoseconds of CLOCK_REALTIME, the clock of the kernel's stamps.
pub fn now_ns() -> u64 {
    let mut time: libc::timespec = unsafe { zeroed() };
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Bind a free port of 127.0.0.1: non-blocking, with a time stamp on what it receives.
pub fn open_stamped() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    set_option(&socket, libc::SO_TIMESTAMPNS, 1)?;
    set_option(&socket, libc::SO_RCVBUF, RECEIVE_BUFFER)?;
    Ok(socket)
}

fn set_option(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let pointer = std::ptr::from_ref(&value).cast();
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    match unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, pointer, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Take one datagram: its length and when it reached the socket; None when there is none.
pub fn receive_stamped(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, u64)> {
    let mut control = [0u64; 8];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<[u64; 8]>() as _;
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, 0) };
    usize::try_from(length)
        .ok()
        .map(|length| (length, stamp(&message).unwrap_or_else(now_ns)))
}

fn stamp(message: &libc::msghdr) -> Option<u64> {
    let header = unsafe { libc::CMSG_FIRSTHDR(message) };
    if header.is_null() || unsafe { (*header).cmsg_type } != libc::SCM_TIMESTAMPNS {
        return None;
    }
    let time: libc::timespec = unsafe {
        libc::CMSG_DATA(header)
            .cast::<libc::timespec>()
            .read_unaligned()
    };
    Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Which of many sockets have something to read.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        let fd: RawFd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; 1024];
        Ok(Self {
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events,
        })
    }

    pub fn add(&self, socket: &UdpSocket, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token as u64,
        };
        let add = libc::EPOLL_CTL_ADD;
        match unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), add, socket.as_raw_fd(), &mut event)
        } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The tokens of the sockets that can be read now; where none can, those of the next if it may wait.
    pub fn ready(&mut self, wait: bool) -> impl Iterator<Item = usize> + '_ {
        let (pointer, size) = (self.events.as_mut_ptr(), self.events.len() as libc::c_int);
        let timeout = if wait { -1 } else { 0 };
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), pointer, size, timeout) };
        self.events[..count.max(0) as usize]
            .iter()
            .map(|event| event.u64 as usize)
    }
}
