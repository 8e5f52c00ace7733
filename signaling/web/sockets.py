"""All live sockets of the server: counted, and closed when it shuts down."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web


@dataclass
class LiveSockets:
    """`strangers` have not said hello yet; `dropped` counts those that were too slow."""

    strangers: int = 0
    dropped: int = 0
    _open: set[web.WebSocketResponse] = field(default_factory=set)

    @contextmanager
    def stranger(self) -> Iterator[None]:
        self.strangers += 1
        try:
            yield
        finally:
            self.strangers -= 1

    @contextmanager
    def open(self, socket: web.WebSocketResponse) -> Iterator[None]:
        self._open.add(socket)
        try:
            yield
        finally:
            self._open.discard(socket)

    async def close_all(self) -> None:
        """Tell every client that the server goes away (RFC 6455 §7.4.1)."""
        closing = [socket.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down") for socket in self._open]
        await asyncio.gather(*closing, return_exceptions=True)
