//! What a port sends as audio: how it is carried, and the one stream it goes out on.

use crate::clock::{Nanos, MILLISECOND};
use crate::codec::{Codec, Encoder, Rate, FRAME_MS, MAX_PAYLOAD};
use crate::dtmf::{DigitSender, Moment};
use crate::id::TrackId;
use crate::mix::Mixer;
use crate::relay::{Header, Incoming, OutStream};
use crate::track::AudioPacket;

/// Longest ptime that is kept to.
const MAX_PTIME_MS: u32 = 60;

/// How the sources of a port are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is connected, or nothing may be sent.
    Silent,
    /// One source in a codec the peer takes: headers only.
    Relay(TrackId),
    /// Decode, sum, encode.
    Mix,
}

/// A source that was relayed and is mixed from now on: its first packet is heard when its playout begins, and until then
/// nothing is sent, so that not a sample is missing between the two.
#[derive(Clone, Copy)]
struct Awaited {
    source: TrackId,
    until: Nanos,
}

/// Longer than a playout waits for its first packet.
const MAX_AWAITED: Nanos = 250 * MILLISECOND;

/// A packet on its way out.
#[derive(Clone, Copy, Debug)]
pub struct OutAudio<'a> {
    pub header: Header,
    pub codec: Codec,
    pub payload: &'a [u8],
}

/// Encoder and frames of a port that mixes.
struct Mixing {
    mixer: Mixer,
    codec: Codec,
    encoder: Box<dyn Encoder>,
    /// Mixed and not yet sent: ptime may be longer or shorter than a frame.
    pending: Vec<i16>,
    frame: [i16; Rate::MAX_FRAME],
}

/// Encodes digits for a peer that takes no events.
struct Tones {
    codec: Codec,
    rate: Rate,
    encoder: Box<dyn Encoder>,
}

/// What a relayed packet touches comes first and lies together (see `RtpPort`).
#[repr(C)]
pub struct AudioOut {
    pub plan: Plan,
    /// Codecs the peer takes, the one to encode in first.
    codecs: [Option<Codec>; Codec::ALL.len()],
    sending: bool,
    /// Of the newest packet.
    pub codec: Option<Codec>,
    pub packets: u64,
    pub bytes: u64,
    pub stream: OutStream,
    /// Digits for the peer; while it is busy no sound is sent.
    pub digits: DigitSender,

    ptime_ms: u32,
    event_timestamp: u32,
    mixing: Option<Box<Mixing>>,
    awaited: Option<Awaited>,
    /// The source to relay, once a last frame is mixed and what waits of it is sent.
    leaving_for: Option<TrackId>,
    tones: Option<Tones>,
}

impl AudioOut {
    pub fn new(stream: OutStream) -> AudioOut {
        AudioOut {
            codecs: [None; Codec::ALL.len()],
            ptime_ms: FRAME_MS as u32,
            sending: false,
            plan: Plan::Silent,
            stream,
            mixing: None,
            awaited: None,
            leaving_for: None,
            digits: DigitSender::default(),
            event_timestamp: 0,
            tones: None,
            packets: 0,
            bytes: 0,
            codec: None,
        }
    }

    /// Apply what was negotiated.
    pub fn configure(&mut self, codecs: &[Codec], ptime_ms: u32, sending: bool) {
        self.codecs = [None; Codec::ALL.len()];
        for &codec in codecs {
            if !self.accepts(codec) {
                let free = self.codecs.iter_mut().find(|place| place.is_none());
                free.into_iter().for_each(|place| *place = Some(codec));
            }
        }
        self.ptime_ms = if (1..=MAX_PTIME_MS).contains(&ptime_ms) {
            ptime_ms
        } else {
            FRAME_MS as u32
        };
        self.sending = sending && self.preferred().is_some();
    }

    pub fn is_sending(&self) -> bool {
        self.sending
    }

    /// The codec that mixes are encoded in.
    pub fn preferred(&self) -> Option<Codec> {
        self.codecs[0]
    }

    pub fn accepts(&self, codec: Codec) -> bool {
        self.codecs.contains(&Some(codec))
    }

