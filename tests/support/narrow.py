"""A bad network in front of a UDP port, without privileges: datagrams are lost, delayed and queued as on a bad line."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Self, cast

Address = tuple[str, int]
Take = Callable[[bytes, Address], None]

HEADERS = 28
"Bytes of IP and UDP that a datagram takes on the line beside its payload."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One direction of a line."""

    loss: float = 0.0
    "Share of datagrams that vanish, each by itself."
    bits_per_second: int | None = None
    "None: as fast as they come."
    delay_s: float = 0.02
    queue_s: float = 0.3
    "Datagrams that would wait longer for the line are dropped."


@dataclass(slots=True)
class Direction:
    """A line in use."""

    line: Line
    random: Random
    free_at: float = 0.0
    passed: int = 0
    dropped: int = 0

    def leaves_at(self, size: int, now: float) -> float | None:
        """When a datagram of this size comes out at the far end; None if it does not."""
        if self.random.random() < self.line.loss or self.free_at - now > self.line.queue_s:
            self.dropped += 1
            return None
        self.passed += 1
        if self.line.bits_per_second is not None:
            self.free_at = max(now, self.free_at) + (size + HEADERS) * 8 / self.line.bits_per_second
        return max(now, self.free_at) + self.line.delay_s


class _Endpoint(asyncio.DatagramProtocol):
    """Hands each datagram to one function."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)

    def send(self, data: bytes, to: Address | None = None) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, to)


@dataclass(slots=True)
class NarrowPath:
    """Stands between one peer and a port of the server; the peer is told this path's port instead."""

    server: Address
    host: str
    up: Direction
    down: Direction
    _near: _Endpoint | None = None
    _far: _Endpoint | None = None
    _peer: Address | None = None
    _transports: list[asyncio.DatagramTransport] = field(default_factory=list)

    @classmethod
    async def open(
        cls, server: Address, line: Line, *, seed: int, up: Line | None = None, host: str = "127.0.0.1"
    ) -> Self:
        """Both directions have `line`, or the one from the peer has `up`. `host`: where the peer reaches the path."""
        path = cls(server, host, Direction(up or line, Random(seed)), Direction(line, Random(seed + 1)))
        loop = asyncio.get_running_loop()
        near, path._near = await loop.create_datagram_endpoint(lambda: _Endpoint(path._from_peer), local_addr=(host, 0))
        far, path._far = await loop.create_datagram_endpoint(
            lambda: _Endpoint(path._from_server), local_addr=(host, 0), remote_addr=server
        )
        path._transports = [near, far]
        return path

    @property
    def port(self) -> int:
        """Where the peer reaches the server."""
        return int(self._transports[0].get_extra_info("sockname")[1])

    def close(self) -> None:
        for transport in self._transports:
            transport.close()

    def through(self, answer: str) -> str:
        """The server's SDP answer with the candidates of its port moved to this path's."""
        return answer.replace(f" {self.server[0]} {self.server[1]} typ host", f" {self.host} {self.port} typ host")

    def _from_peer(self, data: bytes, address: Address) -> None:
        self._peer = address
        if self._far is not None:
            self._pass(self.up, data, self._far, None)

    def _from_server(self, data: bytes, _: Address) -> None:
        if self._near is not None and self._peer is not None:
            self._pass(self.down, data, self._near, self._peer)

    def _pass(self, direction: Direction, data: bytes, to: _Endpoint, address: Address | None) -> None:
        loop = asyncio.get_running_loop()
        leaves = direction.leaves_at(len(data), loop.time())
        if leaves is not None:
            loop.call_at(leaves, to.send, data, address)
