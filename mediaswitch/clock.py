"""The one clock: Unix nanoseconds, anchored once and advanced by CLOCK_MONOTONIC.

Wall-clock steps (NTP, an operator's hand) never reorder a timeline; the media core runs on the same
clock through `SystemClock.offset_ns`.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class Clock(Protocol):
    """Where `now` comes from; tests step their own."""

    def now(self) -> int:
        """Nanoseconds since the Unix epoch; never goes back."""
        ...


class SystemClock:
    """The running server's clock."""

    def __init__(self) -> None:
        self.offset_ns = time.time_ns() - time.monotonic_ns()
        "What to add to CLOCK_MONOTONIC; the media core is given the same number."

    def now(self) -> int:
        return time.monotonic_ns() + self.offset_ns


def wall_time(at_ns: int) -> datetime:
    """The aware UTC time of an instant on the one clock (microsecond precision)."""
    return datetime.fromtimestamp(at_ns // SECOND, UTC).replace(microsecond=at_ns % SECOND // 1000)


def iso_time(at_ns: int) -> str:
    """The UTC time of an instant on the one clock, in ISO 8601 with milliseconds."""
    return wall_time(at_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")