    /// Frames are sent as they are made, one a packet.
    pub fn takes_frames(&self) -> bool {
        self.ptime_ms == FRAME_MS as u32
    }

    /// The rate to mix at; None if nothing is mixed.
    pub fn mix_rate(&self) -> Option<Rate> {
        self.mixing.as_ref().map(|mixing| mixing.mixer.rate())
    }

    /// Carry the sources by `plan` from now on.
    pub fn set_plan(&mut self, plan: Plan) {
        if plan == Plan::Silent && self.plan != plan {
            self.stream.pause();
        }
        if plan != Plan::Mix {
            (self.mixing, self.awaited) = (None, None);
        }
        self.leaving_for = None;
        self.plan = plan;
    }

    /// `source`, relayed until now, is the first that the new mix is heard of.
    pub fn await_playout(&mut self, source: TrackId, now: Nanos) {
        if let Some(mixing) = &mut self.mixing {
            mixing.mixer.go_on(source);
            let until = now + MAX_AWAITED;
            self.awaited = Some(Awaited { source, until });
        }
    }

    /// Whether the mix waits for its first frame; `has_begun` tells of a track's playout.
    pub fn awaits(&mut self, has_begun: impl Fn(TrackId) -> bool, now: Nanos) -> bool {
        let Some(Awaited { source, until }) = self.awaited else {
            return false;
        };
        if has_begun(source) {
            self.stream.take_over();
        } else if now < until {
            return true;
        }
        self.awaited = None;
        false
    }

    /// Mix `source` alone once more, so that who left fades out, then relay it.
    pub fn leave_for(&mut self, source: TrackId) {
        if let Some(mixing) = &mut self.mixing {
            mixing.mixer.set_voices(&[(source, 1.0)]);
            self.leaving_for = Some(source);
        }
    }

    /// The source that is relayed after this frame.
    pub fn leaving_for(&self) -> Option<TrackId> {
        self.leaving_for
    }

    /// Mix these voices; `rate` is the highest that any of them has.
    pub fn set_mix(&mut self, voices: &[(TrackId, f32)], rate: Rate) {
        let Some(codec) = self.preferred() else {
            return;
        };
        let rate = codec.rate_for(rate);
        self.set_plan(Plan::Mix);
        if self
            .mixing
            .as_ref()
            .is_some_and(|mixing| mixing.codec != codec || mixing.mixer.rate() != rate)
        {
            self.mixing = None;
        }
        let ptime_ms = self.ptime_ms;
        let mixing = self
            .mixing
            .get_or_insert_with(|| Box::new(Mixing::new(codec, rate, ptime_ms)));
        mixing.mixer.set_voices(voices);
    }

