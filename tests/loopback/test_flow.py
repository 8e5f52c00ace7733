"""A flow over the real core and real RTP: each prompt is a tone, so that what the caller hears says where he is."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.actions import Words
from ivr.prompts import PromptLibrary
from ivr.runner import FlowRunner
from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import SystemClock
from mediaswitch.exchange import Exchange, NewSession, RtpMedia
from mediaswitch.ids import AgentId, QueueName, SessionId
from mediaswitch.media import CoreEvents
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.services import AgentState
from mediaswitch.session import SessionState
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind
from mediaswitch.timers import LoopTimers
from routing.plan import AgentProfile, QueuePlan
from routing.router import Router
from tests.support.flows import QUEUES, flows_of
from tests.support.quiet_core import Desk, NoFolders
from tests.support.rtp import RtpEndpoint
from tests.support.tone import tone, tones_heard, write_wav

GREETING_HZ, MENU_HZ, POSITION_HZ, MUSIC_HZ = 600.0, 900.0, 1100.0, 1300.0
ALL_HZ = (GREETING_HZ, MENU_HZ, POSITION_HZ, MUSIC_HZ)
EVENT_PAYLOAD_TYPE = 101

FLOW = """
[flows.main.steps.greeting]
verb = "say"
text = { en = "greeting", zh = "问候" }
[flows.main.steps.menu]
verb = "gather"
text = { en = "menu", zh = "菜单" }
branches = { 1 = "wait" }
[flows.main.steps.end]
verb = "hang_up"
[flows.main.steps.wait]
verb = "queue"
queue = "sales"
position_every_s = 2
"""


class Organ:
    """Plays a tone for each text: 1 s for the greeting and the position, 10 s for the menu."""

    def fingerprint(self, language: str) -> str:
        return "organ"

    async def speak(self, words: Words, to: Path) -> None:
        hz, seconds = {"greeting": (GREETING_HZ, 1.0), "menu": (MENU_HZ, 10.0)}.get(words.text, (POSITION_HZ, 1.0))
        write_wav(to, tone(hz, seconds, rate=16_000), rate=16_000)


class Caller:
    """A phone without SIP, that can press digits (RFC 4733)."""

    def __init__(self, rtp: RtpEndpoint, port: _core.RtpPort) -> None:
        self.rtp = rtp
        self._target = (port.ip, port.udp_port)
        self._presses = 0

    def press(self, digit: int) -> None:
        """Hold a digit for 100 ms; its end is sent three times (§2.5.1.4)."""
        self._presses += 1
        stamp = 1_000_000 + 8000 * self._presses
        for number, (end, duration) in enumerate([(0, 160), (0, 480), (0x80, 800), (0x80, 800), (0x80, 800)]):
            sequence = 30_000 + 10 * self._presses + number
            header = struct.pack("!BBHII", 0x80, EVENT_PAYLOAD_TYPE, sequence, stamp, self.rtp.port)
            self.rtp.send(header + struct.pack("!BBH", digit, end | 10, duration), self._target)

    def hears(self) -> set[float]:
        return tones_heard(self.rtp.heard(last_s=0.3), 8000, ALL_HZ)

    def got_one_stream(self) -> bool:
        """Whether what came is of one source without a packet lost or doubled."""
        packets = self.rtp.received
        steps = {(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(packets)}
        return len({packet.ssrc for packet in packets}) == 1 and steps == {1}


class Office:
    """An Exchange on the real core, flows and routing; Amy serves sales."""

    def __init__(self, folder: Path) -> None:
        clock, self.bus = SystemClock(), Bus()
        timers, sales, self.amy = LoopTimers(clock), QueueName("sales"), AgentId("amy")
        self.core = _core.MediaCore(
            workers=1,
            bind_ip="127.0.0.1",
            public_ip=None,
            rtp_ports=(33_500, 33_600),
            webrtc_port=0,
            clock_offset_ns=clock.offset_ns,
        )
        music = write_wav(folder / "music.wav", tone(MUSIC_HZ, 2.0))
        self.exchange = Exchange(
            core=self.core,
            clock=clock,
            bus=self.bus,
            numbers=NumberPlan([Route(number="1000", flow="main", record=False)], queues=[sales]),
            folders=NoFolders(),
            hold_music=music,
            default_language="en",
        )
        queue = QueuePlan(name=sales, label={}, wrap_up_s=0.2)
        amy = AgentProfile(id=self.amy, name="Amy", queues=(sales,))
        self.router = Router(
            exchange=self.exchange, bus=self.bus, clock=clock, timers=timers, queues=[queue], agents=[amy]
        )
        self.runner = FlowRunner(
            exchange=self.exchange,
            bus=self.bus,
            clock=clock,
            timers=timers,
            prompts=PromptLibrary(folder / "prompts", Organ()),
            flows=flows_of(FLOW),
            queues=QUEUES,
            folder=folder,
            hold_music=music,
        )
        self.events = CoreEvents(self.core, self.exchange.handle_core_event)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[tuple[SessionId, Caller]]:
        """Somebody calls 1000, is answered and sends sound."""
        async with await RtpEndpoint.open() as rtp:
            driver = Desk(self.exchange)
            new = NewSession(
                channel=Channel.PHONE, called="1000", customer=Customer(number="4001"), leg_kind=LegKind.SIP
            )
            session, leg = self.exchange.start_session(new, driver)
            driver.leg = (session.id, leg.id)
            port = self.exchange.open_rtp(session.id, leg.id)
            self.exchange.configure_rtp(session.id, leg.id, _agreed(rtp.port))
            self.exchange.begin(session.id)
            rtp.start_sending((port.ip, port.udp_port))
            yield session.id, Caller(rtp, port)

    def state(self, session: SessionId) -> SessionState:
        return self.exchange.session(session).state


def _agreed(port: int) -> RtpMedia:
    return RtpMedia(
        remote_ip="127.0.0.1",
        remote_port=port,
        codec="PCMU",
        payload_type=0,
        clock_rate=8000,
        telephone_event_payload_type=EVENT_PAYLOAD_TYPE,
        ptime_ms=20,
        send=True,
        receive=True,
    )


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    office.events.start()
    office.runner.start()
    yield office
    await office.runner.close()
    office.events.stop()
    office.core.close()


async def until(condition: Callable[[], bool], *, within_s: float = 10.0) -> float:
    """Wait for the condition; returns how long it took, in seconds."""
    started = time.monotonic()
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - started


async def test_caller_hears_greeting_menu_music_and_position_in_one_unbroken_stream(office: Office) -> None:
    async with office.call() as (session, caller):
        await until(lambda: caller.hears() == {GREETING_HZ})
        await until(lambda: caller.hears() == {MENU_HZ})
        caller.press(1)
        assert await until(lambda: MENU_HZ not in caller.hears()) < 1.0
        await until(lambda: caller.hears() == {POSITION_HZ})
        assert office.state(session) is SessionState.QUEUED
        await until(lambda: caller.hears() == {MUSIC_HZ})
        await until(lambda: caller.hears() == {POSITION_HZ})
        assert caller.got_one_stream()


async def test_digit_pressed_in_the_greeting_goes_past_the_menu(office: Office) -> None:
    async with office.call() as (session, caller):
        await until(lambda: caller.hears() == {GREETING_HZ})
        caller.press(1)
        await until(lambda: office.state(session) is SessionState.QUEUED, within_s=2.0)
        await until(lambda: caller.hears() == {MUSIC_HZ})
        assert not [event for event in caller.rtp.received if event.payload_type == EVENT_PAYLOAD_TYPE]


async def test_waiting_caller_rings_the_free_agent_and_is_withdrawn_when_he_leaves(office: Office) -> None:
    office.router.connected(office.amy)
    office.router.set_state(office.amy, AgentState.AVAILABLE)
    async with office.call() as (session, caller):
        await until(lambda: caller.hears() == {GREETING_HZ})
        caller.press(1)
        await until(lambda: office.router.get(office.amy).state is AgentState.OFFERED)
        assert office.router.get(office.amy).session == session
        office.exchange.hang_up(session, EndReason.HANGUP)
        await until(lambda: office.router.get(office.amy).state is AgentState.AVAILABLE)
    await until(lambda: (office.core.counters().ports, office.core.counters().crosspoints) == (0, 0))
    assert office.exchange.sessions() == []
