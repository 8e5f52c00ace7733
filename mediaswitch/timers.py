"""Alarms on the one clock. Tests step their own by hand, so that a minute of waiting takes no time."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from mediaswitch.clock import SECOND, Clock


class Alarm(Protocol):
    """Something that will ring unless cancelled."""

    def cancel(self) -> None:
        """Never ring; one that has rung is fine."""
        ...


class Timers(Protocol):
    """Where alarms come from."""

    def call_at(self, at: int, callback: Callable[[], None]) -> Alarm:
        """Call back at `at` (ns on the one clock), or soon if that has passed; never from within this call."""
        ...


class LoopTimers:
    """Alarms of the running event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_at(self, at: int, callback: Callable[[], None]) -> Alarm:
        delay_s = max(0, at - self._clock.now()) / SECOND
        return asyncio.get_running_loop().call_later(delay_s, callback)
