//! From str0m's negotiated state to our lines and their payload types.

use str0m::change::SdpOffer;
use str0m::format::Codec as WireCodec;
use str0m::media::{Direction, Mid, Pt};
use str0m::Rtc;

use crate::config::LegConfig;
use crate::error::BadOffer;
use crate::event::{Answer, Codec, Kind, Line};
use crate::offer::{Offer, Role, Roles};

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
    pub payloads: Vec<Payload>,
}

impl Negotiated {
    pub fn payload(&self, pt: Pt) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.pt == pt)
    }

    pub fn payload_of(&self, codec: Codec) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.codec == codec)
    }
}

/// Answer `sdp` on `rtc`. `roles` are those of the peer's earlier offer, and become those of this one.
pub(crate) fn answer(
    rtc: &mut Rtc,
    sdp: &str,
    config: &LegConfig,
    roles: &mut Roles,
) -> Result<(Answer, Vec<Negotiated>), BadOffer> {
    let offer = Offer::parse(sdp, &config.audio_codecs, roles)?;
    let readable = SdpOffer::from_sdp_string(&offer.to_sdp())
        .map_err(|error| BadOffer::new(error.to_string()))?;
    let answer = rtc
        .sdp_api()
        .accept_offer(readable)
        .map_err(|error| BadOffer::new(error.to_string()))?;
    *roles = offer.roles();
    let negotiated = lines(rtc, &offer);
    let answer = Answer {
        sdp: offer.complete_answer(&answer.to_sdp_string()),
        lines: negotiated.iter().map(|n| n.line.clone()).collect(),
    };
    Ok((answer, negotiated))
}

fn lines(rtc: &Rtc, offer: &Offer) -> Vec<Negotiated> {
    let media = offer.sections.iter().filter_map(|s| match s.role {
        Role::Media(kind) => Some((Mid::from(s.mid?), kind)),
        _ => None,
    });
    media
        .filter_map(|(mid, kind)| negotiated(rtc, mid, kind))
        .collect()
}

fn negotiated(rtc: &Rtc, mid: Mid, kind: Kind) -> Option<Negotiated> {
    let media = rtc.media(mid)?;
    let ours = media.direction();
    let payloads: Vec<Payload> = rtc
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
    let line = Line {
        mid,
        kind,
        sends: matches!(ours, Direction::RecvOnly | Direction::SendRecv),
        receives: matches!(ours, Direction::SendOnly | Direction::SendRecv),
        codecs: payloads
            .iter()
            .map(|p| p.codec)
            .filter(|c| *c != Codec::TelephoneEvent)
            .collect(),
    };
    Some(Negotiated { line, payloads })
}

fn codec(wire: WireCodec) -> Option<Codec> {
    match wire {
        WireCodec::Opus => Some(Codec::Opus),
        WireCodec::PCMU => Some(Codec::Pcmu),
        WireCodec::PCMA => Some(Codec::Pcma),
        WireCodec::Tele => Some(Codec::TelephoneEvent),
        WireCodec::Vp8 => Some(Codec::Vp8),
        _ => None,
    }
}
