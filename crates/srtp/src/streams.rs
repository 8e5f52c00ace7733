//! The SSRCs of one key, the latest first. A peer may change its SSRC as often as it likes; we keep the latest few.

/// SSRCs that one key keeps apart at a time.
pub(crate) const MAX_STREAMS: usize = 16;

/// What is known of each SSRC.
pub(crate) struct Streams<S> {
    latest_first: Vec<(u32, S)>,
}

impl<S> Streams<S> {
    pub fn new() -> Streams<S> {
        Streams {
            latest_first: Vec::with_capacity(MAX_STREAMS),
        }
    }

    pub fn get(&mut self, ssrc: u32) -> Option<&mut S> {
        let place = self
            .latest_first
            .iter()
            .position(|(known, _)| *known == ssrc)?;
        if place > 0 {
            self.latest_first[..=place].rotate_right(1);
        }
        self.latest_first.first_mut().map(|(_, stream)| stream)
    }

    /// Read the latest, for nothing but its nearness.
    pub fn touch(&self) {
        std::hint::black_box(self.latest_first.first().map(|(ssrc, _)| *ssrc));
    }

    pub fn is_full(&self) -> bool {
        self.latest_first.len() >= MAX_STREAMS
    }

    /// Add an SSRC that is not here; the one unused for longest makes room.
    pub fn add(&mut self, ssrc: u32, stream: S) {
        self.latest_first.truncate(MAX_STREAMS - 1);
        self.latest_first.insert(0, (ssrc, stream));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_ssrcs_stay_and_nothing_is_allocated_for_more() {
        let mut streams = Streams::new();
        let room = streams.latest_first.capacity();
        for ssrc in 0..100 {
            streams.add(ssrc, ssrc);
            assert_eq!(streams.get(0).copied(), Some(0), "used each time");
        }
        assert_eq!(streams.get(99), Some(&mut 99));
        assert_eq!(streams.get(100 - MAX_STREAMS as u32), None);
        assert_eq!(streams.latest_first.capacity(), room);
    }
}
