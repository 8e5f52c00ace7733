"""The media core: ports, tracks and the crosspoints between them. The compiled module is built from crates/py.

Every id counts from 1 and is never used again in a process. Every instant is in nanoseconds on the one clock:
CLOCK_MONOTONIC plus the `clock_offset_ns` given at construction. Calls may come from any thread; none waits for a
packet. A method that names a port or a track raises UnknownPort or UnknownTrack when there is none, and CoreStopped
after `close`. The first port of a session settles its worker; each `open_` method raises Overloaded for a session
without a port when no worker has room.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, final

from typing_extensions import disjoint_base

__all__ = [
    "BadMediaFile",
    "BadOffer",
    "BadSetting",
    "CallProgress",
    "CoreError",
    "CoreEvent",
    "CoreStopped",
    "Counters",
    "DataMessage",
    "DifferentSessions",
    "Digit",
    "DtlsPeer",
    "FramesReady",
    "IcePeer",
    "MediaCore",
    "MediaStarted",
    "MediaStopped",
    "MediaTimeout",
    "NoFreePort",
    "Overloaded",
    "PlayFile",
    "PlayFinished",
    "PlayPosition",
    "PlaySilence",
    "PlayStarted",
    "PlayTone",
    "PlayerPort",
    "PortClosed",
    "PortConnected",
    "PortFailed",
    "PortGone",
    "RecorderClosed",
    "RecorderFailed",
    "RtpPort",
    "SegmentClosed",
    "SegmentSummary",
    "Source",
    "SpeakerChanged",
    "SrtpKeys",
    "StageChanged",
    "Tap",
    "TapFrames",
    "TrackInfo",
    "TrackStats",
    "UnknownPort",
    "UnknownTrack",
    "WebRtcPort",
    "WorkerLoad",
    "repair_track",
]

_MediaKind: TypeAlias = Literal["audio", "camera", "screen"]
_Stage: TypeAlias = Literal["calm", "refusing", "thinning", "bare"]

class CoreError(Exception):
    """Root of everything the core raises."""

class CoreStopped(CoreError):
    """The core has been closed."""

class Overloaded(CoreError):
    """No worker keeps up with what it has: a session that has no port yet gets none."""

class NoFreePort(CoreError):
    """Every even port of the RTP range is taken."""

class UnknownPort(CoreError):
    """There is no such port, or not of the kind the call needs."""

class UnknownTrack(CoreError):
    """There is no such track."""

class DifferentSessions(CoreError):
    """The two ends of the crosspoint belong to different sessions."""

class BadOffer(CoreError):
    """The SDP offer cannot be answered; the message says why in words."""

class BadMediaFile(CoreError):
    """The file cannot be played or repaired; the message is "path: reason"."""

class BadSetting(CoreError):
    """An argument makes no sense: an unknown codec, an address that is none, a range that is empty."""

@final
class RtpPort:
    """A plain RTP port and the track that arrives on it; `ip` and `udp_port` belong into our SDP."""

    @property
    def port(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def ip(self) -> str: ...
    @property
    def udp_port(self) -> int: ...

@final
class TrackInfo:
    """A track that a WebRTC peer may send, and the `mid` of its m-line."""

    @property
    def track(self) -> int: ...
    @property
    def kind(self) -> _MediaKind: ...
    @property
    def mid(self) -> str: ...

@final
class WebRtcPort:
    """A WebRTC port: the SDP answer to the peer's offer and the tracks the peer may send."""

    @property
    def port(self) -> int: ...
    @property
    def answer(self) -> str: ...
    @property
    def tracks(self) -> list[TrackInfo]: ...

@final
class SrtpKeys:
    """The SRTP master keys of both directions, each with its salt behind it. They are never shown."""

    def __new__(cls, profile: str, *, send: bytes, receive: bytes) -> SrtpKeys:
        """profile: a crypto-suite of RFC 4568 or RFC 7714. Raises BadSetting for an unknown one or a wrong length."""

@final
class DtlsPeer:
    """The peer of a DTLS handshake (RFC 5763), known by the fingerprint of its certificate."""

    def __new__(cls, algorithm: str, digest: bytes, *, active: bool) -> DtlsPeer:
        """algorithm: a hash function of RFC 8122 ("sha-256"). active: we are the client.

        Raises BadSetting for an unknown one or a wrong length.
        """

