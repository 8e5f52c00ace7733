//! `MediaCore`: each method converts, detaches from the interpreter, and asks the engine.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use mediaswitch_engine::codec::Codec;
use mediaswitch_engine::dtmf::Press;
use mediaswitch_engine::engine::PlayOptions;
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{sendable, Link, RtpConfig};
use mediaswitch_engine::progress::{NetworkTone, Signal};
use mediaswitch_engine::voice::Wish;
use mediaswitch_engine::{recording, Engine, Settings};
use pyo3::prelude::*;

use crate::errors::{to_py_error, BadSetting};
use crate::events;
use crate::taps::{parse_rate, Source, Tap};
use crate::values::{
    AnyPlayItem, Counters, DtlsPeer, IcePeer, PlayerPort, RtpPort, SegmentSummary, SrtpKeys,
    TrackStats, WebRtcPort, WorkerLoad,
};

/// What a network tells with it, its frequencies in Hz, and its cadence in milliseconds.
type NamedTone = (String, Vec<f32>, Vec<u32>);

/// The switch of media. Owns its worker threads; everything it opened is closed with it.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct MediaCore {
    engine: Engine,
}

fn network_tone(tone: (String, Vec<f32>, Vec<u32>)) -> PyResult<NetworkTone> {
    let (name, hz, cadence_ms) = tone;
    let signal = Signal::from_name(&name)
        .ok_or_else(|| BadSetting::new_err(format!("no signal: {name:?}")))?;
    if hz.is_empty() || cadence_ms.is_empty() || cadence_ms.len() % 2 != 0 {
        let reason = format!("{name}: frequencies, and sounds and pauses in pairs, are needed");
        return Err(BadSetting::new_err(reason));
    }
    Ok(NetworkTone {
        signal,
        hz,
        cadence_ms,
    })
}

fn parse_ip(words: &str) -> PyResult<IpAddr> {
    words
        .parse()
        .map_err(|_| BadSetting::new_err(format!("not an IP address: {words:?}")))
}

fn parse_codec(name: &str) -> PyResult<Codec> {
    Codec::from_name(name).ok_or_else(|| BadSetting::new_err(format!("unknown codec: {name:?}")))
}

fn parse_codecs(names: &[String]) -> PyResult<Vec<Codec>> {
    names.iter().map(|name| parse_codec(name)).collect()
}

/// Complete a file that a crash left behind. Raises BadMediaFile.
#[pyfunction]
pub fn repair_track(py: Python<'_>, path: PathBuf, end_ns: u64) -> PyResult<SegmentSummary> {
    let segment = py
        .detach(|| recording::repair(&path, end_ns))
        .map_err(to_py_error)?;
    Ok(segment.into())
}

