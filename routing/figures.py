"""A queue's service level, derived from the timeline: the share of today's sessions answered in time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from mediaswitch.clock import SECOND, wall_time
from mediaswitch.timeline import Accepted, Dequeued, Entry
from routing.queues import Waiting

DayOf = Callable[[int], date]


def local_day(at: int) -> date:
    """The day of an instant by the server's time zone."""
    return wall_time(at).astimezone().date()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """Counts since midnight. A caller who hung up while waiting counts as not answered in time."""

    threshold_s: float
    day_of: DayOf = local_day
    day: date | None = None
    in_time: int = 0
    all: int = 0

    def value(self, now: int) -> float | None:
        """Between 0 and 1; None before the day's first session."""
        return self.in_time / self.all if self.all and self.day == self.day_of(now) else None

    def count(self, waiting: Waiting, entry: Entry) -> "ServiceLevel":
        """With the outcome of one wait: its Accepted or Dequeued entry; any other changes nothing."""
        if not isinstance(entry.event, Accepted | Dequeued):
            return self
        today = self.day_of(entry.at)
        level = self if today == self.day else replace(self, day=today, in_time=0, all=0)
        answered = isinstance(entry.event, Accepted)
        in_time = answered and entry.at - waiting.since <= self.threshold_s * SECOND
        return replace(level, all=level.all + 1, in_time=level.in_time + in_time)
