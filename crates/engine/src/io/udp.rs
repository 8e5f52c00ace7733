//! UDP sockets: binding pairs, reading several datagrams a call, sending one.

use std::io;
use std::mem::{size_of, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// No media datagram is longer: Ethernet's 1500 with room to spare.
pub const MAX_DATAGRAM: usize = 2_048;
const BATCH: usize = 16;
/// A socket's kernel buffers: 100 ms of a screen share's key frame for the one that all WebRTC legs share.
static WEBRTC_BUFFER: libc::c_int = 4 << 20;

/// Bind RTP on an even port of the range and RTCP on the odd one above, beginning the search at `start`.
pub fn bind_pair(ip: IpAddr, start: u16, range: (u16, u16)) -> Option<(UdpSocket, UdpSocket)> {
    let (low, high) = (u32::from(range.0).next_multiple_of(2), u32::from(range.1));
    let pairs = (high + 1).saturating_sub(low) / 2;
    let first = (u32::from(start).max(low) - low) / 2;
    (0..pairs).find_map(|step| {
        let port = (low + 2 * ((first + step) % pairs)) as u16;
        Some((bind(ip, port).ok()?, bind(ip, port + 1).ok()?))
    })
}

pub fn bind(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The socket of all WebRTC legs of a worker, with kernel buffers to match.
pub fn bind_webrtc(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = bind(ip, port)?;
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        // The kernel caps this at its own limit; less than asked is no error.
        // SAFETY: a live socket and a pointer to an int of the length given.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const WEBRTC_BUFFER).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
    }
    Ok(socket)
}

/// Buffers for one recvmmsg call. Boxed: the headers point into it.
pub struct Inbox {
    buffers: Box<[[u8; MAX_DATAGRAM]; BATCH]>,
    addresses: Box<[libc::sockaddr_storage; BATCH]>,
    vectors: Box<[libc::iovec; BATCH]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
}

// SAFETY: the pointers lead into boxes that the inbox owns.
unsafe impl Send for Inbox {}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

impl Inbox {
    pub fn new() -> Inbox {
        // SAFETY: all of these are plain C structures for which zero bytes are a valid value.
        let mut inbox = unsafe {
            Inbox {
                buffers: Box::new([[0; MAX_DATAGRAM]; BATCH]),
                addresses: Box::new(MaybeUninit::zeroed().assume_init()),
                vectors: Box::new(MaybeUninit::zeroed().assume_init()),
                headers: Box::new(MaybeUninit::zeroed().assume_init()),
            }
        };
        for n in 0..BATCH {
            inbox.vectors[n] = libc::iovec {
                iov_base: inbox.buffers[n].as_mut_ptr().cast(),
                iov_len: MAX_DATAGRAM,
            };
            let header = &mut inbox.headers[n].msg_hdr;
            header.msg_name = (&raw mut inbox.addresses[n]).cast();
            header.msg_iov = &raw mut inbox.vectors[n];
            header.msg_iovlen = 1;
        }
        inbox
    }

    /// Read what waits, up to a batch; true if there may be more.
    pub fn receive(&mut self, socket: RawFd, mut take: impl FnMut(SocketAddr, &[u8])) -> bool {
        for header in self.headers.iter_mut() {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_flags = 0;
        }
        // SAFETY: every header points to buffers of this inbox, which outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                socket,
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0); // an error is an ICMP answer or nothing there
        for n in 0..count {
            let header = &self.headers[n];
            let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            // SAFETY: plain bytes of the length given; the kernel wrote an address to them.
            let raw = unsafe {
                std::slice::from_raw_parts(
                    (&raw const self.addresses[n]).cast::<u8>(),
                    size_of::<libc::sockaddr_in6>(),
                )
            };
            let Some(from) = address(raw).filter(|_| !truncated) else {
                continue;
            };
            take(from, &self.buffers[n][..header.msg_len as usize]);
        }
        count == BATCH
    }
}