#[pymethods]
impl MediaCore {
    #[new]
    #[pyo3(signature = (
        *, workers, bind_ip, public_ip, rtp_ports, webrtc_port, clock_offset_ns, media_timeout_ms = 30_000,
        ice_tcp = false, opus_dtx = false, loudest_talkers = 5, bind_ip6 = None, public_ip6 = None
    ))]
    #[allow(clippy::too_many_arguments)] // the settings of the core, each by its name
    fn new(
        py: Python<'_>,
        workers: usize,
        bind_ip: &str,
        public_ip: Option<&str>,
        rtp_ports: (u16, u16),
        webrtc_port: u16,
        clock_offset_ns: i64,
        media_timeout_ms: u64,
        ice_tcp: bool,
        opus_dtx: bool,
        loudest_talkers: usize,
        bind_ip6: Option<&str>,
        public_ip6: Option<&str>,
    ) -> PyResult<MediaCore> {
        let bind_ip = parse_ip(bind_ip)?;
        let bind_ip6 = bind_ip6.map(parse_ip).transpose()?;
        let public_ip6 = public_ip6.map(parse_ip).transpose()?;
        let settings = Settings {
            workers,
            bind_ip,
            public_ip: public_ip.map_or(Ok(bind_ip), parse_ip)?,
            ipv6: bind_ip6.map(|bind| (bind, public_ip6.unwrap_or(bind))),
            rtp_ports,
            webrtc_port,
            ice_tcp,
            opus_dtx,
            loudest_talkers,
            clock_offset_ns,
            media_timeout_ms,
        };
        let engine = py.detach(|| Engine::start(settings)).map_err(to_py_error)?;
        Ok(MediaCore { engine })
    }

    /// Stop the workers and close everything. A second call does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.engine.close());
    }

    /// A file descriptor that is readable while events wait.
    fn event_fd(&self) -> i32 {
        self.engine.event_fd()
    }

    /// Take all waiting events, oldest first.
    fn drain_events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        self.engine
            .drain_events()
            .into_iter()
            .map(|event| events::to_py(py, event))
            .collect()
    }

    /// This instant on the one clock.
    fn now_ns(&self) -> u64 {
        self.engine.now()
    }

    /// The SHA-256 fingerprint of the certificate that RTP ports show in DTLS.
    fn dtls_fingerprint(&self) -> Vec<u8> {
        self.engine.dtls_identity().fingerprint().digest().to_vec()
    }

    /// Open an RTP port. Raises NoFreePort, BadSetting.
    #[pyo3(signature = (session, *, allow_latch = true, ipv6 = false))]
    fn open_rtp(
        &self,
        py: Python<'_>,
        session: u64,
        allow_latch: bool,
        ipv6: bool,
    ) -> PyResult<RtpPort> {
        let session = SessionId(session);
        let open = || match ipv6 {
            true => self.engine.open_rtp_ipv6(session, allow_latch),
            false => self.engine.open_rtp(session, allow_latch),
        };
        let opened = py.detach(open).map_err(to_py_error)?;
        Ok(RtpPort {
            port: opened.port.0,
            track: opened.track.0,
            ip: opened.address.ip().to_string(),
            udp_port: opened.address.port(),
        })
    }

    /// Apply an offer and its answer. Raises BadSetting.
    #[pyo3(signature = (
        port, *, remote_ip, remote_port, payload_type, codec, clock_rate, telephone_event_payload_type, ptime_ms, send,
        receive, srtp = None, dtls = None, ice = None, rtcp_mux = false,
        voip_metrics = false
    ))]
    #[allow(clippy::too_many_arguments)] // what SDP says of one stream, each by its name
    fn configure_rtp(
        &self,
        py: Python<'_>,
        port: u64,
        remote_ip: &str,
        remote_port: u16,
        payload_type: u8,
        codec: &str,
        clock_rate: u32,
        telephone_event_payload_type: Option<u8>,
        ptime_ms: u32,
        send: bool,
        receive: bool,
        srtp: Option<PyRef<'_, SrtpKeys>>,
        dtls: Option<PyRef<'_, DtlsPeer>>,
        ice: Option<PyRef<'_, IcePeer>>,
        rtcp_mux: bool,
        voip_metrics: bool,
    ) -> PyResult<()> {
        let codec = match Codec::from_rtpmap(codec, clock_rate) {
            Some(codec) => codec,
            None => parse_codec(codec)?,
        };
        if clock_rate != codec.clock_rate() {
            return Err(BadSetting::new_err(format!(
                "{} has no clock rate of {clock_rate} Hz",
                codec.name()
            )));
        }
        let config = RtpConfig {
            remote: sendable(parse_ip(remote_ip)?, remote_port),
            payload_type,
            codec,
            telephone_event: telephone_event_payload_type,
            ptime_ms,
            send,
            receive,
            link: Link {
                srtp: srtp.map(|keys| keys.0.clone()),
                dtls: dtls.map(|peer| Box::new(peer.link(self.engine.dtls_identity()))),
                ice: ice.map(|peer| Box::new(peer.0.clone())),
                rtcp_mux,
                voip_metrics,
            },
        };
        py.detach(|| self.engine.configure_rtp(PortId(port), config))
            .map_err(to_py_error)
    }

    /// Answer a peer's offer. Raises BadOffer, BadSetting.
    #[pyo3(signature = (session, offer, *, audio_codecs))]
    fn open_webrtc(
        &self,
        py: Python<'_>,
        session: u64,
        offer: &str,
        audio_codecs: Vec<String>,
    ) -> PyResult<WebRtcPort> {
        let codecs = parse_codecs(&audio_codecs)?;
        let opened = py
            .detach(|| self.engine.open_webrtc(SessionId(session), offer, codecs))
            .map_err(to_py_error)?;
        WebRtcPort::new(py, opened)
    }

    /// Answer a later offer of the same peer. Raises BadOffer.
    #[pyo3(signature = (port, offer, *, audio_codecs))]
    fn reoffer_webrtc(
        &self,
        py: Python<'_>,
        port: u64,
        offer: &str,
        audio_codecs: Vec<String>,
    ) -> PyResult<WebRtcPort> {
        let codecs = parse_codecs(&audio_codecs)?;
        let opened = py
            .detach(|| self.engine.reoffer_webrtc(PortId(port), offer, codecs))
            .map_err(to_py_error)?;
        WebRtcPort::new(py, opened)
    }

    /// Open a recorder and return its port.
    #[pyo3(signature = (session, folder, *, epoch_ns))]
    fn open_recorder(
        &self,
        py: Python<'_>,
        session: u64,
        folder: PathBuf,
        epoch_ns: u64,
    ) -> PyResult<u64> {
        let opened = py.detach(|| {
            self.engine
                .open_recorder(SessionId(session), &folder, epoch_ns)
        });
        Ok(opened.map_err(to_py_error)?.0)
    }

    /// Label the track; written into files that begin later.
    fn name_track(&self, py: Python<'_>, track: u64, name: String) -> PyResult<()> {
        py.detach(|| self.engine.name_track(TrackId(track), name))
            .map_err(to_py_error)
    }

    /// Send text on the first open data channel; dropped if none is open.
    fn send_data(&self, py: Python<'_>, port: u64, text: String) -> PyResult<()> {
        py.detach(|| self.engine.send_data(PortId(port), text))
            .map_err(to_py_error)
    }

    /// Ask the sender of a video track for a key frame (throttled).
    fn request_keyframe(&self, py: Python<'_>, track: u64) -> PyResult<()> {
        py.detach(|| self.engine.request_keyframe(TrackId(track)))
            .map_err(to_py_error)
    }

    /// Send digits to a port's peer. Raises UnknownPort, BadSetting.
    #[pyo3(signature = (port, digits, *, duration_ms = 100))]
    fn send_digits(
        &self,
        py: Python<'_>,
        port: u64,
        digits: String,
        duration_ms: u32,
    ) -> PyResult<()> {
        py.detach(|| self.engine.send_digits(PortId(port), digits, duration_ms))
            .map_err(to_py_error)
    }

    /// Let those who hear the track have a digit that its peer sent by signalling. Raises UnknownTrack.
    #[pyo3(signature = (track, digit, *, duration_ms = 100))]
    fn relay_digit(
        &self,
        py: Python<'_>,
        track: u64,
        digit: char,
        duration_ms: u32,
    ) -> PyResult<()> {
        let press = Press { digit, duration_ms };
        py.detach(|| self.engine.relay_digit(TrackId(track), press))
            .map_err(to_py_error)
    }

    /// Take digits out of a track before anybody has them, or no longer. Raises UnknownTrack.
    fn mask_digits(&self, py: Python<'_>, track: u64, on: bool) -> PyResult<()> {
        py.detach(|| self.engine.mask_digits(TrackId(track), on))
            .map_err(to_py_error)
    }

    /// What is done to a track's voice before others hear it. Raises UnknownTrack.
    #[pyo3(signature = (track, *, noise_suppression = false, auto_gain = false))]
    fn set_voice(
        &self,
        py: Python<'_>,
        track: u64,
        noise_suppression: bool,
        auto_gain: bool,
    ) -> PyResult<()> {
        let wish = Wish {
            noise_suppression,
            auto_gain,
        };
        py.detach(|| self.engine.set_voice(TrackId(track), wish))
            .map_err(to_py_error)
    }

    /// Listen for tones of digits (ITU-T Q.24) in a track's sound. Raises UnknownTrack.
    fn detect_dtmf(&self, py: Python<'_>, track: u64, on: bool) -> PyResult<()> {
        py.detach(|| self.engine.detect_dtmf(TrackId(track), on))
            .map_err(to_py_error)
    }

    /// Listen how a call to the track's peer goes; None: no longer. Raises UnknownTrack, BadSetting.
    fn watch_call(
        &self,
        py: Python<'_>,
        track: u64,
        tones: Option<Vec<NamedTone>>,
    ) -> PyResult<()> {
        let tones = tones
            .map(|tones| tones.into_iter().map(network_tone).collect())
            .transpose()?;
        py.detach(|| self.engine.watch_call(TrackId(track), tones))
            .map_err(to_py_error)
    }

    /// The call that is watched is answered: listen who it is. Raises UnknownTrack.
    fn call_answered(&self, py: Python<'_>, track: u64) -> PyResult<()> {
        py.detach(|| self.engine.call_answered(TrackId(track)))
            .map_err(to_py_error)
    }

    /// Open a tap. Raises BadSetting.
    #[pyo3(signature = (session, *, rate_hz, buffer_ms = 2_000, notify_ms = 100))]
    fn open_tap(
        &self,
        py: Python<'_>,
        session: u64,
        rate_hz: u32,
        buffer_ms: u32,
        notify_ms: u32,
    ) -> PyResult<Tap> {
        let (session, rate) = (SessionId(session), parse_rate(rate_hz)?);
        let (port, reader) = py
            .detach(|| self.engine.open_tap(session, rate, buffer_ms, notify_ms))
            .map_err(to_py_error)?;
        Ok(Tap {
            port: port.0,
            reader: Mutex::new(reader),
        })
    }

    /// Open a source. Raises BadSetting.
    #[pyo3(signature = (session, *, rate_hz, buffer_ms = 2_000))]
    fn open_source(
        &self,
        py: Python<'_>,
        session: u64,
        rate_hz: u32,
        buffer_ms: u32,
    ) -> PyResult<Source> {
        let (session, rate) = (SessionId(session), parse_rate(rate_hz)?);
        let (opened, writer) = py
            .detach(|| self.engine.open_source(session, rate, buffer_ms))
            .map_err(to_py_error)?;
        Ok(Source {
            port: opened.port.0,
            track: opened.track.0,
            writer: Mutex::new(writer),
        })
    }

    /// Open a player. It is silent, and sends nothing, until `play`.
    fn open_player(&self, py: Python<'_>, session: u64) -> PyResult<PlayerPort> {
        let opened = py
            .detach(|| self.engine.open_player(SessionId(session)))
            .map_err(to_py_error)?;
        Ok(PlayerPort {
            port: opened.port.0,
            track: opened.track.0,
        })
    }

    /// Play the items one after another and return the play's id. Raises BadMediaFile.
    #[pyo3(signature = (port, items, *, r#loop = false, queue = false, report_ms = None))]
    fn play(
        &self,
        py: Python<'_>,
        port: u64,
        items: Vec<AnyPlayItem<'_>>,
        r#loop: bool,
        queue: bool,
        report_ms: Option<u32>,
    ) -> PyResult<u64> {
        let items: Vec<_> = items.iter().map(AnyPlayItem::to_item).collect();
        let options = PlayOptions {
            looped: r#loop,
            queued: queue,
            report_ms,
        };
        py.detach(|| self.engine.play(PortId(port), &items, options))
            .map_err(to_py_error)
    }

    /// Go on at another place of what is playing.
    fn seek(&self, py: Python<'_>, port: u64, position_ms: u32) -> PyResult<()> {
        py.detach(|| self.engine.seek(PortId(port), position_ms))
            .map_err(to_py_error)
    }

    /// Play softer while one of these tracks speaks; with none, no longer.
    #[pyo3(signature = (port, under, *, gain_db = -15.0))]
    fn duck(&self, py: Python<'_>, port: u64, under: Vec<u64>, gain_db: f32) -> PyResult<()> {
        let under = under.into_iter().map(TrackId).collect();
        py.detach(|| self.engine.duck(PortId(port), under, gain_db))
            .map_err(to_py_error)
    }

    /// Stop what is playing, if anything.
    fn stop_playing(&self, py: Python<'_>, port: u64) -> PyResult<()> {
        py.detach(|| self.engine.stop_playing(PortId(port)))
            .map_err(to_py_error)
    }

    /// Let `destination` have `source`. Raises UnknownTrack, UnknownPort, DifferentSessions.
    #[pyo3(signature = (source, destination, *, gain_db = 0.0))]
    fn connect(&self, py: Python<'_>, source: u64, destination: u64, gain_db: f32) -> PyResult<()> {
        let crosspoint = Crosspoint::new(TrackId(source), PortId(destination), gain_db);
        py.detach(|| self.engine.connect(crosspoint))
            .map_err(to_py_error)
    }

    /// Undo `connect`; what is not there is fine.
    fn disconnect(&self, py: Python<'_>, source: u64, destination: u64) -> PyResult<()> {
        py.detach(|| self.engine.disconnect(TrackId(source), PortId(destination)))
            .map_err(to_py_error)
    }

    /// Close a port, its tracks and crosspoints; what is not there is fine.
    #[pyo3(signature = (port, *, end_ns = None))]
    fn close_port(&self, py: Python<'_>, port: u64, end_ns: Option<u64>) -> PyResult<()> {
        py.detach(|| self.engine.close_port(PortId(port), end_ns))
            .map_err(to_py_error)
    }

    /// Statistics of each track of a port, both directions.
    fn stats(&self, py: Python<'_>, port: u64) -> PyResult<Vec<TrackStats>> {
        let stats = py
            .detach(|| self.engine.stats(PortId(port)))
            .map_err(to_py_error)?;
        Ok(stats.into_iter().map(TrackStats::from).collect())
    }

    /// What is open, and the totals of all workers.
    fn counters(&self) -> Counters {
        Counters::new(self.engine.counters(), self.engine.events_lost())
    }

    /// How each worker keeps up.
    fn loads(&self) -> Vec<WorkerLoad> {
        self.engine
            .loads()
            .into_iter()
            .map(WorkerLoad::from)
            .collect()
    }
}
