//! A player: plays prepared items on the worker's clock.

use crate::codec::{Codec, Encoder, Rate, MAX_PAYLOAD};
use crate::command::Play;
use crate::event::PlayOutcome;
use crate::id::TrackId;
use crate::mix::{Frames, Tail};
use crate::port::source::Feed;

/// Frames are encoded once for each codec, however many listen.
struct Encoded {
    encoder: Box<dyn Encoder>,
    payload: [u8; MAX_PAYLOAD],
    length: usize,
    fresh: bool,
}

impl Encoded {
    fn new(codec: Codec) -> Encoded {
        Encoded {
            encoder: codec.encoder(PlayerPort::encoding_rate(codec)),
            payload: [0; MAX_PAYLOAD],
            length: 0,
            fresh: false,
        }
    }
}

pub struct PlayerPort {
    pub track: TrackId,
    play: Option<Play>,
    /// What another thread writes, instead of plays.
    feed: Option<Feed>,
    /// Its source ran dry, and the rest has died away.
    resting: bool,
    item: usize,
    offset: usize,
    last: i16,
    tail: Tail,
    /// By codec; made when first asked for.
    encoded: [Option<Box<Encoded>>; Codec::ALL.len()],
    sum: [i32; Rate::Wide.frame()],
}

/// A play that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub play_id: u64,
    pub outcome: PlayOutcome,
}

impl PlayerPort {
    pub fn new(track: TrackId) -> PlayerPort {
        PlayerPort {
            track,
            play: None,
            feed: None,
            resting: true,
            item: 0,
            offset: 0,
            last: 0,
            tail: Tail::default(),
            encoded: [const { None }; Codec::ALL.len()],
            sum: [0; Rate::Wide.frame()],
        }
    }

    /// Plays what is written to a source.
    pub fn of_source(track: TrackId, feed: Feed) -> PlayerPort {
        PlayerPort {
            feed: Some(feed),
            ..PlayerPort::new(track)
        }
    }

    pub fn has_source(&self) -> bool {
        self.feed.is_some()
    }

    /// A source whose writer is silent: there is nothing to do until it goes on.
    pub fn is_starved(&self) -> bool {
        self.resting && self.feed.as_ref().is_some_and(Feed::is_empty)
    }

    /// Play instead of what is playing.
    pub fn play(&mut self, play: Play) -> Option<Finished> {
        let replaced = self.end(PlayOutcome::Replaced);
        (self.play, self.item, self.offset) = (Some(play), 0, 0);
        replaced
    }

    pub fn stop(&mut self) -> Option<Finished> {
        self.end(PlayOutcome::Stopped)
    }

    fn end(&mut self, outcome: PlayOutcome) -> Option<Finished> {
        let play = self.play.take()?;
        self.tail.add(i32::from(std::mem::take(&mut self.last)));
        Some(Finished {
            play_id: play.id,
            outcome,
        })
    }

    /// Nothing is left to be heard.
    pub fn is_silent(&self) -> bool {
        match self.feed {
            Some(_) => self.resting,
            None => self.play.is_none() && self.tail.is_over(),
        }
    }

    /// Make the next frame, at `Rate::Wide`; tells when the play is over with it.
    pub fn fill(&mut self, frame: &mut [i16]) -> Option<Finished> {
        self.encoded
            .iter_mut()
            .flatten()
            .for_each(|encoded| encoded.fresh = false);
        if self.feed.is_some() {
            self.fill_from_source(frame);
            return None;
        }
        let filled = self.read(frame);
        frame[filled..].fill(0);
        let over = (self.play.is_some() && filled < frame.len())
            .then(|| self.end(PlayOutcome::Finished))
            .flatten();
        if over.is_some() && filled > 0 {
            self.tail = Tail::default(); // the step is the item's own end
        } else if self.play.is_some() {
            self.last = frame[frame.len() - 1];
        }
        self.fade_out(frame);
        over
    }

    fn fill_from_source(&mut self, frame: &mut [i16]) {
        let filled = self.feed.as_mut().is_some_and(|feed| feed.read(frame));
        if filled {
            self.last = frame[frame.len() - 1];
            self.resting = false;
            return;
        }
        frame.fill(0);
        self.tail.add(i32::from(std::mem::take(&mut self.last)));
        self.resting = self.tail.is_over();
        self.fade_out(frame);
    }

    /// Copy items into the frame until it is full or all is played.
    fn read(&mut self, frame: &mut [i16]) -> usize {
        let Some(play) = &self.play else { return 0 };
        let mut filled = 0;
        let mut empty_items = 0;
        while filled < frame.len() && empty_items <= play.items.len() {
            let Some(item) = play.items.get(self.item) else {
                if !play.looped || play.items.is_empty() {
                    break;
                }
                (self.item, self.offset) = (0, 0);
                continue;
            };
            let count = item.read(self.offset, &mut frame[filled..]);
            filled += count;
            self.offset += count;
            empty_items = if item.is_empty() { empty_items + 1 } else { 0 };
            if self.offset == item.len() {
                (self.item, self.offset) = (self.item + 1, 0);
            }
        }
        filled
    }