/// The address that the kernel wrote; None if it is of another family than IP.
pub(super) fn address(raw: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*raw.first_chunk()?);
    let port = u16::from_be_bytes(raw.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => {
            let ip: [u8; 4] = raw.get(4..8)?.try_into().ok()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            let flow: [u8; 4] = raw.get(4..8)?.try_into().ok()?;
            let ip: [u8; 16] = raw.get(8..24)?.try_into().ok()?;
            let scope: [u8; 4] = raw.get(24..28)?.try_into().ok()?;
            let (flow, scope) = (u32::from_ne_bytes(flow), u32::from_ne_bytes(scope));
            Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope).into())
        }
        _ => None,
    }
}

/// An address as the kernel reads it.
#[derive(Clone, Copy)]
pub(super) struct RawAddress {
    bytes: [u8; size_of::<libc::sockaddr_in6>()],
    length: u8,
}

impl RawAddress {
    /// An address of no family: `connect` to it undoes a `connect`.
    pub const NONE: RawAddress = RawAddress {
        bytes: [0; size_of::<libc::sockaddr_in6>()],
        length: size_of::<libc::sockaddr_in>() as u8,
    };

    pub fn new(address: SocketAddr) -> RawAddress {
        let mut raw = RawAddress::NONE;
        raw.bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let family = match address {
            SocketAddr::V4(v4) => {
                raw.bytes[4..8].copy_from_slice(&v4.ip().octets());
                libc::AF_INET
            }
            SocketAddr::V6(v6) => {
                raw.bytes[4..8].copy_from_slice(&v6.flowinfo().to_ne_bytes());
                raw.bytes[8..24].copy_from_slice(&v6.ip().octets());
                raw.bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                raw.length = size_of::<libc::sockaddr_in6>() as u8;
                libc::AF_INET6
            }
        };
        raw.bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        raw
    }

    pub fn pointer(&self) -> *const libc::sockaddr {
        self.bytes.as_ptr().cast()
    }

    pub fn length(&self) -> libc::socklen_t {
        self.length.into()
    }
}

/// Let a socket hear and reach this peer alone, or anyone.
pub(super) fn connect(socket: RawFd, peer: Option<SocketAddr>) -> io::Result<()> {
    let raw = peer.map_or(RawAddress::NONE, RawAddress::new);
    // SAFETY: the address and its length belong together and outlive the call.
    match unsafe { libc::connect(socket, raw.pointer(), raw.length()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_pair_is_even_and_odd_and_the_range_runs_out() {
        let free = bind(LOCALHOST, 0).unwrap().local_addr().unwrap().port() & !1;
        let range = (free, free.saturating_add(3));
        let first = bind_pair(LOCALHOST, free, range).expect("a free pair");
        let port = first.0.local_addr().unwrap().port();
        assert_eq!(
            (port % 2, first.1.local_addr().unwrap().port()),
            (0, port + 1)
        );
        let second = bind_pair(LOCALHOST, free, range);
        assert!(bind_pair(LOCALHOST, free, range).is_none());
        drop((first, second));
        assert!(bind_pair(LOCALHOST, free, range).is_some());
    }

    #[test]
    fn addresses_translate_both_ways() {
        for text in ["192.0.2.1:5004", "[2001:db8::1]:40000", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            let raw = RawAddress::new(address);
            assert_eq!(super::address(&raw.bytes), Some(address));
            assert_eq!(raw.length(), if address.is_ipv4() { 16 } else { 28 });
        }
        assert_eq!(super::address(&RawAddress::NONE.bytes), None);
        assert_eq!(super::address(&[2, 0, 1]), None);
    }

    #[test]
    fn datagrams_come_with_their_sender_and_too_long_ones_not_at_all() {
        let (a, b) = (bind(LOCALHOST, 0).unwrap(), bind(LOCALHOST, 0).unwrap());
        let to = b.local_addr().unwrap();
        a.send_to(b"one", to).unwrap();
        a.send_to(&[0; MAX_DATAGRAM + 1], to).unwrap();
        a.send_to(b"two", to).unwrap();
        let mut heard = Vec::new();
        let more = Inbox::new().receive(b.as_raw_fd(), |from, datagram| {
            heard.push((from, datagram.to_vec()))
        });
        let from = a.local_addr().unwrap();
        assert_eq!(heard, [(from, b"one".to_vec()), (from, b"two".to_vec())]);
        assert!(!more);
    }
}
