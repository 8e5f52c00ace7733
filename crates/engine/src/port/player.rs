//! A player: plays programmes on the worker's clock, one after another, from packets that were encoded once where they
//! are there, and softer while somebody speaks.

use std::collections::VecDeque;

use crate::codec::{Codec, Rate, FRAME_MS, MAX_PAYLOAD};
use crate::command::Play;
use crate::event::PlayOutcome;
use crate::id::TrackId;
use crate::mix::Tail;
use crate::port::source::Feed;
use crate::programme::Voice;

mod duck;

use self::duck::Ducking;

/// Plays that wait; what comes after them is refused.
pub const MAX_QUEUED: usize = 100;

/// Frames that are not in a programme's packets are encoded here, once for each codec, however many listen.
struct Live {
    voice: Voice,
    payload: [u8; MAX_PAYLOAD],
    length: usize,
    /// The newest frame it encoded, and the round that this was in.
    frame: u64,
    round: u64,
}

/// A play, and the frame that comes next of it.
struct Playing {
    play: Play,
    next: usize,
    /// Its programme has begun again.
    is_later: bool,
    is_told: bool,
    /// Its next frame is not the one after the last that was heard.
    jumps: bool,
}

pub struct PlayerPort {
    pub track: TrackId,
    rate: Rate,
    playing: Option<Playing>,
    queue: VecDeque<Play>,
    /// What another thread writes, instead of plays.
    feed: Option<Feed>,
    /// Two frames in a row are silent: who mixes or encodes the track has had all of it.
    resting: bool,
    last: i16,
    tail: Tail,
    ducking: Ducking,
    /// The newest frame, and the one before it.
    frame: Box<[i16; Rate::MAX_FRAME]>,
    before: Box<[i16; Rate::MAX_FRAME]>,
    sum: [i32; Rate::MAX_FRAME],
    /// How many frames and how many rounds there were.
    frames: u64,
    round: u64,
    /// The frame is this one of the programme, untouched; and whether of a later round.
    plain: Option<(usize, bool)>,
    /// By codec; made when first asked for.
    live: [Option<Box<Live>>; Codec::ALL.len()],
}

/// A play that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub play_id: u64,
    pub outcome: PlayOutcome,
    pub position_ms: u64,
}

/// What is to be told of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub finished: Option<Finished>,
    pub started: Option<u64>,
    /// Of which play, and where it stands.
    pub position: Option<(u64, u64)>,
}

impl Playing {
    fn new(play: Play) -> Playing {
        Playing {
            play,
            next: 0,
            is_later: false,
            is_told: false,
            jumps: true,
        }
    }

    fn position_ms(&self) -> u64 {
        (self.next * FRAME_MS) as u64
    }

    /// What is to be told before its next frame.
    fn report(&mut self, told: &mut Told) {
        let Some(period) = self.play.report else {
            return;
        };
        if !std::mem::replace(&mut self.is_told, true) {
            told.started = Some(self.play.id);
        } else if period > 0 && self.next.is_multiple_of(period) {
            told.position = Some((self.play.id, self.position_ms()));
        }
    }
}

