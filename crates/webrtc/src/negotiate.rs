//! From str0m's negotiated state to our lines and their payload types.

use str0m::change::SdpOffer;
use str0m::format::Codec as WireCodec;
use str0m::media::{Direction, Mid, Pt};
use str0m::Rtc;

use crate::config::{AudioCodec, LegConfig};
use crate::error::BadOffer;
use crate::event::{Answer, Codec, Kind, Line};
use crate::offer::{Offer, Role, Roles};
use crate::sleeping::Sleeping;

/// One payload type of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    pub pt: Pt,
    pub codec: Codec,
    /// Hz.
    pub clock_rate: u32,
}

/// A line and what its payload types mean.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub line: Line,
    /// In order of preference; those that the line no longer answers last, since the peer may use them until it
    /// has read the answer.
    pub payloads: Vec<Payload>,
}

impl Negotiated {
    pub fn payload(&self, pt: Pt) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.pt == pt)
    }

    /// What to send `codec` as; None if it was not answered.
    pub fn payload_of(&self, codec: Codec) -> Option<&Payload> {
        let mut answered = self.payloads.iter().filter(|p| self.answers(p));
        answered.find(|p| p.codec == codec)
    }

    /// What to send telephone-events at this clock as.
    pub fn events_at(&self, clock_rate: u32) -> Option<&Payload> {
        let is_it = |p: &&Payload| p.codec == Codec::TelephoneEvent && p.clock_rate == clock_rate;
        self.payloads.iter().find(is_it)
    }

    fn answers(&self, payload: &Payload) -> bool {
        payload.codec == Codec::TelephoneEvent || self.line.codecs.contains(&payload.codec)
    }

    fn answered_formats(&self) -> Vec<String> {
        let answered = self.payloads.iter().filter(|p| self.answers(p));
        answered.map(|p| p.pt.to_string()).collect()
    }
}

/// Answer `sdp` on `rtc`. `roles` are those of the peer's earlier offer, and become those of this one.
pub(crate) fn answer(
    rtc: &mut Rtc,
    sdp: &str,
    config: &LegConfig,
    roles: &mut Roles,
    sleeping: &mut Sleeping,
) -> Result<(Answer, Vec<Negotiated>), BadOffer> {
    let offer = Offer::parse(sdp, &config.audio_codecs, roles)?;
    let readable = offer.to_sdp();
    sleeping.announce(rtc, &pictures(rtc, &offer));
    let answered = accept(rtc, &readable).and_then(|answer| {
        let missing = sleeping.announce(rtc, &pictures(rtc, &offer));
        if missing {
            accept(rtc, &readable) // the same again, now with all that is to be announced
        } else {
            Ok(answer)
        }
    });
    sleeping.put_to_sleep(rtc, &pictures(rtc, &offer));
    let answer = answered?;
    *roles = offer.roles();
    let negotiated = lines(rtc, &offer, &config.audio_codecs);
    let audio = negotiated.iter().find(|n| n.line.kind == Kind::Audio);
    let formats = audio.map(Negotiated::answered_formats).unwrap_or_default();
    let answer = Answer {
        sdp: offer.complete_answer(&answer, &formats, config.tcp_addr()),
        lines: negotiated.iter().map(|n| n.line.clone()).collect(),
    };
    Ok((answer, negotiated))
}

fn accept(rtc: &mut Rtc, offer: &str) -> Result<String, BadOffer> {
    let bad = |error: &dyn std::error::Error| BadOffer::new(error.to_string());
    let offer = SdpOffer::from_sdp_string(offer).map_err(|error| bad(&error))?;
    let answer = rtc.sdp_api().accept_offer(offer);
    Ok(answer.map_err(|error| bad(&error))?.to_sdp_string())
}

/// Lines that str0m knows on which the peer takes video.
fn pictures(rtc: &Rtc, offer: &Offer) -> Vec<Mid> {
    let sections = offer.sections.iter();
    let videos = sections.filter(|s| matches!(s.role, Role::Media(kind) if kind.is_video()));
    let mids = videos.filter_map(|s| s.mid.map(Mid::from));
    let takes = |mid: &Mid| {
        rtc.media(*mid)
            .is_some_and(|media| media.direction().is_sending())
    };
    mids.filter(takes).collect()
}

fn lines(rtc: &Rtc, offer: &Offer, audio: &[AudioCodec]) -> Vec<Negotiated> {
    let media = offer.sections.iter().filter_map(|s| match s.role {
        Role::Media(kind) => Some((Mid::from(s.mid?), kind)),
        _ => None,
    });
    media
        .filter_map(|(mid, kind)| negotiated(rtc, mid, kind, audio))
        .collect()
}

fn negotiated(rtc: &Rtc, mid: Mid, kind: Kind, audio: &[AudioCodec]) -> Option<Negotiated> {
    let media = rtc.media(mid)?;
    let ours = media.direction();
    let mut payloads: Vec<Payload> = rtc
        .codec_config()
        .params()
        .iter()
        .filter(|p| media.remote_pts().contains(&p.pt()))
        .filter_map(|p| {
            Some(Payload {
                pt: p.pt(),
                codec: codec(p.spec().codec)?,
                clock_rate: p.spec().clock_rate.get(),
            })
        })
        .collect();
    let rank = |codec| match codec {
        Codec::TelephoneEvent | Codec::Vp8 => Some(audio.len()),
        _ => audio
            .iter()
            .position(|wanted| Codec::from(*wanted) == codec),
    };
    payloads.sort_by_key(|p| rank(p.codec).unwrap_or(usize::MAX));
    let line = Line {
        mid,
        kind,
        sends: matches!(ours, Direction::RecvOnly | Direction::SendRecv),
        receives: matches!(ours, Direction::SendOnly | Direction::SendRecv),
        codecs: payloads
            .iter()
            .map(|p| p.codec)
            .filter(|c| *c != Codec::TelephoneEvent && rank(*c).is_some())
            .collect(),
    };
    Some(Negotiated { line, payloads })
}

fn codec(wire: WireCodec) -> Option<Codec> {
    match wire {
        WireCodec::Opus => Some(Codec::Opus),
        WireCodec::PCMU => Some(Codec::Pcmu),
        WireCodec::PCMA => Some(Codec::Pcma),
        WireCodec::G722 => Some(Codec::G722),
        WireCodec::Tele => Some(Codec::TelephoneEvent),
        WireCodec::Vp8 => Some(Codec::Vp8),
        _ => None,
    }
}
