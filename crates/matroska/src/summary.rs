//! What a closed file holds, for the manifest.

use crate::Codec;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub codec: Codec,
    /// The session's start, which is the file's time 0. All instants are nanoseconds on the one clock.
    pub start_ns: u64,
    /// Where the track ends: the session's end.
    pub end_ns: u64,
    /// Where the first packet or frame is placed; `None` if none came.
    pub first_media_ns: Option<u64>,
    /// Packets (after a repair: blocks) of media that are in the file.
    pub packets: u64,
    /// Packets that never came, by RTP sequence number. `None` after a repair: the file does not tell.
    pub lost: Option<u64>,
    /// Packets that came but could not be written: their time had passed or was taken, or they were malformed.
    /// `None` after a repair.
    pub late: Option<u64>,
    /// Stretches without media, in order, as `(from_ns, to_ns)`. In audio they hold silence.
    pub gaps: Vec<(u64, u64)>,
    /// Video only, else 0.
    pub keyframes: u64,
    /// Pixels of the first key frame; 0 in audio.
    pub width: u16,
    pub height: u16,
}
