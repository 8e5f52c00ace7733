//! The media core: ports, tracks and the crosspoints between them.
//!
//! `Engine` is the handle that the control plane has. Behind it each `Worker` owns the ports of its sessions; a
//! `Shell` gives the worker a thread, sockets and the time. Commands go down a channel, events come up one queue.

mod bus;
pub mod clock;
pub mod codec;
pub mod command;
mod directory;
pub mod dtmf;
pub mod engine;
pub mod error;
pub mod event;
mod handover;
pub mod id;
pub mod io;
pub mod jitter;
mod library;
pub mod matrix;
pub mod mix;
mod near;
pub mod overload;
pub mod packing;
mod placement;
pub mod port;
pub mod programme;
pub mod progress;
pub mod prompt;
pub mod quality;
pub mod random;
pub mod recording;
pub mod relay;
pub mod rtp;
mod speech;
pub mod stats;
mod sum;
pub mod track;
pub mod video;
pub mod voice;
pub mod wheel;
pub mod worker;

pub use engine::{Engine, Settings};
pub use error::CoreError;
pub use {dtls, ice, srtp};
