"""Whose part in a session a caller has, and what of it is open to whom."""

from dataclasses import replace

from mediaswitch import timeline as t
from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import AgentId
from mediaswitch.session import Leg, LegState, Participant, Session
from signaling.web.principal import Caller, MediaGrant, Principal, Staff
from signaling.web.problems import unauthorised


def may_see(session: Session, who: Principal) -> bool:
    """Customers see their own session, agents those they are or were in, others all of their tenant."""
    if session.tenant != who.tenant:
        return False
    if isinstance(who, Caller):
        return session.id == who.session
    return who.reviews or was_in(session, who.agent) or is_offered_to(session, who.agent)


def was_in(session: Session, agent: AgentId) -> bool:
    return any(participant.agent == agent for participant in session.participants)


def agents_in(session: Session) -> set[AgentId]:
    """Whose work the session is now: they talk, or they are in its wrap-up."""
    owners = [session.participant(leg.participant).agent for leg in session.live_legs]
    return {agent for agent in (session.agent, *owners) if agent is not None}


def is_offered_to(session: Session, agent: AgentId) -> bool:
    return session.offer is not None and session.offer.agent == agent


def own_part(session: Session, who: Principal) -> Participant:
    """The participant who speaks. Raises NotFound for one who has no part in the session."""
    if not may_see(session, who):  # participants are numbered alike in all sessions: this is no formality
        raise NotFound(f"no session {session.id}")
    if isinstance(who, Caller):
        return session.participant(who.participant)
    # the newest: whoever lost her connection and took the session again is in it twice
    mine = [participant for participant in session.participants if participant.agent == who.agent]
    if not mine:
        raise NotFound(f"no session {session.id}")
    return mine[-1]


def own_leg(session: Session, who: Staff | Caller) -> Leg:
    """The participant's live leg. Raises WrongState when there is none any more."""
    part = own_part(session, who)
    legs = [leg for leg in session.legs if leg.participant == part.id and leg.state is not LegState.ENDED]
    if not legs:
        raise WrongState(f"your leg of session {session.id} has ended")
    return legs[-1]


def speaker(who: Principal | MediaGrant | None) -> Principal:
    """Whoever has a part to play; raises a 401 for the others."""
    if who is None or isinstance(who, MediaGrant):
        raise unauthorised("a login or a call is needed")
    return who


CUSTOMER_EVENTS = (
    t.SessionStarted,
    t.ParticipantJoined,
    t.LegAnswered,
    t.LegEnded,
    t.DigitPressed,
    t.Queued,
    t.QueuePosition,
    t.Dequeued,
    t.Talking,
    t.Held,
    t.Resumed,
    t.Muted,
    t.Unmuted,
    t.ShareStarted,
    t.ShareStopped,
    t.ChatSent,
    t.Ended,
)
"What a customer may know of the own session; offers to agents and recording marks are the house's business."


def is_shown(event: t.Event, session: Session, who: Principal) -> bool:
    """Whether this event of a session that `who` may see is theirs to see."""
    if isinstance(who, Staff):
        return True
    return isinstance(event, CUSTOMER_EVENTS) and not _is_of_supervisor(event, session)


def _is_of_supervisor(event: t.Event, session: Session) -> bool:
    if isinstance(event, t.ParticipantJoined):
        return event.role is t.Role.SUPERVISOR
    supervisors = {p.id for p in session.participants if p.role is t.Role.SUPERVISOR}
    legs = {leg.id for leg in session.legs if leg.participant in supervisors}
    return getattr(event, "participant", None) in supervisors or getattr(event, "leg", None) in legs


def as_known_to(session: Session, who: Principal | MediaGrant | None) -> Session:
    """The session without those of whom `who` knows nothing: a customer hears of a supervisor when she barges in."""
    if isinstance(who, Staff):
        return session
    hidden = {p.id for p in session.participants if p.role is t.Role.SUPERVISOR and p.mode is not t.MonitorMode.BARGE}
    return replace(
        session,
        participants=tuple(p for p in session.participants if p.id not in hidden),
        legs=tuple(leg for leg in session.legs if leg.participant not in hidden),
    )
