"""What the centre and its neighbours ask of each other, declared here and implemented outside.

The composition root joins them; nobody imports an implementation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from mediaswitch.ids import AgentId, LegId, QueueName, SessionId, TenantId
from mediaswitch.timeline import EndReason, Entry


class LegDriver(Protocol):
    """How the Exchange moves the signaling side of a leg. Calls return at once and never raise."""

    def ring(self) -> None:
        """Tell the caller that somebody is being alerted (SIP 180); may come more than once."""
        ...

    def answer(self) -> None:
        """Accept the leg; the driver then calls `Exchange.leg_answered`."""
        ...

    def hang_up(self, reason: EndReason) -> None:
        """End the leg in whatever state it is. The Exchange regards it as ended already and closes its port."""
        ...


class Dialer(Protocol):
    """Who can ring somebody outside."""

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> LegDriver:
        """Start an outgoing call to a SIP URI of a trunk or a registered phone.

        Raises NotFound when no trunk or phone serves the target.
        """
        ...


class RecordingFolders(Protocol):
    """Where a session's recording goes."""

    def folder_for(self, session: SessionId, tenant: TenantId, *, at: int) -> Path | None:
        """Create and return the session's folder (absolute); None if it is not to be recorded. Raises OSError."""
        ...

    @property
    def root(self) -> Path:
        """The folder all of them are under."""
        ...


class UserRole(StrEnum):
    """What a member of staff may do."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member of staff; an agent's `id` is her AgentId."""

    id: str
    name: str
    role: UserRole
    tenant: TenantId
    language: str | None
    password_hash: str
    "Argon2, in its encoded form (RFC 9106)."


class Users(Protocol):
    """Who may log in."""

    async def find(self, tenant: TenantId, username: str) -> User | None: ...


class Timelines(Protocol):
    """The stored timelines, of live sessions and of those long over."""

    async def timeline(self, tenant: TenantId, session: SessionId) -> Sequence[Entry]:
        """All entries in the order of `seq`. Raises NotFound."""
        ...


class AgentState(StrEnum):
    """What an agent is doing."""

    OFFLINE = "offline"
    BREAK = "break"
    AVAILABLE = "available"
    OFFERED = "offered"
    BUSY = "busy"
    WRAP_UP = "wrap_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent as others see her."""

    id: AgentId
    tenant: TenantId
    name: str
    state: AgentState
    since: int
    "Nanoseconds on the one clock."
    queues: tuple[QueueName, ...]
    session: SessionId | None = None
    wrap_up_until: int | None = None
    "Nanoseconds on the one clock, while in wrap-up."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChanged:
    """On the bus: an agent's view is new."""

    agent: AgentView


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue's figures at one instant."""

    name: QueueName
    tenant: TenantId
    label: dict[str, str]
    "By language code."
    waiting: int
    oldest_since: int | None
    "When the longest waiting session was queued; nanoseconds on the one clock."
    agents_available: int
    agents_busy: int
    service_level: float | None
    "Share of today's sessions answered within the queue's threshold; None before the first."


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanged:
    """On the bus: a queue's view is new."""

    queue: QueueView


class Agents(Protocol):
    """The agents and queues; implemented by routing."""

    def get(self, agent: AgentId) -> AgentView:
        """Raises NotFound."""
        ...

    def list(self, tenant: TenantId) -> Sequence[AgentView]: ...

    def queues(self, tenant: TenantId) -> Sequence[QueueView]: ...

    def set_state(self, agent: AgentId, state: AgentState) -> AgentView:
        """An agent's own wish: available, break or offline. Ends a wrap-up. Raises NotFound, WrongState."""
        ...

    def connected(self, agent: AgentId) -> None:
        """One more desk of hers is connected."""
        ...

    def disconnected(self, agent: AgentId) -> None:
        """One desk less; with none left she goes offline after a grace time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingQuery:
    """What a reviewer looks for; None means any."""

    tenant: TenantId
    text: str | None = None
    "Part of a number or a name."
    agent: AgentId | None = None
    queue: QueueName | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPage:
    """Rows are JSON objects as openapi.json describes them."""

    recordings: Sequence[dict[str, Any]]
    next_cursor: str | None


class Recordings(Protocol):
    """The recorded sessions; implemented by recording."""

    async def find(self, query: RecordingQuery) -> RecordingPage: ...

    async def manifest(self, tenant: TenantId, session: SessionId) -> dict[str, Any]:
        """Tracks and events of one session; without URLs, which the web layer adds. Raises NotFound."""
        ...

    async def rendition(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """A file a browser plays, as long as the session. Raises NotFound, WrongState while still recording."""
        ...

    async def peaks(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """A JSON file {"per_second": n, "peaks": [0..1, ...]}. Raises NotFound."""
        ...

    async def original(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """The file as it was recorded. Raises NotFound."""
        ...