impl PlayerPort {
    pub fn new(track: TrackId) -> PlayerPort {
        PlayerPort {
            track,
            rate: Rate::Wide,
            playing: None,
            queue: VecDeque::new(),
            feed: None,
            resting: true,
            last: 0,
            tail: Tail::default(),
            ducking: Ducking::default(),
            frame: Box::new([0; Rate::MAX_FRAME]),
            before: Box::new([0; Rate::MAX_FRAME]),
            sum: [0; Rate::MAX_FRAME],
            frames: 0,
            round: 0,
            plain: None,
            live: [const { None }; Codec::ALL.len()],
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

    /// Of its frames.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    pub fn frame(&self) -> &[i16] {
        &self.frame[..self.rate.frame()]
    }

    /// The frame before this one.
    pub fn before(&self) -> &[i16] {
        &self.before[..self.rate.frame()]
    }

    /// Play after all that plays and waits; gives the play back if too many wait.
    pub fn enqueue(&mut self, play: Play) -> Option<Play> {
        if self.queue.len() >= MAX_QUEUED {
            return Some(play);
        }
        self.queue.push_back(play);
        self.resting = false;
        None
    }

    /// End what plays, else what waits the longest; None when nothing is left.
    pub fn end_next(&mut self, outcome: PlayOutcome) -> Option<Finished> {
        self.end(outcome).or_else(|| {
            Some(Finished {
                play_id: self.queue.pop_front()?.id,
                outcome,
                position_ms: 0,
            })
        })
    }

    fn end(&mut self, outcome: PlayOutcome) -> Option<Finished> {
        let playing = self.playing.take()?;
        self.tail.add(i32::from(std::mem::take(&mut self.last)));
        Some(Finished {
            play_id: playing.play.id,
            outcome,
            position_ms: playing.position_ms(),
        })
    }

    /// Go on at another place of what is playing, at its end if it is shorter.
    pub fn seek(&mut self, position_ms: u32) {
        let Some(playing) = &mut self.playing else {
            return;
        };
        let frames = playing.play.programme.frames();
        playing.next = (position_ms as usize / FRAME_MS).min(frames);
        (playing.is_later, playing.jumps) = (false, true);
        self.tail.add(i32::from(std::mem::take(&mut self.last)));
    }

    /// Play at `gain` while one of these tracks speaks.
    pub fn duck(&mut self, under: Vec<TrackId>, gain: f32) {
        self.ducking.set(under, gain);
    }

    /// Those under which it is played softer.
    pub fn ducks_under(&self) -> &[TrackId] {
        self.ducking.under()
    }

    /// Whether one of them speaks now.
    pub fn note_speech(&mut self, speaks: bool) {
        self.ducking.note(speaks);
    }

    /// Nothing is left to be heard: who mixes or encodes the track has had all of it.
    pub fn is_silent(&self) -> bool {
        self.resting
    }

    /// Make the next frame.
    pub fn fill(&mut self) -> Told {
        std::mem::swap(&mut self.frame, &mut self.before);
        self.frames += 1;
        self.plain = None;
        let mut told = Told::default();
        let heard = match self.feed {
            Some(_) => self.fill_from_source(),
            None => self.fill_from_plays(&mut told),
        };
        let length = self.rate.frame();
        if heard && !self.ducking.is_plain() {
            self.plain = None;
            self.ducking.apply(&mut self.frame[..length]);
            self.last = self.frame[length - 1];
        }
        self.fade_out();
        let is_silent = |frame: &[i16]| frame.iter().all(|&sample| sample == 0);
        self.resting = !heard
            && self.playing.is_none()
            && self.queue.is_empty()
            && is_silent(self.frame())
            && is_silent(self.before());
        told
    }

    /// False if the frame has nothing in it, as below.
    fn fill_from_source(&mut self) -> bool {
        let frame = &mut self.frame[..self.rate.frame()];
        if self.feed.as_mut().is_some_and(|feed| feed.read(frame)) {
            self.last = frame[frame.len() - 1];
            return true;
        }
        frame.fill(0);
        self.tail.add(i32::from(std::mem::take(&mut self.last)));
        false
    }

    fn fill_from_plays(&mut self, told: &mut Told) -> bool {
        for _ in 0..2 {
            if self.playing.is_none() {
                self.playing = self.queue.pop_front().map(Playing::new);
            }
            let jumps = self.playing.as_ref().is_some_and(|playing| playing.jumps);
            if self.playing.is_none() || (jumps && !self.tail.is_over()) {
                break; // what was cut dies away first, so that what follows is heard as it was encoded
            }
            let filled = self.read(told);
            if filled == self.rate.frame() {
                self.last = self.frame[filled - 1];
                return true;
            }
            told.finished = self.end(PlayOutcome::Finished);
            if filled > 0 {
                self.tail = Tail::default(); // the step is the item's own end
                return true;
            }
            if !self.queue.is_empty() {
                self.tail = Tail::default(); // so is the one between two plays
            }
        }
        let length = self.rate.frame();
        self.frame[..length].fill(0);
        false
    }

    /// Read the next frame of what is playing; returns how many samples it has, fewer at its end.
    fn read(&mut self, told: &mut Told) -> usize {
        let Some(playing) = &mut self.playing else {
            return 0;
        };
        let programme = &playing.play.programme;
        let frames = programme.frames();
        if playing.next >= frames && playing.play.looped && frames > 0 {
            (playing.next, playing.is_later) = (0, true);
            self.round += 1;
        }
        if std::mem::take(&mut playing.jumps) {
            self.round += 1;
            if self.rate != programme.rate() {
                self.rate = programme.rate();
                self.live = [const { None }; Codec::ALL.len()];
                self.before.fill(0);
            }
        }
        if playing.next >= frames {
            return 0;
        }
        playing.report(told);
        let programme = &playing.play.programme;
        let frame = &mut self.frame[..self.rate.frame()];
        let filled = programme.read(playing.next, frame);
        self.plain = Some((playing.next, playing.is_later));
        playing.next += 1;
        if playing.play.looped {
            return frame.len(); // its last frame is filled up with silence
        }
        filled
    }

    fn fade_out(&mut self) {
        if self.tail.is_over() {
            return;
        }
        self.plain = None;
        let length = self.rate.frame();
        for (sum, &sample) in self.sum.iter_mut().zip(&self.frame[..length]) {
            *sum = i32::from(sample);
        }
        self.tail.fade_into(&mut self.sum[..length], self.rate);
        for (sample, &sum) in self.frame[..length].iter_mut().zip(&self.sum) {
            *sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }

    /// The frame in `codec`: as it was encoded once for all, else as it is encoded now for those who listen here.
    pub fn packet(&mut self, codec: Codec) -> &[u8] {
        if self.has_packet(codec) {
            let packet = self.plain.and_then(|(n, is_later)| {
                let playing = self.playing.as_ref()?;
                playing.play.programme.packet(codec, n, is_later)
            });
            return packet.unwrap_or_default();
        }
        self.encode(codec)
    }

    /// A codec with memory changes between the two ways only where a round begins.
    fn has_packet(&self, codec: Codec) -> bool {
        let (Some((n, is_later)), Some(playing)) = (self.plain, &self.playing) else {
            return false;
        };
        let has_memory = codec.format().peek.is_none();
        let is_live = |live: &Live| live.round == self.round;
        let stays_live = has_memory && self.live[codec as usize].as_deref().is_some_and(is_live);
        let packet = playing.play.programme.packet(codec, n, is_later);
        packet.is_some() && !stays_live
    }

    fn encode(&mut self, codec: Codec) -> &[u8] {
        let (rate, length) = (self.rate, self.rate.frame());
        let live =
            self.live[codec as usize].get_or_insert_with(|| Box::new(Live::new(codec, rate)));
        if live.frame != self.frames {
            if live.frame + 1 != self.frames {
                live.voice.encode(&self.before[..length], &mut live.payload); // what the listener heard last
            }
            live.length = live.voice.encode(&self.frame[..length], &mut live.payload);
            live.frame = self.frames;
        }
        live.round = self.round;
        &live.payload[..live.length]
    }
}

impl Live {
    fn new(codec: Codec, rate: Rate) -> Live {
        Live {
            voice: Voice::new(codec, rate),
            payload: [0; MAX_PAYLOAD],
            length: 0,
            frame: 0,
            round: 0,
        }
    }
}

#[cfg(test)]
mod tests;
