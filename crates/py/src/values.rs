//! What is given to the core and what it gives back, as frozen Python classes.

use std::path::PathBuf;

use mediaswitch_engine::clock::MILLISECOND;
use mediaswitch_engine::dtls::{Fingerprint, Hash, Identity};
use mediaswitch_engine::engine::{self, OpenedTrack, OpenedWebRtc, PlayItem};
use mediaswitch_engine::event::Segment;
use mediaswitch_engine::ice::Credentials;
use mediaswitch_engine::port::rtp;
use mediaswitch_engine::port::setup::DtlsLink;
use mediaswitch_engine::srtp::{MasterKey, Profile};
use mediaswitch_engine::stats::{self, Direction, Speech};
use pyo3::prelude::*;

use crate::errors::BadSetting;

/// A plain RTP port and the track that arrives on it.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct RtpPort {
    pub port: u64,
    pub track: u64,
    pub ip: String,
    pub udp_port: u16,
}

/// The SRTP master keys of both directions, each with its salt. Never shown.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct SrtpKeys(pub rtp::SrtpKeys);

#[pymethods]
impl SrtpKeys {
    /// Raises BadSetting for an unknown profile or a key of the wrong length.
    #[new]
    #[pyo3(signature = (profile, *, send, receive))]
    fn new(profile: &str, send: &[u8], receive: &[u8]) -> PyResult<SrtpKeys> {
        let known = Profile::from_name(profile)
            .ok_or_else(|| BadSetting::new_err(format!("unknown SRTP profile: {profile:?}")))?;
        let key = |bytes| {
            MasterKey::new(known, bytes).map_err(|error| BadSetting::new_err(error.to_string()))
        };
        Ok(SrtpKeys(rtp::SrtpKeys {
            send: key(send)?,
            receive: key(receive)?,
        }))
    }
}

/// The peer of a DTLS handshake: the fingerprint of its certificate, and whether we are the client.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct DtlsPeer {
    peer: Fingerprint,
    is_active: bool,
}

#[pymethods]
impl DtlsPeer {
    /// Raises BadSetting for an unknown hash function or a digest of the wrong length.
    #[new]
    #[pyo3(signature = (algorithm, digest, *, active))]
    fn new(algorithm: &str, digest: &[u8], active: bool) -> PyResult<DtlsPeer> {
        let peer = Hash::from_name(algorithm)
            .and_then(|hash| Fingerprint::new(hash, digest))
            .ok_or_else(|| BadSetting::new_err(format!("no {algorithm} fingerprint")))?;
        Ok(DtlsPeer {
            peer,
            is_active: active,
        })
    }
}

impl DtlsPeer {
    pub fn link(&self, identity: &Identity) -> DtlsLink {
        DtlsLink {
            identity: identity.clone(),
            peer: self.peer.clone(),
            is_active: self.is_active,
        }
    }
}

/// Who may make connectivity checks on a port.
#[pyclass(module = "mediaswitch._core", frozen)]
pub struct IcePeer(pub Credentials);

#[pymethods]
impl IcePeer {
    #[new]
    #[pyo3(signature = (*, local_ufrag, local_password, remote_ufrag))]
    fn new(local_ufrag: String, local_password: String, remote_ufrag: String) -> IcePeer {
        IcePeer(Credentials {
            local_ufrag,
            local_password,
            remote_ufrag,
        })
    }
}

/// A player and the audio track it plays on.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct PlayerPort {
    pub port: u64,
    pub track: u64,
}

/// A track that a WebRTC peer may send, and the `mid` of its m-line.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct TrackInfo {
    track: u64,
    kind: &'static str,
    mid: String,
}

/// A WebRTC port: the SDP answer to the peer's offer and the tracks the peer may send.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct WebRtcPort {
    port: u64,
    answer: String,
    tracks: Vec<Py<TrackInfo>>,
}

impl WebRtcPort {
    pub fn new(py: Python<'_>, opened: OpenedWebRtc) -> PyResult<WebRtcPort> {
        let info = |OpenedTrack { track, kind, mid }| {
            Py::new(
                py,
                TrackInfo {
                    track: track.0,
                    kind: kind.name(),
                    mid,
                },
            )
        };
        let tracks = opened
            .tracks
            .into_iter()
            .map(info)
            .collect::<PyResult<_>>()?;
        Ok(WebRtcPort {
            port: opened.port.0,
            answer: opened.answer,
            tracks,
        })
    }
}

/// One closed or repaired track file.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct SegmentSummary {
    file: String,
    codec: String,
    start_ns: u64,
    end_ns: u64,
    first_media_ns: Option<u64>,
    packets: u64,
    lost: Option<u64>,
    gaps: Vec<(u64, u64)>,
    width: Option<u32>,
    height: Option<u32>,
}

impl From<Segment> for SegmentSummary {
    fn from(segment: Segment) -> SegmentSummary {
        let Segment {
            file,
            codec,
            start_ns,
            end_ns,
            first_media_ns,
            packets,
            lost,
            gaps,
            width,
            height,
        } = segment;
        SegmentSummary {
            file,
            codec,
            start_ns,
            end_ns,
            first_media_ns,
            packets,
            lost,
            gaps,
            width,
            height,
        }
    }
}

/// A WAV file: PCM s16, mono, 8, 16 or 48 kHz.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct PlayFile {
    path: String,
}

#[pymethods]
impl PlayFile {
    #[new]
    fn new(path: String) -> PlayFile {
        PlayFile { path }
    }
}

/// A sum of sines, `level_dbm0` in all.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct PlayTone {
    hz: Vec<f32>,
    duration_ms: u32,
    level_dbm0: f32,
}

