//! What a port sends as audio: how it is carried, and the one stream it goes out on.

use std::mem::offset_of;

use crate::bus::Form;
use crate::clock::Nanos;
use crate::codec::{Codec, Encoder, Rate, FRAME_MS};
use crate::dtmf::{DigitSender, Moment};
use crate::id::{BusId, TrackId};
use crate::jitter::Past;
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

/// A packet on its way out.
#[derive(Clone, Copy, Debug)]
pub struct OutAudio<'a> {
    pub header: Header,
    pub codec: Codec,
    pub payload: &'a [u8],
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

    /// What the peer got last, in a codec with memory.
    past: Option<Box<Past>>,
    ptime_ms: u32,
    event_timestamp: u32,
    /// What it mixes with others, and the rate of it.
    bus: Option<(BusId, Rate)>,
    /// The source to relay, once a last frame is mixed and what waits of it is sent.
    leaving_for: Option<(TrackId, u8)>,
    tones: Option<Tones>,
}

impl AudioOut {
    /// How much of it a relayed packet touches.
    pub const IN_USE: usize = offset_of!(AudioOut, digits) + size_of::<usize>();

    pub fn new(stream: OutStream) -> AudioOut {
        AudioOut {
            codecs: [None; Codec::ALL.len()],
            ptime_ms: FRAME_MS as u32,
            sending: false,
            past: None,
            plan: Plan::Silent,
            stream,
            bus: None,
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

    /// How mixes of this rate are sent; None where nothing can be.
    pub fn form(&self, rate: Rate) -> Option<Form> {
        let codec = self.preferred()?;
        Some(Form {
            codec,
            rate: codec.rate_for(rate),
            packet_ms: codec.packet_ms(self.ptime_ms),
        })
    }

    /// The bus it sends what is mixed of.
    pub fn bus(&self) -> Option<BusId> {
        self.bus.map(|(bus, _)| bus)
    }

    pub fn set_bus(&mut self, bus: Option<(BusId, Rate)>) {
        self.bus = bus;
    }

    /// The rate to mix at; None if nothing is mixed.
    pub fn mix_rate(&self) -> Option<Rate> {
        self.bus.map(|(_, rate)| rate)
    }

    /// Carry the sources by `plan` from now on.
    pub fn set_plan(&mut self, plan: Plan) {
        if plan == Plan::Silent && self.plan != plan {
            self.stream.pause();
        }
        self.leaving_for = None;
        self.plan = plan;
    }

    /// Mix `source` alone for some frames more, so that who left fades out, then relay it.
    pub fn leave_for(&mut self, source: TrackId, frames: u8) {
        self.leaving_for = Some((source, frames));
    }

    /// The source that is relayed soon.
    pub fn leaving_for(&self) -> Option<TrackId> {
        Some(self.leaving_for?.0)
    }

    /// Whether what is mixed now is the last before that source is relayed.
    pub fn leaves(&mut self) -> bool {
        let Some((_, frames)) = &mut self.leaving_for else {
            return false;
        };
        *frames = frames.saturating_sub(1);
        *frames == 0
    }

    /// What was relayed of `source` until now: the timestamp it ended at, and the last of what the peer got.
    pub fn relayed(&self, source: TrackId) -> (Option<u32>, Option<Box<Past>>) {
        (self.stream.relayed_until(source), self.past.clone())
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

    /// Place a frame that was encoded, for this port alone or for several.
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
        remember(&mut self.past, codec, payload);
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

fn remember(past: &mut Option<Box<Past>>, codec: Codec, payload: &[u8]) {
    if codec.format().peek.is_none() {
        let past = past.get_or_insert_with(|| Box::new(Past::new(codec)));
        past.add(codec, payload);
    }
}
