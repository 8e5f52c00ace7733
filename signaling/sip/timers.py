"""The timer values of RFC 3261 §17.1.1.1, in nanoseconds, and the queue of what is due."""

import heapq
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

SECOND = 1_000_000_000
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class SipTimers:
    """T1, T2 and T4 (§17.1.1.1, table 4), in nanoseconds; all other timers follow from them."""

    t1: int = SECOND // 2
    t2: int = 4 * SECOND
    t4: int = 5 * SECOND

    @property
    def give_up(self) -> int:
        """64*T1: Timers B, F, H, J, L and M."""
        return 64 * self.t1


class TimerQueue(Generic[K]):
    """Deadlines by key. Setting one again replaces it; stale heap entries are skipped when they come up."""

    def __init__(self) -> None:
        self._due: dict[K, int] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._count = 0

    def set(self, key: K, at: int | None) -> None:
        """Arm, re-arm or (with None) disarm the timer of `key`."""
        if at is None:
            self._due.pop(key, None)
        elif self._due.get(key) != at:
            self._due[key] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, key))
            self._compact()

    def next_at(self) -> int | None:
        """Return the earliest deadline."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: int) -> Iterator[K]:
        """Yield and disarm the keys that are due, earliest first."""
        while (at := self.next_at()) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            del self._due[key]
            yield key

    def _compact(self) -> None:
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._due):
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._due)
