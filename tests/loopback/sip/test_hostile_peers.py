"""Malformed datagrams and streams at real sockets: the server serves on, its memory is flat, nothing is left."""

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

import pytest

from signaling.sip import connections
from signaling.sip import events as ev
from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.client_side import OutgoingCall
from signaling.sip.headers import NameAddr
from signaling.sip.timers import SECOND, SipTimers
from signaling.sip.transport import SipTransport
from signaling.sip.uri import Uri
from tests.fuzz.sip.samples import sample, spoil
from tests.loopback.sip.house import Phone, offer_at, until

pytestmark = pytest.mark.loopback

HOSTILE = 1_000
FAST = SipTimers(t1=SECOND // 50, t2=SECOND // 10, t4=SECOND // 10)
"64*T1 is 1.3 s, so that what is left is seen soon."


@pytest.fixture
async def server() -> AsyncIterator[SipTransport]:
    agent = UserAgent(random=SystemRandom(), config=AgentConfig(timers=FAST))

    def answer(event: ev.Event) -> None:
        if isinstance(event, ev.IncomingCall):
            agent.answer(event.call, offer_at(40_000), now=time.time_ns())

    transport = SipTransport(agent, now=time.time_ns, on_event=answer)
    await transport.start("127.0.0.1", 0)
    yield transport
    await transport.close()


async def assert_serves(server: SipTransport, transport: str) -> None:
    """A proper call goes through, and then nothing is left."""
    phone = await Phone.open()
    call = phone.call(server.port, "1", offer_at(30_000), transport=transport)
    await phone.wait(ev.CallAnswered)
    phone.bye(call)
    await until(lambda: not server.agent.call_count and not server.agent.transaction_count, deadline_s=15)
    await phone.transport.close()
    await until(lambda: not server.connection_count)


@dataclass(frozen=True)
class Memory:
    """What this process holds: objects of our own classes, exactly; resident memory, with what the allocator keeps."""

    objects: int
    rss_kb: int

    @classmethod
    def now(cls) -> "Memory":
        """Collect and count."""
        gc.collect()
        status = Path("/proc/self/status").read_text()
        rss_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        ours = sum(str(type(held).__module__).startswith("signaling.") for held in gc.get_objects())
        return cls(ours, int(rss_kb))


def assert_flat(before: Memory) -> None:
    """Not one object for thirty messages is left, nor memory to speak of."""
    after = Memory.now()
    assert after.objects - before.objects < HOSTILE // 10
    assert after.rss_kb - before.rss_kb < 12_288


def flood_udp(server: SipTransport, seed: int) -> None:
    random = Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for number in range(HOSTILE):
            peer.sendto(spoil(sample(random, number), random)[:65_000], ("127.0.0.1", server.port))


async def flood_tcp(server: SipTransport, seed: int) -> None:
    random = Random(seed)
    for number in range(HOSTILE // 10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            for _ in range(10):
                writer.write(spoil(sample(random, number), random))
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        del reader


async def test_a_thousand_malformed_datagrams_leave_a_server_that_serves(server: SipTransport) -> None:
    flood_udp(server, 0)
    await until(lambda: server.agent.counters.received >= HOSTILE * 0.9, deadline_s=15)
    await assert_serves(server, "udp")
    before = Memory.now()
    for seed in range(1, 4):
        flood_udp(server, seed)
        await until(lambda count=seed + 1: server.agent.counters.received >= count * HOSTILE * 0.9, deadline_s=15)
    await assert_serves(server, "udp")
    assert_flat(before)
    assert server.agent.counters.malformed > HOSTILE


async def test_a_thousand_malformed_streams_leave_a_server_that_serves(server: SipTransport) -> None:
    await flood_tcp(server, 0)
    await assert_serves(server, "tcp")
    before = Memory.now()
    for seed in range(1, 4):
        await flood_tcp(server, seed)
    await assert_serves(server, "tcp")
    assert_flat(before)


async def test_stream_that_says_nothing_is_closed_and_one_that_goes_on_is_not(
    server: SipTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_MESSAGE_TIMEOUT_S", 0.3)
    _, silent = await asyncio.open_connection("127.0.0.1", server.port)
    _, slow = await asyncio.open_connection("127.0.0.1", server.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(5):
        writer.write(sample_options(1))
        while b"200 OK" not in await reader.read(4_096):
            pass
        with contextlib.suppress(ConnectionError):
            while server.connection_count > 1:  # a message that drips in counts from its first byte
                slow.write(b"O")
                await asyncio.sleep(0.02)
    writer.write(sample_options(2))
    async with asyncio.timeout(5):
        assert b"200 OK" in await reader.read(4_096)
    for each in (silent, slow, writer):
        each.close()


async def test_stream_gets_a_pong_for_each_ping(server: SipTransport) -> None:
    """RFC 5626 §4.4.1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.readexactly(2) == b"\r\n"
    writer.close()
    await writer.wait_closed()


async def test_stream_of_two_messages_in_one_segment_gets_both_answers(server: SipTransport) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    one = sample_options(1)
    writer.write(one + sample_options(2))
    async with asyncio.timeout(5):
        text = b""
        while text.count(b"SIP/2.0 200 OK") < 2:
            text += await reader.read(4_096)
    writer.close()
    await writer.wait_closed()


async def test_call_to_a_port_where_nobody_listens_fails_at_once_over_tcp(server: SipTransport) -> None:
    """§8.1.3.1: a transport error is a 503."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        phone = await Phone.open()
        phone.call(unused.getsockname()[1], "1", offer_at(30_000), transport="tcp")
        failed = await phone.wait(ev.CallFailed)
        assert isinstance(failed, ev.CallFailed)
        assert failed.status == 503
        await phone.transport.close()


async def test_call_to_a_name_that_does_not_resolve_fails(server: SipTransport) -> None:
    phone = await Phone.open()
    agent = phone.agent
    caller = NameAddr(uri=Uri.for_user("a", "127.0.0.1"))
    target = Uri.for_user("1", "no-such-host.invalid")
    agent.invite(OutgoingCall(target=target, caller=caller, offer=offer_at(30_000)), now=time.time_ns())
    phone.transport.flush()
    failed = await phone.wait(ev.CallFailed)
    assert isinstance(failed, ev.CallFailed)
    assert failed.status == 503
    await phone.transport.close()


def sample_options(number: int) -> bytes:
    """A proper OPTIONS over TCP."""
    return (
        f"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bKo{number}\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: o{number}\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
