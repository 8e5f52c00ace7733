//! Video is forwarded, never decoded: which layer of a simulcast (RFC 8853) goes to whom, as one continuous stream.
//!
//! A sender's layers are known by what comes: their sizes from key frames, their rates by counting. A receiver gets the
//! best that fits the estimate of its path and the size it shows; layers and sources change at key frames only.

mod choice;
mod climb;
mod dip;
mod incoming;
mod layers;
mod numbers;
mod out;
mod recent;
pub mod vp8;

pub use choice::{share, with_headroom, Picture, Room, LEAST_PROBED_BPS, VOICE_BPS};
pub use climb::{Climb, Look};
pub use dip::Dip;
pub use incoming::{Incoming, Kept};
pub use layers::{Layer, LayerName, Layers};
pub use out::{Placed, VideoOut, BLANKS};
pub use recent::Kept as KeptPacket;

use std::sync::Arc;

pub const CLOCK_RATE: u32 = 90_000;

/// A packet of video as it came.
#[derive(Clone, Copy, Debug)]
pub struct VideoPacket<'a> {
    pub layer: LayerName,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// Shared by all who receive it.
    pub payload: &'a Arc<[u8]>,
}
