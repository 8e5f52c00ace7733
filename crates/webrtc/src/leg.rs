//! The leg: one peer connection, driven from outside.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::channel::{ChannelData, ChannelId};
use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Vp8Patch};
use str0m::{
    Candidate, Event as RtcEvent, IceConnectionState, Input, Output as RtcOutput, Reason, Rtc,
};

use crate::config::{AudioCodec, LegConfig, START_BITRATE};
use crate::error::BadOffer;
use crate::event::{Answer, Codec, Event, FailureReason, Line, OutPacket, Output, Packet};
use crate::negotiate::{self, Negotiated, Payload};
use crate::offer::{has_video, Roles};
use crate::sleeping::Sleeping;
use crate::tally::{LineStats, Tally};

/// How long str0m waits for a connectivity check before it calls the path lost.
const PATH_LOST_AFTER: Duration = Duration::from_secs(15);

/// Beyond any reasonable wait: nothing is due.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// A leg that has sent no picture for so long rests: what is not urgent is looked after at this interval.
const RESTS_AFTER: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_millis(500);

/// By how much str0m's time moves at most from packet to packet of one burst.
const BURST_STEP: Duration = Duration::from_micros(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Fails at `connect_by`.
    Connecting,
    Connected,
    /// No checks arrive; gone at `gone_at` unless they come back.
    Unsure {
        gone_at: Instant,
    },
    /// Failed, gone or closed by us; only closing datagrams are left.
    Finished,
}

/// One peer connection. See the crate's documentation for the order of calls.
#[derive(Debug)]
pub struct Leg {
    rtc: Rtc,
    config: LegConfig,
    state: State,
    connect_by: Instant,
    ice_connected: bool,
    now: Instant,
    rtc_timeout: Instant,
    /// When a picture last went or came; only pictures adapt to the path, and what comes is reported soon.
    picture_at: Instant,
    /// Bits/s; None where nothing estimates it.
    bandwidth: Option<u64>,
    /// Packets were queued since str0m last looked at the time.
    unsettled: bool,
    /// Packets that were queued less those that left. While the leg rests, str0m need not have the time after the last:
    /// its pacer asks for it after each.
    queued: u32,
    /// An event of our own (not str0m's) to give first.
    pending: Option<Event>,
    roles: Roles,
    sleeping: Sleeping,
    lines: Vec<Negotiated>,
    tallies: HashMap<Mid, Tally>,
    channels: Vec<(ChannelId, String)>,
    ufrag: String,
    malformed: u64,
    unwanted: u64,
}

impl Leg {
    /// Answer a peer's first offer (RFC 9429 §5.3).
    pub fn accept(
        offer: &str,
        config: LegConfig,
        now: Instant,
    ) -> Result<(Self, Answer), BadOffer> {
        let mut rtc = config.to_rtc_config(has_video(offer)).build(now);
        for addr in &config.local_addrs {
            let candidate = Candidate::host(*addr, "udp")
                .map_err(|error| BadOffer::new(format!("no host candidate at {addr}: {error}")))?;
            rtc.add_local_candidate(candidate);
        }
        let (mut roles, mut sleeping) = (Roles::new(), Sleeping::default());
        let (answer, lines) =
            negotiate::answer(&mut rtc, offer, &config, &mut roles, &mut sleeping)?;
        let leg = Self {
            ufrag: rtc.direct_api().local_ice_credentials().ufrag,
            rtc,
            state: State::Connecting,
            connect_by: now + config.connect_timeout,
            config,
            ice_connected: false,
            now,
            rtc_timeout: now,
            picture_at: now,
            bandwidth: has_video(offer).then_some(START_BITRATE.as_u64()),
            unsettled: false,
            queued: 0,
            pending: None,
            roles,
            sleeping,
            lines,
            tallies: HashMap::new(),
            channels: Vec::new(),
            malformed: 0,
            unwanted: 0,
        };
        Ok((leg, answer))
    }

