//! Random numbers for SSRCs and the beginnings of sequences: unpredictable to a peer that sees few of them.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 from a seed that the operating system gives, or that a test gives.
pub struct Random(u64);

impl Random {
    pub fn from_system() -> Random {
        Random(RandomState::new().hash_one(std::process::id()))
    }

    pub fn with_seed(seed: u64) -> Random {
        Random(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
