//! Datagrams within a stream, each after its length (RFC 4571 §2), of a peer that must begin with a connectivity check.

use super::udp::MAX_DATAGRAM;

pub const LENGTH: usize = 2;

/// The peer is none of ours, or out of step: nothing after this can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadStream;

/// Puts together what a stream tore apart.
#[derive(Debug, Default)]
pub struct Frames {
    /// Read, but not a whole frame yet.
    torn: Vec<u8>,
    proven: bool,
}

impl Frames {
    /// The peer began with a check.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// Take what was read: each frame that is whole now is given to `take`.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), BadStream> {
        self.torn.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(frame) = first(&self.torn[taken..])? {
            self.proven = self.proven || is_check(frame);
            if !self.proven {
                return Err(BadStream);
            }
            take(frame);
            taken += LENGTH + frame.len();
        }
        self.torn.drain(..taken);
        Ok(())
    }
}

/// The first frame, if it is whole; an error if it is longer than any datagram may be.
fn first(bytes: &[u8]) -> Result<Option<&[u8]>, BadStream> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > MAX_DATAGRAM {
        return Err(BadStream);
    }
    Ok(rest.get(..length))
}

/// A binding request (RFC 8489 §5): nothing else may come first.
fn is_check(frame: &[u8]) -> bool {
    frame.len() >= 20 && frame[..2] == [0, 1] && frame[4..8] == [0x21, 0x12, 0xA4, 0x42]
}
