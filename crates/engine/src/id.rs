//! Names of things. Each counts from 1 and is never used again in a process.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

macro_rules! id {
    ($name:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    PortId,
    "The media core's end of a leg, a player or a recorder."
);
id!(TrackId, "One flow of media that enters the core on a port.");
id!(BusId, "What several ports send, mixed once.");
id!(
    SessionId,
    "A placement key: all ports of one session live on one worker."
);

/// Ids are dense and trusted: one multiplication spreads them, where SipHash would cost more than the packet's relay.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(26);
    }
}

pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;
pub type IdSet<K> = HashSet<K, BuildHasherDefault<IdHasher>>;
