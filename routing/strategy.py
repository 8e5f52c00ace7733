"""Who is offered whom: the session that has waited longest, to the agent who has been idle longest."""

from collections.abc import Iterable, Iterator

from mediaswitch.ids import QueueName
from routing.agents import Agent
from routing.queues import Queue, Waiting


def longest_idle(queues: Iterable[Queue], agents: Iterable[Agent]) -> Iterator[tuple[Queue, Waiting, Agent]]:
    """Pair waiting sessions with ready agents; nobody appears twice.

    Sessions of all queues are taken by priority and time of waiting; each gets the agent of its queue who has been
    idle longest, so that an agent of several queues takes whoever has waited longest in any of them.
    """
    free = sorted((agent for agent in agents if agent.is_ready), key=lambda agent: (agent.idle_since, agent.profile.id))
    for waiting, queue in _in_order(queues):
        if not free:
            return
        chosen = next((agent for agent in free if serves(agent, queue)), None)
        if chosen is not None:
            free.remove(chosen)
            yield queue, waiting, chosen


def serves(agent: Agent, queue: Queue) -> bool:
    """Whether the agent takes sessions of this queue: one of hers, and of her tenant."""
    name: QueueName = queue.plan.name
    return agent.profile.tenant == queue.plan.tenant and name in agent.profile.queues


def _in_order(queues: Iterable[Queue]) -> list[tuple[Waiting, Queue]]:
    line = [(waiting, queue) for queue in queues for waiting in queue.line if waiting.offered_to is None]
    return sorted(line, key=lambda each: each[0].place)
