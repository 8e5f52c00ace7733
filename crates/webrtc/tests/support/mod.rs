//! Two peers in memory with made-up time: str0m as the browser that offers, our leg that answers.
#![allow(dead_code)] // each test file uses its part

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpApi, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::format::{Codec as WireCodec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event as RtcEvent, Input, Output as RtcOutput, Rtc, RtcConfig};
use webrtc::{Answer, Codec, Event, Identity, Leg, LegConfig, OutPacket, Output, Packet, Rid};

pub const ONE_WAY: Duration = Duration::from_millis(10);

pub fn browser_addr() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10], 40_000))
}

pub fn leg_addr() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000))
}

pub fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY
        .get_or_init(|| Identity::generate().expect("a certificate"))
        .clone()
}

pub fn leg_config() -> LegConfig {
    LegConfig::new(identity(), vec![leg_addr()])
}

thread_local! {
    static LEG_WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in the leg of a [`Pair`], for tests that count what it costs.
pub fn leg_works() -> bool {
    LEG_WORKS.get()
}

/// Let the leg work.
fn on_leg<T>(work: impl FnOnce() -> T) -> T {
    LEG_WORKS.set(true);
    let done = work();
    LEG_WORKS.set(false);
    done
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    Leg,
    Browser,
}

type Loss = Box<dyn FnMut(Toward, &[u8]) -> bool>;

/// What a browser's page set up before it offered.
pub struct Browser {
    pub rtc: Rtc,
    pub audio: Mid,
    pub camera: Option<Mid>,
    pub screen: Option<Mid>,
    pub channel: Option<ChannelId>,
}

/// The browser's configuration: the payload types and codecs of Chromium.
pub fn browser_config() -> RtcConfig {
    let mut config = RtcConfig::new()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_g722(true, false)
        .enable_pcmu(true, false)
        .enable_pcma(true, false)
        .enable_comfort_noise(true)
        .enable_vp8(true)
        .enable_vp9(true);
    for (pt, rate) in [
        (110, Frequency::FORTY_EIGHT_KHZ),
        (126, Frequency::EIGHT_KHZ),
    ] {
        config.codec_config().add_config(
            Pt::new_with_value(pt),
            None,
            WireCodec::Tele,
            rate,
            None,
            FormatParams::default(),
        );
    }
    config
}

impl Browser {
    pub fn offering(
        now: Instant,
        direction: Direction,
        video: bool,
    ) -> (Self, String, SdpPendingOffer) {
        Self::offering_layers(now, direction, video, &[])
    }

    /// The camera is sent in these layers.
    pub fn offering_layers(
        now: Instant,
        direction: Direction,
        video: bool,
        layers: &[&str],
    ) -> (Self, String, SdpPendingOffer) {
        let mut rtc = browser_config().build(now);
        let candidate = Candidate::host(browser_addr(), "udp").unwrap();
        rtc.add_local_candidate(candidate);
        let mut change = rtc.sdp_api();
        let mut add = |kind, layers| change.add_media(kind, direction, None, None, layers);
        let audio = add(MediaKind::Audio, None);
        let camera = video.then(|| add(MediaKind::Video, simulcast(layers)));
        let screen = video.then(|| add(MediaKind::Video, None));
        let channel = video.then(|| change.add_channel("control".into()));
        let (offer, pending) = change.apply().unwrap();
        let browser = Self {
            rtc,
            audio,
            camera,
            screen,
            channel,
        };
        (browser, offer.to_sdp_string(), pending)
    }
}

fn simulcast(layers: &[&str]) -> Option<Simulcast> {
    let mut simulcast = Simulcast::new();
    for layer in layers {
        simulcast.add_send_layer(SimulcastLayer::new(layer));
    }
    (!layers.is_empty()).then_some(simulcast)
}

pub struct Pair {
    pub now: Instant,
    pub browser: Browser,
    pub leg: Leg,
    pub answer: Answer,
    pub browser_events: Vec<RtcEvent>,
    pub leg_events: Vec<Event>,
    pub loss: Loss,
    pub one_way: Duration,
    /// Datagrams that reached the leg, kept as material for malformed ones.
    pub seen_by_leg: Vec<Vec<u8>>,
    pub leg_wakeups: usize,
    in_flight: Vec<(Instant, Toward, Vec<u8>)>,
    browser_timeout: Instant,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(leg_config(), Direction::SendRecv, true)
    }

    pub fn with(config: LegConfig, direction: Direction, video: bool) -> Self {
        let now = Instant::now();
        Self::from(config, now, Browser::offering(now, direction, video))
    }

    /// A browser that sends its camera in these layers.
    pub fn layered(layers: &[&str]) -> Self {
        let now = Instant::now();
        let browser = Browser::offering_layers(now, Direction::SendRecv, true, layers);
        let mut pair = Self::from(leg_config(), now, browser);
        pair.connect();
        pair
    }

    fn from(
        config: LegConfig,
        now: Instant,
        (mut browser, offer, pending): (Browser, String, SdpPendingOffer),
    ) -> Self {
        let (leg, answer) = Leg::accept(&offer, config, now).expect("a good offer");
        accept_answer(&mut browser.rtc, pending, &answer);
        Self {
            now,
            browser,
            leg,
            answer,
            browser_events: Vec::new(),
            leg_events: Vec::new(),
            loss: Box::new(|_, _| false),
            one_way: ONE_WAY,
            seen_by_leg: Vec::new(),
            leg_wakeups: 0,
            in_flight: Vec::new(),
            browser_timeout: now,
        }
    }

    pub fn connected() -> Self {
        let mut pair = Self::new();
        pair.connect();
        pair
    }

    pub fn connect(&mut self) {
        self.run_until("both ends connected", |p| {
            p.leg.is_connected() && p.browser.rtc.is_connected()
        });
    }

    /// The browser changes something and offers again.
    pub fn reoffer(&mut self, change: impl FnOnce(&mut SdpApi)) -> Answer {
        let mut api = self.browser.rtc.sdp_api();
        change(&mut api);
        let (offer, pending) = api.apply().expect("something to negotiate");
        let answer = self
            .leg
            .reoffer(&offer.to_sdp_string())
            .expect("a good offer");
        accept_answer(&mut self.browser.rtc, pending, &answer);
        answer
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Runs made-up time until the condition holds; fails after a made-up minute.
    pub fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.step(end), "not within a minute: {what}");
        }
    }

    /// Go to the next instant at which something is due; false at `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.drain();
        let arrival = self.in_flight.iter().map(|f| f.0).min();
        let due = [
            Some(self.leg.next_timeout()),
            Some(self.browser_timeout),
            arrival,
        ];
        let next = due.into_iter().flatten().min().unwrap().max(self.now);
        if next > end {
            self.now = end;
            return false;
        }
        self.now = next;
        self.deliver();
        if self.browser_timeout <= self.now {
            let input = Input::Timeout(self.now);
            self.browser
                .rtc
                .handle_input(input)
                .expect("the browser lives");
        }
        if self.leg.next_timeout() <= self.now {
            self.leg_wakeups += 1;
            on_leg(|| self.leg.handle_timeout(self.now));
        }
        self.drain();
        true
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|f| f.0 <= now);
        self.in_flight = later;
        for (_, toward, datagram) in due {
            match toward {
                Toward::Leg => {
                    let (from, to) = (browser_addr(), leg_addr());
                    on_leg(|| self.leg.handle_datagram(now, from, to, &datagram));
                    self.seen_by_leg.push(datagram);
                }
                Toward::Browser => self.browser_takes(&datagram),
            }
            self.drain();
        }
    }

    fn browser_takes(&mut self, datagram: &[u8]) {
        let receive = Receive::new(Protocol::Udp, leg_addr(), browser_addr(), datagram);
        let input = Input::Receive(
            self.now,
            receive.expect("the leg sends what is well-formed"),
        );
        self.browser
            .rtc
            .handle_input(input)
            .expect("the browser lives");
    }

    pub fn drain(&mut self) {
        while let Some(output) = on_leg(|| self.leg.poll()) {
            match output {
                Output::Transmit { remote, datagram } => {
                    assert_eq!(remote, browser_addr());
                    self.fly(Toward::Browser, datagram);
                }
                Output::Event(event) => self.leg_events.push(event),
            }
        }
        loop {
            match self.browser.rtc.poll_output().expect("the browser lives") {
                RtcOutput::Timeout(at) => {
                    self.browser_timeout = at;
                    return;
                }
                RtcOutput::Transmit(t) => {
                    if t.destination == leg_addr() {
                        self.fly(Toward::Leg, t.contents.into());
                    }
                }
                RtcOutput::Event(event) => self.browser_events.push(event),
            }
        }
    }

    fn fly(&mut self, toward: Toward, datagram: Vec<u8>) {
        if !(self.loss)(toward, &datagram) {
            let arrival = self.now + self.one_way;
            self.in_flight.push((arrival, toward, datagram));
        }
    }

    /// The browser sends one RTP packet with the payload type it negotiated for `codec`.
    pub fn browser_sends(
        &mut self,
        mid: Mid,
        codec: WireCodec,
        rate: u32,
        packet: OutPacket<&[u8]>,
    ) {
        self.browser_sends_layer(mid, None, codec, rate, packet);
    }

    pub fn browser_sends_layer(
        &mut self,
        mid: Mid,
        layer: Option<Rid>,
        codec: WireCodec,
        rate: u32,
        packet: OutPacket<&[u8]>,
    ) {
        let params = self.browser.rtc.codec_config().params().iter();
        let pt = params
            .clone()
            .find(|p| p.spec().codec == codec && p.spec().clock_rate.get() == rate)
            .expect("a negotiated codec")
            .pt();
        let mut api = self.browser.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, layer).expect("a sending line");
        let write = RtpWrite::new(
            pt,
            packet.seq.into(),
            packet.timestamp,
            self.now,
            packet.payload,
        );
        let video = codec == WireCodec::Vp8;
        stream.write_rtp(write.marker(packet.marker).nackable(video));
        self.browser
            .rtc
            .handle_input(Input::Timeout(self.now))
            .unwrap();
        self.drain();
    }

    pub fn leg_sends<P: Into<Arc<[u8]>>>(
        &mut self,
        mid: Mid,
        codec: Codec,
        packet: OutPacket<P>,
    ) -> bool {
        let sent = on_leg(|| self.leg.send(self.now, mid, codec, packet));
        self.drain();
        sent
    }

    pub fn leg_packets(&self) -> Vec<&Packet> {
        let events = self.leg_events.iter();
        events
            .filter_map(|event| match event {
                Event::Packet(packet) => Some(packet),
                _ => None,
            })
            .collect()
    }

    pub fn browser_packets(&self) -> Vec<&RtpPacket> {
        let events = self.browser_events.iter();
        events
            .filter_map(|event| match event {
                RtcEvent::RtpPacket(packet) => Some(packet),
                _ => None,
            })
            .collect()
    }
}

pub fn accept_answer(browser: &mut Rtc, pending: SdpPendingOffer, answer: &Answer) {
    let sdp = SdpAnswer::from_sdp_string(&answer.sdp).expect("a readable answer");
    let api = browser.sdp_api();
    api.accept_answer(pending, sdp)
        .expect("an acceptable answer");
}

/// The `n`-th packet of a 20 ms Opus stream.
pub fn opus_packet(n: u64, payload: &[u8]) -> OutPacket<&[u8]> {
    OutPacket {
        seq: 1000 + n,
        timestamp: 960 * n as u32,
        marker: n == 0,
        payload,
    }
}

/// The `n`-th packet of a VP8 stream of one packet a frame; the first is a key frame.
pub fn vp8_packet(n: u64, payload: &[u8]) -> OutPacket<&[u8]> {
    OutPacket {
        seq: 500 + n,
        timestamp: 3000 * n as u32,
        marker: true,
        payload,
    }
}
