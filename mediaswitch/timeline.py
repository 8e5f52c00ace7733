"""The timeline: all that happens in a session, as frozen events.

An `Event` says what happened; an `Entry` says in which session, as which number and when. Session state,
call records, manifests, wallboards and webhooks are all derived from entries; nothing is logged twice.
"""

from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter

from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId, TenantId, TrackId


class Channel(StrEnum):
    """How the customer reached us."""

    PHONE = "phone"
    WEB = "web"


class Role(StrEnum):
    """What a participant is in a session."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    BOT = "bot"
    EXTERNAL = "external"
    "Somebody outside, reached through a trunk or on a registered phone."


class LegKind(StrEnum):
    """By which technology a leg is connected."""

    SIP = "sip"
    WEBRTC = "webrtc"


class MediaKind(StrEnum):
    """What flows on a track."""

    AUDIO = "audio"
    CAMERA = "camera"
    SCREEN = "screen"


class MonitorMode(StrEnum):
    """How a supervisor takes part in a session."""

    LISTEN = "listen"
    "She hears; nobody hears her."
    WHISPER = "whisper"
    "She hears, and the agents hear her; the customer never does."
    BARGE = "barge"
    "She is a party of the customer's conversation like any other."


class EndReason(StrEnum):
    """Why a leg, an offer or a session ended."""

    HANGUP = "hangup"
    REJECTED = "rejected"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"
    MEDIA_TIMEOUT = "media_timeout"
    CONNECTION_LOST = "connection_lost"
    PEER_ENDED = "peer_ended"
    TRANSFERRED = "transferred"
    FLOW_ENDED = "flow_ended"
    SHUTDOWN = "shutdown"
    SERVER_CRASHED = "server_crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who calls, as far as known."""

    number: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One flow of media that a leg may send."""

    id: TrackId
    kind: MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackQuality:
    """What passed on one track of a leg, and how well.

    Direction "in": what the switch received; "out": what it sent, with loss, jitter and delay as the receiver reported.
    """

    direction: Literal["in", "out"]
    kind: MediaKind
    codec: str | None
    packets: int
    bytes: int
    lost: int
    jitter_ms: float
    rtt_ms: float | None
    burst_ratio: float
    "How losses gather; 1.0: at random (ITU-T G.107 §7.5)."
    mos: float | None
    "1 to 4.5 by the E-model, for audio."
    mos_scale: Literal["narrowband", "wideband"] | None = None
    "What it is compared with: the best telephone (ITU-T G.107), or the best that carries 7 kHz (G.107.1)."
    talk_ms: int | None = None
    "How long an arriving voice talked, by its level; None where that is unknown (Opus relayed between phones)."
    silence_ms: int | None = None
    overtalk_ms: int | None = None
    "The part of `talk_ms` in which another voice of the session talked too."
    speech_dbov: float | None = None
    "Mean level while it talked, 0 (loudest) to -127."

    @property
    def loss(self) -> float:
        """The share of packets lost, 0 to 1."""
        sent = self.packets + (self.lost if self.direction == "in" else 0)
        return min(1.0, self.lost / sent) if sent else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; subclasses name it and say what."""

    type: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    type: ClassVar[str] = "session_started"
    channel: Channel
    customer: Customer
    called: str
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantJoined(Event):
    type: ClassVar[str] = "participant_joined"
    participant: ParticipantId
    role: Role
    name: str
    agent: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRinging(Event):
    type: ClassVar[str] = "leg_ringing"
    leg: LegId
    participant: ParticipantId
    kind: LegKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOpened(Event):
    """The media core has a port for this leg; sound can flow once the leg is answered."""

    type: ClassVar[str] = "leg_opened"
    leg: LegId
    port: PortId
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(Event):
    type: ClassVar[str] = "leg_answered"
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(Event):
    type: ClassVar[str] = "leg_ended"
    leg: LegId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaStarted(Event):
    type: ClassVar[str] = "media_started"
    track: TrackId


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaStopped(Event):
    type: ClassVar[str] = "media_stopped"
    track: TrackId


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStarted(Event):
    type: ClassVar[str] = "flow_started"
    flow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(Event):
    type: ClassVar[str] = "language_chosen"
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPlayed(Event):
    type: ClassVar[str] = "prompt_played"
    prompt: str
    "The words spoken or the name of the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitPressed(Event):
    type: ClassVar[str] = "digit"
    participant: ParticipantId
    digit: str
    duration_ms: int


