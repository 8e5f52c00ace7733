//! An RTP port: one peer of RTP or SRTP, found by symmetric RTP.

use std::mem::offset_of;
use std::net::{IpAddr, SocketAddr};

use super::audio_out::{AudioOut, OutAudio};
use super::guard::Guard;
pub use super::guard::SrtpKeys;
use super::latch::{Latch, Sighting};
use super::setup::{DtlsLink, Named, Scene, SetUp, Setup, Turn};
use crate::clock::{Clock, Nanos, MILLISECOND, SECOND};
use crate::codec::{Codec, COMFORT_NOISE};
use crate::dtmf::events::Signals;
use crate::dtmf::{EventPacket, Signal, TelephoneEvents};
use crate::id::{PortId, TrackId};
use crate::io::udp::MAX_DATAGRAM;
use crate::io::{Endpoint, MediaIo};
use crate::near;
use crate::quality::Loss;
use crate::quality::Mos;
use crate::random::Random;
use crate::relay::{Header, OutStream};
use crate::rtp::extended::VoipMetrics;
use crate::rtp::packet::{self, Packet};
use crate::rtp::reception::Reception;
use crate::rtp::rtcp::{self, AboutUs, LastReport, SenderInfo};
use crate::stats::{audio_mos, Direction, MediaKind, TrackStats};
use crate::track::AudioPacket;

/// What each packet asks of the configuration: all but keys.
const CONFIG_IN_USE: usize = offset_of!(RtpConfig, link);

const RTCP_PERIOD: Nanos = 5 * SECOND;

/// What an offer and its answer agreed on.
#[derive(Clone, Debug, PartialEq)]
#[repr(C)] // what each packet asks for lies together, without the keys between
pub struct RtpConfig {
    pub payload_type: u8,
    pub codec: Codec,
    pub telephone_event: Option<u8>,
    pub send: bool,
    pub receive: bool,
    pub ptime_ms: u32,
    /// None: nothing is sent (port 0, or a held address 0.0.0.0).
    pub remote: Option<SocketAddr>,
    pub link: Link,
}

/// How packets travel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Keys from signalling; None with those of a handshake, or for plain RTP.
    pub srtp: Option<SrtpKeys>,
    /// Keys come by a handshake (RFC 5763).
    pub dtls: Option<Box<DtlsLink>>,
    /// The peer checks the way and tells where it is (RFC 8445).
    pub ice: Option<Box<ice::Credentials>>,
    /// RTCP on the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// The peer wants our reports to say how it sounds (RFC 3611 §4.7).
    pub voip_metrics: bool,
}

/// What a datagram turned out to be.
#[derive(Debug)]
pub enum Received<'a> {
    Audio(AudioPacket<'a>),
    /// A telephone-event: kept back from the stream, and what it told of presses.
    Event {
        ssrc: u32,
        sequence: u16,
        signals: Signals,
    },
    /// Comfort noise (RFC 3389): the peer is silent, and will be.
    Noise {
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        payload: &'a [u8],
    },
    Report,
    Ignored,
    Malformed,
}

/// Laid out by use: each packet waits for the memory that it touches, and of hundreds of ports little stays in the
/// processor's cache. First what a received packet needs, then what a sent one does, then the rest.
#[repr(C, align(128))]
pub struct RtpPort {
    reception: Reception,
    pub track: TrackId,
    guard: Option<Box<Guard>>,
    /// Since when silence counts towards the media time-out; None while nothing should come or it was told.
    silent_since: Option<Nanos>,
    latch: Latch,
    config: Option<RtpConfig>,

    ssrc: u32,
    allow_latch: bool,
    codec: Option<Codec>,
    pub id: PortId,
    remote: Option<SocketAddr>,
    pub out: AudioOut,

    events: TelephoneEvents,
    last_report: Option<LastReport>,
    about_us: Option<AboutUs>,
    /// How we sound there, 1 to 5, where the peer says it.
    mos_of_us: Option<f64>,
    rtcp_due: Nanos,
    setup: Option<Box<Setup>>,
}

