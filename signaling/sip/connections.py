"""TCP connections: accepted, opened, reused, and closed when idle or abusive (RFC 3261 §18.2)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from signaling.sip.errors import FramingError
from signaling.sip.framing import PONG, StreamFramer
from signaling.sip.hop import Hop, Outgoing

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 4_000
MAX_CONNECTIONS_PER_SOURCE = 1_000
MAX_UNSENT_BYTES = 1024 * 1024
"A peer that does not read is cut off."
CONNECT_TIMEOUT_S = 10.0
FIRST_MESSAGE_TIMEOUT_S = 30.0
"Also for the rest of a message of which a part came."
IDLE_TIMEOUT_S = 900.0
Address = tuple[str, int]


class Connections:
    """All TCP connections by the peer's address."""

    def __init__(self, *, on_message: Callable[[bytes, Hop], None], on_failure: Callable[[Hop], None]) -> None:
        self._on_message, self._on_failure = on_message, on_failure
        self._server: asyncio.Server | None = None
        self._open: dict[Address, Connection] = {}
        self._per_source: Counter[str] = Counter()
        self._unsent: dict[Hop, list[bytes]] = {}
        "What waits for a connection that is being opened."
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(set(self._open.values()))

    async def listen(self, host: str, port: int) -> None:
        """Accept connections. Raises OSError when the port is taken."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port)

    async def close(self) -> None:
        """Close all."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in set(self._open.values()):
            connection.close()

    def send(self, outgoing: Outgoing) -> None:
        """Send on the connection that the hop names; else open one to the fallback, or to the hop itself."""
        for hop in (outgoing.hop, outgoing.fallback):
            connection = self._open.get((hop.host, hop.port)) if hop is not None else None
            if connection is not None:
                connection.write(outgoing.data)
                return
        target = outgoing.fallback or outgoing.hop
        if target in self._unsent:
            self._unsent[target].append(outgoing.data)
            return
        self._unsent[target] = [outgoing.data]
        task = asyncio.get_running_loop().create_task(self._connect(target))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(lambda: Connection(self), hop.host, hop.port)
        except (OSError, UnicodeError, TimeoutError):
            del self._unsent[hop]
            self._on_failure(hop)
            return
        self._name(connection, (hop.host, hop.port))  # under the name that was asked for, too
        for data in self._unsent.pop(hop):
            connection.write(data)

    def opened(self, connection: "Connection") -> bool:
        """Take a connection in; False if there are too many."""
        address = connection.address
        if len(self._open) >= MAX_CONNECTIONS or self._per_source[address[0]] >= MAX_CONNECTIONS_PER_SOURCE:
            return False
        self._name(connection, address)
        self._per_source[address[0]] += 1
        return True

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        for address in connection.names:
            if self._open.get(address) is connection:
                del self._open[address]
        self._per_source[connection.address[0]] -= 1
        if self._per_source[connection.address[0]] <= 0:
            del self._per_source[connection.address[0]]
        self._on_failure(Hop("tcp", *connection.address))

    def _name(self, connection: "Connection", address: Address) -> None:
        connection.names.add(address)
        self._open[address] = connection

    def received(self, message: bytes, connection: "Connection") -> None:
        """Hand on a message."""
        self._on_message(message, Hop("tcp", *connection.address))


class Connection(asyncio.Protocol):
    """One TCP connection with its framer and its idle timer."""

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._is_known = False
        self.address: Address = ("", 0)
        self.names: set[Address] = set()
        "Under which it is found: the peer's address, and what was asked for when it was opened."

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        self._transport = transport
        if not peer:
            transport.abort()
            return
        self.address = (peer[0], peer[1])
        self._is_known = self._owner.opened(self)
        if not self._is_known:
            transport.abort()
        else:
            self._wait(FIRST_MESSAGE_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        was_idle = self._framer.is_idle
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            log.info("TCP peer closed: %s", error.fault)
            self.close()
            return
        self._answer_pings()
        for message in messages:
            self._owner.received(message, self)
        if self._framer.is_idle:
            self._wait(IDLE_TIMEOUT_S)
        elif messages or was_idle:  # the time for a message counts from its first byte, however it drips in
            self._wait(FIRST_MESSAGE_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_known:
            self._owner.closed(self)

    def write(self, data: bytes) -> None:
        """Send, or cut the peer off if it does not read."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _answer_pings(self) -> None:
        if self._framer.pings:
            self.write(PONG)
            self._framer.pings = 0

    def _wait(self, seconds: float) -> None:
        """Close after so long, unless called again. A timer that is early anyway is left to look at the deadline."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._deadline, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if loop.time() >= self._deadline:
            self.close()
        else:
            self._arm(loop)