class CallSignal(StrEnum):
    """What is heard of a call that we make: a tone of the network, who answered, or the beep of a machine."""

    RING_BACK = "ring_back"
    BUSY = "busy"
    CONGESTION = "congestion"
    SPECIAL_INFORMATION = "special_information"
    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"
    "Nobody spoke, or it could not be told in time."
    BEEP = "beep"
    "A machine records from here on."


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProgress(Event):
    """Heard in the sound of somebody we dialled, where that was asked for."""

    type: ClassVar[str] = "call_progress"
    participant: ParticipantId
    signal: CallSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(Event):
    type: ClassVar[str] = "queued"
    queue: QueueName
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePosition(Event):
    type: ClassVar[str] = "queue_position"
    queue: QueueName
    position: int
    "1 is next."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dequeued(Event):
    """Left the queue other than by an agent's acceptance."""

    type: ClassVar[str] = "dequeued"
    queue: QueueName
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered(Event):
    type: ClassVar[str] = "offered"
    agent: AgentId
    name: str
    expires_at: int
    "Nanoseconds on the one clock."


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDeclined(Event):
    type: ClassVar[str] = "offer_declined"
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferExpired(Event):
    type: ClassVar[str] = "offer_expired"
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWithdrawn(Event):
    type: ClassVar[str] = "offer_withdrawn"
    agent: AgentId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Event):
    type: ClassVar[str] = "accepted"
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Talking(Event):
    """Customer and business can hear each other from here on."""

    type: ClassVar[str] = "talking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Event):
    type: ClassVar[str] = "held"
    participant: ParticipantId
    "Who put the others on hold."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    type: ClassVar[str] = "resumed"
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorModeChosen(Event):
    type: ClassVar[str] = "monitor_mode"
    participant: ParticipantId
    mode: MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultStarted(Event):
    """An agent leaves the customer with music and asks for a colleague, who is offered the session."""

    type: ClassVar[str] = "consult_started"
    participant: ParticipantId
    agent: AgentId
    "The colleague."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultJoined(Event):
    type: ClassVar[str] = "consult_joined"
    participant: ParticipantId
    "The colleague."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultSwapped(Event):
    type: ClassVar[str] = "consult_swapped"
    participant: ParticipantId
    with_customer: bool
    "Whom the consulting agent talks with from here on; the other one waits."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultMerged(Event):
    """All are in one conversation from here on."""

    type: ClassVar[str] = "consult_merged"
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultEnded(Event):
    """The customer is back with the agent who consulted."""

    type: ClassVar[str] = "consult_ended"
    participant: ParticipantId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred(Event):
    """`participant` passed the customer on, to an agent (who may have to accept yet) or to a queue."""

    type: ClassVar[str] = "transferred"
    participant: ParticipantId
    agent: AgentId | None = None
    queue: QueueName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLeft(Event):
    """An agent is out of a session that goes on without her, or that somebody else will wrap up."""

    type: ClassVar[str] = "agent_left"
    participant: ParticipantId
    agent: AgentId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TapOpened(Event):
    """A program listens."""

    type: ClassVar[str] = "tap_opened"
    port: PortId
    participant: ParticipantId | None
    "Whose voice it gets; None: the customer's conversation."


@dataclass(frozen=True, slots=True, kw_only=True)
class TapClosed(Event):
    type: ClassVar[str] = "tap_closed"
    port: PortId


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted(Event):
    type: ClassVar[str] = "muted"
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmuted(Event):
    type: ClassVar[str] = "unmuted"
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareStarted(Event):
    type: ClassVar[str] = "share_started"
    participant: ParticipantId
    kind: MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareStopped(Event):
    type: ClassVar[str] = "share_stopped"
    participant: ParticipantId
    kind: MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSent(Event):
    type: ClassVar[str] = "chat"
    participant: ParticipantId
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(Event):
    type: ClassVar[str] = "recording_started"
    folder: str
    "Relative to the recordings folder."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed(Event):
    type: ClassVar[str] = "recording_failed"
    reason: str
    track: TrackId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMeasured(Event):
    """A leg's media ended: what passed on each of its tracks."""

    type: ClassVar[str] = "media_measured"
    leg: LegId
    participant: ParticipantId
    tracks: tuple[TrackQuality, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentClosed(Event):
    """One file of one track is complete; instants in ns on the one clock."""

    type: ClassVar[str] = "segment_closed"
    track: TrackId
    participant: ParticipantId | None
    "None for what the switch itself played."
    kind: MediaKind
    file: str
    codec: str
    start_ns: int
    end_ns: int
    packets: int
    lost: int
    gaps: tuple[tuple[int, int], ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingClosed(Event):
    """Every file of the session is complete."""

    type: ClassVar[str] = "recording_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """The conversation is over: every leg is closed. Only wrap-up and recording marks may follow."""

    type: ClassVar[str] = "ended"
    reason: EndReason
    by: ParticipantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpStarted(Event):
    type: ClassVar[str] = "wrap_up_started"
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpEnded(Event):
    type: ClassVar[str] = "wrap_up_ended"
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline."""

    tenant: TenantId
    session: SessionId
    seq: int
    "Counts from 1 without holes within a session."
    at: int
    "Nanoseconds on the one clock."
    event: Event


def event_to_json(event: Event) -> dict[str, Any]:
    """`{"type": ..., fields...}` with plain JSON values."""
    return {"type": event.type} | {f.name: _plain(getattr(event, f.name)) for f in fields(event)}


def event_from_json(value: dict[str, Any]) -> Event:
    """What `event_to_json` made, as an event again. Raises ValueError for a type or fields we do not know."""
    fields_of = dict(value)
    kind = fields_of.pop("type", None)
    adapter = _adapters().get(str(kind))
    if adapter is None:
        raise ValueError(f"no event is of type {kind!r}")
    return adapter.validate_python(fields_of)


@cache
def _adapters() -> dict[str, TypeAdapter[Event]]:
    return {kind.type: TypeAdapter(kind) for kind in Event.__subclasses__()}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value
