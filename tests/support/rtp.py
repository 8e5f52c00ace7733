"""An RTP party without SIP: it sends G.711 µ-law at 50 packets a second and keeps every packet that it got."""

import asyncio
import itertools
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.tone import Samples, concatenate, from_mulaw, mulaw, tone

SAMPLES_A_PACKET = 160


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet that came (RFC 3550 §5.1); `at_ns` is CLOCK_MONOTONIC."""

    at_ns: int
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(datagram: bytes, at_ns: int) -> RtpPacket | None:
    """Return the packet, or None if the datagram is not RTP version 2 without extensions."""
    if len(datagram) < 12 or datagram[0] != 0x80:
        return None
    _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
    return RtpPacket(at_ns, second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, datagram[12:])


class RtpEndpoint(asyncio.DatagramProtocol):
    """One UDP port on 127.0.0.1. Use as `async with RtpEndpoint.open() as rtp`; it stops sending when closed."""

    def __init__(self) -> None:
        self.received: list[RtpPacket] = []
        self.sent = 0
        self.loses: Callable[[int], bool] = lambda number: False
        "Which of its packets, counted from 0, are lost on the way."
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None
        self._target: tuple[str, int] | None = None

    @classmethod
    async def open(cls) -> "RtpEndpoint":
        """Bind a free even port (RFC 3550 §11)."""
        loop = asyncio.get_running_loop()
        while True:
            transport, endpoint = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
            endpoint.port = transport.get_extra_info("sockname")[1]
            if endpoint.port % 2 == 0:
                endpoint._transport = transport
                return endpoint
            transport.close()

    async def __aenter__(self) -> "RtpEndpoint":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop sending and free the port."""
        await self.stop_sending()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data, time.monotonic_ns())
        if packet is not None:
            self.received.append(packet)

    def send(self, datagram: bytes, target: tuple[str, int]) -> None:
        """Send any bytes, also wrong ones."""
        assert self._transport is not None
        self._transport.sendto(datagram, target)

    def start_sending(self, target: tuple[str, int], *, hz: float = 440.0, packets: int | None = None) -> None:
        """Send a tone until stopped, or so many packets."""
        self._target = target
        self._sender = asyncio.create_task(self._send_tone(target, hz, packets))

    async def stop_sending(self) -> None:
        """Stop; `sent` keeps the count."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None

    async def sent_all(self) -> None:
        """Wait until the number of packets asked for is sent."""
        if self._sender is not None:
            await self._sender

    async def _send_tone(self, target: tuple[str, int], hz: float, packets: int | None) -> None:
        payload = mulaw(tone(hz, 1.0))  # a whole second of any whole number of Hz joins without a click
        deadline = time.monotonic()
        index = 0
        while packets is None or index < packets:
            offset = index * SAMPLES_A_PACKET % len(payload)
            header = struct.pack(
                "!BBHII", 0x80, 0x80 if index == 0 else 0, self.sent & 0xFFFF, self.sent * SAMPLES_A_PACKET, self.port
            )
            if not self.loses(self.sent):
                self.send(header + payload[offset : offset + SAMPLES_A_PACKET], target)
            self.sent += 1
            index += 1
            deadline += 0.02
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))

    def heard(self, *, last_s: float | None = None) -> Samples:
        """Return the decoded audio that came, joined without regard to time; of the last seconds, if given."""
        since = 0 if last_s is None else time.monotonic_ns() - round(last_s * 1e9)
        return concatenate([from_mulaw(p.payload) for p in self.received if p.at_ns >= since and p.payload_type == 0])

    def received_since(self, at_ns: int) -> list[RtpPacket]:
        """Return the packets that came after an instant of CLOCK_MONOTONIC."""
        return [packet for packet in self.received if packet.at_ns >= at_ns]

    def never_came_back(self) -> tuple[int, int]:
        """Return how many of the packets sent an echo did not bring back: within what came, and at its two ends."""
        numbers = {packet.sequence for packet in self.received}
        first = self.received[0].sequence if self.received else 0
        span = max(((number - first) & 0xFFFF for number in numbers), default=-1) + 1
        return span - len(numbers), self.sent - span


WINDOW = 25
"Packets, half a second: one of them arrives in time, however busy the machine is."

DRIFT_MS = 40.0


def breaks(packets: list[RtpPacket]) -> list[str]:
    """Return where the stream, in order of arrival, is not one: another SSRC, a sequence number that is not the next,
    a timestamp that does not run forward, or one that leaves the clock of its arrivals."""
    found = []
    for before, after in itertools.pairwise(packets):
        if after.ssrc != before.ssrc:
            found.append(f"SSRC {before.ssrc} -> {after.ssrc}")
        elif after.sequence != (before.sequence + 1) & 0xFFFF:
            found.append(f"sequence {before.sequence} -> {after.sequence}")
        elif not 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 1 << 31:
            found.append(f"timestamp {before.timestamp} -> {after.timestamp}")
    return found + [f"timestamp leaps {leap:+.0f} ms" for leap in _leaps_ms(packets)]


def _leaps_ms(packets: list[RtpPacket]) -> list[float]:
    """Lateness only ever makes a packet seem behind its timestamp, so the least late of each window keeps the line."""
    if not packets:
        return []
    first = packets[0]
    ahead = [((p.timestamp - first.timestamp) & 0xFFFFFFFF) / 8 - (p.at_ns - first.at_ns) / 1e6 for p in packets]
    line = [max(ahead[start : start + WINDOW]) for start in range(0, len(ahead) - WINDOW + 1, WINDOW)]
    return [after - before for before, after in itertools.pairwise(line) if abs(after - before) > DRIFT_MS]
