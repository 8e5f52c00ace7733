//! The offer as text: which media lines we take, for what, and the others made harmless.
//!
//! str0m answers every audio, video and data line that it understands. What we take is narrower: one audio, two
//! video, one data line. The rest is refused with port 0 (RFC 3264 §6), also media types that str0m would
//! not parse. So the offer is rewritten before str0m reads it, and the answer put right after.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::config::AudioCodec;
use crate::error::BadOffer;
use crate::event::Kind;

/// Far above any browser's offer; bounds the work a stranger can cause.
const MAX_OFFER_BYTES: usize = 128 * 1024;
const MAX_LINES: usize = 64;

/// What becomes of one m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Media(Kind),
    Data,
    Refused,
}

/// Roles by mid.
pub(crate) type Roles = HashMap<String, Role>;

/// What there is one of, in the order in which an offer's lines take them.
const ROLES: [Role; 4] = [
    Role::Media(Kind::Audio),
    Role::Media(Kind::Camera),
    Role::Media(Kind::Screen),
    Role::Data,
];

impl Role {
    /// The word after `m=`.
    fn media(self) -> &'static str {
        match self {
            Self::Media(Kind::Audio) => "audio",
            Self::Media(_) => "video",
            Self::Data => "application",
            Self::Refused => "",
        }
    }
}

/// One m-line and its attributes, as offered.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    media: &'a str,
    port: &'a str,
    proto: &'a str,
    formats: &'a str,
    pub mid: Option<&'a str>,
    pub role: Role,
    lines: Vec<&'a str>,
}

/// An offer, split into its sections, each with its role.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    session: Vec<&'a str>,
    pub sections: Vec<Section<'a>>,
    bundled: Vec<&'a str>,
}

impl<'a> Offer<'a> {
    /// Split `sdp` and give every m-line a role. `known`: the roles of the peer's earlier offer.
    pub fn parse(sdp: &'a str, audio: &[AudioCodec], known: &Roles) -> Result<Self, BadOffer> {
        let mut offer = Self::split(sdp)?;
        offer.assign_roles(audio, known);
        offer.check(known)?;
        Ok(offer)
    }

    fn split(sdp: &'a str) -> Result<Self, BadOffer> {
        if sdp.len() > MAX_OFFER_BYTES {
            return Err(BadOffer::new(format!(
                "the offer is longer than {MAX_OFFER_BYTES} bytes"
            )));
        }
        let mut session = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        for line in sdp.lines().map(str::trim_end).filter(|l| !l.is_empty()) {
            if let Some(rest) = line.strip_prefix("m=") {
                sections.push(Section::new(rest)?);
            } else if let Some(section) = sections.last_mut() {
                section.mid = section.mid.or(line.strip_prefix("a=mid:"));
                section.lines.push(line);
            } else {
                session.push(line);
            }
        }
        if !session.first().is_some_and(|l| l.starts_with("v=0")) {
            return Err(BadOffer::new("this is no SDP: it does not begin with v=0"));
        }
        if sections.is_empty() {
            return Err(BadOffer::new("the offer has no media line"));
        }
        if sections.len() > MAX_LINES {
            return Err(BadOffer::new(format!(
                "the offer has more than {MAX_LINES} media lines"
            )));
        }
        let bundled = session
            .iter()
            .find_map(|l| l.strip_prefix("a=group:BUNDLE"))
            .map(|mids| mids.split_whitespace().collect())
            .unwrap_or_default();
        Ok(Self {
            session,
            sections,
            bundled,
        })
    }

    /// A line keeps the role its mid had, and a refused one stays refused; a new one takes the first role that
    /// is free. So a camera that stops does not turn the screen into a camera.
    fn assign_roles(&mut self, audio: &[AudioCodec], known: &Roles) {
        let bundled = &self.bundled;
        let mut free = ROLES.to_vec();
        let mut open = Vec::new();
        for section in &mut self.sections {
            match section.mid.and_then(|mid| known.get(mid)) {
                _ if !section.is_usable(bundled, audio) => {}
                None => open.push(section),
                Some(&role) => {
                    free.retain(|r| *r != role);
                    section.role = role;
                }
            }
        }
        for section in open {
            if let Some(i) = free.iter().position(|r| r.media() == section.media) {
                section.role = free.remove(i);
            }
        }
    }

