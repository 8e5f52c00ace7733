"""SIPp's own built-in caller and called party against the bare stack: no media, no Exchange."""

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path
from random import SystemRandom

import pytest

from signaling.sip import events as ev
from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.timers import SECOND, SipTimers
from signaling.sip.transport import SipTransport
from tests.loopback.sip.house import Phone, offer_at, until
from tests.support.sipp import free_udp_port

pytestmark = pytest.mark.interop


@pytest.fixture
async def server() -> AsyncIterator[SipTransport]:
    """Answers every call at once; gives up what is unanswered after 16 s instead of 32.

    Not sooner: SIPp repeats a BYE at 0.5, 1.5, 3.5, 7.5, 11.5 and 15.5 s; one that outlives its transaction gets a 481.
    """
    timers = SipTimers(t1=SECOND // 4)
    agent = UserAgent(random=SystemRandom(), config=AgentConfig(timers=timers))

    def answer(event: ev.Event) -> None:
        if isinstance(event, ev.IncomingCall):
            agent.ring(event.call, now=time.time_ns())
            agent.answer(event.call, offer_at(40_000), now=time.time_ns())

    transport = SipTransport(agent, now=time.time_ns, on_event=answer)
    await transport.start("127.0.0.1", 0)
    yield transport
    await transport.close()


async def sipp(folder: Path, *words: str, timeout_s: float = 60) -> tuple[int, str]:
    """Run SIPp to its end; returns its exit code and last screen."""
    command = ("sipp", *words, "-nostdin", "-i", "127.0.0.1", "-p", str(free_udp_port()))
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, output.decode(errors="replace")[-3_000:]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (("-t", "u1"), 300),
        (("-t", "t1"), 300),
        (("-t", "tn", "-max_socket", "1000"), 50),
        (("-t", "u1", "-lost", "10"), 100),
    ],
    ids=["udp", "one TCP connection", "a TCP connection a call", "udp losing a tenth both ways"],
)
async def test_sipp_calling_is_served_and_no_call_is_left(
    server: SipTransport, tmp_path: Path, options: tuple[str, ...], calls: int
) -> None:
    target = f"127.0.0.1:{server.port}"
    words = ("-sn", "uac", target, "-m", str(calls), "-r", "100", "-d", "200", *options)
    code, screen = await sipp(tmp_path, *words)
    assert code == 0, screen
    # SIPp may take our repeated 200 to its INVITE for the 200 to a BYE that got lost: such a call ends without an ACK.
    await until(lambda: server.agent.call_count == 0, deadline_s=25)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_answers_our_calls(tmp_path: Path, transport: str) -> None:
    port = free_udp_port()
    command = (
        "sipp",
        "-sn",
        "uas",
        "-m",
        "20",
        "-nostdin",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "-t",
        transport[0] + "1",
    )
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdin=DEVNULL, stdout=DEVNULL, stderr=STDOUT)
    phone = await Phone.open()
    try:
        if transport == "tcp":  # UDP repeats until it listens
            await until_listening(port)
        calls = [phone.call(port, "service", offer_at(30_000), transport=transport) for _ in range(20)]
        await until(lambda: len([e for e in phone.events if isinstance(e, ev.CallAnswered)]) == 20, deadline_s=20)
        for call in calls:
            phone.bye(call)
        await until(lambda: phone.agent.call_count == 0, deadline_s=20)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        await phone.transport.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_listening(port: int) -> None:
    """Wait until a TCP port takes connections."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
