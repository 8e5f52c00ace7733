//! STUN (RFC 8489), as far as connectivity checks need it: binding requests in, responses out.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

/// No check is longer; the longest SOFTWARE attribute alone may have 763 bytes.
pub const MAX_MESSAGE: usize = 1_280;
/// Of what we send: header, XOR-MAPPED-ADDRESS of IPv6 or ERROR-CODE, MESSAGE-INTEGRITY, FINGERPRINT.
pub const MAX_RESPONSE: usize = HEADER + 24 + 24 + 8;

const HEADER: usize = 20;
const MAX_ATTRIBUTES: usize = 24;
const MAGIC: u32 = 0x2112_A442;
const FINGERPRINT_MASK: u32 = 0x5354_554E;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// A password, ready to sign and to judge.
pub(crate) struct Password(hmac::Key);

impl Password {
    pub fn new(password: &str) -> Password {
        // SHA-1 is what ICE's short-term credentials are made of (RFC 8489 §14.5).
        Password(hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            password.as_bytes(),
        ))
    }
}

/// A binding request that was made with the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub transaction: [u8; 12],
    pub username: &'a [u8],
    pub priority: u32,
    pub nominates: bool,
    /// The sender takes us for the controlling agent.
    pub is_controlled: bool,
}

/// Read an authentic binding request; None for anything else. Nothing behind MESSAGE-INTEGRITY is believed, apart
/// from FINGERPRINT (RFC 8489 §14.5), with which every check ends (RFC 8445 §7.1.2).
pub(crate) fn parse<'a>(datagram: &'a [u8], password: &Password) -> Option<Request<'a>> {
    if datagram.len() > MAX_MESSAGE || u16_at(datagram, 0)? != BINDING_REQUEST {
        return None;
    }
    let length = usize::from(u16_at(datagram, 2)?);
    if u32_at(datagram, 4)? != MAGIC || length % 4 != 0 || HEADER + length != datagram.len() {
        return None;
    }
    let mut request = Request {
        transaction: datagram.get(8..HEADER)?.try_into().ok()?,
        username: &[],
        priority: 0,
        nominates: false,
        is_controlled: false,
    };
    let (mut at, mut is_authentic) = (HEADER, false);
    for _ in 0..MAX_ATTRIBUTES {
        let (kind, value) = attribute(datagram, at)?;
        match kind {
            FINGERPRINT => {
                let is_last = at + 8 == datagram.len();
                let right = u32_at(value, 0)? == fingerprint(&datagram[..at]);
                return (is_last && right && is_authentic).then_some(request);
            }
            _ if is_authentic => {} // not covered by the password
            MESSAGE_INTEGRITY => {
                is_authentic = signature_fits(datagram, at, value, password);
                if !is_authentic {
                    return None;
                }
            }
            USERNAME => request.username = value,
            PRIORITY => request.priority = u32_at(value, 0)?,
            USE_CANDIDATE => request.nominates = true,
            ICE_CONTROLLED => request.is_controlled = true,
            // Required to be understood (RFC 8489 §14), and of no check we know.
            0..=0x7FFF => return None,
            _ => {}
        }
        at += 4 + value.len().next_multiple_of(4);
    }
    None
}

fn attribute(datagram: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let length = usize::from(u16_at(datagram, at + 2)?);
    let value = datagram.get(at + 4..at + 4 + length)?;
    datagram.get(..at + 4 + length.next_multiple_of(4))?; // padded to four bytes
    Some((u16_at(datagram, at)?, value))
}

/// The signature covers what is before it, with the length that the message would have if it ended behind it.
fn signature_fits(datagram: &[u8], at: usize, signature: &[u8], password: &Password) -> bool {
    let mut signed = [0; MAX_MESSAGE];
    let signed = &mut signed[..at];
    signed.copy_from_slice(&datagram[..at]);
    signed[2..4].copy_from_slice(&((at + 24 - HEADER) as u16).to_be_bytes());
    hmac::verify(&password.0, signed, signature).is_ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// RFC 8489 §14.7: the CRC-32 of all before it.
fn fingerprint(message: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in message {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc ^ FINGERPRINT_MASK
}

/// Builds a message in a buffer of `MAX_RESPONSE` or more.
struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    fn new(buffer: &'a mut [u8], kind: u16, transaction: [u8; 12]) -> Writer<'a> {
        buffer[..2].copy_from_slice(&kind.to_be_bytes());
        buffer[4..8].copy_from_slice(&MAGIC.to_be_bytes());
        buffer[8..HEADER].copy_from_slice(&transaction);
        let mut writer = Writer { buffer, at: HEADER };
        writer.set_length(0);
        writer
    }

    /// The message's length is to count so many bytes more than there are.
    fn set_length(&mut self, more: usize) {
        let length = (self.at - HEADER + more) as u16;
        self.buffer[2..4].copy_from_slice(&length.to_be_bytes());
    }

    /// Of a multiple of four bytes.
    fn add(&mut self, kind: u16, value: &[u8]) {
        self.buffer[self.at..][..2].copy_from_slice(&kind.to_be_bytes());
        self.buffer[self.at + 2..][..2].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.buffer[self.at + 4..][..value.len()].copy_from_slice(value);
        self.at += 4 + value.len();
        self.set_length(0);
    }

    fn finish(mut self, password: &Password) -> usize {
        self.set_length(24);
        let signature = hmac::sign(&password.0, &self.buffer[..self.at]);
        self.add(MESSAGE_INTEGRITY, signature.as_ref());
        self.set_length(8);
        let crc = fingerprint(&self.buffer[..self.at]);
        self.add(FINGERPRINT, &crc.to_be_bytes());
        self.at
    }
}

/// Tell a peer from where its request came; returns the length.
pub(crate) fn write_success(
    buffer: &mut [u8; MAX_RESPONSE],
    request: &Request<'_>,
    from: SocketAddr,
    password: &Password,
) -> usize {
    let mut writer = Writer::new(buffer, BINDING_SUCCESS, request.transaction);
    let mut value = [0; 20];
    value[2..4].copy_from_slice(&(from.port() ^ (MAGIC >> 16) as u16).to_be_bytes());
    let length = match from.ip() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].copy_from_slice(&(u32::from(ip) ^ MAGIC).to_be_bytes());
            8
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&MAGIC.to_be_bytes());
            mask[4..].copy_from_slice(&request.transaction);
            for (n, byte) in ip.octets().iter().enumerate() {
                value[4 + n] = byte ^ mask[n];
            }
            20
        }
    };
    writer.add(XOR_MAPPED_ADDRESS, &value[..length]);
    writer.finish(password)
}

