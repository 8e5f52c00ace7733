//! RTP and RTCP on the wire (RFC 3550), and what is measured on it.

pub mod bursts;
pub mod extended;
pub mod packet;
pub mod reception;
pub mod rtcp;
