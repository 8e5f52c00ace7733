//! What a listener was given, in samples.

/// Counts since the track began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub heard: u64,
    /// Of packets that came in time.
    pub decoded: u64,
    /// Made up in place of what was lost or late.
    pub concealed: u64,
    /// From the copy of a lost packet that the next one carries.
    pub recovered: u64,
    /// Comfort noise, and nothing.
    pub silence: u64,
    /// Heard twice, to wait longer.
    pub inserted: u64,
    /// Cut out, to wait less.
    pub removed: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// From arrival until heard, summed over the decoded samples.
    pub delay_ns: u128,
}

impl Tally {
    /// Mean time from a packet's arrival until it is heard, in milliseconds.
    pub fn mean_delay_ms(&self) -> f64 {
        self.delay_ns as f64 / 1e6 / (self.decoded.max(1) as f64)
    }
}
