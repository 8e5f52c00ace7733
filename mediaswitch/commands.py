"""What can be asked of a session. Each command is plain data; `Session.handle` decides what it means."""

from dataclasses import dataclass

from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, TrackId
from mediaswitch.timeline import (
    CallSignal,
    Channel,
    Customer,
    EndReason,
    LegKind,
    MediaKind,
    MonitorMode,
    SegmentClosed,
    Track,
    TrackQuality,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Command):
    """First contact. Ports of the session's own player and recorder come with it."""

    channel: Channel
    customer: Customer
    called: str
    language: str
    leg_kind: LegKind
    player_port: PortId
    player_track: TrackId
    recorder_port: PortId | None
    recording_folder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLeg(Command):
    """The media core has opened (or re-negotiated) a port for the leg."""

    leg: LegId
    port: PortId
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLeg(Command):
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLeg(Command):
    leg: LegId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Command):
    """Ring somebody outside and connect them once they answer."""

    target: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFlow(Command):
    flow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLanguage(Command):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePrompt(Command):
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PressDigit(Command):
    leg: LegId
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteProgress(Command):
    """The core heard how a call that we make goes."""

    participant: ParticipantId
    signal: CallSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMedia(Command):
    track: TrackId
    flowing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(Command):
    queue: QueueName
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePosition(Command):
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveQueue(Command):
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Command):
    agent: AgentId
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Command):
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOffer(Command):
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOffer(Command):
    agent: AgentId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """The offered agent takes the session; her leg follows by OpenLeg and AnswerLeg."""

    agent: AgentId
    leg_kind: LegKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Command):
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Command):
    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor(Command):
    """A supervisor joins; her leg follows by OpenLeg and AnswerLeg."""

    agent: AgentId
    "Her login."
    name: str
    mode: MonitorMode
    leg_kind: LegKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseMonitorMode(Command):
    participant: ParticipantId
    mode: MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult(Command):
    """An agent puts the customer on hold and asks for a colleague, who is offered the session until `expires_at`."""

    participant: ParticipantId
    agent: AgentId
    "The colleague."
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapConsult(Command):
    """Talk with the other one of customer and colleague; whoever is left waits."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConsult(Command):
    """Customer and both agents in one conversation."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteConsult(Command):
    """Attended transfer: the colleague gets the customer, the consulting agent leaves."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelConsult(Command):
    """The colleague leaves, or stops ringing; the consulting agent has the customer again."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferToQueue(Command):
    """Blind transfer: the agent leaves, the customer waits in a queue ahead of those who have not talked yet."""

    participant: ParticipantId
    queue: QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferToAgent(Command):
    """Blind transfer: the agent leaves, another is offered the session; if she does not take it, the queue does."""

    participant: ParticipantId
    agent: AgentId
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTap(Command):
    """A program listens on this port: to one participant, or to the customer's conversation."""

    port: PortId
    participant: ParticipantId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTap(Command):
    port: PortId


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(Command):
    participant: ParticipantId
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Command):
    participant: ParticipantId
    kind: MediaKind
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(Command):
    participant: ParticipantId
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Command):
    reason: EndReason
    by: ParticipantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWrapUp(Command):
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteQuality(Command):
    leg: LegId
    tracks: tuple[TrackQuality, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSegment(Command):
    segment: SegmentClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecordingFailure(Command):
    reason: str
    track: TrackId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecordingClosed(Command):
    pass
