//! From packets that come when they like to a frame each 20 ms.

mod buffer;
mod playout;

pub use playout::Playout;

#[cfg(test)]
pub use buffer::JitterBuffer;
