"""Sessions: who may see them, the offer, and the end. What happens in between is in routes_talking."""

from collections.abc import Sequence
from http import HTTPStatus

from mediaswitch.errors import NotFound, WrongState
from mediaswitch.services import AgentState
from mediaswitch.session import Session, SessionState
from mediaswitch.telling import told_entry
from mediaswitch.timeline import EndReason
from signaling.web.answers import AgentAnswer, CallAnswer, SessionAnswer, TimelineAnswer
from signaling.web.legs import DeskLegDriver
from signaling.web.operations import Call, OperationTable
from signaling.web.parts import as_known_to, is_shown, may_see, own_leg, own_part, speaker
from signaling.web.past import rebuild
from signaling.web.principal import IN_CALL, STAFF, Access
from signaling.web.requests import NoQuery, Nothing, OfferRequest, SessionsQuery
from signaling.web.views import agent_answer, session_answer

operations = OperationTable()
AGENTS = frozenset({Access.AGENT})
ANYBODY = STAFF | {Access.CUSTOMER}
SESSION = "/api/v1/sessions/{session_id}"


@operations.add("GET", "/api/v1/sessions", access=STAFF, takes=SessionsQuery, gives=SessionAnswer, many=True)
async def list_sessions(call: Call[SessionsQuery]) -> Sequence[SessionAnswer]:
    """Live sessions, also those in wrap-up: all of the tenant for overseers and reviewers, else one's own."""
    live = [session for session in call.services.exchange.sessions() if session.state is not SessionState.ENDED]
    return [session_answer(session) for session in live if may_see(session, call.staff)]


@operations.add("GET", SESSION, access=ANYBODY, takes=NoQuery, gives=SessionAnswer, errors=(HTTPStatus.NOT_FOUND,))
async def get_session(call: Call[NoQuery]) -> SessionAnswer:
    """One session as it is now, or as it ended."""
    return session_answer(as_known_to(await _visible(call), call.who))


async def _visible(call: Call[NoQuery]) -> Session:
    try:
        session = call.services.exchange.session(call.session_id)
    except NotFound:
        entries = await call.services.timelines.timeline(call.tenant, call.session_id)
        session = rebuild(call.tenant, call.session_id, entries)
    if not may_see(session, speaker(call.who)):
        raise NotFound(f"no session {call.session_id}")  # its existence is nobody else's business
    return session


@operations.add(
    "GET",
    f"{SESSION}/timeline",
    access=ANYBODY,
    takes=NoQuery,
    gives=TimelineAnswer,
    errors=(HTTPStatus.NOT_FOUND,),
)
async def get_timeline(call: Call[NoQuery]) -> TimelineAnswer:
    """All that happened in a session so far."""
    session, who = await _visible(call), speaker(call.who)
    try:
        entries = await call.services.timelines.timeline(call.tenant, call.session_id)
    except NotFound:  # one so young that nothing of it is stored yet
        entries = ()
    shown = [entry for entry in entries if is_shown(entry.event, session, who)]
    return TimelineAnswer(events=[told_entry(entry, started_at=session.started_at) for entry in shown])


@operations.add(
    "POST",
    f"{SESSION}/accept",
    access=AGENTS,
    takes=OfferRequest,
    gives=CallAnswer,
    status=HTTPStatus.CREATED,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def accept(call: Call[OfferRequest]) -> CallAnswer:
    """Take the session that is offered to you; 409 when the offer is gone."""
    exchange = call.services.exchange
    leg, answer = exchange.accept(call.session_id, call.staff.agent, call.input.sdp, DeskLegDriver())
    session = exchange.session(call.session_id)
    return CallAnswer(session=session_answer(session), leg_id=leg.id, sdp=answer)


@operations.add(
    "POST",
    f"{SESSION}/decline",
    access=AGENTS,
    takes=Nothing,
    status=HTTPStatus.NO_CONTENT,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def decline(call: Call[Nothing]) -> None:
    """Leave an offer to others; you are on break then."""
    call.services.exchange.decline(call.session_id, call.staff.agent)


@operations.add(
    "POST",
    f"{SESSION}/hangup",
    access=IN_CALL,
    takes=Nothing,
    gives=SessionAnswer,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def hang_up(call: Call[Nothing]) -> SessionAnswer:
    """End the session for all in it; one already over is fine."""
    exchange, who = call.services.exchange, speaker(call.who)
    session = exchange.session(call.session_id)
    own_part(session, who)
    if not session.is_over:  # one whose leg was lost no longer decides over the others
        exchange.hang_up(session.id, EndReason.HANGUP, by=own_leg(session, who).participant)
    return session_answer(as_known_to(exchange.session(session.id), who))


@operations.add(
    "POST",
    f"{SESSION}/wrapup/end",
    access=AGENTS,
    takes=Nothing,
    gives=AgentAnswer,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def end_wrap_up(call: Call[Nothing]) -> AgentAnswer:
    """Finish the work after the call and be available again."""
    session, agent = call.services.exchange.session(call.session_id), call.staff.agent
    if session.state is not SessionState.WRAP_UP or session.agent != agent:
        raise WrongState(f"session {session.id} is not in your wrap-up")
    return agent_answer(call.services.agents.set_state(agent, AgentState.AVAILABLE))
