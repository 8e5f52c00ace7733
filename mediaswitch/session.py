"""Session: one conversation between a customer and the business, as a pure state machine.

`Session.handle(command, now)` returns the next session, the timeline entries that lead to it, and the actions
the Exchange must perform. A session's state is nothing but its entries applied in order (`apply`).
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from mediaswitch.errors import NotFound
from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId, TenantId, TrackId
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind, MediaKind, MonitorMode, Role, Track

NO_PORT = PortId(0)
NO_TRACK = TrackId(0)
"The media core counts from 1."


class SessionState(StrEnum):
    """Where a session is on its way from first contact to wrap-up."""

    IVR = "ivr"
    QUEUED = "queued"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    ENDED = "ended"


class LegState(StrEnum):
    """Where a leg is; an ended leg stays listed."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One connection of a participant: a SIP dialog, a peer connection or a chat."""

    id: LegId
    participant: ParticipantId
    kind: LegKind
    state: LegState = LegState.RINGING
    port: PortId | None = None
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A person or a program in a session."""

    id: ParticipantId
    role: Role
    name: str
    agent: AgentId | None = None
    muted: bool = False
    holding: bool = False
    mode: MonitorMode | None = None
    "Of a supervisor."
    sharing: frozenset[MediaKind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOffer:
    """The session is offered to this agent until `expires_at` (ns on the one clock)."""

    agent: AgentId
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TapPoint:
    """Where a program listens."""

    port: PortId
    participant: ParticipantId | None
    "Whose voice it gets; None: the customer's conversation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """An agent asks a colleague while the customer waits."""

    by: ParticipantId
    colleague: ParticipantId | None = None
    "None until she has accepted."
    with_customer: bool = False
    "The consulting agent has swapped: the colleague waits instead."

    @property
    def apart(self) -> frozenset[ParticipantId]:
        """Who is not in the customer's room."""
        colleague = frozenset() if self.colleague is None else frozenset({self.colleague})
        return colleague if self.with_customer else colleague | {self.by}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session at one instant."""

    id: SessionId
    tenant: TenantId
    state: SessionState = SessionState.IVR
    channel: Channel = Channel.PHONE
    customer: Customer = field(default_factory=Customer)
    called: str = ""
    language: str = "en"
    participants: tuple[Participant, ...] = ()
    legs: tuple[Leg, ...] = ()
    queue: QueueName | None = None
    queue_position: int | None = None
    offer: PendingOffer | None = None
    agent: AgentId | None = None
    "Who accepted it, or got it by transfer: whose work it is."
    consultation: Consultation | None = None
    started_at: int = 0
    answered_at: int | None = None
    "When customer and business first talked."
    ended_at: int | None = None
    end_reason: EndReason | None = None
    player_port: PortId = NO_PORT
    player_track: TrackId = NO_TRACK
    recorder_port: PortId | None = None
    recording_folder: str | None = None
    taps: tuple[TapPoint, ...] = ()
    flowed: frozenset[TrackId] = frozenset()
    "Tracks that have carried media so far."
    changed_at: int = 0
    "When its newest timeline entry was made."
    seq: int = 0
    "Number of the newest timeline entry."

    @property
    def is_over(self) -> bool:
        """No leg is left and none may join."""
        return self.ended_at is not None

    @property
    def in_conversation(self) -> bool:
        """Customer and business are connected (also while on hold)."""
        return self.state is SessionState.TALKING

    @property
    def open_legs(self) -> list[Leg]:
        """Answered legs with media."""
        return [leg for leg in self.legs if leg.state is LegState.ANSWERED and leg.port is not None]

    @property
    def live_legs(self) -> list[Leg]:
        """Legs that have not ended."""
        return [leg for leg in self.legs if leg.state is not LegState.ENDED]

    @property
    def legs_of_customer(self) -> list[Leg]:
        return [leg for leg in self.open_legs if self.participant(leg.participant).role is Role.CUSTOMER]

    @property
    def agents(self) -> list[Participant]:
        """Agents with a leg, in the order they joined."""
        live = {leg.participant for leg in self.live_legs}
        return [p for p in self.participants if p.role is Role.AGENT and p.id in live]

    @property
    def holders(self) -> frozenset[ParticipantId]:
        """Who keeps the others on hold."""
        return frozenset(p.id for p in self.participants if p.holding)

    def participant(self, participant: ParticipantId) -> Participant:
        """Raises NotFound."""
        for candidate in self.participants:
            if candidate.id == participant:
                return candidate
        raise NotFound(f"session {self.id} has no participant {participant}")

    def leg(self, leg: LegId) -> Leg:
        """Raises NotFound."""
        for candidate in self.legs:
            if candidate.id == leg:
                return candidate
        raise NotFound(f"session {self.id} has no leg {leg}")

    def participant_of_agent(self, agent: AgentId) -> Participant:
        """Raises NotFound unless the agent has accepted this session."""
        for candidate in self.participants:
            if candidate.agent == agent:
                return candidate
        raise NotFound(f"agent {agent} is not in session {self.id}")

    def participant_with_role(self, role: Role) -> Participant:
        """The first with that role; raises NotFound."""
        for candidate in self.participants:
            if candidate.role is role:
                return candidate
        raise NotFound(f"session {self.id} has no {role}")

    def with_leg(self, leg: LegId, **changes: object) -> "Session":
        """This session with one leg changed."""
        legs = tuple(replace(each, **changes) if each.id == leg else each for each in self.legs)  # type: ignore[arg-type]  # field names are ours
        return replace(self, legs=legs)

    def with_participant(self, participant: ParticipantId, **changes: object) -> "Session":
        """This session with one participant changed."""
        changed = tuple(
            replace(each, **changes) if each.id == participant else each  # type: ignore[arg-type]  # field names are ours
            for each in self.participants
        )
        return replace(self, participants=changed)