    /// Answer a later offer of the same peer: lines added, stopped or turned, ICE restarted. On an ICE restart
    /// [`Leg::local_ufrag`] changes. After an error the leg goes on as it was.
    pub fn reoffer(&mut self, offer: &str) -> Result<Answer, BadOffer> {
        let (answer, lines) = negotiate::answer(
            &mut self.rtc,
            offer,
            &self.config,
            &mut self.roles,
            &mut self.sleeping,
        )?;
        self.lines = lines;
        self.ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        Ok(answer)
    }

    /// Which codecs later offers are answered with, in order of preference.
    pub fn set_audio_codecs(&mut self, codecs: Vec<AudioCodec>) {
        self.config.audio_codecs = codecs;
    }

    /// The first half of the USERNAME of connectivity checks meant for this leg.
    pub fn local_ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Accepted lines, as last answered.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().map(|n| &n.line)
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected | State::Unsure { .. })
    }

    /// True after `Failed`, `Gone` or [`Leg::close`]: once drained, the leg can be dropped.
    pub fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Datagrams that were no STUN, DTLS or RTP, or broken ones of these.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Datagrams from an address that has not shown by a connectivity check that it is our peer.
    pub fn unwanted(&self) -> u64 {
        self.unwanted
    }

    /// Whether the datagram is meant for this leg, by its nominated address or its STUN username.
    pub fn accepts(&self, remote: SocketAddr, datagram: &[u8]) -> bool {
        let Some(local) = self.config.local_addrs.first() else {
            return false;
        };
        Receive::new(Protocol::Udp, remote, *local, datagram)
            .is_ok_and(|receive| self.rtc.accepts(&Input::Receive(self.now, receive)))
    }

    /// Take a datagram that arrived at `local` (an announced address; another means the first announced one,
    /// as behind a one-to-one NAT). What is malformed is counted and ignored.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) {
        self.now = self.now.max(now);
        let announced = &self.config.local_addrs;
        let local = match announced.first() {
            Some(first) if !announced.contains(&local) => *first,
            _ => local,
        };
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, datagram) else {
            self.malformed += 1;
            return;
        };
        let input = Input::Receive(now, receive);
        // str0m itself would let a stranger into the DTLS handshake.
        if !self.rtc.accepts(&input) {
            self.unwanted += 1;
            return;
        }
        if self.rtc.handle_input(input).is_err() {
            self.malformed += 1;
            self.finish_if_dead();
        }
    }

    /// Let time pass; to be called at [`Leg::next_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        match self.state {
            State::Connecting if now >= self.connect_by => {
                self.fail(if self.ice_connected {
                    FailureReason::Dtls
                } else {
                    FailureReason::Ice
                });
                return;
            }
            State::Unsure { gone_at } if now >= gone_at => {
                self.finish(Event::Gone);
                return;
            }
            _ => {}
        }
        self.settle();
    }

    /// When [`Leg::handle_timeout`] is due. Valid after [`Leg::poll`] returned `None`.
    pub fn next_timeout(&self) -> Instant {
        match self.state {
            State::Connecting => self.rtc_timeout.min(self.connect_by),
            State::Unsure { gone_at } => self.rtc_timeout.min(gone_at),
            State::Connected => self.rtc_timeout,
            State::Finished => self.now + NEVER,
        }
    }

    /// The next datagram to transmit or event to handle; `None` when there is nothing more until new input.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(event) = self.pending.take() {
            return Some(Output::Event(event));
        }
        if self.unsettled {
            self.settle();
        }
        loop {
            match self.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => {
                    if self.is_in_a_burst(at) && (self.queued > 0 || !self.rests()) {
                        self.now = at;
                        self.settle();
                        continue;
                    }
                    self.queued = 0; // what is left was dropped, or waits for its time
                    self.rtc_timeout = self.rested(at);
                    return self.pending.take().map(Output::Event);
                }
                Ok(RtcOutput::Transmit(transmit)) => {
                    let left = u32::from(is_rtp(&transmit.contents));
                    self.queued = self.queued.saturating_sub(left);
                    return Some(Output::Transmit {
                        remote: transmit.destination,
                        datagram: transmit.contents.into(),
                    });
                }
                Ok(RtcOutput::Event(event)) => {
                    if let Some(event) = self.translate(event) {
                        return Some(Output::Event(event));
                    }
                }
                Err(_) => {
                    self.rtc.disconnect();
                    self.finish_if_dead();
                }
            }
        }
    }

    /// The estimator and its pacer want the time every 25 ms even while no picture passes; that often they need not have it.
    fn rested(&self, timeout: Instant) -> Instant {
        let estimates = matches!(
            self.rtc.last_timeout_reason(),
            Reason::Pacer(_) | Reason::BweDelayControl | Reason::BweProbeControl
        );
        match estimates && self.rests() {
            true => timeout.max(self.now + REST),
            false => timeout,
        }
    }

    /// No picture passes that an estimate is for.
    fn rests(&self) -> bool {
        self.is_connected() && self.now > self.picture_at + RESTS_AFTER
    }

    /// str0m's pacer wants the time to move between packets that leave together.
    fn is_in_a_burst(&self, timeout: Instant) -> bool {
        timeout > self.now && timeout <= self.now + BURST_STEP && self.is_connected()
    }

    /// Queue an RTP packet for the peer, in the payload type negotiated for `codec`. It leaves with the next
    /// [`Leg::poll`]s. False if the leg is not connected, the peer takes nothing on this line or not this codec.
    pub fn send<P: Into<Arc<[u8]>>>(
        &mut self,
        now: Instant,
        mid: Mid,
        codec: Codec,
        packet: OutPacket<P>,
    ) -> bool {
        self.send_patched(now, mid, codec, packet, None)
    }

    /// [`Leg::send`], with the numbers in a VP8 payload's descriptor replaced on the way out; the payload stays shared.
    pub fn send_patched<P: Into<Arc<[u8]>>>(
        &mut self,
        now: Instant,
        mid: Mid,
        codec: Codec,
        packet: OutPacket<P>,
        patch: Option<Vp8Patch>,
    ) -> bool {
        if !self.is_connected() {
            return false;
        }
        let Some(line) = self.lines.iter().find(|n| n.line.mid == mid) else {
            return false;
        };
        let Some(payload) = line.payload_of(codec).filter(|_| line.line.receives) else {
            return false;
        };
        let payload = *payload;
        self.write(now, mid, payload, packet, patch)
    }

    /// Whether the peer takes telephone-events at this clock on this line.
    pub fn takes_events(&self, mid: Mid, clock_rate: u32) -> bool {
        let line = self.lines.iter().find(|n| n.line.mid == mid);
        line.is_some_and(|n| n.line.receives && n.events_at(clock_rate).is_some())
    }

    /// Queue a packet of a telephone-event at this clock, which is the audio's; as [`Leg::send`] otherwise.
    pub fn send_event<P: Into<Arc<[u8]>>>(
        &mut self,
        now: Instant,
        mid: Mid,
        clock_rate: u32,
        packet: OutPacket<P>,
    ) -> bool {
        let line = self.lines.iter().find(|n| n.line.mid == mid);
        let payload = line.and_then(|n| n.events_at(clock_rate).filter(|_| n.line.receives));
        match payload.filter(|_| self.is_connected()) {
            Some(&payload) => self.write(now, mid, payload, packet, None),
            None => false,
        }
    }

    fn write<P: Into<Arc<[u8]>>>(
        &mut self,
        now: Instant,
        mid: Mid,
        payload: Payload,
        packet: OutPacket<P>,
        patch: Option<Vp8Patch>,
    ) -> bool {
        self.sleeping.wake(&mut self.rtc, mid);
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return false;
        };
        let bytes: Arc<[u8]> = packet.payload.into();
        self.tallies
            .entry(mid)
            .or_default()
            .count_outgoing(bytes.len());
        let mut write = RtpWrite::new(payload.pt, packet.seq.into(), packet.timestamp, now, bytes)
            .marker(packet.marker)
            .nackable(payload.codec == Codec::Vp8);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        self.queued += 1;
        self.now = self.now.max(now);
        if payload.codec == Codec::Vp8 {
            self.picture_at = self.now;
        }
        self.unsettled = true;
        true
    }

    /// Ask the peer for a key frame of the video it sends on this line (PLI, RFC 4585 §6.3.1), of one layer where it
    /// sends several. False if nothing has come of it yet: its first frame will be a key frame anyway.
    pub fn request_keyframe(&mut self, mid: Mid, layer: Option<Rid>) -> bool {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid, layer) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        self.unsettled = true;
        true
    }

    /// What the path to the peer is thought to carry, all media together, bits/s. `None` where no path is estimated: the
    /// first offer had no video.
    pub fn bandwidth(&self) -> Option<u64> {
        self.bandwidth
    }

    /// Tell how much is there to send in the best case, bits/s: what the path may be probed for. `proven` is filled up to
    /// with padding, as far as the estimate allows. Without effect where no path is estimated.
    pub fn set_wanted_bandwidth(&mut self, proven: u64, wanted: u64) {
        let (proven, wanted) = (Bitrate::from(proven), Bitrate::from(wanted));
        self.rtc.bwe().set_bitrate(proven, wanted);
    }

    /// Estimate the path from anew, beginning with so many bits/s, and probe it for more.
    pub fn estimate_anew(&mut self, bits_per_second: u64) {
        self.rtc.bwe().reset(Bitrate::from(bits_per_second));
        self.unsettled = true;
    }

    /// Send text on the first open data channel. False if none is open or its buffer is full.
    pub fn send_data(&mut self, text: &str) -> bool {
        let Some((id, _)) = self.channels.first() else {
            return false;
        };
        let Some(mut channel) = self.rtc.channel(*id) else {
            return false;
        };
        self.unsettled = true;
        channel.write(false, text.as_bytes()).unwrap_or(false)
    }

    /// Statistics of the lines that had packets; what reports tell is refreshed each second.
    pub fn stats(&self) -> Vec<LineStats> {
        self.tallies
            .iter()
            .map(|(mid, tally)| tally.stats(*mid))
            .collect()
    }

    /// Say goodbye (RTCP BYE, DTLS close_notify) in what the next [`Leg::poll`]s transmit. No event follows.
    pub fn close(&mut self) {
        if self.state != State::Finished {
            self.state = State::Finished;
            if self.rtc.close().is_err() {
                self.rtc.disconnect();
            }
        }
    }

    /// Tell str0m the time, upon which it takes up what was queued.
    fn settle(&mut self) {
        self.unsettled = false;
        if self.rtc.handle_input(Input::Timeout(self.now)).is_err() {
            self.rtc.disconnect();
        }
        self.finish_if_dead();
    }

    fn finish_if_dead(&mut self) {
        if self.rtc.is_alive() {
            return;
        }
        match self.state {
            State::Connecting => self.fail(FailureReason::Dtls),
            State::Finished => {}
            _ => self.finish(Event::Gone),
        }
    }

    fn fail(&mut self, reason: FailureReason) {
        self.finish(Event::Failed(reason));
    }

    fn finish(&mut self, event: Event) {
        self.close();
        self.pending = Some(event);
    }

    fn translate(&mut self, event: RtcEvent) -> Option<Event> {
        match event {
            RtcEvent::RtpPacket(packet) => self.packet(packet),
            RtcEvent::Connected => self.connected(),
            RtcEvent::IceConnectionStateChange(state) => {
                self.path_changed(state);
                None
            }
            RtcEvent::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                self.bandwidth = Some(estimate.as_u64());
                None
            }
            RtcEvent::KeyframeRequest(request) => Some(Event::KeyframeRequest { mid: request.mid }),
            RtcEvent::ChannelOpen(id, label) => {
                self.channels.push((id, label.clone()));
                Some(Event::DataOpen { label })
            }
            RtcEvent::ChannelClose(id) => {
                self.channels.retain(|(open, _)| *open != id);
                None
            }
            RtcEvent::ChannelData(data) => self.data(data),
            RtcEvent::MediaIngressStats(report) => {
                let tally = self.tallies.entry(report.mid).or_default();
                tally.take_ingress(&report);
                None
            }
            RtcEvent::MediaEgressStats(report) => {
                if let Some(rtt) = report.rtt {
                    self.sleeping.suit_path(&mut self.rtc, report.mid, rtt);
                }
                let rate = self.clock_rate(report.mid);
                let tally = self.tallies.entry(report.mid).or_default();
                tally.take_egress(&report, rate);
                None
            }
            RtcEvent::Closed if self.state != State::Finished => {
                self.state = State::Finished;
                Some(Event::Gone)
            }
            _ => None,
        }
    }

    fn connected(&mut self) -> Option<Event> {
        (self.state == State::Connecting).then(|| {
            self.state = State::Connected;
            Event::Connected
        })
    }

    /// A path that is lost may come back, by a new check or an ICE restart; consent runs out later (RFC 7675).
    fn path_changed(&mut self, ice: IceConnectionState) {
        self.ice_connected |= ice.is_connected();
        match self.state {
            State::Connected if !ice.is_connected() => {
                let grace = self.config.consent_timeout.saturating_sub(PATH_LOST_AFTER);
                let gone_at = self.now + grace;
                self.state = State::Unsure { gone_at };
            }
            State::Unsure { .. } if ice.is_connected() => self.state = State::Connected,
            _ => {}
        }
    }

    fn packet(&mut self, packet: RtpPacket) -> Option<Event> {
        let (mid, layer) = self.line_and_layer(&packet)?;
        let line = self.lines.iter().find(|n| n.line.mid == mid)?;
        let payload = line.payload(packet.header.payload_type)?;
        let out = Packet {
            mid,
            kind: line.line.kind,
            layer,
            codec: payload.codec,
            payload_type: *packet.header.payload_type,
            ssrc: *packet.header.ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            clock_rate: payload.clock_rate,
            marker: packet.header.marker,
            audio_level: packet.header.ext_vals.audio_level,
            arrival: packet.timestamp,
            payload: packet.payload,
        };
        self.tallies.entry(mid).or_default().count_incoming(
            out.ssrc,
            out.seq,
            out.clock_rate,
            out.payload.len(),
        );
        if out.kind.is_video() {
            self.picture_at = self.now;
        }
        Some(Event::Packet(out))
    }

    /// A browser names the line in a header extension only until it knows that we know; then the SSRC tells.
    fn line_and_layer(&mut self, packet: &RtpPacket) -> Option<(Mid, Option<Rid>)> {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&packet.header.ssrc)?;
        Some((stream.mid(), stream.rid()))
    }

    /// Text by any payload protocol identifier; what is not UTF-8 is not text.
    fn data(&self, data: ChannelData) -> Option<Event> {
        let (_, label) = self.channels.iter().find(|(id, _)| *id == data.id)?;
        let text = String::from_utf8(data.data).ok()?;
        Some(Event::Data {
            label: label.clone(),
            text,
        })
    }

    /// Of the codec that is sent on the line unless the worker chooses another, Hz.
    fn clock_rate(&self, mid: Mid) -> u32 {
        let line = self.lines.iter().find(|n| n.line.mid == mid);
        line.and_then(|n| n.payloads.first())
            .map_or(0, |p| p.clock_rate)
    }
}

/// Of what a leg sends: neither STUN nor DTLS nor RTCP (RFC 7983 §7, RFC 5761 §4).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if first >> 6 == 2 && !(192..=223).contains(second))
}
