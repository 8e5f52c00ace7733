//! Whose packets a port takes: symmetric RTP, as far as signalling allows.
//!
//! The host that signalling named is taken at once. Anybody else must first show a stream: a stray packet, or the
//! rest of somebody's former call, binds nobody. Whoever was found is kept until signalling speaks again.

use std::net::SocketAddr;

/// Consecutive packets by which a sender that was not named shows that it is a stream (RFC 3550 A.1 takes two).
const PROBATION: u8 = 4;
/// Strangers that are watched at a time.
const CANDIDATES: usize = 4;

/// A sender, and what its packet says of its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sighting {
    pub from: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    /// Under a key that only the peer has.
    pub is_authentic: bool,
}

/// A stranger whose next packet must be this.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    seen: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nobody was taken since signalling spoke.
    Open,
    /// A stranger showed a stream; the host that was named may still take over.
    Latched(SocketAddr),
    Settled(SocketAddr),
}

/// The lock on one source.
#[derive(Clone, Debug)]
pub(super) struct Latch {
    state: State,
    /// Watched until somebody is taken.
    strangers: Box<Strangers>,
}

#[derive(Clone, Debug, Default)]
struct Strangers {
    candidates: [Option<Candidate>; CANDIDATES],
    oldest: usize,
}

impl Latch {
    pub fn new() -> Latch {
        Latch {
            state: State::Open,
            strangers: Box::default(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// The only one that is taken from now on; None while another may be.
    pub fn settled(&self) -> Option<SocketAddr> {
        match self.state {
            State::Settled(peer) => Some(peer),
            State::Open | State::Latched(_) => None,
        }
    }

    /// This one and no other, by what the peer itself proved.
    pub fn settle(&mut self, peer: SocketAddr) {
        self.state = State::Settled(peer);
    }

    /// Whether the packet is taken. `named`: what signalling says; `may_latch`: whether a stranger may be taken.
    pub fn admits(&mut self, packet: Sighting, named: Option<SocketAddr>, may_latch: bool) -> bool {
        let from = packet.from;
        let is_named = named.is_some_and(|named| named.ip() == from.ip());
        let state = match self.state {
            State::Settled(known) => return known == from,
            State::Open | State::Latched(_) if is_named => State::Settled(from),
            State::Latched(known) => return known == from,
            State::Open => {
                if !may_latch || !(packet.is_authentic || self.has_shown(packet)) {
                    return false;
                }
                State::Latched(from)
            }
        };
        self.state = state;
        true
    }

    /// Note a stranger's packet; true once it is the last that was needed in an unbroken row.
    fn has_shown(&mut self, packet: Sighting) -> bool {
        let fresh = Candidate {
            from: packet.from,
            ssrc: packet.ssrc,
            next: packet.sequence.wrapping_add(1),
            seen: 1,
        };
        let strangers = &mut *self.strangers;
        let known = strangers
            .candidates
            .iter_mut()
            .flatten()
            .find(|candidate| candidate.from == packet.from);
        let Some(known) = known else {
            strangers.candidates[strangers.oldest] = Some(fresh);
            strangers.oldest = (strangers.oldest + 1) % CANDIDATES;
            return false;
        };
        let goes_on = (known.ssrc, known.next) == (packet.ssrc, packet.sequence);
        let seen = if goes_on { known.seen + 1 } else { 1 };
        *known = Candidate { seen, ..fresh };
        seen >= PROBATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], 4_000))
    }

    fn packet(host: u8, sequence: u16) -> Sighting {
        Sighting {
            from: at(host),
            ssrc: host.into(),
            sequence,
            is_authentic: false,
        }
    }

    fn takes(latch: &mut Latch, packet: Sighting) -> bool {
        latch.admits(packet, Some(at(1)), true)
    }

    #[test]
    fn the_named_host_is_taken_at_once_and_from_one_port_alone() {
        let mut latch = Latch::new();
        assert!(takes(&mut latch, packet(1, 7)));
        let other_port = SocketAddr::new(at(1).ip(), 9);
        let moved = Sighting {
            from: other_port,
            ..packet(1, 8)
        };
        assert!(!takes(&mut latch, moved));
        assert!(takes(&mut latch, packet(1, 9)));
    }

    #[test]
    fn a_stranger_is_taken_after_an_unbroken_row_and_no_other_after_him() {
        let mut latch = Latch::new();
        let row = [65_534, 65_535, 0, 1, 2];
        let taken = row.map(|sequence| takes(&mut latch, packet(2, sequence)));
        assert_eq!(taken, [false, false, false, true, true]);
        assert!((0..9).all(|sequence| !takes(&mut latch, packet(3, sequence))));
        assert!(takes(&mut latch, packet(1, 5)), "but the named one may");
        assert!(!takes(&mut latch, packet(2, 3)));
    }

    #[test]
    fn holes_another_ssrc_and_repeats_begin_the_row_anew() {
        let mut latch = Latch::new();
        for sequence in [1, 2, 3, 5, 6, 7, 7, 8, 9] {
            assert!(!takes(&mut latch, packet(2, sequence)));
        }
        let changed = Sighting {
            ssrc: 99,
            ..packet(2, 10)
        };
        assert!(!takes(&mut latch, changed));
    }

    #[test]
    fn two_strangers_at_a_time_do_not_keep_each_other_out() {
        let mut latch = Latch::new();
        let first = (0..4).map(|sequence| {
            let stray = takes(&mut latch, packet(3, sequence * 7));
            (takes(&mut latch, packet(2, sequence)), stray)
        });
        assert_eq!(first.last(), Some((true, false)));
    }

    #[test]
    fn whoever_has_the_key_needs_no_row_and_nobody_does_without_leave() {
        let authentic = Sighting {
            is_authentic: true,
            ..packet(2, 1)
        };
        assert!(takes(&mut Latch::new(), authentic));
        assert!(!Latch::new().admits(authentic, Some(at(1)), false));
        assert!(!(0..9).any(|n| Latch::new().admits(packet(2, n), Some(at(1)), false)));
    }
}