    fn fade_out(&mut self, frame: &mut [i16]) {
        if self.tail.is_over() {
            return;
        }
        for (sum, &sample) in self.sum.iter_mut().zip(frame.iter()) {
            *sum = i32::from(sample);
        }
        self.tail.fade_into(&mut self.sum, Rate::Wide);
        for (sample, &sum) in frame.iter_mut().zip(&self.sum) {
            *sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }

    /// The rate that encoding in `codec` needs among the track's frames.
    pub fn encoding_rate(codec: Codec) -> Rate {
        codec.rate_for(Rate::Wide)
    }

    /// The current frame in `codec`; encoded when first asked for.
    pub fn encode(&mut self, codec: Codec, frames: &Frames) -> &[u8] {
        let encoded =
            self.encoded[codec as usize].get_or_insert_with(|| Box::new(Encoded::new(codec)));
        if !encoded.fresh {
            let samples = frames.at(Self::encoding_rate(codec));
            encoded.length = encoded.encoder.encode(samples, &mut encoded.payload);
            encoded.fresh = true;
        }
        &encoded.payload[..encoded.length]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::port::source::source;
    use crate::prompt::Prompt;

    fn play(id: u64, lengths: &[usize], looped: bool) -> Play {
        let items = lengths
            .iter()
            .enumerate()
            .map(|(n, &l)| Arc::new(Prompt::Samples(vec![(n as i16 + 1) * 1_000; l])));
        Play {
            id,
            items: items.collect(),
            looped,
        }
    }

    fn frame(player: &mut PlayerPort) -> (Vec<i16>, Option<Finished>) {
        let mut frame = vec![0; Rate::Wide.frame()];
        let finished = player.fill(&mut frame);
        (frame, finished)
    }

    #[test]
    fn items_follow_each_other_without_a_hole_and_the_end_is_told() {
        let mut player = PlayerPort::new(TrackId(1));
        assert_eq!(player.play(play(1, &[320 + 100, 300], false)), None);
        assert_eq!(frame(&mut player).1, None);
        let (second, finished) = frame(&mut player);
        assert_eq!((second[99], second[100], finished), (1_000, 2_000, None));
        let (third, finished) = frame(&mut player);
        assert_eq!((third[79], third[80], third[319]), (2_000, 0, 0));
        assert_eq!(
            finished,
            Some(Finished {
                play_id: 1,
                outcome: PlayOutcome::Finished
            })
        );
        assert!(player.is_silent());
    }

    #[test]
    fn a_play_that_ends_on_the_edge_of_a_frame_is_over_with_the_next() {
        let mut player = PlayerPort::new(TrackId(1));
        player.play(play(1, &[320], false));
        assert_eq!(frame(&mut player).1, None);
        assert!(frame(&mut player).1.is_some());
    }

    #[test]
    fn a_loop_goes_on_and_empty_items_do_not_hang_it() {
        let mut player = PlayerPort::new(TrackId(1));
        player.play(play(1, &[10, 0, 20], true));
        (0..100).for_each(|_| assert_eq!(frame(&mut player).1, None));
        player.play(play(2, &[0, 0], true));
        assert!(frame(&mut player).1.is_some());
        player.play(play(3, &[], true));
        assert!(frame(&mut player).1.is_some());
    }

    #[test]
    fn a_source_that_runs_dry_dies_away_and_goes_on_with_what_is_written_next() {
        let (mut writer, feed) = source(Rate::Wide, 4);
        let mut player = PlayerPort::of_source(TrackId(1), feed);
        assert!(player.is_starved() && player.is_silent());
        writer.write(&[1_000; 320]);
        assert!(!player.is_starved());
        assert_eq!(frame(&mut player).0, [1_000; 320]);
        let (rest, _) = frame(&mut player);
        assert!(rest[0] == 1_000 && rest[40] < 600 && rest[80] == 0);
        assert!(
            !player.is_silent(),
            "who mixes it has yet to hear it die away"
        );
        assert_eq!(frame(&mut player).0, [0; 320]);
        assert!(player.is_silent() && player.is_starved());
        writer.write(&[500; 320]);
        assert!(!player.is_starved());
        assert_eq!(frame(&mut player).0, [500; 320]);
    }

    #[test]
    fn what_is_stopped_or_replaced_dies_away_within_5_ms() {
        let mut player = PlayerPort::new(TrackId(1));
        player.play(play(1, &[1_000], false));
        frame(&mut player);
        assert_eq!(
            player.stop(),
            Some(Finished {
                play_id: 1,
                outcome: PlayOutcome::Stopped
            })
        );
        assert_eq!(player.stop(), None);
        assert!(!player.is_silent());
        let (rest, _) = frame(&mut player);
        assert!(rest[0] == 1_000 && rest[40] < 600 && rest[80] == 0);
        assert!(player.is_silent());
    }
}
