"""Agents and queues."""

from collections.abc import Sequence
from http import HTTPStatus

from mediaswitch.services import AgentState
from signaling.web.answers import AgentAnswer, QueueAnswer
from signaling.web.operations import Call, OperationTable
from signaling.web.principal import OVERSEERS, STAFF, Access
from signaling.web.requests import AgentStateRequest, NoQuery
from signaling.web.views import agent_answer, queue_answer

operations = OperationTable()
AGENTS = frozenset({Access.AGENT})


@operations.add("GET", "/api/v1/agents", access=OVERSEERS | AGENTS, takes=NoQuery, gives=AgentAnswer, many=True)
async def list_agents(call: Call[NoQuery]) -> Sequence[AgentAnswer]:
    """All agents of the tenant; an agent sees herself alone."""
    agents = call.services.agents
    if call.staff.oversees:
        return [agent_answer(agent) for agent in agents.list(call.tenant)]
    return [agent_answer(agents.get(call.staff.agent))]


@operations.add("GET", "/api/v1/agents/me", access=AGENTS, takes=NoQuery, gives=AgentAnswer)
async def my_agent(call: Call[NoQuery]) -> AgentAnswer:
    """The agent who is logged in."""
    return agent_answer(call.services.agents.get(call.staff.agent))


@operations.add(
    "PUT",
    "/api/v1/agents/me/state",
    access=AGENTS,
    takes=AgentStateRequest,
    gives=AgentAnswer,
    errors=(HTTPStatus.CONFLICT,),
)
async def set_my_state(call: Call[AgentStateRequest]) -> AgentAnswer:
    """Be available, on break or offline; 409 while talking. Ends a wrap-up."""
    return agent_answer(call.services.agents.set_state(call.staff.agent, AgentState(call.input.state)))


@operations.add("GET", "/api/v1/queues", access=STAFF, takes=NoQuery, gives=QueueAnswer, many=True)
async def list_queues(call: Call[NoQuery]) -> Sequence[QueueAnswer]:
    """All queues of the tenant with their figures."""
    return [queue_answer(queue, now=call.now) for queue in call.services.agents.queues(call.tenant)]
