//! A bus: what ports send that hear the same in the same codec, mixed and encoded once however many they are.
//!
//! A port whose sources or gains change leaves its bus for one that goes on from the same state: voices fade from where
//! they were, and the encoder is a copy, so that the peer's decoder notices nothing. Ports that change alike share the
//! new bus too. Buses that came to carry the same become one when their encoders have heard the same for long enough.

use crate::clock::{Nanos, MILLISECOND};
use crate::codec::{Codec, Encoder, Rate, MAX_PAYLOAD};
use crate::handover::{Handover, Slide, LEAVING};
use crate::id::{BusId, PortId, TrackId};
use crate::jitter::Past;
use crate::mix::Mixer;
use crate::sum::Sum;

/// Longer than a playout waits for its first packet.
const MAX_AWAITED: Nanos = 250 * MILLISECOND;
/// Frames that buses carry alike before they become one: until fades and what waits of longer packets are over, and
/// until the encoders of codecs with memory have the same in it.
const SETTLED: u32 = 5;
const SETTLED_IN_MEMORY: u32 = 25;
/// The shortest packets are of 10 ms.
const MAX_PACKETS: usize = 2;

/// How a mix is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub codec: Codec,
    /// The rate to mix and encode at.
    pub rate: Rate,
    pub packet_ms: u32,
}

/// What the peers of a bus heard before its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Silence,
    Relay(TrackId),
    /// A bus, after so many frames.
    Bus(BusId, u64),
}

/// A source that was relayed and is mixed from now on: it is heard when its playout is past what was relayed, and until
/// then nothing is sent, so that not a sample is missing between the two.
#[derive(Clone)]
struct Awaited {
    source: TrackId,
    /// Timestamp behind what was relayed.
    from: Option<u32>,
    past: Option<Box<Past>>,
    until: Nanos,
}

/// Whether a bus waits for its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Waits,
    /// It goes on from here where the relayed packets stand.
    TakesOver(TrackId),
    Over,
}

/// All that a settled bus carries together with what its one member says himself.
struct Base {
    column: Column,
    own: Option<TrackId>,
}

/// Who is heard and how loud (linear), in an order of its own.
pub type Column = Vec<(TrackId, f32)>;

pub fn column(voices: &[(TrackId, f32)]) -> Column {
    let mut column = voices.to_vec();
    column.sort_unstable_by_key(|&(track, _)| track);
    column
}

pub struct Bus {
    pub members: Vec<PortId>,
    form: Form,
    column: Column,
    origin: Origin,
    /// Mixed so far, and since the last change.
    frames: u64,
    settled: u32,
    awaited: Option<Awaited>,
    /// Of what was relayed, and by how many ticks the first frame begins before its end.
    before: Option<(Box<Past>, i32)>,
    /// For the next frame.
    handover: Option<Handover>,
    slide: Slide,
    base: Option<Base>,
    /// The newest frame was made of a sum: the mixer does not know what the voices said last.
    is_of_sum: bool,
    mixer: Mixer,
    encoder: Box<dyn Encoder>,
    /// Mixed and not yet sent: packets may be longer or shorter than a frame.
    pending: Vec<i16>,
    frame: [i16; Rate::MAX_FRAME],
    /// The packets that the newest frame filled, one after the other, and where each ends.
    packets: [u8; MAX_PACKETS * MAX_PAYLOAD],
    ends: [usize; MAX_PACKETS],
    count: usize,
}

impl Bus {
    pub fn new(form: Form, column: Column, origin: Origin, now: Nanos) -> Bus {
        let (mixer, encoder) = (Mixer::new(form.rate), form.codec.encoder(form.rate));
        let mut bus = Bus::with(form, origin, mixer, encoder);
        bus.turn(column);
        if let Origin::Relay(source) = origin {
            bus.mixer.go_on(source);
            let until = now + MAX_AWAITED;
            bus.awaited = Some(Awaited {
                source,
                from: None,
                past: None,
                until,
            });
        }
        bus
    }

