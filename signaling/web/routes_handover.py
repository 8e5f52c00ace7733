"""Passing a customer on, and joining without being asked: consultation, transfer, a supervisor's listening in."""

from http import HTTPStatus

from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import AgentId, ParticipantId, QueueName
from mediaswitch.services import AgentState, AgentView
from mediaswitch.session import Session
from mediaswitch.timeline import EndReason, MonitorMode
from signaling.web.answers import CallAnswer, SessionAnswer
from signaling.web.legs import DeskLegDriver
from signaling.web.operations import Call, OperationTable, Taken
from signaling.web.parts import may_see, own_leg
from signaling.web.principal import OVERSEERS, Access
from signaling.web.requests import ConsultRequest, MonitorModeRequest, MonitorRequest, Nothing, TransferRequest
from signaling.web.routes_sessions import AGENTS, SESSION
from signaling.web.views import session_answer

operations = OperationTable()
WRONG_TIME = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
MAY_LEAVE = OVERSEERS | {Access.AGENT}


def _own(call: Call[Taken]) -> ParticipantId:
    return own_leg(_session(call), call.staff).participant


def _session(call: Call[Taken]) -> Session:
    session = call.services.exchange.session(call.session_id)
    if not may_see(session, call.staff):
        raise NotFound(f"no session {session.id}")  # its existence is nobody else's business
    return session


def _answer(call: Call[Taken]) -> SessionAnswer:
    return session_answer(call.services.exchange.session(call.session_id))


def _free_colleague(call: Call[Taken], agent_id: str) -> AgentView:
    """Raises NotFound for a stranger, WrongState for one who could not answer."""
    agent = call.services.agents.get(AgentId(agent_id))
    if agent.tenant != call.tenant:
        raise NotFound(f"no agent {agent_id}")
    if agent.state is not AgentState.AVAILABLE:
        raise WrongState(f"{agent_id} is {agent.state}")
    return agent


# --- supervisors ---------------------------------------------------------------------------------------------


@operations.add(
    "POST",
    f"{SESSION}/monitor",
    access=OVERSEERS,
    takes=MonitorRequest,
    gives=CallAnswer,
    status=HTTPStatus.CREATED,
    errors=WRONG_TIME,
)
async def monitor(call: Call[MonitorRequest]) -> CallAnswer:
    """Join a conversation: listen, whisper to the agents alone, or barge in."""
    session, mode = _session(call), MonitorMode(call.input.mode)
    leg, answer = call.services.exchange.monitor(
        session.id, call.staff.agent, call.staff.name, mode, call.input.sdp, DeskLegDriver()
    )
    return CallAnswer(session=_answer(call), leg_id=leg.id, sdp=answer)


@operations.add(
    "PUT",
    f"{SESSION}/monitor",
    access=OVERSEERS,
    takes=MonitorModeRequest,
    gives=SessionAnswer,
    errors=WRONG_TIME,
)
async def choose_monitor_mode(call: Call[MonitorModeRequest]) -> SessionAnswer:
    """Listen, whisper or barge in from here on."""
    call.services.exchange.choose_monitor_mode(call.session_id, _own(call), MonitorMode(call.input.mode))
    return _answer(call)


@operations.add("POST", f"{SESSION}/leave", access=MAY_LEAVE, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME)
async def leave(call: Call[Nothing]) -> SessionAnswer:
    """Go, and let the others go on; the last agent's going ends the session."""
    leg = own_leg(_session(call), call.staff)
    call.services.exchange.leg_ended(call.session_id, leg.id, EndReason.HANGUP)
    return _answer(call)


# --- agents --------------------------------------------------------------------------------------------------


@operations.add(
    "POST", f"{SESSION}/consult", access=AGENTS, takes=ConsultRequest, gives=SessionAnswer, errors=WRONG_TIME
)
async def consult(call: Call[ConsultRequest]) -> SessionAnswer:
    """Ask a colleague while the customer hears music; 409 when she is not available."""
    participant, colleague = _own(call), _free_colleague(call, call.input.agent_id)
    call.services.exchange.consult(call.session_id, participant, colleague.id, colleague.name)
    return _answer(call)


@operations.add("POST", f"{SESSION}/consult/swap", access=AGENTS, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME)
async def swap_consult(call: Call[Nothing]) -> SessionAnswer:
    """Talk with the other one of customer and colleague."""
    call.services.exchange.swap_consult(call.session_id, _own(call))
    return _answer(call)


@operations.add(
    "POST", f"{SESSION}/consult/merge", access=AGENTS, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME
)
async def merge_consult(call: Call[Nothing]) -> SessionAnswer:
    """Customer, colleague and you in one conversation."""
    call.services.exchange.merge_consult(call.session_id, _own(call))
    return _answer(call)


@operations.add(
    "POST", f"{SESSION}/consult/complete", access=AGENTS, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME
)
async def complete_consult(call: Call[Nothing]) -> SessionAnswer:
    """Leave the customer to the colleague: the attended transfer."""
    call.services.exchange.complete_consult(call.session_id, _own(call))
    return _answer(call)


@operations.add(
    "POST", f"{SESSION}/consult/cancel", access=AGENTS, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME
)
async def cancel_consult(call: Call[Nothing]) -> SessionAnswer:
    """Back to the customer; the colleague stops ringing, or is hung up on."""
    call.services.exchange.cancel_consult(call.session_id, _own(call))
    return _answer(call)


@operations.add(
    "POST", f"{SESSION}/transfer", access=AGENTS, takes=TransferRequest, gives=SessionAnswer, errors=WRONG_TIME
)
async def transfer(call: Call[TransferRequest]) -> SessionAnswer:
    """Pass the customer on at once, to an available agent or to a queue."""
    participant, exchange = _own(call), call.services.exchange
    kind, _, name = call.input.to.partition(":")
    if kind == "agent":
        agent = _free_colleague(call, name)
        exchange.transfer_to_agent(call.session_id, participant, agent.id, agent.name)
    else:
        if name not in {queue.name for queue in call.services.agents.queues(call.tenant)}:
            raise NotFound(f"no queue {name}")
        exchange.transfer_to_queue(call.session_id, participant, QueueName(name))
    return _answer(call)
