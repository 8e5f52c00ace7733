"""Who asks: a member of staff by login, or a customer by the token of the own call."""

from dataclasses import dataclass
from enum import StrEnum

from mediaswitch.ids import AgentId, ParticipantId, SessionId, TenantId
from mediaswitch.services import UserRole


class Access(StrEnum):
    """Who may use an operation."""

    PUBLIC = "public"
    "Anybody, without a token."
    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    MEDIA = "media"
    "Whoever has the signed address of a recording's file."


STAFF = frozenset({Access.AGENT, Access.SUPERVISOR, Access.REVIEWER, Access.ADMIN})
OVERSEERS = frozenset({Access.SUPERVISOR, Access.ADMIN})
REVIEWERS = frozenset({Access.REVIEWER, Access.SUPERVISOR, Access.ADMIN})
IN_CALL = frozenset({Access.AGENT, Access.CUSTOMER})
TALKING = IN_CALL | OVERSEERS
"Who may have a leg."
PUBLIC = frozenset({Access.PUBLIC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A member of staff who is logged in."""

    id: str
    name: str
    role: UserRole
    tenant: TenantId
    language: str | None

    @property
    def access(self) -> Access:
        return Access(self.role)

    @property
    def agent(self) -> AgentId:
        """Whom routing knows her as."""
        return AgentId(self.id)

    @property
    def oversees(self) -> bool:
        """Whether she watches all agents and live sessions of the tenant."""
        return self.access in OVERSEERS

    @property
    def reviews(self) -> bool:
        """Whether she may read any session of the tenant."""
        return self.access in REVIEWERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A customer in one session."""

    session: SessionId
    participant: ParticipantId
    name: str
    tenant: TenantId

    @property
    def access(self) -> Access:
        return Access.CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaGrant:
    """What a media token opens: the files of one recording."""

    session: SessionId
    tenant: TenantId

    @property
    def access(self) -> Access:
        return Access.MEDIA


Principal = Staff | Caller
"Who has a session to speak in or a login."