    fn with(form: Form, origin: Origin, mixer: Mixer, encoder: Box<dyn Encoder>) -> Bus {
        let packet = (form.rate.hz() / 1_000 * form.packet_ms) as usize;
        Bus {
            members: Vec::new(),
            form,
            column: Column::new(),
            origin,
            frames: 0,
            settled: 0,
            awaited: None,
            before: None,
            handover: None,
            slide: Slide::default(),
            base: None,
            is_of_sum: false,
            mixer,
            encoder,
            pending: Vec::with_capacity(form.rate.frame() + packet.max(form.rate.frame())),
            frame: [0; Rate::MAX_FRAME],
            packets: [0; MAX_PACKETS * MAX_PAYLOAD],
            ends: [0; MAX_PACKETS],
            count: 0,
        }
    }

    /// A bus that goes on from here with other voices, or in packets of another length.
    pub fn fork(&self, form: Form, column: Column, origin: Origin) -> Bus {
        let mut bus = Bus::with(form, origin, self.mixer.clone(), self.encoder.fork());
        if form == self.form {
            bus.pending.extend_from_slice(&self.pending);
        }
        (bus.awaited, bus.slide) = (self.awaited.clone(), self.slide);
        bus.turn(column);
        bus
    }

    /// What was relayed of the awaited source: the timestamp it ended at, and the last of it.
    pub fn follow(&mut self, (from, past): (Option<u32>, Option<Box<Past>>)) {
        if let Some(awaited) = &mut self.awaited {
            (awaited.from, awaited.past) = (from, past);
        }
    }

    /// Carry other voices from now on.
    pub fn turn(&mut self, column: Column) {
        self.mixer.set_voices(&column);
        self.column = column;
        self.settled = 0;
        self.base = None;
    }

    pub fn form(&self) -> Form {
        self.form
    }

    pub fn carries(&self, form: Form, column: &[(TrackId, f32)]) -> bool {
        self.form == form && self.column == column
    }

    /// Whether what is sent in `form` can go on from this.
    pub fn leads_to(&self, form: Form) -> bool {
        (self.form.codec, self.form.rate) == (form.codec, form.rate)
    }

    /// What those who leave now have heard.
    pub fn heard(&self, id: BusId) -> Origin {
        if self.frames == 0 {
            self.origin
        } else {
            Origin::Bus(id, self.frames)
        }
    }

    /// Who heard the same before may come too: nothing was sent yet.
    pub fn is_open_to(&self, origin: Origin, form: Form, column: &[(TrackId, f32)]) -> bool {
        self.frames == 0 && self.origin == origin && self.carries(form, column)
    }

    /// Whether it waits for its first frame; `extent_of` tells the timestamps at which a track's frame begins and ends.
    pub fn wait(&mut self, extent_of: impl Fn(TrackId) -> Option<[u32; 2]>, now: Nanos) -> Wait {
        let Some(awaited) = self.awaited.take() else {
            return Wait::Over;
        };
        let to_end = |at: u32| awaited.from.unwrap_or(at).wrapping_sub(at) as i32;
        let extent = extent_of(awaited.source).map(|extent| extent.map(to_end));
        let is_early = extent.is_none_or(|[_, end]| end >= 0 && awaited.from.is_some());
        if is_early && now < awaited.until {
            self.awaited = Some(awaited);
            return Wait::Waits;
        }
        let Some([overlap, _]) = extent else {
            return Wait::Over;
        };
        self.before = awaited.past.map(|past| (past, overlap));
        Wait::TakesOver(awaited.source)
    }

    /// What was relayed before this first frame, and by how many ticks that begins before its end.
    pub fn take_before(&mut self) -> Option<(Box<Past>, i32)> {
        self.before.take()
    }

    /// The source by which the mix is ahead: it was to be relayed, and is not.
    pub fn slides_from(&self) -> Option<TrackId> {
        self.slide.source()
    }

    /// Samples by which what is mixed comes later than what is relayed; None if it is of another codec or rate.
    pub fn lag_of(&self, codec: Codec, rate: Rate) -> Option<usize> {
        let same = (self.form.codec, self.form.rate) == (codec, rate);
        same.then(|| self.encoder.lookahead())
    }

