"""Exchange: owns the sessions and performs their actions.

Signaling, IVR, routing and desks ask it; it lets the pure session decide, publishes the timeline entries on the
bus, then moves media and signaling accordingly. Its methods are synchronous, so that each command is atomic on the
event loop. All of them raise NotFound for an unknown session and WrongState where the session's state forbids them.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mediaswitch import _core
from mediaswitch import commands as c
from mediaswitch import decide as d
from mediaswitch.bus import Bus
from mediaswitch.clock import SECOND, Clock
from mediaswitch.core_events import Report, report_of
from mediaswitch.errors import NotFound, Refused, SwitchError, Unavailable, WrongState
from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId, TrackId, new_session_id
from mediaswitch.media import PlayItem
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.performing import Performer
from mediaswitch.ports import PortBook
from mediaswitch.services import Dialer, LegDriver, RecordingFolders
from mediaswitch.session import Leg, Session, SessionState
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind, MediaKind, MonitorMode, Track
from mediaswitch.tones import TONES, Signal

log = logging.getLogger(__name__)

MASKED_DIGIT = "x"
"What the timeline shows of a digit that was pressed under a mask; the core says the same."

COLLEAGUE_RINGS_S = 30
"How long an agent who is asked by another has to answer."

BROWSER_CODECS = ("opus", "G722", "PCMU", "PCMA")
"As browsers are answered, the best first."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A first contact, as signaling reports it."""

    channel: Channel
    called: str
    customer: Customer
    leg_kind: LegKind
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionArrived:
    """On the bus: the customer's leg can carry media; whoever serves `route` takes over."""

    session: SessionId
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """On the bus, after the entries of each command: the session as it is now."""

    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerChanged:
    """On the bus, not on the timeline: who of a session speaks now, and how loud (0 to -127 dBov)."""

    session: SessionId
    participant: ParticipantId
    level_dbov: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayDone:
    """On the bus: what `play` started is over. outcome: finished, replaced, stopped or failed."""

    session: SessionId
    play: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpMedia:
    """The SRTP keys of a leg, each with its salt behind it."""

    profile: str
    "A crypto-suite of RFC 4568 or RFC 7714."
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsMedia:
    """A leg's keys come by a DTLS handshake (RFC 5763) with who has this certificate."""

    hash: str
    "As RFC 8122 names it."
    digest: bytes
    active: bool
    "We are the client."


@dataclass(frozen=True, slots=True, kw_only=True)
class IceMedia:
    """Who may tell by connectivity checks (RFC 8445) where a leg's media goes."""

    local_ufrag: str
    local_password: str = field(repr=False)
    remote_ufrag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpMedia:
    """What an SDP offer and answer agreed on for a SIP leg. `send` and `receive` are our directions."""

    remote_ip: str
    remote_port: int
    codec: str
    payload_type: int
    clock_rate: int
    telephone_event_payload_type: int | None
    ptime_ms: int
    send: bool
    receive: bool
    srtp: SrtpMedia | None = None
    dtls: DtlsMedia | None = None
    "Neither: plain RTP."
    ice: IceMedia | None = None
    rtcp_mux: bool = False
    "RTCP on the port of RTP (RFC 5761)."
    voip_metrics: bool = False
    "The peer wants to be told how it sounds (RFC 3611 §4.7)."


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCare:
    """What is done to the voices of phones before others hear them; recordings keep them as they came."""

    noise_suppression: bool = False
    auto_gain: bool = False


NetworkTone = tuple[str, list[float], list[int]]


def _network(country: str) -> list[NetworkTone]:
    """What callers of this country hear of a call, as the core takes it."""
    try:
        signals = TONES[country]
    except KeyError:
        raise Refused(f"no tones of country {country!r} are known") from None
    heard = (Signal.RING_BACK, Signal.BUSY, Signal.CONGESTION)
    return [(signal.value, list(signals[signal].hz), list(signals[signal].cadence_ms)) for signal in heard]