    fn check(&self, known: &Roles) -> Result<(), BadOffer> {
        if self.taken().next().is_none() {
            return Err(BadOffer::new(
                "the offer has no media line that this server can take: \
                 it speaks Opus, PCMU, PCMA and VP8 over DTLS-SRTP",
            ));
        }
        let had_data = known.values().any(|r| *r == Role::Data);
        if had_data && !self.taken().any(|s| s.role == Role::Data) {
            return Err(BadOffer::new("the data channel line cannot be taken away"));
        }
        if self.taken().any(|s| s.mid.is_none()) {
            return Err(BadOffer::new("a media line has no a=mid"));
        }
        let is_outside = |s: &Section| !s.mid.is_some_and(|mid| self.bundled.contains(&mid));
        let alone = self.bundled.is_empty() && self.taken().count() == 1;
        if !alone && self.taken().any(is_outside) {
            return Err(BadOffer::new("the media lines are not in one BUNDLE group"));
        }
        let unmuxed = |s: &Section| matches!(s.role, Role::Media(_)) && !s.has("a=rtcp-mux");
        if self.taken().any(unmuxed) {
            return Err(BadOffer::new("a media line has no a=rtcp-mux"));
        }
        Ok(())
    }

    /// What every mid is for, to be kept for the peer's next offer.
    pub fn roles(&self) -> Roles {
        self.sections
            .iter()
            .filter_map(|s| Some((s.mid?.to_owned(), s.role)))
            .collect()
    }

    /// The offer for str0m: refused lines are made audio lines with port 0, outside the BUNDLE group.
    pub fn to_sdp(&self) -> String {
        let mut out = String::with_capacity(4096);
        // A direction may stand for all lines, and none means both ways (RFC 8866 §6.7); str0m wants it in each.
        let said = self.session.iter().find(|l| DIRECTIONS.contains(l));
        let session_direction = said.unwrap_or(&"a=sendrecv");
        for line in self.session.iter().filter(|l| !is_bundle(l)) {
            push(&mut out, line);
        }
        // Also where a single line came without a group: str0m wants one always.
        let mids: Vec<&str> = self.taken().filter_map(|s| s.mid).collect();
        push(&mut out, &format!("a=group:BUNDLE {}", mids.join(" ")));
        for (index, section) in self.sections.iter().enumerate() {
            if section.role == Role::Refused {
                section.push_placeholder(&mut out, index);
            } else {
                section.push_taken(&mut out, session_direction);
            }
        }
        out
    }

    /// str0m's answer with the refused lines in the offer's own words, and the candidates in the first line
    /// taken: str0m puts them in the first line of all, where a peer ignores them if that one is refused.
    /// `audio_formats`: the payload types to answer for audio, in order; others that str0m negotiated are left out.
    /// `tcp`: where the peer may come by TCP, which str0m knows nothing of.
    pub fn complete_answer(
        &self,
        answer: &str,
        audio_formats: &[String],
        tcp: Option<SocketAddr>,
    ) -> String {
        let by_tcp = tcp.map(tcp_candidate);
        let (mut candidates, lines): (Vec<&str>, Vec<&str>) = answer
            .lines()
            .map(str::trim_end)
            .partition(|l| l.starts_with("a=candidate:") || *l == "a=end-of-candidates");
        let starts: Vec<usize> = (0..lines.len())
            .filter(|i| lines[*i].starts_with("m="))
            .collect();
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        let blocks = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| &lines[*start..end]);
        let mut out = String::with_capacity(answer.len() + 256);
        for line in &lines[..starts.first().copied().unwrap_or(lines.len())] {
            if !(is_bundle(line) && self.bundled.is_empty()) {
                push(&mut out, line);
            }
        }
        // The last may be the end of them.
        let end = candidates.len() - usize::from(candidates.last() == Some(&"a=end-of-candidates"));
        candidates.splice(end..end, by_tcp.as_deref());
        let mut candidates = Some(candidates);
        for (section, block) in self.sections.iter().zip(blocks) {
            if section.role == Role::Refused {
                section.push_refusal(&mut out);
                continue;
            }
            match section.role {
                Role::Media(Kind::Audio) => push_audio(&mut out, block, audio_formats),
                Role::Media(kind) => push_video(&mut out, block, kind),
                _ => block.iter().for_each(|l| push(&mut out, l)),
            }
            for line in candidates.take().unwrap_or_default() {
                push(&mut out, line);
            }
        }
        out
    }

    fn taken(&self) -> impl Iterator<Item = &Section<'a>> + Clone {
        self.sections.iter().filter(|s| s.role != Role::Refused)
    }
}

