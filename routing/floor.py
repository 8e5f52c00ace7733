"""Floor: the agents and queues as they are now. Whoever changes one announces it; views go on the bus only when new."""

from collections.abc import Iterable, Iterator

from mediaswitch.bus import Bus
from mediaswitch.errors import NotFound
from mediaswitch.ids import AgentId, QueueName, SessionId, TenantId
from mediaswitch.services import AgentChanged, AgentState, AgentView, QueueChanged, QueueView
from mediaswitch.timeline import Entry
from routing.agents import Agent
from routing.figures import ServiceLevel
from routing.plan import AgentProfile, QueuePlan
from routing.queues import Queue, Waiting
from routing.strategy import serves

QueueKey = tuple[TenantId, QueueName]

_IN_CONVERSATION = frozenset({AgentState.BUSY, AgentState.WRAP_UP})


class Floor:
    """Holds the current values; knows no Exchange and no clock."""

    def __init__(self, queues: Iterable[QueuePlan], agents: Iterable[AgentProfile], bus: Bus, *, now: int) -> None:
        self._bus = bus
        self._queues = {(plan.tenant, plan.name): Queue(plan=plan) for plan in queues}
        self._agents = {profile.id: Agent(profile=profile, since=now) for profile in agents}
        self._levels = {
            key: ServiceLevel(threshold_s=queue.plan.service_level_s) for key, queue in self._queues.items()
        }
        self._announced_agents = {agent.profile.id: agent.view for agent in self._agents.values()}
        self._announced_queues: dict[QueueKey, QueueView] = {}

    # --- reading -------------------------------------------------------------------------------------------

    def agent(self, agent: AgentId) -> Agent:
        """Raises NotFound."""
        try:
            return self._agents[agent]
        except KeyError:
            raise NotFound(f"no agent {agent}") from None

    def agents(self) -> Iterable[Agent]:
        """All agents of all tenants."""
        return self._agents.values()

    def agent_in(self, session: SessionId) -> Agent | None:
        """Who is offered the session, talks in it or wraps it up."""
        return next((agent for agent in self._agents.values() if agent.session == session), None)

    def queue(self, tenant: TenantId, name: QueueName) -> Queue:
        """Raises NotFound."""
        try:
            return self._queues[tenant, name]
        except KeyError:
            raise NotFound(f"no queue {name}") from None

    def queues(self) -> Iterable[Queue]:
        """All queues of all tenants."""
        return self._queues.values()

    def waiting(self, session: SessionId) -> tuple[Queue, Waiting] | None:
        """Where the session waits, if anywhere."""
        for queue in self._queues.values():
            if waiting := queue.find(session):
                return queue, waiting
        return None

    # --- changing ------------------------------------------------------------------------------------------

    def put_agent(self, agent: Agent) -> Agent:
        """Take the agent's new value."""
        self._agents[agent.profile.id] = agent
        return agent

    def put_queue(self, queue: Queue) -> None:
        """Take the queue's new value."""
        self._queues[queue.plan.tenant, queue.plan.name] = queue

    def count(self, waiting: Waiting, entry: Entry, queue: Queue) -> None:
        """Let the outcome of a wait count for the queue's service level."""
        key = (queue.plan.tenant, queue.plan.name)
        self._levels[key] = self._levels[key].count(waiting, entry)

    # --- views ---------------------------------------------------------------------------------------------

    def agent_views(self, tenant: TenantId) -> list[AgentView]:
        """The tenant's agents, by name."""
        views = [agent.view for agent in self._agents.values() if agent.profile.tenant == tenant]
        return sorted(views, key=lambda view: (view.name, view.id))

    def queue_views(self, tenant: TenantId, now: int) -> list[QueueView]:
        """The tenant's queues, as the settings order them."""
        return [self._view(key, now) for key in self._queues if key[0] == tenant]

    def _view(self, key: QueueKey, now: int) -> QueueView:
        queue = self._queues[key]
        states = [agent.state for agent in self._agents.values() if serves(agent, queue)]
        return QueueView(
            name=queue.plan.name,
            tenant=queue.plan.tenant,
            label=queue.plan.label,
            waiting=len(queue.line),
            oldest_since=queue.oldest_since,
            agents_available=states.count(AgentState.AVAILABLE),
            agents_busy=sum(state in _IN_CONVERSATION for state in states),
            service_level=self._levels[key].value(now),
        )

    def announce(self, now: int) -> None:
        """Publish every agent and queue whose view is not the one published last."""
        for agent in self._new_agents():
            self._bus.publish(AgentChanged(agent=agent))
        for queue in self._new_queues(now):
            self._bus.publish(QueueChanged(queue=queue))

    def _new_agents(self) -> Iterator[AgentView]:
        for key, agent in self._agents.items():
            if (view := agent.view) != self._announced_agents[key]:
                self._announced_agents[key] = view
                yield view

    def _new_queues(self, now: int) -> Iterator[QueueView]:
        for key in self._queues:
            if (view := self._view(key, now)) != self._announced_queues.get(key):
                self._announced_queues[key] = view
                yield view
