"""The asyncio shell around the user agent: UDP and TCP sockets, one timer, events handed on (RFC 3261 §18)."""

import asyncio
import logging
import socket
from collections.abc import Callable
from ipaddress import ip_address

from signaling.sip.agent import UserAgent
from signaling.sip.connections import Connections
from signaling.sip.events import Event
from signaling.sip.hop import Hop, Outgoing

log = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"Of the UDP socket: a burst of calls arrives faster than Python reads."
BIND_ATTEMPTS = 20


class SipTransport:
    """Owns the sockets and runs the agent. Whoever commands the agent calls `flush` afterwards."""

    def __init__(self, agent: UserAgent, *, now: Callable[[], int], on_event: Callable[[Event], None]) -> None:
        """now: the one clock, in nanoseconds. on_event: called for each event, in the event loop."""
        self.agent = agent
        self._now, self._on_event = now, on_event
        self._udp: asyncio.DatagramTransport | None = None
        self._connections = Connections(on_message=self._receive, on_failure=self._fail_hop)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_flushing = False
        self._is_closed = False
        self.host, self.port = "", 0

    async def start(self, host: str, port: int, *, advertised_host: str | None = None) -> None:
        """Listen on UDP and TCP of one port; port 0 takes a free one. Sets `host` and `port`.

        advertised_host: what peers are told in Via and Contact, where `host` is not what they can reach.
        Raises OSError when the port is taken.
        """
        for attempt in range(BIND_ATTEMPTS):
            await self._bind_udp(host, port)
            try:
                await self._connections.listen(self.host, self.port)
                break
            except OSError:
                self._close_udp()
                if port != 0 or attempt == BIND_ATTEMPTS - 1:
                    raise
        for transport in ("udp", "tcp"):
            self.agent.listen(Hop(transport, advertised_host or self.host, self.port))

    async def close(self) -> None:
        """Close every socket; what the agent still holds is forgotten."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connections.close()
        self._close_udp()

    @property
    def connection_count(self) -> int:
        """Open TCP connections."""
        return len(self._connections)

    def flush(self) -> None:
        """Send what the agent has to send, hand on its events, arm its timer."""
        if self._is_closed:
            return
        if self._is_flushing:  # an event's handler commanded the agent: the loop below sees to it
            return
        self._is_flushing = True
        agent = self.agent
        try:
            while agent.outbox or agent.events:
                outbox, events = agent.outbox[:], agent.events[:]
                agent.outbox.clear()
                agent.events.clear()
                for outgoing in outbox:
                    self._send(outgoing)
                for event in events:
                    self._hand_on(event)
        finally:
            self._is_flushing = False
        self._arm()

    def _hand_on(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # one call's fault must not end the others
            log.exception("handling %s failed", type(event).__name__)

    def _receive(self, data: bytes, source: Hop) -> None:
        self.agent.receive(data, source, now=self._now())
        self.flush()

    def _fail_hop(self, hop: Hop) -> None:
        self.agent.handle_transport_failure(hop, now=self._now())
        self.flush()

    # --- time -------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Make sure that the loop wakes in time; a timer that is armed too early only wakes for nothing."""
        at = self.agent.next_timeout
        if at is None or (self._timer_at is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(max(0, at - self._now()) / 1e9, self._wake)

    def _wake(self) -> None:
        self._timer = self._timer_at = None
        self.agent.handle_timeout(now=self._now())
        self.flush()

    # --- sending ----------------------------------------------------------------------------------------------

    def _send(self, outgoing: Outgoing) -> None:
        hop = outgoing.hop
        if hop.transport == "tcp":
            self._connections.send(outgoing)
        elif hop.transport != "udp":
            asyncio.get_running_loop().call_soon(self._fail_hop, hop)
        elif _is_address(hop.host):
            self._send_datagram(outgoing.data, hop.host, hop.port)
        else:
            self._spawn_resolution(outgoing)

    def _send_datagram(self, data: bytes, host: str, port: int) -> None:
        if self._udp is None or self._udp.is_closing():
            return
        try:
            self._udp.sendto(data, (host, port))
        except (OSError, ValueError) as error:  # an address of another family: the transaction's timer decides
            log.info("UDP to %s: %s", host, error)

    def _spawn_resolution(self, outgoing: Outgoing) -> None:
        task = asyncio.get_running_loop().create_task(self._resolve_and_send(outgoing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve_and_send(self, outgoing: Outgoing) -> None:
        """RFC 3263 §4.2, address records only."""
        hop = outgoing.hop
        try:
            found = await asyncio.get_running_loop().getaddrinfo(hop.host, hop.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            self._fail_hop(hop)
            return
        self._send_datagram(outgoing.data, str(found[0][4][0]), hop.port)

    # --- UDP --------------------------------------------------------------------------------------------------

    async def _bind_udp(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _UdpProtocol(self._receive), local_addr=(host, port))
        sock: socket.socket = self._udp.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.host, self.port = self._udp.get_extra_info("sockname")[:2]

    def _close_udp(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None


class _UdpProtocol(asyncio.DatagramProtocol):
    def __init__(self, on_message: Callable[[bytes, Hop], None]) -> None:
        self._on_message = on_message

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > 4:  # shorter ones are the keep-alives of NATs, which want no answer
            self._on_message(data, Hop("udp", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        log.debug("UDP: %s", exc)  # an ICMP error; the transaction's timer decides (§18.4 leaves it to us)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
