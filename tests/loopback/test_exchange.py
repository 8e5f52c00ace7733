"""The Exchange over the real core: who is in a session hears exactly whom the session says, by real RTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import SystemClock
from mediaswitch.errors import NotFound, Unavailable, WrongState
from mediaswitch.exchange import Exchange, NewSession, RtpMedia, SpeakerChanged
from mediaswitch.ids import LegId, ParticipantId, SessionId, TenantId
from mediaswitch.media import CoreEvents
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.session import Leg, Session
from mediaswitch.timeline import Channel, Customer, EndReason, Entry, LegKind, MediaKind, MediaMeasured
from tests.support.rtp import RtpEndpoint, breaks
from tests.support.tone import tone, tones_heard, write_wav

CALLER_HZ, ANSWERER_HZ, MUSIC_HZ = 440.0, 880.0, 1300.0
ALL_HZ = (CALLER_HZ, ANSWERER_HZ, MUSIC_HZ)


class NoFolders:
    """Recording is not what these tests are about."""

    root = Path("/nonexistent")

    def folder_for(self, session: SessionId, tenant: TenantId, *, at: int) -> Path | None:
        return None


class PromptDriver:
    """A signaling side that does at once what it is asked."""

    def __init__(self) -> None:
        self.on_answer: Callable[[], None] = lambda: None
        self.ended: EndReason | None = None
        self.rang = 0

    def ring(self) -> None:
        self.rang += 1

    def answer(self) -> None:
        self.on_answer()

    def hang_up(self, reason: EndReason) -> None:
        self.ended = reason


class Dialler:
    """A trunk whose other end answers when the test says so."""

    def __init__(self) -> None:
        self.dialled: list[tuple[SessionId, LegId, str]] = []
        self.driver = PromptDriver()

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> PromptDriver:
        self.dialled.append((session, leg, target))
        return self.driver


class Switch:
    """An Exchange with its core, and all that came on the bus."""

    def __init__(self, music: Path) -> None:
        clock = SystemClock()
        self.bus = Bus()
        self.entries: list[Entry] = []
        self.bus.subscribe(Entry, self.entries.append)
        self.core = _core.MediaCore(
            workers=1,
            bind_ip="127.0.0.1",
            public_ip=None,
            rtp_ports=(33_000, 33_400),
            webrtc_port=0,
            clock_offset_ns=clock.offset_ns,
        )
        self.dialler = Dialler()
        self.exchange = Exchange(
            core=self.core,
            clock=clock,
            bus=self.bus,
            numbers=NumberPlan([Route(number="2000", bridge="sip:bench@trunk", record=False)], queues=[]),
            folders=NoFolders(),
            hold_music=music,
            default_language="en",
        )
        self.exchange.dialer = self.dialler

    def call(self) -> tuple[Session, Leg, PromptDriver]:
        driver = PromptDriver()
        new = NewSession(channel=Channel.PHONE, called="2000", customer=Customer(number="4001"), leg_kind=LegKind.SIP)
        session, leg = self.exchange.start_session(new, driver)
        return session, leg, driver

    def connect(self, session: SessionId, leg: LegId, party: RtpEndpoint) -> _core.RtpPort:
        port = self.exchange.open_rtp(session, leg)
        agreed = RtpMedia(
            remote_ip="127.0.0.1",
            remote_port=party.port,
            codec="PCMU",
            payload_type=0,
            clock_rate=8000,
            telephone_event_payload_type=101,
            ptime_ms=20,
            send=True,
            receive=True,
        )
        self.exchange.configure_rtp(session, leg, agreed)
        return port

    def nothing_is_left(self) -> bool:
        now = self.core.counters()
        return (now.ports, now.crosspoints, len(self.exchange.sessions())) == (0, 0, 0)


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[Switch]:
    switch = Switch(write_wav(tmp_path / "music.wav", tone(MUSIC_HZ, 2.0)))
    events = CoreEvents(switch.core, switch.exchange.handle_core_event)
    events.start()
    yield switch
    events.stop()
    switch.core.close()


async def until(condition: Callable[[], bool], *, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def hears(party: RtpEndpoint) -> set[float]:
    return tones_heard(party.heard(last_s=0.6), 8000, ALL_HZ)


async def talking(switch: Switch, stack: AsyncExitStack) -> tuple[SessionId, RtpEndpoint, RtpEndpoint]:
    """A caller and a dialled party who talk, each with the own tone."""
    caller, answerer = await RtpEndpoint.open(), await RtpEndpoint.open()
    await stack.enter_async_context(caller)
    await stack.enter_async_context(answerer)
    session, leg, driver = switch.call()
    driver.on_answer = lambda: switch.exchange.leg_answered(session.id, leg.id)
    port = switch.connect(session.id, leg.id, caller)
    caller.start_sending((port.ip, port.udp_port), hz=CALLER_HZ)
    switch.exchange.begin(session.id)
    _, outer, target = switch.dialler.dialled[-1]
    assert target == "sip:bench@trunk"
    assert driver.rang == 1
    port = switch.connect(session.id, outer, answerer)
    answerer.start_sending((port.ip, port.udp_port), hz=ANSWERER_HZ)
    switch.exchange.leg_answered(session.id, outer)
    return session.id, caller, answerer


async def test_two_parties_hear_exactly_each_other_through_hold_and_mute_in_one_unbroken_stream(switch: Switch) -> None:
    async with AsyncExitStack() as stack:
        session, caller, answerer = await talking(switch, stack)
        await until(lambda: hears(caller) == {ANSWERER_HZ} and hears(answerer) == {CALLER_HZ})

        holder = ParticipantId("external-2")
        switch.exchange.hold(session, holder)
        await until(lambda: hears(caller) == {MUSIC_HZ})
        silent_since = time.monotonic_ns()
        await asyncio.sleep(0.3)
        assert answerer.received_since(silent_since) == []

        switch.exchange.resume(session, holder)
        await until(lambda: hears(caller) == {ANSWERER_HZ} and hears(answerer) == {CALLER_HZ})

        switch.exchange.mute(session, ParticipantId("customer-1"), muted=True)
        await asyncio.sleep(0.1)
        muted_since = time.monotonic_ns()
        await asyncio.sleep(0.3)
        assert answerer.received_since(muted_since) == []
        switch.exchange.mute(session, ParticipantId("customer-1"), muted=False)
        await until(lambda: hears(answerer) == {CALLER_HZ})

        assert breaks(caller.received) == []
        switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(switch.nothing_is_left)


async def test_each_leg_that_ends_says_what_passed_and_how_well(switch: Switch) -> None:
    async with AsyncExitStack() as stack:
        session, caller, _ = await talking(switch, stack)
        caller.loses = lambda number: number % 10 == 0
        await until(lambda: caller.sent >= 100)
        switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(switch.nothing_is_left)
    ended = [entry.event for entry in switch.entries if isinstance(entry.event, MediaMeasured)]
    measured = {event.participant: event for event in ended}
    assert set(measured) == {"customer-1", "external-2"}
    lossy, clean = (measured[ParticipantId(name)].tracks[0] for name in ("customer-1", "external-2"))
    assert (lossy.direction, lossy.kind, lossy.codec) == ("in", MediaKind.AUDIO, "PCMU")
    assert lossy.loss == pytest.approx(0.1, abs=0.02)
    assert clean.lost == 0
    assert lossy.mos is not None
    assert clean.mos is not None
    assert clean.mos > 4.3
    assert lossy.mos < 3.7
    for track in (lossy, clean):  # both talk all the time
        assert track.talk_ms is not None
        assert track.talk_ms > 1_000
        assert track.overtalk_ms is not None
        assert 500 < track.overtalk_ms <= track.talk_ms
        assert track.speech_dbov is not None
        assert -40 < track.speech_dbov < 0


async def test_who_speaks_is_told_on_the_bus_by_name(switch: Switch) -> None:
    told: list[SpeakerChanged] = []
    switch.bus.subscribe(SpeakerChanged, told.append)
    async with AsyncExitStack() as stack:
        session, _, _ = await talking(switch, stack)
        await until(lambda: bool(told))
        switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(switch.nothing_is_left)
    assert told[0].session == session
    assert told[0].participant in {"customer-1", "external-2"}
    assert -60 < told[0].level_dbov < 0


async def test_dialled_party_that_is_busy_leaves_nothing_open_once_the_caller_is_gone(switch: Switch) -> None:
    session, leg, driver = switch.call()
    async with await RtpEndpoint.open() as caller:
        switch.connect(session.id, leg.id, caller)
        switch.exchange.begin(session.id)
        _, outer, _ = switch.dialler.dialled[-1]
        switch.exchange.leg_ended(session.id, outer, EndReason.BUSY)
        assert driver.ended is EndReason.BUSY
        await until(switch.nothing_is_left)


async def test_wrong_requests_are_refused_and_open_nothing(switch: Switch) -> None:
    with pytest.raises(NotFound):
        switch.exchange.start_session(
            NewSession(channel=Channel.PHONE, called="9", customer=Customer(), leg_kind=LegKind.SIP), PromptDriver()
        )
    session, leg, _ = switch.call()
    with pytest.raises(NotFound):
        switch.exchange.open_rtp(session.id, LegId("nobody"))
    with pytest.raises(WrongState):
        switch.exchange.hold(session.id, ParticipantId("customer-1"))
    switch.exchange.leg_ended(session.id, leg.id, EndReason.CANCELLED)
    switch.exchange.shut_down()
    with pytest.raises(Unavailable):
        switch.call()
    await until(switch.nothing_is_left)
