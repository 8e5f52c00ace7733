"""A clock that moves only when told to, with the alarms set on it."""

import heapq
from collections.abc import Callable
from itertools import count

from mediaswitch.clock import SECOND
from mediaswitch.timers import Alarm

START = 1_800_000_000 * SECOND
"Some second in 2027."


class HandAlarm:
    """An alarm of a HandClock."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class HandClock:
    """Clock and Timers in one: `advance` rings what becomes due, in order, each at its own instant."""

    def __init__(self) -> None:
        self._now = START
        self._alarms: list[tuple[int, int, HandAlarm]] = []
        self._order = count()

    def now(self) -> int:
        return self._now

    def call_at(self, at: int, callback: Callable[[], None]) -> Alarm:
        alarm = HandAlarm(callback)
        heapq.heappush(self._alarms, (at, next(self._order), alarm))
        return alarm

    def advance(self, seconds: float) -> None:
        until = self._now + round(seconds * SECOND)
        while self._alarms and self._alarms[0][0] <= until:
            at, _, alarm = heapq.heappop(self._alarms)
            self._now = max(self._now, at)
            if callback := alarm.callback:
                callback()
        self._now = until

    @property
    def alarms(self) -> int:
        """How many are set."""
        return sum(alarm.callback is not None for _, _, alarm in self._alarms)
