//! From packets that come when they like to a frame each 20 ms.

mod buffer;
mod conceal;
mod delay;
mod dsp;
mod line;
mod noise;
mod past;
mod playout;
mod tally;

pub use past::{Heard, Past};
pub use playout::Playout;
pub use tally::Tally;
