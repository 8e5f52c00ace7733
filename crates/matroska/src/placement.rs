//! Where on the track a packet belongs: its RTP timestamp says how far from the packet before, its arrival says
//! when that was. An anchor ties the two; all values are ticks of the media clock from the session's start.

/// Packets are heard when they come, so the least delayed one of a while defines the anchor. An error below this
/// is jitter; above it the clocks have drifted or the path has changed, and the anchor moves.
const TOLERANCE_MS: i64 = 40;
const OBSERVATION_MS: i64 = 1000;
/// Fewer packets say nothing about the path.
const OBSERVATION_PACKETS: u32 = 10;
/// The first packet may have been delayed itself. So long after it, nothing of it is in the file yet and every
/// less delayed packet still moves the anchor, and the packets held with it.
const SETTLING_MS: i64 = 150;

#[derive(Clone, Copy)]
struct Anchor {
    timestamp: i64,
    position: i64,
    settled_at: i64,
}

/// How far ahead of their arrival the least delayed packets of a while are placed.
#[derive(Clone, Copy)]
struct Observation {
    since: i64,
    packets: u32,
    lead: i64,
}

pub(crate) struct Placement {
    rate: i64,
    grid: i64,
    anchor: Option<Anchor>,
    observation: Option<Observation>,
    /// Counts the anchors; packets placed by one of them move with it.
    pub anchors: u32,
}

impl Placement {
    pub fn new(rate: u32, grid: i64) -> Self {
        Placement {
            rate: i64::from(rate),
            grid,
            anchor: None,
            observation: None,
            anchors: 0,
        }
    }

    pub fn ticks(&self, ms: i64) -> i64 {
        self.rate * ms / 1000
    }

    pub fn is_anchored(&self) -> bool {
        self.anchor.is_some()
    }

    pub fn forget(&mut self) {
        self.anchor = None;
        self.observation = None;
    }

    pub fn anchor(&mut self, timestamp: i64, arrival: i64) {
        let position = self.on_grid(arrival);
        let settled_at = arrival + self.ticks(SETTLING_MS);
        self.anchor = Some(Anchor {
            timestamp,
            position,
            settled_at,
        });
        self.observation = None;
        self.anchors = self.anchors.wrapping_add(1);
    }

    /// The place of a timestamp; `arrival` where nothing is anchored yet.
    pub fn position(&self, timestamp: i64, arrival: i64) -> i64 {
        let position = self.anchor.map_or(arrival, |anchor| {
            anchor.position + timestamp - anchor.timestamp
        });
        self.on_grid(position)
    }

    /// Note how a packet that was placed lies to its arrival, and follow the sender's clock where it drifts.
    /// Returns how far what this anchor placed is now to move to an earlier place.
    pub fn observe(&mut self, position: i64, arrival: i64) -> i64 {
        let lead = position - arrival;
        let settling = self
            .anchor
            .is_some_and(|anchor| arrival < anchor.settled_at);
        let excess = if settling {
            lead.max(0)
        } else {
            self.drift(lead, arrival)
        };
        let shift = self.on_grid(excess);
        if let Some(anchor) = &mut self.anchor {
            anchor.position -= shift;
        }
        shift
    }

    /// The lead of the least delayed packet, once enough were seen and where it is more than jitter.
    fn drift(&mut self, lead: i64, arrival: i64) -> i64 {
        let first = Observation {
            since: arrival,
            packets: 0,
            lead,
        };
        let seen = self.observation.unwrap_or(first);
        let seen = Observation {
            packets: seen.packets + 1,
            lead: seen.lead.max(lead),
            ..seen
        };
        self.observation = Some(seen);
        let long_enough = arrival - seen.since >= self.ticks(OBSERVATION_MS);
        if !long_enough || seen.packets < OBSERVATION_PACKETS {
            return 0;
        }
        self.observation = None;
        if seen.lead.abs() > self.ticks(TOLERANCE_MS) {
            seen.lead
        } else {
            0
        }
    }

    fn on_grid(&self, position: i64) -> i64 {
        position.div_euclid(self.grid) * self.grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worst error while a sender whose clock is `ppm` off talks for an hour, after the first second.
    fn worst_error_ms(ppm: i64) -> i64 {
        let mut placement = Placement::new(8000, 1);
        placement.anchor(0, 0);
        let mut worst = 0;
        for packet in 0..180_000i64 {
            let arrival = packet * 160 + packet * 160 * ppm / 1_000_000;
            let position = placement.position(packet * 160, arrival);
            placement.observe(position, arrival);
            worst = worst.max((position - arrival).abs() / 8);
        }
        worst
    }

    #[test]
    fn a_drifting_clock_stays_within_the_tolerance() {
        for ppm in [-200, -50, 0, 50, 200] {
            assert!(
                worst_error_ms(ppm) <= TOLERANCE_MS + 1,
                "{ppm} ppm: {} ms",
                worst_error_ms(ppm)
            );
        }
    }

    #[test]
    fn jitter_does_not_move_the_anchor() {
        let mut placement = Placement::new(8000, 1);
        placement.anchor(0, 0);
        for packet in 0..1000i64 {
            let arrival = packet * 160 + (packet % 7) * 80; // up to 60 ms late
            let position = placement.position(packet * 160, arrival);
            assert_eq!(position, packet * 160);
            assert_eq!(placement.observe(position, arrival), 0);
        }
    }

    #[test]
    fn a_first_packet_that_was_delayed_does_not_delay_the_rest() {
        let mut placement = Placement::new(48_000, 120);
        placement.anchor(0, 4000); // 83 ms late
        let moved = placement.observe(placement.position(960, 960), 960);
        assert_eq!(moved, 3960);
        assert_eq!(placement.position(1920, 1920), 1920);
    }
}
