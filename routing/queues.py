"""Queue: who waits and in which order, as a pure value. A session keeps its place until it leaves."""

from bisect import insort
from dataclasses import dataclass, replace

from mediaswitch.ids import AgentId, SessionId
from routing.plan import QueuePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One waiting session; what it is ordered by never changes while it waits."""

    session: SessionId
    priority: int
    since: int
    "When it was queued; nanoseconds on the one clock."
    offered_to: AgentId | None = None

    @property
    def place(self) -> tuple[int, int]:
        """The higher priority first, then the longer wait."""
        return (-self.priority, self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue at one instant. The sessions on offer stay in line, so that a missed offer costs no place."""

    plan: QueuePlan
    line: tuple[Waiting, ...] = ()

    @property
    def oldest_since(self) -> int | None:
        """When the longest waiting session was queued."""
        return min((waiting.since for waiting in self.line), default=None)

    def find(self, session: SessionId) -> Waiting | None:
        """The session's entry, if it waits here."""
        return next((waiting for waiting in self.line if waiting.session == session), None)

    def join(self, waiting: Waiting) -> "Queue":
        """With one more session; a session waits at most once."""
        line = list(self.leave(waiting.session).line)
        insort(line, waiting, key=lambda each: each.place)
        return replace(self, line=tuple(line))

    def leave(self, session: SessionId) -> "Queue":
        """Without a session; one that is not here is fine."""
        return replace(self, line=tuple(waiting for waiting in self.line if waiting.session != session))

    def offer(self, session: SessionId, agent: AgentId | None) -> "Queue":
        """The session is on offer to `agent`, or to nobody any more; its place stays."""
        return replace(
            self,
            line=tuple(
                replace(waiting, offered_to=agent) if waiting.session == session else waiting for waiting in self.line
            ),
        )