    /// What to do to the next frame.
    pub fn hand_over(&mut self, handover: Handover) {
        self.handover = Some(handover);
    }

    /// Frames that a source is mixed alone before it is relayed.
    pub fn frames_to_leave(&self) -> u8 {
        match self.encoder.lookahead() {
            0 => 1,
            _ => LEAVING,
        }
    }

    /// What it carries, and may be made of the sum of with what `own` says taken out.
    pub fn set_base(&mut self, own: Option<TrackId>) {
        let mut column = self.column.clone();
        if let Some(own) = own {
            let place = column.partition_point(|&(track, _)| track < own);
            column.insert(place, (own, 1.0));
        }
        self.base = Some(Base { column, own });
    }

    pub fn base(&self) -> Option<&Column> {
        self.base.as_ref().map(|base| &base.column)
    }

    pub fn column(&self) -> &Column {
        &self.column
    }

    /// The voices are no longer heard by way of this sum.
    pub fn recall(&mut self, sum: &Sum) {
        if std::mem::take(&mut self.is_of_sum) {
            self.mixer.recall(|track| sum.last_of(track));
        }
    }

    /// Mix one frame and encode what is full. `frame_of` gives each voice's samples at the form's rate, and whether it
    /// is among the chosen; `sum` is that of its base. True when it has just settled.
    pub fn mix<'a>(
        &mut self,
        mut frame_of: impl FnMut(TrackId) -> Option<(&'a [i16], bool)>,
        sum: Option<&Sum>,
    ) -> bool {
        let frame = &mut self.frame[..self.form.rate.frame()];
        match sum.filter(|sum| sum.is_steady()) {
            Some(sum) => {
                let own = self.base.as_ref().and_then(|base| base.own);
                let own = own
                    .and_then(&mut frame_of)
                    .filter(|(_, is_chosen)| *is_chosen);
                sum.without(own.map(|(samples, _)| samples), frame);
                self.is_of_sum = true;
            }
            None => {
                if let Some(sum) = sum.filter(|_| std::mem::take(&mut self.is_of_sum)) {
                    self.mixer.recall(|track| sum.last_of(track));
                }
                self.mixer.mix_chosen(&mut frame_of, frame);
            }
        }
        if let Some(handover) = self.handover.take() {
            if let Some((sound, true)) = frame_of(handover.source) {
                let encoder = &mut *self.encoder;
                self.slide
                    .apply(handover, encoder, self.form.rate, sound, frame);
            }
        }
        self.pending.extend_from_slice(frame);
        self.encode();
        self.frames += 1;
        self.settled = self.settled.saturating_add(1);
        self.settled == self.settles_after()
    }

    fn encode(&mut self) {
        let samples = (self.form.rate.hz() / 1_000 * self.form.packet_ms) as usize;
        self.count = 0;
        let mut end = 0;
        while self.pending.len() >= samples && self.count < MAX_PACKETS {
            let room = &mut self.packets[end..end + MAX_PAYLOAD];
            let length = self.encoder.encode(&self.pending[..samples], room);
            self.pending.drain(..samples);
            if length > 0 {
                end += length;
                self.ends[self.count] = end;
                self.count += 1;
            }
        }
    }

    /// What the newest frame filled.
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.count];
        let begins = std::iter::once(0).chain(ends.iter().copied());
        begins
            .zip(ends)
            .map(|(begin, &end)| &self.packets[begin..end])
    }

    fn settles_after(&self) -> u32 {
        match self.form.codec.format().peek {
            Some(_) => SETTLED,
            None => SETTLED_IN_MEMORY,
        }
    }

    /// Whether both carry the same and have for long enough: one will do.
    pub fn is_as(&self, other: &Bus) -> bool {
        other.carries(self.form, &self.column)
            && self.settled.min(other.settled) >= self.settles_after()
            && self.pending.len() == other.pending.len()
            && self.mixer.is_as(&other.mixer)
    }

    /// Others join whose decoders followed another encoder.
    pub fn welcome(&mut self, members: &[PortId]) {
        self.members.extend_from_slice(members);
        self.encoder.begin_anew();
    }
}
