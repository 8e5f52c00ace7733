//! From packets that come when they like to a frame each 20 ms.

mod buffer;
mod conceal;
mod delay;
mod dsp;
mod line;
mod noise;
mod playout;
mod tally;

pub use playout::Playout;
pub use tally::Tally;