/// Tell a peer that it must be the controlling agent (RFC 8445 §7.3.1.1); returns the length.
pub(crate) fn write_role_conflict(
    buffer: &mut [u8; MAX_RESPONSE],
    request: &Request<'_>,
    password: &Password,
) -> usize {
    let mut writer = Writer::new(buffer, BINDING_ERROR, request.transaction);
    writer.add(ERROR_CODE, &[0, 0, 4, 87]);
    writer.finish(password)
}

/// A check as a full agent makes it, with more attributes (each of a multiple of four bytes) where a test wants some.
pub(crate) fn write_request(
    buffer: &mut [u8; MAX_MESSAGE],
    username: &str,
    password: &Password,
    (priority, nominates): (u32, bool),
    extra: &[(u16, &[u8])],
) -> usize {
    let mut writer = Writer::new(buffer, BINDING_REQUEST, [9; 12]);
    let mut name = username.as_bytes().to_vec();
    let length = name.len();
    name.resize(length.next_multiple_of(4), 0);
    writer.add(USERNAME, &name);
    // The attribute's own length is without its padding.
    writer.buffer[HEADER + 2..HEADER + 4].copy_from_slice(&(length as u16).to_be_bytes());
    writer.add(PRIORITY, &priority.to_be_bytes());
    if nominates {
        writer.add(USE_CANDIDATE, &[]);
    }
    for (kind, value) in extra {
        writer.add(*kind, value);
    }
    writer.finish(password)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::check;

    /// RFC 5769 §2.1, whose password is below: SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, integrity, fingerprint.
    pub const SAMPLE: [u8; 108] = [
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6,
        0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74,
        0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e,
        0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
        0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20,
        0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5,
        0x7a, 0x3b, 0xcf,
    ];
    pub const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_request_of_the_rfc_is_read() {
        let request = parse(&SAMPLE, &Password::new(PASSWORD)).expect("authentic");
        assert_eq!(request.username, b"evtj:h6vY");
        assert_eq!(request.priority, 0x6e00_01ff);
        assert!(request.is_controlled && !request.nominates);
        assert!(parse(&SAMPLE, &Password::new("wrong")).is_none());
    }

    #[test]
    fn no_changed_or_cut_request_is_taken() {
        let password = Password::new(PASSWORD);
        for n in 0..SAMPLE.len() {
            assert!(parse(&SAMPLE[..n], &password).is_none(), "cut at {n}");
            for bit in 0..8 {
                let mut changed = SAMPLE;
                changed[n] ^= 1 << bit;
                assert!(parse(&changed, &password).is_none(), "byte {n}, bit {bit}");
            }
        }
        let mut longer = SAMPLE.to_vec();
        longer.extend([0; 4]);
        assert!(parse(&longer, &password).is_none());
        longer.resize(4_000, 0);
        assert!(parse(&longer, &password).is_none());
    }

    #[test]
    fn what_must_be_understood_and_is_not_refuses_the_request() {
        let ask = |kind| check("a:b", "p", (1, true), &[(kind, &[1, 2, 3, 4])]);
        assert!(parse(&ask(0x8123), &Password::new("p")).is_some());
        assert!(parse(&ask(0x0123), &Password::new("p")).is_none());
        let many: Vec<(u16, &[u8])> = (0..40).map(|n| (0x9000 + n, &[0u8; 4][..])).collect();
        assert!(parse(&check("a:b", "p", (1, true), &many), &Password::new("p")).is_none());
    }

    /// RFC 5769 §2.2 and §2.3, whose responses carry a SOFTWARE attribute that ours do not: the addresses alone.
    #[test]
    fn addresses_are_told_as_in_the_rfc() {
        let asked = parse(&SAMPLE, &Password::new(PASSWORD)).unwrap();
        let told = |from: &str| {
            let mut buffer = [0; MAX_RESPONSE];
            let from = from.parse().unwrap();
            let length = write_success(&mut buffer, &asked, from, &Password::new(PASSWORD));
            assert_eq!(u16_at(&buffer, 2), Some((length - HEADER) as u16));
            let crc = fingerprint(&buffer[..length - 8]);
            assert_eq!(u32_at(&buffer, length - 4), Some(crc));
            buffer[HEADER + 4..length - 32].to_vec()
        };
        assert_eq!(
            told("192.0.2.1:32853"),
            [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]
        );
        let expected = [
            0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(
            told("[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
            expected
        );
    }
}