impl<'a> Section<'a> {
    /// `rest` is what follows `m=`: media, port, protocol, formats (RFC 8866 §5.14).
    fn new(rest: &'a str) -> Result<Self, BadOffer> {
        let mut words = rest.splitn(4, ' ');
        let mut word = || words.next().filter(|w| !w.is_empty());
        match (word(), word(), word(), word()) {
            (Some(media), Some(port), Some(proto), Some(formats)) => Ok(Self {
                media,
                port,
                proto,
                formats,
                mid: None,
                role: Role::Refused,
                lines: Vec::new(),
            }),
            _ => Err(BadOffer::new(format!(
                "not a media line: m={}",
                shorten(rest)
            ))),
        }
    }

    /// Whether it is offered at all, over a transport and in a codec that we speak.
    fn is_usable(&self, bundled: &[&str], audio: &[AudioCodec]) -> bool {
        // Port 0 inside the BUNDLE group means "by the first line's transport" (RFC 8843 §6), not "stopped".
        let stopped = self.port == "0" && !self.mid.is_some_and(|mid| bundled.contains(&mid));
        !stopped
            && match self.media {
                "application" => self.proto == "UDP/DTLS/SCTP" || self.proto == "DTLS/SCTP",
                "audio" => self.is_dtls_srtp() && audio.iter().any(|c| self.offers_audio(*c)),
                "video" => self.is_dtls_srtp() && self.maps("VP8/90000"),
                _ => false,
            }
    }

    fn is_dtls_srtp(&self) -> bool {
        self.proto == "UDP/TLS/RTP/SAVPF"
    }

    fn offers_audio(&self, codec: AudioCodec) -> bool {
        // The static payload types need no rtpmap (RFC 3551 §6).
        let has_format = |pt| self.formats.split(' ').any(|f| f == pt);
        match codec {
            AudioCodec::Opus => self.maps("opus/48000/2"),
            AudioCodec::Pcmu => self.maps("PCMU/8000") || has_format("0"),
            AudioCodec::Pcma => self.maps("PCMA/8000") || has_format("8"),
            AudioCodec::G722 => self.maps("G722/8000") || has_format("9"),
        }
    }

    fn maps(&self, encoding: &str) -> bool {
        self.lines.iter().any(|line| {
            line.strip_prefix("a=rtpmap:")
                .and_then(|map| map.split_once(' '))
                .is_some_and(|(_, name)| name.eq_ignore_ascii_case(encoding))
        })
    }

    fn has(&self, attribute: &str) -> bool {
        self.lines.contains(&attribute)
    }

    fn push_taken(&self, out: &mut String, session_direction: &str) {
        let (media, proto, formats) = (self.media, self.proto, self.formats);
        push(out, &format!("m={media} 9 {proto} {formats}"));
        // A lite agent learns the peer's addresses from its checks (RFC 8445 §6.1.1); what is merely claimed in an
        // offer gives no address the right to be heard.
        let voice = self.role == Role::Media(Kind::Audio);
        let unread =
            |line: &str| line.starts_with("a=candidate:") || voice && is_congestion_feedback(line);
        for line in self.lines.iter().filter(|l| !unread(l)) {
            push(out, line);
        }
        if self.media != "application" && !DIRECTIONS.iter().any(|d| self.has(d)) {
            push(out, session_direction);
        }
    }

    /// Keeps the place of a refused line: str0m knows lines by their index.
    fn push_placeholder(&self, out: &mut String, index: usize) {
        push(out, "m=audio 0 UDP/TLS/RTP/SAVPF 0");
        push(out, "c=IN IP4 0.0.0.0");
        match self.mid {
            Some(mid) => push(out, &format!("a=mid:{mid}")),
            None => push(out, &format!("a=mid:refused{index}")),
        }
        push(out, "a=inactive");
    }

