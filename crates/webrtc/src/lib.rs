//! A WebRTC leg without sockets, threads or clocks.
//!
//! The worker owns the UDP socket and the time; a [`Leg`] takes an offer, datagrams and instants, and gives an
//! answer, datagrams to transmit and events. It wraps str0m in RTP mode with ICE-lite (RFC 8445 §2.5), so that
//! packets pass as they are: nothing is depacketized, reordered or decoded here.
//!
//! Order of use: after any call that takes `now`, drain [`Leg::poll`] until it returns `None`, then arm
//! [`Leg::next_timeout`]. Several [`Leg::send`] calls may be followed by one drain.

mod config;
mod dtls;
mod error;
mod event;
mod leg;
mod negotiate;
mod offer;
mod sleeping;
mod tally;

pub use config::{AudioCodec, Identity, LegConfig};
pub use error::BadOffer;
pub use event::{Answer, Codec, Event, FailureReason, Kind, Line, OutPacket, Output, Packet};
pub use leg::Leg;
pub use str0m::media::{Mid, Rid};
pub use str0m::rtp::{Vp8Descriptor, Vp8Patch};
pub use tally::{DirectionStats, LineStats};