class Exchange:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        core: _core.MediaCore,
        clock: Clock,
        bus: Bus,
        numbers: NumberPlan,
        folders: RecordingFolders,
        hold_music: Path,
        default_language: str,
        phone_voices: VoiceCare = VoiceCare(),
    ) -> None:
        self._core = core
        self._phone_voices = phone_voices
        self._clock = clock
        self._bus = bus
        self._numbers = numbers
        self._folders = folders
        self._default_language = default_language
        self._sessions: dict[SessionId, Session] = {}
        self._routes: dict[SessionId, Route] = {}
        self._book = PortBook()
        self._performer = Performer(core, self._book, hold_music=hold_music)
        self._recordings_closed = asyncio.Event()
        self._recordings_closed.set()
        self.accepting = True
        "False while shutting down: new sessions are refused."

    @property
    def dialer(self) -> Dialer | None:
        """Given by the composition root, which builds it after us; without one nobody outside can be reached."""
        return self._performer.dialer

    @dialer.setter
    def dialer(self, dialer: Dialer) -> None:
        self._performer.dialer = dialer

    # --- reading -------------------------------------------------------------------------------------------

    def session(self, session: SessionId) -> Session:
        """The session as it is now; NotFound also when it is long over."""
        try:
            return self._sessions[session]
        except KeyError:
            raise NotFound(f"no session {session}") from None

    def sessions(self) -> list[Session]:
        """All sessions in memory: live, in wrap-up, or closing their recording."""
        return list(self._sessions.values())

    def knows(self, called: str) -> bool:
        """Whether a called number leads anywhere."""
        try:
            self._numbers.find(called)
        except NotFound:
            return False
        return True

    # --- signaling: first contact and legs -----------------------------------------------------------------

    def start_session(self, new: NewSession, driver: LegDriver) -> tuple[Session, Leg]:
        """Open a session and its customer's leg, ringing and without media. Raises NotFound, Unavailable.

        Signaling then opens the leg's port (`open_rtp` or `open_webrtc`) and calls `begin`.
        """
        route = self._numbers.find(new.called)
        if not self.accepting:
            raise Unavailable("the server is shutting down")
        now = self._clock.now()
        session = Session(id=new_session_id(), tenant=route.tenant)
        folder, no_folder = self._recording_folder(session, route, now)
        start = self._open_own_media(session, route, new, folder, now)
        self._sessions[session.id] = session
        self._routes[session.id] = route
        session = self._handle(session.id, start, now=now)
        if no_folder is not None:
            session = self._handle(session.id, c.NoteRecordingFailure(reason=no_folder, track=None))
        self._performer.drivers[session.legs[0].id] = driver
        return session, session.legs[0]

    def _recording_folder(self, session: Session, route: Route, now: int) -> tuple[Path | None, str | None]:
        """The folder, or why there is none: a full disk must not cost the customer the call."""
        if not route.record:
            return None, None
        try:
            return self._folders.folder_for(session.id, session.tenant, at=now), None
        except OSError as error:
            return None, str(error)

    def _open_own_media(
        self, session: Session, route: Route, new: NewSession, folder: Path | None, now: int
    ) -> c.Start:
        placement = self._book.placement(session.id)
        try:
            player = self._core.open_player(placement)
        except _core.CoreError as error:
            raise Unavailable(str(error)) from error
        self._book.add_player(session.id, PortId(player.port), TrackId(player.track))
        recorder = None
        if folder is not None:
            recorder = PortId(self._core.open_recorder(placement, str(folder), epoch_ns=now))
            self._book.recorders[recorder] = session.id
            self._recordings_closed.clear()
        return c.Start(
            channel=new.channel,
            customer=new.customer,
            called=new.called,
            language=route.language or new.language or self._default_language,
            leg_kind=new.leg_kind,
            player_port=PortId(player.port),
            player_track=TrackId(player.track),
            recorder_port=recorder,
            recording_folder=None if folder is None else str(folder.relative_to(self._folders.root)),
        )

    def begin(self, session: SessionId) -> None:
        """The customer's leg is ready: hand the session to its flow, its queue or the other side of its bridge."""
        route = self._routes[self.session(session).id]
        if route.bridge is not None:
            self.dial(session, route.bridge)
        else:
            self._bus.publish(SessionArrived(session=session, route=route))

    def dtls_fingerprint(self) -> bytes:
        """The SHA-256 digest of the certificate that SIP legs show in DTLS."""
        return self._core.dtls_fingerprint()

    def open_rtp(self, session: SessionId, leg: LegId, *, ipv6: bool = False) -> _core.RtpPort:
        """A port for a SIP leg; its address goes into our SDP. Raises Unavailable, Refused (there is no IPv6)."""
        self.session(session).leg(leg)  # before anything is opened
        try:
            port = self._core.open_rtp(self._book.placement(session), ipv6=ipv6)
        except _core.NoFreePort as error:
            raise Unavailable(str(error)) from error
        except _core.BadSetting as error:
            raise Refused(str(error)) from error
        tracks = (Track(id=TrackId(port.track), kind=MediaKind.AUDIO),)
        self._open_leg(session, leg, PortId(port.port), tracks)
        if self._phone_voices != VoiceCare():
            care = self._phone_voices
            self._core.set_voice(port.track, noise_suppression=care.noise_suppression, auto_gain=care.auto_gain)
        return port

    def configure_rtp(self, session: SessionId, leg: LegId, agreed: RtpMedia) -> None:
        """Apply what an offer and its answer agreed on. Raises Refused for a codec or address the core cannot use."""
        port = self._port_of(session, leg)
        keys, dtls, ice = agreed.srtp, agreed.dtls, agreed.ice
        try:
            self._core.configure_rtp(
                port,
                remote_ip=agreed.remote_ip,
                remote_port=agreed.remote_port,
                payload_type=agreed.payload_type,
                codec=agreed.codec,
                clock_rate=agreed.clock_rate,
                telephone_event_payload_type=agreed.telephone_event_payload_type,
                ptime_ms=agreed.ptime_ms,
                send=agreed.send,
                receive=agreed.receive,
                srtp=None if keys is None else _core.SrtpKeys(keys.profile, send=keys.send, receive=keys.receive),
                dtls=None if dtls is None else _core.DtlsPeer(dtls.hash, dtls.digest, active=dtls.active),
                ice=None if ice is None else _ice_peer(ice),
                rtcp_mux=agreed.rtcp_mux,
                voip_metrics=agreed.voip_metrics,
            )
        except _core.BadSetting as error:
            raise Refused(str(error)) from error
        tracks = set(self._audio_of(session, leg))
        if agreed.telephone_event_payload_type is None:  # presses come by sound, or by INFO
            self._book.toned |= tracks
            self._listen_for_tones(self.session(session))
        else:
            self._leave_tones(tracks)
        self._book.spoken.setdefault(session, agreed.codec)

    def open_webrtc(self, session: SessionId, leg: LegId, offer: str) -> str:
        """A port for a browser's leg; returns the SDP answer. Raises Refused with what is wrong in the offer."""
        self.session(session).leg(leg)  # before anything is opened
        port = self._accept_offer(session, offer)
        tracks = tuple(Track(id=TrackId(track.track), kind=MediaKind(track.kind)) for track in port.tracks)
        self._open_leg(session, leg, PortId(port.port), tracks)
        return port.answer

    def _accept_offer(self, session: SessionId, offer: str) -> "_core.WebRtcPort":
        codecs = self._audio_preference(self.session(session))
        try:
            return self._core.open_webrtc(self._book.placement(session), offer, audio_codecs=codecs)
        except _core.BadOffer as error:
            raise Refused(f"SDP offer: {error}") from error

    def _audio_preference(self, session: Session) -> list[str]:
        """What a phone speaks is relayed untouched when the browser speaks it too; between browsers Opus is best."""
        spoken = self._book.spoken.get(session.id, "PCMU" if session.channel is Channel.PHONE else "opus")
        return sorted(BROWSER_CODECS, key=lambda codec: codec.lower() != spoken.lower())

    def reoffer(self, session: SessionId, leg: LegId, offer: str) -> str:
        """A later offer of the same browser (ICE restart, more tracks); returns the answer. Raises Refused."""
        codecs = self._audio_preference(self.session(session))
        port_id = self._port_of(session, leg)
        try:
            port = self._core.reoffer_webrtc(port_id, offer, audio_codecs=codecs)
        except _core.BadOffer as error:
            raise Refused(f"SDP offer: {error}") from error
        tracks = tuple(Track(id=TrackId(track.track), kind=MediaKind(track.kind)) for track in port.tracks)
        if tracks != self.session(session).leg(leg).tracks:
            self._open_leg(session, leg, port_id, tracks)
        return port.answer

    def _open_leg(self, session: SessionId, leg: LegId, port: PortId, tracks: tuple[Track, ...]) -> None:
        participant = self.session(session).leg(leg).participant
        self._book.add_leg(session, leg, participant, port, tracks)
        try:
            self._handle(session, c.OpenLeg(leg=leg, port=port, tracks=tracks))
        except SwitchError:
            self._performer.close_leg_port(port)
            raise

    def _port_of(self, session: SessionId, leg: LegId) -> PortId:
        port = self.session(session).leg(leg).port
        if port is None:
            raise NotFound(f"leg {leg} has no media")
        return port

    def leg_answered(self, session: SessionId, leg: LegId) -> None:
        """Signaling: the leg is answered; its media flows from here on."""
        for track in self._audio_of(session, leg):
            if track in self._book.watched:
                with suppress(_core.UnknownTrack):
                    self._core.call_answered(track)
        self._handle(session, c.AnswerLeg(leg=leg))

    def leg_ended(self, session: SessionId, leg: LegId, reason: EndReason) -> None:
        """Signaling or media: the leg is gone. One already ended is fine."""
        if session not in self._sessions:
            return
        after = self._handle(session, c.EndLeg(leg=leg, reason=reason))
        if not after.is_over and self._routes[session].bridge is not None and not after.in_conversation:
            self.hang_up(session, reason)  # the bridge was all that this number offers

    def leg_held(self, session: SessionId, leg: LegId, *, held: bool) -> None:
        """Signaling: the leg's peer put us on hold, or took us back (RFC 3264 §8.4)."""
        participant = self.session(session).leg(leg).participant
        if self.session(session).in_conversation:
            self.hold(session, participant) if held else self.resume(session, participant)

    def digit(self, session: SessionId, leg: LegId, digit: str, *, duration_ms: int) -> None:
        """A DTMF digit that came by signaling (SIP INFO) or from a customer's page; those who hear the leg get it too.

        Under a mask only that there was one is told. Who presses by signaling is not listened to for tones any more.
        """
        tracks = self._audio_of(session, leg)
        self._leave_tones(tracks)
        is_masked = not self._book.masked.isdisjoint(tracks)
        shown = MASKED_DIGIT if is_masked else digit
        self._handle(session, c.PressDigit(leg=leg, digit=shown, duration_ms=duration_ms))
        for track in [] if is_masked else tracks:
            with suppress(_core.UnknownTrack):  # its leg has just gone
                self._core.relay_digit(track, digit, duration_ms=duration_ms)

    def _listen_for_tones(self, session: Session) -> None:
        """Until people talk: then tones are heard as they are, and a sound that nobody decodes is relayed."""
        tracks = {track for leg in session.legs for track in self._audio_of(session.id, leg.id)}
        self._set_listening(tracks & self._book.toned, on=not session.in_conversation)

    def _leave_tones(self, tracks: Iterable[TrackId]) -> None:
        """These press in another way."""
        toned = self._book.toned.intersection(tracks)
        self._set_listening(toned, on=False)
        self._book.toned -= toned

    def _set_listening(self, tracks: AbstractSet[TrackId], *, on: bool) -> None:
        for track in tracks:
            with suppress(_core.UnknownTrack):  # its leg has just gone
                self._core.detect_dtmf(track, on)

    def send_digits(self, session: SessionId, leg: LegId, digits: str, *, duration_ms: int = 100) -> None:
        """Press digits towards a leg's peer, by telephone-events or, where it takes none, by tones.

        Raises NotFound for a leg without media, Refused for what is no digit.
        """
        try:
            self._core.send_digits(self._port_of(session, leg), digits, duration_ms=duration_ms)
        except _core.BadSetting as error:
            raise Refused(str(error)) from error

    def mask_digits(self, session: SessionId, leg: LegId, *, on: bool) -> None:
        """Take digits out of what a leg sends before anybody has them, as for a card number, or no longer.

        Their tones and events reach no other leg, recording or tap, and the timeline shows each as MASKED_DIGIT.
        """
        for track in self._audio_of(session, leg):
            with suppress(_core.UnknownTrack):
                self._core.mask_digits(track, on)
                self._book.mask(track, on=on)

    def _audio_of(self, session: SessionId, leg: LegId) -> list[TrackId]:
        tracks = self.session(session).leg(leg).tracks
        return [track.id for track in tracks if track.kind is MediaKind.AUDIO]

    def dial(self, session: SessionId, target: str, *, name: str | None = None, watch: str | None = None) -> LegId:
        """Ring somebody outside; they and the customer are connected on answer.

        A target that nobody serves ends the new leg as FAILED. watch: listen how the call goes, by the tones of this
        country (ISO 3166), and who answers it; the timeline tells by `CallProgress`. Raises Refused for a country that
        is not known.
        """
        network = None if watch is None else _network(watch)
        before = len(self.session(session).legs)
        leg = self._handle(session, c.Dial(target=target, name=name or target)).legs[before].id
        if network is not None:
            self._watch(session, leg, network)
        return leg

    def _watch(self, session: SessionId, leg: LegId, network: list[NetworkTone]) -> None:
        for track in self._audio_of(session, leg):
            with suppress(_core.UnknownTrack):  # nobody served the target
                self._core.watch_call(track, network)
                self._book.watched.add(track)

    # --- IVR -----------------------------------------------------------------------------------------------

    def start_flow(self, session: SessionId, flow: str) -> None:
        """A flow takes the session over: the customer's leg is answered."""
        self._handle(session, c.StartFlow(flow=flow))

    def choose_language(self, session: SessionId, language: str) -> None:
        self._handle(session, c.ChooseLanguage(language=language))

    def play(
        self,
        session: SessionId,
        items: Sequence[PlayItem],
        *,
        loop: bool = False,
        queue: bool = False,
        label: str | None = None,
    ) -> int:
        """Play to the customer, replacing what is playing; PlayDone follows with the returned number.

        queue: after what is playing instead. label: what a reader of the timeline should know of it; None leaves no
        mark. Raises Refused for a bad file.
        """
        if label is not None:
            self._handle(session, c.NotePrompt(prompt=label))
        return self._performer.play(self.session(session).player_port, items, loop=loop, queue=queue)

    def seek(self, session: SessionId, position_ms: int) -> None:
        """Go on at another place of what the customer hears played."""
        self._performer.seek(self.session(session).player_port, position_ms)

    def stop_playing(self, session: SessionId) -> None:
        self._performer.stop_player(self.session(session).player_port)

    def enqueue(self, session: SessionId, queue: QueueName, *, priority: int = 0) -> None:
        """Let the session wait for an agent of the queue; the higher priority goes first."""
        self._handle(session, c.Enqueue(queue=queue, priority=priority))

    def leave_queue(self, session: SessionId, reason: EndReason) -> None:
        """Back to the flow, for example after the longest wait."""
        self._handle(session, c.LeaveQueue(reason=reason))

    # --- routing -------------------------------------------------------------------------------------------

    def note_position(self, session: SessionId, position: int) -> None:
        """The session's place in its queue; 1 is next."""
        self._handle(session, c.NotePosition(position=position))

    def offer(self, session: SessionId, agent: AgentId, name: str, *, expires_at: int) -> None:
        """Offer a queued session to one agent until `expires_at` (ns on the one clock)."""
        self._handle(session, c.Offer(agent=agent, name=name, expires_at=expires_at))

    def expire_offer(self, session: SessionId, agent: AgentId) -> None:
        self._handle(session, c.ExpireOffer(agent=agent))

    def withdraw_offer(self, session: SessionId, agent: AgentId, reason: EndReason) -> None:
        self._handle(session, c.WithdrawOffer(agent=agent, reason=reason))

    def end_wrap_up(self, session: SessionId, agent: AgentId) -> None:
        """The agent's wrap-up is over; nothing happens if it was before."""
        if session in self._sessions and self._sessions[session].state is SessionState.WRAP_UP:
            self._handle(session, c.EndWrapUp(agent=agent))

    # --- desks and customers -------------------------------------------------------------------------------

    def accept(self, session: SessionId, agent: AgentId, offer: str, driver: LegDriver) -> tuple[Leg, str]:
        """The offered agent takes the session with her browser; returns her leg and the SDP answer.

        Raises WrongState if the session is not offered to her, Refused for a bad SDP offer; nothing has changed then.
        """
        pending = self.session(session).offer
        if pending is None or pending.agent != agent:
            raise d.not_offered(session, agent)
        return self._join(session, c.Accept(agent=agent, leg_kind=LegKind.WEBRTC), offer, driver)

    def monitor(
        self, session: SessionId, supervisor: AgentId, name: str, mode: MonitorMode, offer: str, driver: LegDriver
    ) -> tuple[Leg, str]:
        """A supervisor joins with her browser; returns her leg and the SDP answer. Raises WrongState, Refused."""
        if not self.session(session).in_conversation:  # before anything is opened
            raise WrongState(f"nobody talks in session {session}")
        command = c.Monitor(agent=supervisor, name=name, mode=mode, leg_kind=LegKind.WEBRTC)
        return self._join(session, command, offer, driver)

    def _join(
        self, session: SessionId, command: c.Accept | c.Monitor, offer: str, driver: LegDriver
    ) -> tuple[Leg, str]:
        port = self._accept_offer(session, offer)
        try:
            after = self._handle(session, command)
        except SwitchError:
            self._core.close_port(port.port)
            raise
        leg = after.legs[-1]
        self._performer.drivers[leg.id] = driver
        tracks = tuple(Track(id=TrackId(track.track), kind=MediaKind(track.kind)) for track in port.tracks)
        self._open_leg(session, leg.id, PortId(port.port), tracks)
        self.leg_answered(session, leg.id)
        return self.session(session).leg(leg.id), port.answer

    def decline(self, session: SessionId, agent: AgentId) -> None:
        self._handle(session, c.Decline(agent=agent))

    def hold(self, session: SessionId, participant: ParticipantId) -> None:
        """The participant puts the others on hold: they hear music."""
        self._handle(session, c.Hold(participant=participant))

    def resume(self, session: SessionId, participant: ParticipantId) -> None:
        self._handle(session, c.Resume(participant=participant))

    def choose_monitor_mode(self, session: SessionId, participant: ParticipantId, mode: MonitorMode) -> None:
        """A supervisor listens, whispers or barges in from here on."""
        self._handle(session, c.ChooseMonitorMode(participant=participant, mode=mode))

    def consult(self, session: SessionId, participant: ParticipantId, agent: AgentId, name: str) -> None:
        """An agent asks a colleague, who is rung; the customer hears music."""
        expires_at = self._clock.now() + COLLEAGUE_RINGS_S * SECOND
        self._handle(session, c.Consult(participant=participant, agent=agent, name=name, expires_at=expires_at))

    def swap_consult(self, session: SessionId, participant: ParticipantId) -> None:
        self._handle(session, c.SwapConsult(participant=participant))

    def merge_consult(self, session: SessionId, participant: ParticipantId) -> None:
        self._handle(session, c.MergeConsult(participant=participant))

    def complete_consult(self, session: SessionId, participant: ParticipantId) -> None:
        self._handle(session, c.CompleteConsult(participant=participant))

    def cancel_consult(self, session: SessionId, participant: ParticipantId) -> None:
        self._handle(session, c.CancelConsult(participant=participant))

    def transfer_to_queue(self, session: SessionId, participant: ParticipantId, queue: QueueName) -> None:
        self._handle(session, c.TransferToQueue(participant=participant, queue=queue))

    def transfer_to_agent(self, session: SessionId, participant: ParticipantId, agent: AgentId, name: str) -> None:
        expires_at = self._clock.now() + COLLEAGUE_RINGS_S * SECOND
        self._handle(session, c.TransferToAgent(participant=participant, agent=agent, name=name, expires_at=expires_at))

    def open_tap(
        self, session: SessionId, participant: ParticipantId | None, *, rate_hz: int, notify_ms: int = 100
    ) -> _core.Tap:
        """Let a program hear one participant, or with None the customer's conversation; a whisper is never in that.

        rate_hz: 8000, 16000 or 48000. The tap is closed with the session at the latest.
        """
        self.session(session)  # before anything is opened
        tap = self._core.open_tap(self._book.placement(session), rate_hz=rate_hz, notify_ms=notify_ms)
        try:
            self._handle(session, c.OpenTap(port=PortId(tap.port), participant=participant))
        except SwitchError:
            self._core.close_port(tap.port)
            raise
        return tap

    def close_tap(self, session: SessionId, tap: _core.Tap) -> None:
        """What waits in it can still be read; one already closed is fine."""
        if session in self._sessions:
            self._handle(session, c.CloseTap(port=PortId(tap.port)))

    def mute(self, session: SessionId, participant: ParticipantId, *, muted: bool) -> None:
        """Nobody hears a muted participant."""
        self._handle(session, c.Mute(participant=participant, muted=muted))

    def share(self, session: SessionId, participant: ParticipantId, kind: MediaKind, *, active: bool) -> None:
        """A camera or screen is being shown, or no longer; others lay out their page by it."""
        self._handle(session, c.Share(participant=participant, kind=kind, active=active))

    def chat(self, session: SessionId, participant: ParticipantId, text: str) -> None:
        self._handle(session, c.Chat(participant=participant, text=text))

    def hang_up(self, session: SessionId, reason: EndReason, *, by: ParticipantId | None = None) -> None:
        """End the session and all its legs; one already over is fine."""
        self._handle(session, c.HangUp(reason=reason, by=by))

    def recording_failed(self, session: SessionId, reason: str) -> None:
        """The session's journal or files cannot be written; the call goes on."""
        if session in self._sessions:
            self._handle(session, c.NoteRecordingFailure(reason=reason, track=None))

    async def wait_recordings_closed(self, *, timeout_s: float) -> None:
        """Return when the core has closed every recorder, or after `timeout_s`; the next start completes the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._recordings_closed.wait()

    def shut_down(self) -> None:
        """Refuse new sessions and end those that live."""
        self.accepting = False
        for session in self.sessions():
            if not session.is_over:
                self.hang_up(session.id, EndReason.SHUTDOWN)

    # --- deciding and performing ---------------------------------------------------------------------------

    def _handle(self, session_id: SessionId, command: c.Command, *, now: int | None = None) -> Session:
        before = self.session(session_id)
        outcome = d.handle(before, command, now=self._clock.now() if now is None else now)
        self._sessions[session_id] = outcome.session
        if outcome.session.in_conversation != before.in_conversation:
            self._listen_for_tones(outcome.session)
        with self._bus.held():  # a driver may answer at once: its entries come after these
            for entry in outcome.entries:
                self._bus.publish(entry)
            if outcome.entries:
                self._bus.publish(SessionChanged(session=outcome.session))
            for action in outcome.actions:
                self._perform(action, outcome.session)
        self._forget_if_done(session_id)
        return outcome.session

    def _perform(self, action: d.Action, session: Session) -> None:
        try:
            self._performer.perform(action, session)
        except NotFound as error:
            if not isinstance(action, d.DialAction):
                raise
            log.warning("session %s cannot dial %s: %s", session.id, action.target, error)
            self.leg_ended(session.id, action.leg, EndReason.FAILED)

    def _forget_if_done(self, session_id: SessionId) -> None:
        session = self._sessions.get(session_id)
        if session is None or session.state is not SessionState.ENDED:
            return
        is_recording = session.recorder_port in self._book.recorders
        if not is_recording and not self._book.awaits(session_id):
            del self._sessions[session_id]
            self._routes.pop(session_id, None)
            self._book.forget(session_id)

    # --- events of the media core --------------------------------------------------------------------------

    def handle_core_event(self, event: _core.CoreEvent) -> None:
        """Take one event of the media core. Those that come too late for their session are dropped."""
        if isinstance(event, _core.StageChanged):
            log.warning("media worker %d: overload stage %s", event.worker, event.stage)
        elif isinstance(event, _core.PlayFinished):
            self._play_finished(event)
        elif isinstance(event, _core.SpeakerChanged):
            self._speaker_changed(event)
        elif report := report_of(event, self._book):
            try:
                self._take_report(report, event.at_ns)
            except SwitchError as error:
                log.debug("too late: %r: %s", event, error)
        if isinstance(event, _core.RecorderClosed):
            self._recorder_closed(PortId(event.recorder))
        elif isinstance(event, _core.PortClosed) and (leg := self._book.closing.pop(PortId(event.port), None)):
            self._forget_if_done(leg[0])

    def _take_report(self, report: Report, at: int) -> None:
        if isinstance(report.command, c.EndLeg):
            log.warning("session %s leg %s: %s", report.session, report.command.leg, report.command.reason)
            self.leg_ended(report.session, report.command.leg, report.command.reason)
        else:  # at the instant when the core saw it, but never before what is already on the timeline
            now = max(at, self.session(report.session).changed_at)
            self._handle(report.session, report.command, now=now)

    def _play_finished(self, event: _core.PlayFinished) -> None:
        if session := self._book.players.get(PortId(event.port)):
            self._bus.publish(PlayDone(session=session, play=event.play_id, outcome=event.outcome))

    def _speaker_changed(self, event: _core.SpeakerChanged) -> None:
        owner = self._book.tracks.get(TrackId(event.track))
        if owner is not None and owner.participant is not None:
            level = round(event.level_dbov, 1)
            self._bus.publish(SpeakerChanged(session=owner.session, participant=owner.participant, level_dbov=level))

    def _recorder_closed(self, recorder: PortId) -> None:
        if session := self._book.recorders.pop(recorder, None):
            self._forget_if_done(session)
        if not self._book.recorders:
            self._recordings_closed.set()


def _ice_peer(ice: IceMedia) -> _core.IcePeer:
    return _core.IcePeer(local_ufrag=ice.local_ufrag, local_password=ice.local_password, remote_ufrag=ice.remote_ufrag)
