"""Presence: an agent whose last desk is gone for longer than the grace time has left."""

from collections.abc import Callable

from mediaswitch.clock import SECOND, Clock
from mediaswitch.ids import AgentId
from mediaswitch.timers import Alarm, Timers

GRACE_S = 10.0
"Long enough for a page to reload or a laptop to change its network."


class Presence:
    """One alarm for each agent who has no desk; a desk that comes back cancels it."""

    def __init__(self, *, clock: Clock, timers: Timers, grace_s: float, left: Callable[[AgentId], None]) -> None:
        self._clock = clock
        self._timers = timers
        self._grace_ns = int(grace_s * SECOND)
        self._left = left
        self._alarms: dict[AgentId, Alarm] = {}

    def came(self, agent: AgentId) -> None:
        """A desk of hers is connected."""
        if alarm := self._alarms.pop(agent, None):
            alarm.cancel()

    def went(self, agent: AgentId) -> None:
        """No desk of hers is left."""
        self.came(agent)
        self._alarms[agent] = self._timers.call_at(self._clock.now() + self._grace_ns, lambda: self._ring(agent))

    def _ring(self, agent: AgentId) -> None:
        del self._alarms[agent]
        self._left(agent)