impl RtpPort {
    pub fn new(
        id: PortId,
        track: TrackId,
        allow_latch: bool,
        random: &mut Random,
        now: Nanos,
    ) -> RtpPort {
        let numbers = random.draw();
        // Half of the sequence's range is kept free, so that the first wrap is far from the start (RFC 3711 §3.3.1).
        let stream = OutStream::new(8_000, numbers as u16 & 0x7FFF, (numbers >> 16) as u32);
        RtpPort {
            id,
            track,
            out: AudioOut::new(stream),
            ssrc: random.draw() as u32,
            allow_latch,
            config: None,
            guard: None,
            latch: Latch::new(),
            remote: None,
            events: TelephoneEvents::default(),
            reception: Reception::default(),
            last_report: None,
            about_us: None,
            mos_of_us: None,
            rtcp_due: now + random.draw() % RTCP_PERIOD,
            silent_since: None,
            codec: None,
            setup: None,
        }
    }

    pub fn configure(&mut self, config: RtpConfig, now: Nanos) {
        let Ok(guard) = self.guard_for(&config.link) else {
            self.config = None; // never in the clear what was to be secret
            return;
        };
        self.guard = guard;
        let Link {
            dtls,
            ice,
            rtcp_mux,
            ..
        } = &config.link;
        self.setup = Setup::adopt(
            self.setup.take(),
            dtls.as_deref(),
            ice.as_deref(),
            *rtcp_mux,
        );
        let signalled = |config: &RtpConfig| config.remote;
        if self.config.as_ref().and_then(signalled) != config.remote || self.latch.is_open() {
            self.remote = config.remote;
        }
        // The address found before stays the one we send to, but a new one may be found once more.
        self.latch = Latch::new();
        if self.setup.as_ref().is_some_and(|setup| setup.has_ice()) {
            self.follow_nomination(config.remote.is_some());
        }
        self.out.configure(
            &[config.codec],
            config.ptime_ms,
            config.send && config.remote.is_some(),
        );
        self.codec = Some(config.codec);
        self.silent_since = (config.receive && config.remote.is_some()).then_some(now);
        self.config = Some(config);
    }

    /// Keys of signalling at once, those of a handshake once it is over.
    fn guard_for(&mut self, link: &Link) -> Result<Option<Box<Guard>>, srtp::BadKey> {
        let Some(dtls) = &link.dtls else {
            return Guard::adopt(self.guard.take(), link.srtp.as_ref());
        };
        let goes_on = self
            .setup
            .as_ref()
            .is_some_and(|setup| setup.has_keys_of(dtls));
        let guard = self.guard.take().filter(|_| goes_on);
        Ok(Some(guard.unwrap_or_else(|| Box::new(Guard::shut()))))
    }

    /// With ICE the peer is where it nominated to be, and until then nowhere.
    fn follow_nomination(&mut self, may_send: bool) {
        let nominated = self.setup.as_ref().and_then(|setup| setup.nominated());
        self.remote = nominated.filter(|_| may_send);
        if let Some(peer) = nominated {
            self.latch.settle(peer);
        }
    }

    /// Begin what signalling agreed on: the handshake, and what came too early.
    pub fn begin_setup(&mut self, clock: Clock, now: Nanos, io: &mut dyn MediaIo) -> SetUp {
        let named = self.named();
        let Some(setup) = &mut self.setup else {
            return SetUp::Nothing;
        };
        let early = setup.take_early();
        setup.begin(
            named,
            &mut Scene {
                port: self.id,
                clock,
                now,
                io,
            },
        );
        match early {
            Some((is_rtcp, from, datagram)) => {
                self.receive_setup(is_rtcp, from, &datagram, clock, now, io)
            }
            None => SetUp::Nothing,
        }
    }

