"""The bus: where signaling, IVR, routing and recording meet without knowing each other.

Delivery is in order and in the publisher's thread: an event published while another is being delivered waits
its turn, so that every subscriber sees the same order. A subscriber that fails is logged and loses only its own event.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
Handler = Callable[[Any], None]


class Bus:
    """In-process publish and subscribe by the type of what is published."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler]] = {}
        self._waiting: deque[object] = deque()
        self._delivering = False
        self._holds = 0

    def subscribe(self, kind: type[T], handler: Callable[[T], None]) -> Callable[[], None]:
        """Call `handler` for each published `kind` (exact type); returns how to unsubscribe."""
        handlers = self._handlers.setdefault(kind, [])
        handlers.append(handler)
        return lambda: handlers.remove(handler) if handler in handlers else None

    def publish(self, message: object) -> None:
        """Deliver `message`, after those already waiting."""
        self._waiting.append(message)
        self._drain()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within this block messages wait; they are delivered, in order, when the outermost block ends."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._drain()

    def _drain(self) -> None:
        if self._delivering or self._holds:
            return
        self._delivering = True
        try:
            while self._waiting and not self._holds:
                self._deliver(self._waiting.popleft())
        finally:
            self._delivering = False

    def _deliver(self, message: object) -> None:
        for handler in tuple(self._handlers.get(type(message), ())):
            try:
                handler(message)
            except Exception:  # one subscriber's fault must not cost the others their event
                log.exception("a subscriber failed on %s", type(message).__name__)
