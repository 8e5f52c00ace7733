//! The frames of a mix that lie beside relayed packets of the same source: where they fit, and what is known around them.

use crate::bus::{Bus, Wait};
use crate::clock::Nanos;
use crate::codec::Codec;
use crate::handover::Handover;
use crate::id::{IdMap, TrackId};
use crate::jitter::{Heard, Playout};
use crate::track::Track;

/// See to it that the frame which is mixed now fits the packets before or after it; `leaving`: the source that is relayed
/// soon. Tells whether the bus waits for its first frame.
pub fn hand_over(
    bus: &mut Bus,
    tracks: &IdMap<TrackId, Track>,
    leaving: Option<TrackId>,
    now: Nanos,
) -> Wait {
    let playout = |track: TrackId| tracks.get(&track)?.playout.as_deref();
    let wait = bus.wait(|track| playout(track)?.extent(), now);
    let begins = match wait {
        Wait::Waits => return wait,
        Wait::TakesOver(source) => Some(source),
        Wait::Over => None,
    };
    let beside = begins.or(leaving).or(bus.slides_from());
    if let Some((source, playout)) = beside.and_then(|track| Some((track, playout(track)?))) {
        place(bus, source, playout, leaving == Some(source));
    }
    wait
}

/// Does nothing if the listeners' codec changes with the mix: then nothing can go on.
fn place(bus: &mut Bus, source: TrackId, playout: &Playout, leaves: bool) {
    let before = bus.take_before();
    let Some(lag) = bus.lag_of(playout.codec(), playout.rate()) else {
        return;
    };
    let before = before.map(|(past, overlap)| (past.heard(), overlap));
    let before = before.filter(|(heard, _)| heard.codec == playout.codec());
    let before = before.map(|(heard, overlap)| overlapping(heard, overlap));
    if before.is_some() || leaves || bus.slides_from().is_some() {
        bus.hand_over(Handover {
            source,
            before,
            leaves,
            waiting: playout.ahead(),
            future: playout.foresee(lag),
        });
    }
}

/// Ticks as samples.
fn overlapping(heard: Heard, ticks: i32) -> (Heard, isize) {
    let codec: Codec = heard.codec;
    let samples = codec.samples(ticks.unsigned_abs(), codec.rate()) as isize;
    (heard, samples * ticks.signum() as isize)
}