    fn named(&self) -> Named {
        Named {
            remote: self.config.as_ref().and_then(|config| config.remote),
            may_latch: self.allow_latch,
        }
    }

    /// A datagram that is no media (`setup::is_setup`).
    pub fn receive_setup(
        &mut self,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        clock: Clock,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) -> SetUp {
        if self.config.is_none() {
            Setup::keep(&mut self.setup, (is_rtcp, from, datagram.into()));
            return SetUp::Nothing;
        }
        let named = self.named();
        let Some(setup) = &mut self.setup else {
            return SetUp::Ignored;
        };
        let mut scene = Scene {
            port: self.id,
            clock,
            now,
            io,
        };
        let turn = setup.receive(is_rtcp, from, datagram, named, &mut scene);
        self.turn(turn)
    }

    /// What time brings to checks and handshakes.
    pub fn tend_setup(&mut self, clock: Clock, now: Nanos, io: &mut dyn MediaIo) -> SetUp {
        let Some(setup) = &mut self.setup else {
            return SetUp::Nothing;
        };
        let mut scene = Scene {
            port: self.id,
            clock,
            now,
            io,
        };
        let turn = setup.handle_timeout(&mut scene);
        self.turn(turn)
    }

    fn turn(&mut self, turn: Turn) -> SetUp {
        let may_send = self.named().remote.is_some();
        match turn {
            Turn::Told(told) => told,
            Turn::Moved => {
                self.follow_nomination(may_send);
                SetUp::Nothing
            }
            Turn::Keyed(keys, peer) => {
                let opened = Guard::adopt(self.guard.take(), Some(&(*keys).into()));
                let Ok(opened) = opened else {
                    self.config = None;
                    return SetUp::Failed("DTLS: keys of another length".into());
                };
                self.guard = opened;
                // A phone behind a NAT is where its handshake came from.
                if may_send && self.setup.as_ref().is_some_and(|setup| !setup.has_ice()) {
                    self.remote = Some(peer);
                }
                SetUp::Connected
            }
        }
    }

    /// Ask for the memory that a received packet needs.
    pub fn fetch_for_receiving(&self) {
        near::fetch(self, 0, offset_of!(RtpPort, config) + CONFIG_IN_USE);
    }

    /// Ask for the memory that a sent packet needs.
    pub fn fetch_for_sending(&self) {
        near::fetch(self, offset_of!(RtpPort, guard), size_of::<usize>());
        near::fetch(self, offset_of!(RtpPort, config), CONFIG_IN_USE);
        let start = offset_of!(RtpPort, ssrc);
        let end = offset_of!(RtpPort, out) + AudioOut::IN_USE;
        near::fetch(self, start, end - start);
    }

