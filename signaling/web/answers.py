"""What callers get: the models of all answers, as they are sent and as openapi.json describes them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mediaswitch.services import AgentState, UserRole
from mediaswitch.session import LegState, SessionState
from mediaswitch.timeline import Channel, EndReason, LegKind, MediaKind, MonitorMode, Role


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class UserAnswer(Answer):
    id: str
    name: str
    role: UserRole
    tenant: str
    language: str | None


class LoginAnswer(Answer):
    access_token: str
    expires_in: int = Field(description="Seconds.")
    refresh_token: str
    user: UserAnswer


class AgentAnswer(Answer):
    id: str
    name: str
    state: AgentState
    since: str = Field(description="ISO 8601 UTC.")
    session_id: str | None
    queues: list[str]
    wrap_up_until: str | None


class QueueAnswer(Answer):
    name: str
    label: dict[str, str] = Field(description="By language.")
    waiting: int
    longest_wait_s: float
    agents_available: int
    agents_busy: int
    service_level: float | None = Field(description="0 to 1; null before the first call of the day.")


class TrackAnswer(Answer):
    id: str
    kind: MediaKind
    active: bool = Field(description="Whether a camera or screen is being shown; audio: whether the leg is answered.")


class LegAnswer(Answer):
    id: str
    kind: LegKind
    state: LegState
    muted: bool
    tracks: list[TrackAnswer]


class ParticipantAnswer(Answer):
    id: str
    role: Role
    name: str
    mode: MonitorMode | None = Field(None, description="Of a supervisor.")
    legs: list[LegAnswer]


class CustomerAnswer(Answer):
    number: str | None
    name: str | None


class ConsultationAnswer(Answer):
    """Ids of participants."""

    by: str
    colleague: str | None = Field(description="null while she is rung.")
    with_customer: bool = Field(description="Whether the consulting agent talks with the customer; else the colleague.")


class SessionAnswer(Answer):
    id: str
    tenant: str
    state: SessionState
    channel: Channel
    customer: CustomerAnswer
    called: str
    language: str
    queue: str | None
    queue_position: int | None
    agent_id: str | None
    started_at: str
    answered_at: str | None
    ended_at: str | None
    end_reason: EndReason | None
    held_by: list[str] = Field(description="Ids of the participants who hold the call.")
    consultation: ConsultationAnswer | None = None
    participants: list[ParticipantAnswer]


class TimelineAnswer(Answer):
    """`events`: each has seq, type, at_ms (milliseconds since the session's start) and the fields of its type."""

    events: list[dict[str, Any]]


class CallAnswer(Answer):
    session: SessionAnswer
    leg_id: str
    sdp: str


class CustomerCallAnswer(CallAnswer):
    token: str = Field(description="Opens this session's operations and its live socket.")


class SdpAnswer(Answer):
    sdp: str


class MessageAnswer(Answer):
    seq: int = Field(description="The message's place on the timeline.")


class EntryAnswer(Answer):
    to: str
    label: dict[str, str]


class PublicConfigAnswer(Answer):
    tenant: str
    entries: list[EntryAnswer]
    languages: list[str]


class NamedAnswer(Answer):
    id: str
    name: str


class RecordingAnswer(Answer):
    """A row of the list."""

    session_id: str
    started_at: str
    duration_ms: float = Field(description="Until now while it goes on.")
    channel: Channel
    customer: CustomerAnswer
    agent: NamedAnswer | None
    queue: str | None
    media: list[MediaKind]
    state: Literal["recording", "complete", "repaired"]


class RecordingPageAnswer(Answer):
    recordings: list[RecordingAnswer]
    next_cursor: str | None


class RecordedParticipantAnswer(NamedAnswer):
    role: Role


class RecordedTrackAnswer(Answer):
    """A track's file; instants in ms since the session's start. Whatever else recording tells of it comes along."""

    model_config = ConfigDict(extra="allow")
    id: str
    participant: RecordedParticipantAnswer
    kind: Literal["audio", "camera", "screen", "ivr"]
    codec: str
    start_ms: float
    end_ms: float
    gaps: list[tuple[float, float]]
    not_for_customer: list[tuple[float, float]] = Field(
        [], description="When the customer did not hear or see it: whispers, consultations, what was said during hold."
    )
    width: int | None = None
    height: int | None = None
    url: str = Field(description="Signed; plays in a browser, as long as the session.")
    peaks_url: str = Field(description="Signed; the waveform.")
    original_url: str = Field(description="Signed; the file as it was recorded.")


class ManifestAnswer(Answer):
    """One recording whole."""

    session_id: str
    started_at: str
    duration_ms: float
    tracks: list[RecordedTrackAnswer]
    events: list[dict[str, Any]] = Field(description="As in the session's timeline.")


class HealthAnswer(Answer):
    status: Literal["ok"]