@final
class IcePeer:
    """Who may make connectivity checks on a port (RFC 8445): its user fragment, and ours with its password."""

    def __new__(cls, *, local_ufrag: str, local_password: str, remote_ufrag: str) -> IcePeer: ...

@final
class PlayerPort:
    """A player and the audio track it plays on."""

    @property
    def port(self) -> int: ...
    @property
    def track(self) -> int: ...

@final
class TapFrames:
    """Frames read from a tap, 20 ms each.

    `pcm`: their samples one after another, 16-bit little-endian mono (`numpy.frombuffer(pcm, "<i2")`). `at_ns`: the
    instant of each frame on the one clock; a step of more than 20 ms shows that frames were lost.
    """

    @property
    def pcm(self) -> bytes: ...
    @property
    def at_ns(self) -> list[int]: ...

@final
class Tap:
    """What its port hears, mixed, as PCM: a ring in memory that the core fills and `read` empties, many frames a call.

    A frame comes each 20 ms, silent when nobody is connected or speaks. A reader that is too slow loses its own newest
    frames only, counted by `lost`. Closed by `close_port(tap.port)`; a tap that nobody refers to costs nothing but its
    port. May be used from any thread.
    """

    @property
    def port(self) -> int: ...
    @property
    def rate_hz(self) -> int: ...
    @property
    def waiting(self) -> int:
        """Frames that can be read now."""

    @property
    def lost(self) -> int:
        """Frames lost so far."""

    @property
    def closed(self) -> bool:
        """Whether the port is closed; what waits can still be read."""

    def read(self, max_frames: int = 3_000) -> TapFrames:
        """Take up to `max_frames` (at most 3,000: a minute), oldest first. Never waits; none is fine."""