    /// Place a packet of `source` in the stream; None if it is not for this stream or comes too late.
    pub fn relay<'a>(
        &mut self,
        source: TrackId,
        packet: &AudioPacket<'a>,
        now: Nanos,
    ) -> Option<OutAudio<'a>> {
        if self.plan != Plan::Relay(source) || !self.sending || !self.accepts(packet.codec) {
            return None;
        }
        if self.digits.is_busy() {
            return None;
        }
        self.stream.set_clock_rate(packet.codec.clock_rate());
        let incoming = Incoming {
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            duration: packet.codec.duration(packet.payload),
        };
        let header = self.stream.relay(source, incoming, now)?;
        self.count(packet.codec, packet.payload);
        Some(OutAudio {
            header,
            codec: packet.codec,
            payload: packet.payload,
        })
    }

    /// Place a frame that was encoded for several ports.
    pub fn frame<'a>(&mut self, codec: Codec, payload: &'a [u8], now: Nanos) -> OutAudio<'a> {
        self.stream.set_clock_rate(codec.clock_rate());
        let header = self.stream.frame(codec.duration(payload), now);
        self.count(codec, payload);
        OutAudio {
            header,
            codec,
            payload,
        }
    }

    /// Mix one frame and send what is full. `frame_of` gives each voice's samples at `mix_rate()`.
    pub fn mix<'a>(
        &mut self,
        frame_of: impl FnMut(TrackId) -> Option<&'a [i16]>,
        now: Nanos,
        mut send: impl FnMut(OutAudio<'_>),
    ) {
        let Some(mixing) = &mut self.mixing else {
            return;
        };
        mixing.mix(frame_of);
        if self.digits.is_busy() {
            mixing.pending.clear();
            return;
        }
        let mut payload = [0; MAX_PAYLOAD];
        while let Some(length) = mixing.encode(self.ptime_ms, &mut payload) {
            let (codec, payload) = (mixing.codec, &payload[..length]);
            self.stream.set_clock_rate(codec.clock_rate());
            let header = self.stream.frame(codec.duration(payload), now);
            self.packets += 1;
            self.bytes += length as u64;
            self.codec = Some(codec);
            send(OutAudio {
                header,
                codec,
                payload,
            });
        }
    }

    /// The event packet of this frame, if it has one.
    pub fn event(&mut self, moment: &Moment, now: Nanos) -> Option<(Header, [u8; 4])> {
        if moment.begins {
            if let Some(codec) = self.preferred().filter(|_| self.codec.is_none()) {
                self.stream.set_clock_rate(codec.clock_rate()); // nothing was sent yet that would have set it
            }
            self.event_timestamp = self.stream.begin_event(now);
        }
        let (payload, step) = moment.event(self.stream.clock_rate())?;
        self.packets += 1;
        self.bytes += payload.len() as u64;
        let header = Header {
            sequence: self.stream.event_sequence(),
            timestamp: self.event_timestamp.wrapping_add(step),
            marker: moment.begins,
        };
        Some((header, payload))
    }

    /// A frame of a digit's tone, for a peer that takes no events. Returns its codec and the length of its payload.
    pub fn tone(&mut self, moment: &Moment, payload: &mut [u8]) -> Option<(Codec, usize)> {
        let codec = self.preferred()?;
        let tones = self.tones.take_if(|tones| tones.codec == codec);
        let tones = self
            .tones
            .insert(tones.unwrap_or_else(|| Tones::new(codec)));
        let mut frame = [0; Rate::MAX_FRAME];
        let frame = &mut frame[..tones.rate.frame()];
        moment.tone(tones.rate, frame);
        let length = tones.encoder.encode(frame, payload);
        Some((codec, length))
    }

    fn count(&mut self, codec: Codec, payload: &[u8]) {
        self.packets += 1;
        self.bytes += payload.len() as u64;
        self.codec = Some(codec);
    }
}

impl Tones {
    fn new(codec: Codec) -> Tones {
        let rate = codec.rate_for(Rate::Narrow);
        Tones {
            codec,
            rate,
            encoder: codec.encoder(rate),
        }
    }
}

impl Mixing {
    fn new(codec: Codec, rate: Rate, ptime_ms: u32) -> Mixing {
        let room = rate.frame() + samples_of(rate, ptime_ms);
        Mixing {
            mixer: Mixer::new(rate),
            codec,
            encoder: codec.encoder(rate),
            pending: Vec::with_capacity(room),
            frame: [0; Rate::MAX_FRAME],
        }
    }

    fn mix<'a>(&mut self, frame_of: impl FnMut(TrackId) -> Option<&'a [i16]>) {
        let frame = &mut self.frame[..self.mixer.rate().frame()];
        self.mixer.mix(frame_of, frame);
        self.pending.extend_from_slice(frame);
    }

    /// Encode the next packet if it is full; returns its length.
    fn encode(&mut self, ptime_ms: u32, payload: &mut [u8]) -> Option<usize> {
        let count = samples_of(self.mixer.rate(), self.codec.packet_ms(ptime_ms));
        if self.pending.len() < count {
            return None;
        }
        let length = self.encoder.encode(&self.pending[..count], payload);
        self.pending.drain(..count);
        (length > 0).then_some(length)
    }
}

fn samples_of(rate: Rate, ms: u32) -> usize {
    (rate.hz() / 1_000 * ms) as usize
}