    fn push_refusal(&self, out: &mut String) {
        let (media, proto) = (self.media, self.proto);
        // A dynamic format would want its rtpmap too; 0 needs none, and browsers refuse so themselves.
        let formats = if proto.contains("RTP/") {
            "0"
        } else {
            self.formats
        };
        push(out, &format!("m={media} 0 {proto} {formats}"));
        push(out, "c=IN IP4 0.0.0.0");
        if let Some(mid) = self.mid {
            push(out, &format!("a=mid:{mid}"));
        }
        push(out, "a=inactive");
    }
}

/// A passive host candidate (RFC 6544 §4.5). Its priority is below any of UDP: type preference 90, direction preference 4
/// (§4.2).
fn tcp_candidate(addr: SocketAddr) -> String {
    let priority: u32 = (90 << 24) | (((4 << 13) | 8191) << 8) | 255;
    let (ip, port) = (addr.ip(), addr.port());
    format!("a=candidate:tcp 1 tcp {priority} {ip} {port} typ host tcptype passive")
}

const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

fn push_audio(out: &mut String, block: &[&str], formats: &[String]) {
    for line in block {
        if line.starts_with("m=") {
            let media: Vec<&str> = line.split(' ').take(3).collect();
            push(out, &format!("{} {}", media.join(" "), formats.join(" ")));
        } else if format_of(line).is_none_or(|format| formats.iter().any(|f| f == format)) {
            push(out, &in_stream(line, FACE));
        }
    }
}

fn push_video(out: &mut String, block: &[&str], kind: Kind) {
    let stream = if kind == Kind::Camera { FACE } else { SCREEN };
    for line in block {
        push(out, &in_stream(line, stream));
        let vp8 = line
            .strip_prefix("a=rtpmap:")
            .and_then(|map| map.strip_suffix(" VP8/90000"));
        if let Some(format) = vp8 {
            push(
                out,
                &format!("a=fmtp:{format} x-google-start-bitrate={START_KBPS}"),
            );
        }
    }
}

/// What a browser that listens to this (Chromium) takes its uplink for at the start. Left alone it begins with 300 and
/// probes once; where a loss spoils that probe, its best layer comes half a minute later.
const START_KBPS: u32 = 1_500;

/// What browsers play in step (lip sync) is what one MediaStream holds (RFC 8830), by the names in our answer: voice and
/// camera. str0m gives each line a stream of its own.
const FACE: &str = "face";
const SCREEN: &str = "screen";

/// The line, of this MediaStream if it tells of one: `a=msid:STREAM TRACK` or `a=ssrc:SSRC msid:STREAM TRACK`.
fn in_stream<'a>(line: &'a str, stream: &str) -> Cow<'a, str> {
    let renamed = line.find("msid:").and_then(|at| {
        let (before, names) = line.split_at(at + "msid:".len());
        let (_, track) = names.split_once(' ')?;
        Some(format!("{before}{stream} {track}"))
    });
    renamed.map_or(Cow::Borrowed(line), Cow::Owned)
}

/// The payload type that an attribute is about.
fn format_of(line: &str) -> Option<&str> {
    let value = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"]
        .iter()
        .find_map(|name| line.strip_prefix(name))?;
    value.split(' ').next()
}

/// Whether an offer has a video line that is not stopped.
pub(crate) fn has_video(sdp: &str) -> bool {
    let mut media = sdp.lines().filter_map(|line| line.strip_prefix("m=video "));
    media.any(|rest| !rest.starts_with("0 "))
}

/// Transport-wide feedback is not agreed on for voices, as Firefox has it too: what they send does not adapt to it, and
/// each report costs as much as a packet.
fn is_congestion_feedback(line: &str) -> bool {
    let extension =
        line.starts_with("a=extmap:") && line.ends_with("transport-wide-cc-extensions-01");
    extension || line.starts_with("a=rtcp-fb:") && line.ends_with(" transport-cc")
}

fn is_bundle(line: &str) -> bool {
    line.starts_with("a=group:BUNDLE")
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

/// The start of a peer's text, short enough for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
