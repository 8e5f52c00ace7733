"""A switch that records: the Exchange, the real core and all of recording over one data folder, without signaling."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import SystemClock
from mediaswitch.exchange import Exchange, NewSession, RtpMedia, SessionChanged
from mediaswitch.ids import DEFAULT_TENANT, LegId, ParticipantId, SessionId
from mediaswitch.media import CoreEvents
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.store import Scribe, Store
from mediaswitch.timeline import Channel, Customer, EndReason, Entry, LegKind
from recording.folders import Folders
from recording.keeper import Keeper
from recording.library import Library
from recording.recovery import recover
from tests.support.rtp import RtpEndpoint
from tests.support.tone import tone, write_wav

CALLER_HZ, ANSWERER_HZ, MUSIC_HZ = 440.0, 880.0, 1300.0
ALL_HZ = (CALLER_HZ, ANSWERER_HZ, MUSIC_HZ)
TENANT = DEFAULT_TENANT
ANSWERER = ParticipantId("external-2")


class Driver:
    """A signaling side that does at once what it is asked."""

    def __init__(self) -> None:
        self.on_answer: Callable[[], None] = lambda: None

    def ring(self) -> None: ...

    def answer(self) -> None:
        self.on_answer()

    def hang_up(self, reason: EndReason) -> None: ...


@dataclass
class Dialler:
    """A trunk whose other end answers when the test says so."""

    dialled: list[LegId] = field(default_factory=list)

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> Driver:
        self.dialled.append(leg)
        return Driver()


@dataclass
class RecordingSwitch:
    """What a test may reach."""

    core: _core.MediaCore
    exchange: Exchange
    dialler: Dialler
    store: Store
    folders: Folders
    library: Library
    entries: list[Entry]
    recovered: list[SessionId]

    def connect(self, session: SessionId, leg: LegId, party: RtpEndpoint) -> tuple[str, int]:
        """Give the leg a port and say that the party is opposite; returns where the party sends to."""
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
        return port.ip, port.udp_port

    def talk(self, caller: RtpEndpoint, answerer: RtpEndpoint) -> SessionId:
        """A caller and a dialled party who talk, each with the own tone."""
        driver = Driver()
        new = NewSession(channel=Channel.PHONE, called="2000", customer=Customer(number="4001"), leg_kind=LegKind.SIP)
        session, leg = self.exchange.start_session(new, driver)
        driver.on_answer = lambda: self.exchange.leg_answered(session.id, leg.id)
        caller.start_sending(self.connect(session.id, leg.id, caller), hz=CALLER_HZ)
        self.exchange.begin(session.id)
        outer = self.dialler.dialled[-1]
        answerer.start_sending(self.connect(session.id, outer, answerer), hz=ANSWERER_HZ)
        self.exchange.leg_answered(session.id, outer)
        return session.id


@contextlib.asynccontextmanager
async def two_parties() -> AsyncIterator[tuple[RtpEndpoint, RtpEndpoint]]:
    """Whoever calls and whoever is called."""
    async with await RtpEndpoint.open() as caller, await RtpEndpoint.open() as answerer:
        yield caller, answerer


@contextlib.asynccontextmanager
async def recording_switch(
    data: Path, *, rtp_ports: tuple[int, int] = (33_500, 33_600)
) -> AsyncIterator[RecordingSwitch]:
    """Start a switch over `data`, completing first what a former one left behind, as the server does."""
    clock, bus, entries = SystemClock(), Bus(), list[Entry]()
    bus.subscribe(Entry, entries.append)
    async with contextlib.AsyncExitStack() as stack:
        core = _core.MediaCore(
            workers=1,
            bind_ip="127.0.0.1",
            public_ip=None,
            rtp_ports=rtp_ports,
            webrtc_port=0,
            clock_offset_ns=clock.offset_ns,
        )
        stack.callback(core.close)
        store = Store(f"sqlite+aiosqlite:///{data}/switch.db")
        await store.open()
        stack.push_async_callback(store.close)
        scribe = Scribe(store)
        bus.subscribe(Entry, scribe.add_entry)
        bus.subscribe(SessionChanged, lambda changed: scribe.add_session(changed.session))
        scribe.start()
        stack.push_async_callback(scribe.close)
        folders, dialler = Folders(data / "recordings"), Dialler()
        recovered = await recover(folders, store)
        exchange = Exchange(
            core=core,
            clock=clock,
            bus=bus,
            numbers=NumberPlan([Route(number="2000", bridge="sip:bench@trunk")], queues=[]),
            folders=folders,
            hold_music=write_wav(data / "music.wav", tone(MUSIC_HZ, 2.0)),
            default_language="en",
        )
        exchange.dialer = dialler
        keeper = Keeper(folders, bus, on_failure=exchange.recording_failed)
        keeper.start()
        stack.push_async_callback(keeper.close)
        library = Library(folders, store, clock)
        stack.push_async_callback(library.close)
        events = CoreEvents(core, exchange.handle_core_event)
        events.start()
        stack.callback(events.stop)
        stack.push_async_callback(exchange.wait_recordings_closed, timeout_s=5.0)
        stack.callback(exchange.shut_down)
        yield RecordingSwitch(core, exchange, dialler, store, folders, library, entries, recovered)
