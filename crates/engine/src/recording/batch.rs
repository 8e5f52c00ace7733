//! Packets from the tape, put in the order of their tracks: what a track needs to be written is then fetched from memory
//! once for many packets.

use super::tape::{Pull, Record, TapeEnd};
use crate::clock::Nanos;
use crate::id::PortId;

/// More are written in parts.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 2 << 20;

struct Pulled {
    /// Among those of the batch.
    place: usize,
    record: Record,
    start: usize,
    length: usize,
}

#[derive(Default)]
pub(super) struct Batch {
    pulled: Vec<Pulled>,
    bytes: Vec<u8>,
}

/// Where a batch ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is no more on the tape.
    Empty,
    /// There may be more.
    Full,
    Close {
        recorder: PortId,
        end: Nanos,
    },
}

impl Batch {
    /// Take from the tape what may be written in any order of tracks, in place of what was there before.
    pub fn fill(&mut self, tape: &mut TapeEnd) -> End {
        self.pulled.clear();
        self.bytes.clear();
        let end = loop {
            if self.pulled.len() >= MOST || self.bytes.len() >= MOST_BYTES {
                break End::Full;
            }
            let start = self.bytes.len();
            match tape.append(&mut self.bytes) {
                None => break End::Empty,
                Some(Pull::Close { recorder, end }) => break End::Close { recorder, end },
                Some(Pull::Packet(record)) => self.pulled.push(Pulled {
                    place: self.pulled.len(),
                    record,
                    start,
                    length: self.bytes.len() - start,
                }),
            }
        };
        self.pulled.sort_unstable_by_key(|pulled| {
            (pulled.record.recorder, pulled.record.track, pulled.place)
        });
        end
    }

    /// Track by track; the packets of each as they came.
    pub fn packets(&self) -> impl Iterator<Item = (&Record, &[u8])> {
        self.pulled.iter().map(|pulled| {
            let payload = &self.bytes[pulled.start..][..pulled.length];
            (&pulled.record, payload)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::id::TrackId;
    use crate::recording::{RecordCodec, Tape};

    fn record(recorder: u64, track: u64, sequence: u16) -> Record {
        Record {
            recorder: PortId(recorder),
            track: TrackId(track),
            codec: RecordCodec::Audio(Codec::Pcmu),
            at: 0,
            ssrc: 0,
            sequence,
            timestamp: 0,
            marker: false,
        }
    }

    #[test]
    fn packets_come_track_by_track_as_they_came_and_none_passes_a_close() {
        let (mut tape, mut end) = Tape::new();
        for sequence in 0..100u16 {
            for (recorder, track) in [(2, 9), (1, 4), (1, 3)] {
                let media = vec![sequence as u8; usize::from(sequence % 3)];
                assert!(tape.packet(&record(recorder, track, sequence), &media));
            }
        }
        assert!(tape.close(PortId(1), 7));
        assert!(tape.packet(&record(2, 9, 100), &[]));
        let mut batch = Batch::default();
        let recorder = PortId(1);
        assert_eq!(batch.fill(&mut end), End::Close { recorder, end: 7 });
        let expected = [(1, 3), (1, 4), (2, 9)]
            .into_iter()
            .flat_map(|(recorder, track)| {
                (0..100u16).map(move |sequence| (record(recorder, track, sequence), sequence))
            });
        let mut count = 0;
        for ((record, payload), (known, sequence)) in batch.packets().zip(expected) {
            assert_eq!(*record, known);
            assert_eq!(payload, vec![sequence as u8; usize::from(sequence % 3)]);
            count += 1;
        }
        assert_eq!(count, 300);
        assert_eq!(batch.fill(&mut end), End::Empty);
        assert_eq!(batch.packets().count(), 1);
    }
}