#[pymethods]
impl PlayTone {
    #[new]
    fn new(hz: Vec<f32>, duration_ms: u32, level_dbm0: f32) -> PlayTone {
        PlayTone {
            hz,
            duration_ms,
            level_dbm0,
        }
    }
}

/// Nothing, for `duration_ms`.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct PlaySilence {
    duration_ms: u32,
}

#[pymethods]
impl PlaySilence {
    #[new]
    fn new(duration_ms: u32) -> PlaySilence {
        PlaySilence { duration_ms }
    }
}

/// One of the three, as `play` takes them.
#[derive(FromPyObject)]
pub enum AnyPlayItem<'py> {
    File(PyRef<'py, PlayFile>),
    Tone(PyRef<'py, PlayTone>),
    Silence(PyRef<'py, PlaySilence>),
}

impl AnyPlayItem<'_> {
    pub fn to_item(&self) -> PlayItem {
        match self {
            AnyPlayItem::File(file) => PlayItem::File(PathBuf::from(&file.path)),
            AnyPlayItem::Tone(tone) => PlayItem::Tone {
                hz: tone.hz.clone(),
                duration_ms: tone.duration_ms,
                level_dbm0: tone.level_dbm0,
            },
            AnyPlayItem::Silence(silence) => PlayItem::Silence {
                duration_ms: silence.duration_ms,
            },
        }
    }
}

/// What passed on one track of a port since it opened.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct TrackStats {
    track: Option<u64>,
    direction: &'static str,
    kind: &'static str,
    codec: Option<&'static str>,
    packets: u64,
    bytes: u64,
    lost: u64,
    jitter_ms: f64,
    rtt_ms: Option<f64>,
    burst_ratio: f64,
    mos: Option<f64>,
    mos_scale: Option<&'static str>,
    level_dbov: Option<f32>,
    talk_ms: Option<u64>,
    silence_ms: Option<u64>,
    overtalk_ms: Option<u64>,
    speech_dbov: Option<f32>,
}

impl From<stats::TrackStats> for TrackStats {
    fn from(stats: stats::TrackStats) -> TrackStats {
        let ms = |time: fn(&Speech) -> u64| stats.speech.as_ref().map(|s| time(s) / MILLISECOND);
        TrackStats {
            track: stats.track.map(|track| track.0),
            direction: if stats.direction == Direction::In {
                "in"
            } else {
                "out"
            },
            kind: stats.kind.name(),
            codec: stats.codec,
            packets: stats.packets,
            bytes: stats.bytes,
            lost: stats.lost,
            jitter_ms: stats.jitter_ms,
            rtt_ms: stats.rtt_ms,
            burst_ratio: stats.burst_ratio,
            mos: stats.mos.map(|mos| mos.value),
            mos_scale: stats.mos.map(|mos| mos.scale.name()),
            level_dbov: stats.level_dbov,
            talk_ms: ms(|speech| speech.talk),
            silence_ms: ms(|speech| speech.silence),
            overtalk_ms: ms(|speech| speech.overtalk),
            speech_dbov: stats.speech.as_ref().and_then(Speech::level_dbov),
        }
    }
}

/// What is open now, and what was counted since the start.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct Counters {
    ports: u64,
    rtp_ports: u64,
    webrtc_ports: u64,
    players: u64,
    recorders: u64,
    taps: u64,
    crosspoints: u64,
    open_files: u64,
    packets_in: u64,
    packets_out: u64,
    malformed: u64,
    ignored: u64,
    send_errors: u64,
    late_ticks: u64,
    events_lost: u64,
    recording_lost: u64,
    tap_frames_lost: u64,
}

impl Counters {
    pub fn new(counters: &stats::Counters, events_lost: u64) -> Counters {
        let (rtp_ports, webrtc_ports) = (counters.rtp_ports.get(), counters.webrtc_ports.get());
        let (players, recorders) = (counters.players.get(), counters.recorders.get());
        let taps = counters.taps.get();
        Counters {
            ports: rtp_ports + webrtc_ports + players + recorders + taps,
            rtp_ports,
            webrtc_ports,
            players,
            recorders,
            taps,
            crosspoints: counters.crosspoints.get(),
            open_files: counters.open_files.get(),
            packets_in: counters.packets_in.get(),
            packets_out: counters.packets_out.get(),
            malformed: counters.malformed.get(),
            ignored: counters.ignored.get(),
            send_errors: counters.send_errors.get(),
            late_ticks: counters.late_ticks.get(),
            events_lost,
            recording_lost: counters.recording_lost.get(),
            tap_frames_lost: counters.tap_frames_lost.get(),
        }
    }
}

/// How one worker keeps up.
#[pyclass(module = "mediaswitch._core", frozen, get_all)]
pub struct WorkerLoad {
    busy: f64,
    stage: &'static str,
    sessions: usize,
}

impl From<engine::WorkerLoad> for WorkerLoad {
    fn from(load: engine::WorkerLoad) -> WorkerLoad {
        WorkerLoad {
            busy: load.busy,
            stage: load.stage.name(),
            sessions: load.sessions,
        }
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RtpPort>()?;
    module.add_class::<SrtpKeys>()?;
    module.add_class::<DtlsPeer>()?;
    module.add_class::<IcePeer>()?;
    module.add_class::<PlayerPort>()?;
    module.add_class::<TrackInfo>()?;
    module.add_class::<WebRtcPort>()?;
    module.add_class::<SegmentSummary>()?;
    module.add_class::<PlayFile>()?;
    module.add_class::<PlayTone>()?;
    module.add_class::<PlaySilence>()?;
    module.add_class::<TrackStats>()?;
    module.add_class::<Counters>()?;
    module.add_class::<WorkerLoad>()
}
