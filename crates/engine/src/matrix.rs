//! Who has whom: crosspoints from a track to a port.

use crate::id::{IdMap, PortId, TrackId};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crosspoint {
    pub source: TrackId,
    pub destination: PortId,
    /// Linear; 1.0 leaves the samples as they are.
    pub gain: f32,
}

impl Crosspoint {
    pub fn new(source: TrackId, destination: PortId, gain_db: f32) -> Crosspoint {
        let gain = if gain_db == 0.0 {
            1.0
        } else {
            10f32.powf(gain_db / 20.0)
        };
        Crosspoint {
            source,
            destination,
            gain,
        }
    }
}

/// Crosspoints in the order they were made, found from either end.
#[derive(Default)]
pub struct Matrix {
    by_source: IdMap<TrackId, Vec<Crosspoint>>,
    by_destination: IdMap<PortId, Vec<TrackId>>,
}

impl Matrix {
    /// Make the crosspoint, or set the gain of the one that is there.
    pub fn connect(&mut self, crosspoint: Crosspoint) {
        let of_source = self.by_source.entry(crosspoint.source).or_default();
        match of_source
            .iter_mut()
            .find(|known| known.destination == crosspoint.destination)
        {
            Some(known) => known.gain = crosspoint.gain,
            None => {
                of_source.push(crosspoint);
                self.by_destination
                    .entry(crosspoint.destination)
                    .or_default()
                    .push(crosspoint.source);
            }
        }
    }

    /// False if it was not there.
    pub fn disconnect(&mut self, source: TrackId, destination: PortId) -> bool {
        let Some(of_source) = self.by_source.get_mut(&source) else {
            return false;
        };
        let before = of_source.len();
        of_source.retain(|known| known.destination != destination);
        if of_source.len() == before {
            return false;
        }
        if of_source.is_empty() {
            self.by_source.remove(&source);
        }
        if let Some(sources) = self.by_destination.get_mut(&destination) {
            sources.retain(|&known| known != source);
            if sources.is_empty() {
                self.by_destination.remove(&destination);
            }
        }
        true
    }

    pub fn from(&self, source: TrackId) -> &[Crosspoint] {
        self.by_source.get(&source).map_or(&[], Vec::as_slice)
    }

    /// The sources of a port, in the order they were connected.
    pub fn to(&self, destination: PortId) -> &[TrackId] {
        self.by_destination
            .get(&destination)
            .map_or(&[], Vec::as_slice)
    }

    pub fn gain(&self, source: TrackId, destination: PortId) -> Option<f32> {
        self.from(source)
            .iter()
            .find(|known| known.destination == destination)
            .map(|known| known.gain)
    }

    pub fn len(&self) -> usize {
        self.by_source.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.by_source.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TrackId = TrackId(1);
    const B: TrackId = TrackId(2);
    const P: PortId = PortId(1);
    const Q: PortId = PortId(2);

    #[test]
    fn crosspoints_are_found_from_both_ends_in_order() {
        let mut matrix = Matrix::default();
        for (source, destination) in [(A, P), (B, P), (A, Q)] {
            matrix.connect(Crosspoint::new(source, destination, 0.0));
        }
        assert_eq!(matrix.to(P), [A, B]);
        assert_eq!(
            matrix
                .from(A)
                .iter()
                .map(|c| c.destination)
                .collect::<Vec<_>>(),
            [P, Q]
        );
        assert_eq!(matrix.len(), 3);
    }

    #[test]
    fn connecting_again_sets_the_gain() {
        let mut matrix = Matrix::default();
        matrix.connect(Crosspoint::new(A, P, 0.0));
        matrix.connect(Crosspoint::new(A, P, -20.0));
        assert_eq!((matrix.len(), matrix.gain(A, P)), (1, Some(0.1)));
    }

    #[test]
    fn disconnecting_what_is_not_there_changes_nothing() {
        let mut matrix = Matrix::default();
        matrix.connect(Crosspoint::new(A, P, 0.0));
        assert!(!matrix.disconnect(A, Q) && !matrix.disconnect(B, P));
        assert!(matrix.disconnect(A, P));
        assert!(matrix.is_empty() && matrix.to(P).is_empty());
    }
}