    /// Then, what the keys are found by.
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_deref()
    }

    /// The codec that was negotiated.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// Whether the sender is whom signalling named, as far as can be told; from then on it is sent to.
    fn is_from_peer(&mut self, from: SocketAddr, packet: &Packet<'_>) -> bool {
        if let Some(peer) = self.latch.settled() {
            return peer == from; // he is sent to since he was found
        }
        let Some(config) = &self.config else {
            return false;
        };
        if self.setup.as_ref().is_some_and(|setup| setup.has_ice()) {
            return false; // nobody was nominated yet
        }
        let sighting = Sighting {
            from,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            is_authentic: self.guard.is_some(),
        };
        let is_taken = self.latch.admits(sighting, config.remote, self.allow_latch);
        if is_taken && config.remote.is_some() {
            self.remote = Some(from);
        }
        is_taken
    }

    /// Whether what comes must be unprotected first.
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Unprotect a datagram into `clear`; None for one that the peer's key did not protect, or that came before.
    pub fn unprotect<'a>(
        &mut self,
        datagram: &[u8],
        is_rtcp: bool,
        clear: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let apart = match &mut self.setup {
            Some(setup) if is_rtcp => setup.rtcp_guard(),
            _ => None,
        };
        let guard = apart.or(self.guard.as_deref_mut())?;
        let is_rtcp = is_rtcp || packet::is_rtcp(datagram);
        guard.unprotect(datagram, is_rtcp, clear)
    }

    /// The only peer that is heard until the next configuration; None while another may be found.
    pub fn settled(&self) -> Option<SocketAddr> {
        self.latch.settled()
    }

    /// A datagram in the clear, from the port of RTP.
    pub fn receive<'a>(
        &mut self,
        from: SocketAddr,
        datagram: &'a [u8],
        now: Nanos,
    ) -> Received<'a> {
        if packet::is_rtcp(datagram) {
            return self.receive_rtcp(from, datagram, now); // RTP and RTCP on one port (RFC 5761)
        }
        let Some(packet) = packet::parse(datagram) else {
            return Received::Malformed;
        };
        let Some((codec, payload_type, event, receiving)) = self
            .config
            .as_ref()
            .map(|c| (c.codec, c.payload_type, c.telephone_event, c.receive))
        else {
            return Received::Ignored;
        };
        let is_event = event == Some(packet.payload_type);
        let is_noise = packet.payload_type == COMFORT_NOISE && codec.clock_rate() == 8_000;
        let is_known = is_event || is_noise || packet.payload_type == payload_type;
        if !is_known || !self.is_from_peer(from, &packet) {
            return Received::Ignored;
        }
        self.heard(now);
        let Packet {
            ssrc,
            sequence,
            timestamp,
            marker,
            payload,
            ..
        } = packet;
        self.reception.receive(
            ssrc,
            sequence,
            timestamp,
            payload.len(),
            codec.clock_rate(),
            now,
        );
        if is_event {
            let packet = EventPacket {
                ssrc,
                timestamp,
                marker,
                payload,
                rate: codec.clock_rate(),
            };
            return Received::Event {
                ssrc,
                sequence,
                signals: self.events.receive(&packet, now),
            };
        }
        if !receiving {
            return Received::Ignored;
        }
        if is_noise {
            return Received::Noise {
                ssrc,
                sequence,
                timestamp,
                payload,
            };
        }
        Received::Audio(AudioPacket {
            codec,
            ssrc,
            sequence,
            timestamp,
            marker,
            payload,
            level_dbov: None,
        })
    }

    fn heard(&mut self, now: Nanos) {
        if self.config.as_ref().is_some_and(|config| config.receive) {
            self.silent_since = Some(now);
        }
    }

    /// RTCP, from whichever of the two ports.
    pub fn receive_rtcp<'a>(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Nanos,
    ) -> Received<'a> {
        let known = |address: SocketAddr| address.ip() == from.ip();
        if !self.remote.is_some_and(known) {
            return Received::Ignored;
        }
        let Some(told) = rtcp::parse(datagram, self.ssrc, now) else {
            return Received::Malformed;
        };
        self.heard(now);
        if let Some(ntp_middle) = told.sender_report_ntp {
            self.last_report = Some(LastReport {
                ntp_middle,
                at: now,
            });
        }
        self.about_us = told.about_us.or(self.about_us);
        self.mos_of_us = told.mos_of_us.or(self.mos_of_us);
        Received::Report
    }

    /// Put a packet on the wire.
    pub fn send(&mut self, audio: &OutAudio<'_>, io: &mut dyn MediaIo) {
        if let Some((mut wire, _)) = self.wire() {
            wire.send(audio, io);
        }
    }

    /// Put a packet of a digit on the wire.
    pub fn send_event(&mut self, header: Header, payload: &[u8], io: &mut dyn MediaIo) {
        let event = self.config.as_ref().and_then(|c| c.telephone_event);
        let Some((payload_type, (wire, _))) = event.zip(self.wire()) else {
            return;
        };
        let mut wire = Wire {
            payload_type,
            ..wire
        };
        wire.put(header, payload, io);
    }

    pub fn takes_events(&self) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| config.telephone_event.is_some())
    }

    /// The way out, beside what goes there.
    fn wire(&mut self) -> Option<(Wire<'_>, &mut AudioOut)> {
        let wire = Wire {
            from: Endpoint::Rtp(self.id),
            to: self.remote?,
            payload_type: self.config.as_ref()?.payload_type,
            ssrc: self.ssrc,
            guard: self.guard.as_deref_mut(),
        };
        Some((wire, &mut self.out))
    }

    /// The press whose end was lost.
    pub fn unfinished_press(&mut self, now: Nanos) -> Option<Signal> {
        self.events.handle_timeout(now)
    }

    /// True once when nothing came for `timeout` though it should.
    pub fn has_timed_out(&mut self, timeout: Nanos, now: Nanos) -> bool {
        self.silent_since
            .take_if(|since| now.saturating_sub(*since) >= timeout)
            .is_some()
    }

    /// Send a report if one is due.
    pub fn report(&mut self, random: &mut Random, now: Nanos, io: &mut dyn MediaIo) {
        if now < self.rtcp_due {
            return;
        }
        // Between half and one and a half of the period (RFC 3550 §6.2): reports of many calls do not gather.
        self.rtcp_due = now + RTCP_PERIOD / 2 + random.draw() % RTCP_PERIOD;
        self.send_report(false, now, io);
    }

    /// Tell the peer that our stream ends.
    pub fn say_goodbye(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        if self.out.packets > 0 {
            self.send_report(true, now, io);
        }
    }

    fn send_report(&mut self, goodbye: bool, now: Nanos, io: &mut dyn MediaIo) {
        let (Some(config), Some(mut remote)) = (&self.config, self.remote) else {
            return;
        };
        let rate = config.codec.clock_rate();
        let from = if config.link.rtcp_mux {
            Endpoint::Rtp(self.id)
        } else {
            let Some(port) = remote.port().checked_add(1) else {
                return;
            };
            remote.set_port(port);
            Endpoint::Rtcp(self.id)
        };
        let sent = self.out.stream.newest().map(|(timestamp, at)| {
            let since = now.saturating_sub(at) * u64::from(self.out.stream.clock_rate()) / SECOND;
            SenderInfo {
                timestamp: timestamp.wrapping_add(since as u32),
                packets: self.out.packets as u32,
                octets: self.out.bytes as u32,
            }
        });
        let block = self
            .reception
            .report(rate)
            .map(|block| (block, self.last_report));
        if sent.is_none() && block.is_none() {
            return;
        }
        let mut report = [0; rtcp::MAX_COMPOUND];
        let metrics = block.filter(|_| config.link.voip_metrics);
        let metrics = metrics.map(|(block, _)| self.metrics(block.ssrc, config.ptime_ms));
        let metrics = metrics.as_ref();
        let length = rtcp::write(&mut report, now, self.ssrc, sent, block, metrics, goodbye);
        let apart = match &mut self.setup {
            Some(setup) if !config.link.rtcp_mux => setup.rtcp_guard(),
            _ => None,
        };
        let Some(guard) = apart.or(self.guard.as_deref_mut()) else {
            io.send(from, remote, &report[..length]);
            return;
        };
        let mut secured = [0; rtcp::MAX_COMPOUND + srtp::MAX_OVERHEAD];
        secured[..length].copy_from_slice(&report[..length]);
        if let Some(length) = guard.protect_rtcp(&mut secured, length) {
            io.send(from, remote, &secured[..length]);
        }
    }

    /// What we say of the stream that we receive.
    fn metrics(&self, ssrc: u32, packet_ms: u32) -> VoipMetrics {
        let (loss, jitter_ms) = (self.reception.loss(), self.reception.jitter_ms());
        let mos = |rtt_ms| audio_mos(self.codec, self.reception.packets, loss, jitter_ms, rtt_ms);
        VoipMetrics {
            ssrc,
            loss: loss.share,
            gathered: self.reception.gathered(),
            packet_ms,
            rtt_ms: self.rtt_ms().unwrap_or(0.0),
            end_system_ms: 2.0 * jitter_ms,
            mos_listening: mos(None).map(|mos| mos.value),
            mos_conversation: mos(self.rtt_ms()).map(|mos| mos.value),
        }
    }

    pub fn stats(&self, level_dbov: Option<f32>) -> Vec<TrackStats> {
        let rate = self.codec.map_or(8_000, Codec::clock_rate);
        let loss = self.reception.loss();
        let incoming = TrackStats {
            track: Some(self.track),
            direction: Direction::In,
            kind: MediaKind::Audio,
            codec: self.codec.map(Codec::name),
            packets: self.reception.packets,
            bytes: self.reception.bytes,
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            rtt_ms: self.rtt_ms(),
            burst_ratio: loss.burst_ratio,
            mos: audio_mos(
                self.codec,
                self.reception.packets,
                loss,
                self.reception.jitter_ms(),
                self.rtt_ms(),
            ),
            level_dbov,
            speech: None,
        };
        let (lost, jitter_ms) = self.about_us.map_or((0, 0.0), |about| {
            let jitter_ms = f64::from(about.jitter) * 1e3 / f64::from(rate);
            (u64::from(about.lost), jitter_ms)
        });
        let heard = Loss::new(self.out.packets, lost, lost); // a report does not tell how it gathers
        let outgoing = TrackStats {
            track: None,
            direction: Direction::Out,
            kind: MediaKind::Audio,
            codec: self.out.codec.map(Codec::name),
            packets: self.out.packets,
            bytes: self.out.bytes,
            lost,
            jitter_ms,
            rtt_ms: self.rtt_ms(),
            burst_ratio: heard.burst_ratio,
            mos: audio_mos(
                self.out.codec,
                self.out.packets,
                heard,
                jitter_ms,
                self.rtt_ms(),
            )
            .map(|ours| Mos {
                value: self.mos_of_us.unwrap_or(ours.value),
                ..ours
            }),
            level_dbov: None,
            speech: None,
        };
        vec![incoming, outgoing]
    }

    fn rtt_ms(&self) -> Option<f64> {
        Some(self.about_us?.rtt_ns? as f64 / MILLISECOND as f64)
    }
}

