//! A person's end: a browser's side of WebRTC (str0m in RTP mode), or a bare socket for the floor.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::flow::Kind;
use crate::net::open_stamped;

pub type Failure = Box<dyn std::error::Error>;

/// What SRTP adds to a payload on the wire: the header with its extensions, and the tag.
pub const WIRE_OVERHEAD: usize = 36;

/// Made once for all: a key pair costs more than a connection.
pub struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl Identity {
    pub fn new() -> Result<Self, Failure> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate();
        Ok(Self {
            certificate: certificate.ok_or("no certificate can be made")?,
            crypto,
        })
    }
}

/// What came for a peer.
pub enum Arrival<'a> {
    Payload(&'a [u8]),
    KeyframeWanted,
}

pub struct Browser {
    pub socket: UdpSocket,
    address: SocketAddr,
    /// The one address of the switch, as answered.
    switch: Option<SocketAddr>,
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    /// Audio, then camera.
    lines: [Mid; 2],
    pub due: Instant,
    pub connected: bool,
}

impl Browser {
    /// Makes the offer that a page of ours makes: audio, camera, screen and a data channel.
    pub fn offering(identity: &Identity, now: Instant) -> Result<(Self, String), Failure> {
        let socket = open_stamped()?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::clone(&identity.crypto))
            .set_dtls_cert(identity.certificate.clone())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_pcmu(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut change = rtc.sdp_api();
        let mut add = |kind| change.add_media(kind, Direction::SendRecv, None, None, None);
        let lines = [add(MediaKind::Audio), add(MediaKind::Video)];
        add(MediaKind::Video); // the screen
        change.add_channel("mediaswitch".into());
        let (offer, pending) = change.apply().ok_or("nothing to offer")?;
        let browser = Self {
            socket,
            address,
            switch: None,
            rtc,
            pending: Some(pending),
            lines,
            due: now,
            connected: false,
        };
        Ok((browser, offer.to_sdp_string()))
    }

    pub fn take_answer(&mut self, sdp: &str) -> Result<(), Failure> {
        let pending = self.pending.take().ok_or("answered twice")?;
        self.switch = Some(candidate(sdp).ok_or("no candidate in the answer")?);
        let answer = SdpAnswer::from_sdp_string(sdp)?;
        Ok(self.rtc.sdp_api().accept_answer(pending, answer)?)
    }

    /// Before the answer there is nothing to do.
    pub fn is_answered(&self) -> bool {
        self.pending.is_none()
    }

    pub fn take_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
        take: impl FnMut(Arrival<'_>),
    ) -> Result<(), Failure> {
        let Some(from) = self.switch else {
            return Ok(());
        };
        let receive = Receive::new(Protocol::Udp, from, self.address, datagram)?;
        self.rtc.handle_input(Input::Receive(now, receive))?;
        self.drain(take)
    }

    pub fn take_time(
        &mut self,
        now: Instant,
        take: impl FnMut(Arrival<'_>),
    ) -> Result<(), Failure> {
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(take)
    }

    /// Queue a packet; it leaves with the next `take_time`.
    pub fn queue(&mut self, packet: Outgoing, now: Instant) -> Result<(), Failure> {
        let (line, codec) = match packet.kind {
            Kind::Audio => (self.lines[0], Codec::Opus),
            Kind::Video => (self.lines[1], Codec::Vp8),
        };
        let pt = self.payload_type(codec).ok_or("no such codec")?;
        let mut api = self.rtc.direct_api();
        let stream = api
            .stream_tx_by_mid(line, None)
            .ok_or("the line was refused")?;
        let sequence = u64::from(packet.number) + 1;
        let write = RtpWrite::new(pt, sequence.into(), packet.timestamp, now, packet.payload);
        let video = packet.kind == Kind::Video;
        stream.write_rtp(write.marker(packet.marker).nackable(video));
        Ok(())
    }

    fn payload_type(&self, codec: Codec) -> Option<Pt> {
        let mut params = self.rtc.codec_config().params().iter();
        params.find(|p| p.spec().codec == codec).map(|p| p.pt())
    }

    fn drain(&mut self, mut take: impl FnMut(Arrival<'_>)) -> Result<(), Failure> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.due = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    let _ = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination); // a lost one shows as loss
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(packet)) => take(Arrival::Payload(&packet.payload)),
                Output::Event(Event::KeyframeRequest(_)) => take(Arrival::KeyframeWanted),
                Output::Event(_) => {}
            }
        }
    }
}

/// The first UDP candidate (RFC 8839 §5.1).
fn candidate(sdp: &str) -> Option<SocketAddr> {
    let mut candidates = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=candidate:"));
    candidates.find_map(|candidate| {
        let words: Vec<&str> = candidate.split_whitespace().collect();
        let udp = words.get(2)?.eq_ignore_ascii_case("udp");
        let address = SocketAddr::new(words.get(4)?.parse().ok()?, words.get(5)?.parse().ok()?);
        udp.then_some(address)
    })
}

/// A packet to be sent.
pub struct Outgoing {
    pub kind: Kind,
    pub number: u32,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
}