@final
class Source:
    """A track that plays what is written to it, as a player would: recorded, relayed and mixed like any other.

    Where the writer falls behind, the track dies away within 5 ms and goes on with what is written next. Closed by
    `close_port(source.port)`. May be used from any thread.
    """

    @property
    def port(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def queued_ms(self) -> int:
        """How long what is written and not yet played lasts, in ms."""

    @property
    def closed(self) -> bool:
        """Whether the port is closed: nothing written will be heard."""

    def write(self, pcm: bytes) -> int:
        """Write 16-bit little-endian mono samples; returns how many bytes were taken. Never waits.

        What found no room is not taken: write it again later. Less than 20 ms waits for the rest of its frame. Raises
        BadSetting for half a sample.
        """

@final
class PlayFile:
    """A WAV file: PCM s16, mono, 8, 16 or 48 kHz, up to an hour. One of 48 kHz keeps its band, if it lasts 10 minutes.

    Other formats are converted beforehand (ivr.prompts).
    """

    def __new__(cls, path: str) -> PlayFile: ...
    @property
    def path(self) -> str: ...

@final
class PlayTone:
    """A sum of sines, `level_dbm0` in all (0 dBm0 is 3.14 dB below full scale sine, ITU-T G.711)."""

    def __new__(cls, hz: Sequence[float], duration_ms: int, level_dbm0: float) -> PlayTone: ...
    @property
    def hz(self) -> list[float]: ...
    @property
    def duration_ms(self) -> int: ...
    @property
    def level_dbm0(self) -> float: ...

@final
class PlaySilence:
    """Nothing, for `duration_ms`."""

    def __new__(cls, duration_ms: int) -> PlaySilence: ...
    @property
    def duration_ms(self) -> int: ...

@final
class TrackStats:
    """What passed on one track of a port since it opened.

    `direction` "in": from the peer, and `lost`, `jitter_ms` are what we saw; "out": to the peer, and they are what its
    receiver reports said. `level_dbov`: loudness of the latest audio, 0 (loudest) to -127; None where unknown.
    `burst_ratio`: how losses gather, 1.0 for random ones (ITU-T G.107 §7.5); `mos`: 1 to 4.5 by the E-model,
    None for video and where nothing passed; `mos_scale`: "narrowband" by ITU-T G.107, "wideband" by G.107.1 (G.722,
    Opus), whose best is better than the other's best.
    """

    @property
    def track(self) -> int | None:
        """The arriving track; None for direction "out"."""

    @property
    def direction(self) -> Literal["in", "out"]: ...
    @property
    def kind(self) -> _MediaKind: ...
    @property
    def codec(self) -> str | None: ...
    @property
    def packets(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def jitter_ms(self) -> float: ...
    @property
    def rtt_ms(self) -> float | None: ...
    @property
    def burst_ratio(self) -> float: ...
    @property
    def mos(self) -> float | None: ...
    @property
    def mos_scale(self) -> Literal["narrowband", "wideband"] | None: ...
    @property
    def level_dbov(self) -> float | None: ...
    @property
    def talk_ms(self) -> int | None:
        """How long an arriving voice talked, by level; None where its levels are unknown (see `level_dbov`)."""

    @property
    def silence_ms(self) -> int | None: ...
    @property
    def overtalk_ms(self) -> int | None:
        """The part of `talk_ms` in which another voice of the session talked too."""

    @property
    def speech_dbov(self) -> float | None:
        """Its mean level while it talked; None if it never did."""

@final
class Counters:
    """What is open now, and what was counted since the start."""

    @property
    def ports(self) -> int: ...
    @property
    def rtp_ports(self) -> int: ...
    @property
    def webrtc_ports(self) -> int: ...
    @property
    def players(self) -> int: ...
    @property
    def recorders(self) -> int: ...
    @property
    def taps(self) -> int: ...
    @property
    def crosspoints(self) -> int: ...
    @property
    def open_files(self) -> int:
        """Track files now open for writing."""

    @property
    def packets_in(self) -> int: ...
    @property
    def packets_out(self) -> int: ...
    @property
    def malformed(self) -> int:
        """Datagrams that were neither valid RTP, RTCP, STUN nor DTLS."""

    @property
    def ignored(self) -> int:
        """Valid packets not taken: another payload type, an address not signalled, a port that does not receive."""

    @property
    def send_errors(self) -> int: ...
    @property
    def late_ticks(self) -> int:
        """20 ms ticks that ran more than 10 ms after their time."""

    @property
    def events_lost(self) -> int:
        """Events thrown away because nobody drained the queue."""

    @property
    def recording_lost(self) -> int:
        """Packets not recorded because the writer fell behind."""

    @property
    def tap_frames_lost(self) -> int:
        """Frames that found a tap's ring full because its reader fell behind."""

@final
class WorkerLoad:
    """How one worker keeps up."""

    @property
    def busy(self) -> float:
        """Share of a core that its thread took in the last second, 0 to 1."""

    @property
    def stage(self) -> _Stage: ...
    @property
    def sessions(self) -> int: ...

@final
class SegmentSummary:
    """One closed or repaired track file; `file` is its name in the folder. `lost` is None after a repair."""

    @property
    def file(self) -> str: ...
    @property
    def codec(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def first_media_ns(self) -> int | None: ...
    @property
    def packets(self) -> int: ...
    @property
    def lost(self) -> int | None: ...
    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Stretches without media, (from_ns, to_ns)."""

    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...

@disjoint_base
class CoreEvent:
    """Something happened in the core at `at_ns`."""

    @property
    def at_ns(self) -> int: ...

@final
class PortConnected(CoreEvent):
    """A WebRTC port's ICE and DTLS are done, or the DTLS of an RTP port."""

    def __new__(cls, *, port: int, at_ns: int) -> PortConnected: ...
    @property
    def port(self) -> int: ...

@final
class PortFailed(CoreEvent):
    """A port could not connect; `reason` is "ice", "dtls" or words. The port stays until closed."""

    def __new__(cls, *, port: int, reason: str, at_ns: int) -> PortFailed: ...
    @property
    def port(self) -> int: ...
    @property
    def reason(self) -> str: ...

@final
class PortGone(CoreEvent):
    """A connected WebRTC peer closed or fell silent (consent lost, RFC 7675). The port stays until closed."""

    def __new__(cls, *, port: int, at_ns: int) -> PortGone: ...
    @property
    def port(self) -> int: ...

@final
class PortClosed(CoreEvent):
    """The port of a leg was closed: what passed on each of its tracks, arriving and outgoing."""

    def __new__(cls, *, port: int, stats: list[TrackStats], at_ns: int) -> PortClosed: ...
    @property
    def port(self) -> int: ...
    @property
    def stats(self) -> list[TrackStats]: ...

@final
class MediaStarted(CoreEvent):
    """The first packet of a track, or the first after MediaStopped."""

    def __new__(cls, *, track: int, at_ns: int) -> MediaStarted: ...
    @property
    def track(self) -> int: ...

@final
class MediaStopped(CoreEvent):
    """Two seconds without a packet of a track that had started."""

    def __new__(cls, *, track: int, at_ns: int) -> MediaStopped: ...
    @property
    def track(self) -> int: ...

@final
class MediaTimeout(CoreEvent):
    """`media_timeout_ms` without any RTP or RTCP on a port that should receive. Once, until packets come again."""

    def __new__(cls, *, port: int, at_ns: int) -> MediaTimeout: ...
    @property
    def port(self) -> int: ...

@final
class SpeakerChanged(CoreEvent):
    """Another voice of its session is the one to look at: the loudest that talks, at most once a second.

    `level_dbov`: how loud it is, 0 (loudest) to -127. Only in sessions with two voices or more; by level (see
    TrackStats), so a voice whose levels are unknown is never told.
    """

    def __new__(cls, *, track: int, level_dbov: float, at_ns: int) -> SpeakerChanged: ...
    @property
    def track(self) -> int: ...
    @property
    def level_dbov(self) -> float: ...

@final
class Digit(CoreEvent):
    """A key press is over, by telephone-event (RFC 4733) or, where `detect_dtmf` asked, by tone; each counts once."""

    def __new__(cls, *, port: int, digit: str, duration_ms: int, at_ns: int) -> Digit: ...
    @property
    def port(self) -> int: ...
    @property
    def digit(self) -> str: ...
    @property
    def duration_ms(self) -> int: ...

@final
class PlayStarted(CoreEvent):
    """The first frame of a play that has `report_ms` is heard."""

    def __new__(cls, *, port: int, play_id: int, at_ns: int) -> PlayStarted: ...
    @property
    def port(self) -> int: ...
    @property
    def play_id(self) -> int: ...

@final
class PlayPosition(CoreEvent):
    """Where a play stands, in ms from its beginning; as often as its `report_ms` says."""

    def __new__(cls, *, port: int, play_id: int, position_ms: int, at_ns: int) -> PlayPosition: ...
    @property
    def port(self) -> int: ...
    @property
    def play_id(self) -> int: ...
    @property
    def position_ms(self) -> int: ...

@final
class PlayFinished(CoreEvent):
    """A `play` is over: by itself, interrupted ("replaced", "stopped"), or because too many waited ("failed").

    `position_ms`: where it stood. Its port may be closed already when the outcome is "stopped".
    """

    def __new__(
        cls,
        *,
        port: int,
        play_id: int,
        outcome: Literal["finished", "replaced", "stopped", "failed"],
        position_ms: int,
        at_ns: int,
    ) -> PlayFinished: ...
    @property
    def port(self) -> int: ...
    @property
    def play_id(self) -> int: ...
    @property
    def outcome(self) -> Literal["finished", "replaced", "stopped", "failed"]: ...
    @property
    def position_ms(self) -> int: ...

@final
class CallProgress(CoreEvent):
    """How a call goes that `watch_call` listens to: "ring_back", "busy", "congestion" or "special_information".

    Once answered also who it is, "human", "machine" or "unknown", and "beep" when a machine begins to record.
    """

    def __new__(cls, *, track: int, signal: str, at_ns: int) -> CallProgress: ...
    @property
    def track(self) -> int: ...
    @property
    def signal(self) -> str: ...

@final
class DataMessage(CoreEvent):
    """Text from the peer's data channel `label`."""

    def __new__(cls, *, port: int, label: str, text: str, at_ns: int) -> DataMessage: ...
    @property
    def port(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def text(self) -> str: ...

@final
class SegmentClosed(CoreEvent):
    """A recorded file is complete on disk. One per file, after `close_port` of its recorder.

    file: its name in the recorder's folder.

    A track has a second file ("<track>-2.mka") if its sender changed the codec.
    """

    @property
    def recorder(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def file(self) -> str: ...
    @property
    def codec(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def first_media_ns(self) -> int | None: ...
    @property
    def packets(self) -> int: ...
    @property
    def lost(self) -> int | None: ...
    @property
    def gaps(self) -> list[tuple[int, int]]: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    def __new__(
        cls,
        *,
        recorder: int,
        track: int,
        file: str,
        codec: str,
        start_ns: int,
        end_ns: int,
        first_media_ns: int | None,
        packets: int,
        lost: int | None,
        gaps: list[tuple[int, int]],
        width: int | None,
        height: int | None,
        at_ns: int,
    ) -> SegmentClosed: ...

@final
class RecorderFailed(CoreEvent):
    """A file could not be written any further; calls go on. No SegmentClosed follows for this track."""

    def __new__(cls, *, recorder: int, track: int, reason: str, at_ns: int) -> RecorderFailed: ...
    @property
    def recorder(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def reason(self) -> str: ...

@final
class RecorderClosed(CoreEvent):
    """Every SegmentClosed of this recorder has been given out; nothing more comes from it."""

    def __new__(cls, *, recorder: int, at_ns: int) -> RecorderClosed: ...
    @property
    def recorder(self) -> int: ...

@final
class FramesReady(CoreEvent):
    """Time to `read` a tap; every `notify_ms` while the tap is open, read or not."""

    def __new__(cls, *, tap: int, at_ns: int) -> FramesReady: ...
    @property
    def tap(self) -> int: ...

@final
class StageChanged(CoreEvent):
    """A worker gives up more to keep up, or less.

    "calm": nothing. "refusing": new sessions go to other workers, and are refused where there are none. "thinning":
    also, viewers get the smallest layer of a picture. "bare": also, no noise suppression. A worker steps on when for
    half a second it was over 20 ms late or less than a tenth of its core was free, and back after 3 s without.
    """

    def __new__(cls, *, worker: int, stage: str, at_ns: int) -> StageChanged: ...
    @property
    def worker(self) -> int: ...
    @property
    def stage(self) -> _Stage: ...

@final
class MediaCore:
    """The switch of media. Owns its worker threads; everything it opened is closed with it."""

    def __new__(
        cls,
        *,
        workers: int,
        bind_ip: str,
        public_ip: str | None,
        rtp_ports: tuple[int, int],
        webrtc_port: int,
        clock_offset_ns: int,
        media_timeout_ms: int = 30_000,
        ice_tcp: bool = False,
        opus_dtx: bool = False,
        loudest_talkers: int = 5,
        bind_ip6: str | None = None,
        public_ip6: str | None = None,
    ) -> MediaCore:
        """Start the workers.

        bind_ip: where sockets are bound. public_ip: what SDP announces, else bind_ip. rtp_ports: inclusive; RTP on the
        even ones, RTCP on the odd ones next to them. webrtc_port: UDP port of worker 0 (worker i has +i); 0 takes any
        free ones. ice_tcp: take WebRTC peers by TCP too, at the same port numbers (RFC 6544). opus_dtx: ask browsers to
        send no Opus in silence (RFC 7587 §6.1). loudest_talkers: where more tracks of a session than this are heard by
        more ports than this, only so many are mixed, the loudest; 0: always all. bind_ip6, public_ip6: as those without
        6, of RTP ports for peers of IPv6; without the first there are none. Raises BadSetting, and OSError if a WebRTC
        port is taken.
        """

    def close(self) -> None:
        """Stop the workers and close everything. A second call does nothing."""

    def event_fd(self) -> int:
        """A file descriptor that is readable while events wait."""

    def drain_events(self) -> list[CoreEvent]:
        """Take all waiting events, oldest first."""

    def now_ns(self) -> int:
        """This instant on the one clock."""

    def dtls_fingerprint(self) -> bytes:
        """Return the SHA-256 digest of the certificate that RTP ports show in DTLS."""

    def open_rtp(self, session: int, *, allow_latch: bool = True, ipv6: bool = False) -> RtpPort:
        """Open an RTP port. Raises NoFreePort, or BadSetting where there is no IPv6.

        allow_latch: also take a source at an address that was not signalled (callers behind NAT), after four packets
        in a row or one that the peer's SRTP key protects; once after each `configure_rtp`, and only before media came
        from the signalled host.
        """

    def configure_rtp(
        self,
        port: int,
        *,
        remote_ip: str,
        remote_port: int,
        payload_type: int,
        codec: str,
        clock_rate: int,
        telephone_event_payload_type: int | None,
        ptime_ms: int,
        send: bool,
        receive: bool,
        srtp: SrtpKeys | None = None,
        dtls: DtlsPeer | None = None,
        ice: IcePeer | None = None,
        rtcp_mux: bool = False,
        voip_metrics: bool = False,
    ) -> None:
        """Apply an offer and its answer. remote_port 0 or ip 0.0.0.0: send nothing.

        srtp: None for plain RTP; a direction whose key is as before keeps its roll-over counters (RFC 3711 §3.3.1).
        dtls: keys come by a handshake, and until then nothing passes; PortConnected or PortFailed tells its end. The
        association goes on while its digest and role stay the same.
        ice: the peer is heard and sent to where it nominates to be (RFC 8445, as a lite agent).
        rtcp_mux: RTCP goes by the port of RTP (RFC 5761). voip_metrics: reports say how it sounds here (RFC 3611 §4.7).
        codec: "PCMU", "PCMA", "G722" (clock rate 8000, RFC 3551 §4.5.2), "L16" (8000 or 16000) or "opus".
        The outgoing SSRC, sequence and timestamp go on. Raises BadSetting.
        """

    def open_webrtc(self, session: int, offer: str, *, audio_codecs: Sequence[str]) -> WebRtcPort:
        """Answer a peer's offer. audio_codecs: "opus", "G722", "PCMU", "PCMA" in order of preference. Raises BadOffer.

        The first video m-line of the offer is the camera, the second the screen.
        """

    def reoffer_webrtc(self, port: int, offer: str, *, audio_codecs: Sequence[str]) -> WebRtcPort:
        """Answer a later offer of the same peer; tracks of kept m-lines keep their ids. Raises BadOffer.

        audio_codecs: those of this answer, in order of preference: what both ends send from now on.
        """

    def open_player(self, session: int) -> PlayerPort:
        """Open a player. It is silent, and sends nothing, until `play`."""

    def play(
        self,
        port: int,
        items: Sequence[PlayFile | PlayTone | PlaySilence],
        *,
        loop: bool = False,
        queue: bool = False,
        report_ms: int | None = None,
    ) -> int:
        """Play the items one after another and return the play's id; replaces what was playing. Raises BadMediaFile.

        queue: after what plays and waits instead, up to 100 plays. report_ms: PlayStarted tells when it begins, and
        PlayPosition so often where it stands (0: never). Files are read in the calling thread and kept for the next
        time; what is played again by whomever, without files that have changed, is encoded once for each codec.
        """

    def seek(self, port: int, position_ms: int) -> None:
        """Go on at another place of what is playing (in steps of 20 ms), at its end if it is shorter."""

    def duck(self, port: int, under: Sequence[int], *, gain_db: float = ...) -> None:
        """Play softer, by `gain_db` (default -15.0), while one of these tracks speaks; with none, no longer.

        Down within 100 ms, up again within 400 ms once nobody has spoken for 600 ms.
        """

    def stop_playing(self, port: int) -> None:
        """Stop what is playing and what waits, if anything."""

    def watch_call(self, track: int, tones: Sequence[tuple[str, Sequence[float], Sequence[int]]] | None) -> None:
        """Listen how a call to the track's peer goes; CallProgress tells. None: no longer. Raises UnknownTrack.

        tones: of the network that is called: a signal ("ring_back", "busy", "congestion"), its frequencies in Hz, and
        how long it sounds and pauses in turn, in ms. The sound is decoded for it. Raises BadSetting.
        """

    def call_answered(self, track: int) -> None:
        """The call that is watched is answered: listen who it is. Raises UnknownTrack."""

    def open_tap(self, session: int, *, rate_hz: int, buffer_ms: int = 2_000, notify_ms: int = 100) -> Tap:
        """Open a tap; what is connected to `tap.port` is heard in it, several sources mixed, gains obeyed.

        rate_hz: 8000, 16000 or 48000. buffer_ms: how much is kept for a slow reader, 20 to 60,000. notify_ms: how often
        FramesReady tells that frames wait; 0 never. Raises BadSetting.
        """

    def open_source(self, session: int, *, rate_hz: int, buffer_ms: int = 2_000) -> Source:
        """Open a source; connect `source.track` to whoever shall hear what is written.

        rate_hz: 8000, 16000 or 48000; carried wideband (16 kHz). buffer_ms: how far ahead it can be written, 20 to
        60,000. Raises BadSetting.
        """

    def open_recorder(self, session: int, folder: str, *, epoch_ns: int) -> int:
        """Open a recorder and return its port. Each connected track becomes "<track>.mka" or "<track>.mkv" in `folder`.

        epoch_ns: time 0 of every file. A file begins with the track's first packet, silence before it filled in, and
        stays open until the recorder is closed, so that a track that was disconnected and connected again is one file.
        """

    def name_track(self, track: int, name: str) -> None:
        """Label the track; written into files that begin later."""

    def connect(self, source: int, destination: int, *, gain_db: float = 0.0) -> None:
        """Let port `destination` have track `source`; again: set its gain. Raises DifferentSessions.

        A later camera (or screen) takes the place of the earlier one on the same destination; recorders take all.
        """

    def disconnect(self, source: int, destination: int) -> None:
        """Undo `connect`. A crosspoint, track or port that is not there is fine."""

    def close_port(self, port: int, *, end_ns: int | None = None) -> None:
        """Close a port, its tracks and crosspoints. A port that is not there is fine.

        end_ns, for a recorder: pad every file to this instant; else to now.
        """

    def send_data(self, port: int, text: str) -> None:
        """Send text on the WebRTC port's first open data channel; dropped if none is open."""

    def request_keyframe(self, track: int) -> None:
        """Ask the sender of a video track for a key frame (throttled)."""

    def send_digits(self, port: int, digits: str, *, duration_ms: int = 100) -> None:
        """Send digits to a port's peer: as telephone-events (RFC 4733), or as tones if it takes none.

        They go out one after another, 80 ms apart, each at least 60 ms long; meanwhile the peer hears nothing else.
        Raises UnknownPort, and BadSetting for what is no digit.
        """

    def relay_digit(self, track: int, digit: str, *, duration_ms: int = 100) -> None:
        """Let those who hear the track have a digit that its peer sent by signalling (INFO). Raises UnknownTrack.

        Digits that come as telephone-events are relayed without being asked.
        """

    def mask_digits(self, track: int, on: bool) -> None:
        """Take digits out of a track before anybody has them (other ports, recorders and taps), or no longer.

        Telephone-events are not relayed, tones are replaced by silence; all else comes 40 ms later meanwhile. Each
        press is told as a Digit with digit "x": its number stays, which it was does not. Raises UnknownTrack.
        """

    def set_voice(self, track: int, *, noise_suppression: bool = False, auto_gain: bool = False) -> None:
        """Take noise out of an arriving voice (12 dB at 8 kHz, else 6 dB), or lead its loudness to -23 dBov.

        For all who hear it and for taps, not for recorders; each call says both anew. The track is decoded for it, no
        longer relayed, and above 8 kHz nothing is left of a voice that noise is taken out of. Raises UnknownTrack.
        """

    def detect_dtmf(self, track: int, on: bool) -> None:
        """Listen for tones of digits (ITU-T Q.24) in a track's sound, for a peer without telephone-event.

        The sound is decoded for it. What is heard comes as Digit, unless the track also sends telephone-events: those
        count then. Raises UnknownTrack.
        """

    def stats(self, port: int) -> list[TrackStats]:
        """Statistics of each track of a port, both directions."""

    def counters(self) -> Counters:
        """What is open, and the totals of all workers."""

    def loads(self) -> list[WorkerLoad]:
        """How each worker keeps up, by its number."""

def repair_track(path: str, end_ns: int) -> SegmentSummary:
    """Complete a file that a crash left behind: cut a torn tail, pad to end_ns. Raises BadMediaFile."""