/// What every outgoing packet of a port has in common.
struct Wire<'a> {
    from: Endpoint,
    to: SocketAddr,
    payload_type: u8,
    ssrc: u32,
    guard: Option<&'a mut Guard>,
}

impl Wire<'_> {
    fn send(&mut self, audio: &OutAudio<'_>, io: &mut dyn MediaIo) {
        self.put(audio.header, audio.payload, io);
    }

    fn put(&mut self, header: Header, payload: &[u8], io: &mut dyn MediaIo) {
        let packet = Packet {
            marker: header.marker,
            payload_type: self.payload_type,
            sequence: header.sequence as u16,
            timestamp: header.timestamp,
            ssrc: self.ssrc,
            payload,
        };
        let Some(guard) = &mut self.guard else {
            return io.send_parts(self.from, self.to, [&packet::head(&packet), payload]);
        };
        let mut datagram = [0; MAX_DATAGRAM];
        let Some(length) = packet::write(&packet, &mut datagram) else {
            return;
        };
        // Refused is a second packet of one number: a relayed peer repeated itself.
        if let Some(length) = guard.protect_rtp(&mut datagram, length) {
            io.send(self.from, self.to, &datagram[..length]);
        }
    }
}

/// An address that signalling gave as "do not send": none, or the held one of RFC 2543.
pub fn sendable(ip: IpAddr, port: u16) -> Option<SocketAddr> {
    (port != 0 && !ip.is_unspecified()).then_some(SocketAddr::new(ip, port))
}
