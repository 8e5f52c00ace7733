"""A switch with the real media core and Exchange, and phones that call it: all in one process, over real sockets."""

import asyncio
import contextlib
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import SystemClock
from mediaswitch.config import Config
from mediaswitch.exchange import Exchange, SessionArrived
from mediaswitch.ids import SessionId, TenantId
from mediaswitch.media import CoreEvents
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.timeline import Entry, Event
from signaling.sip import events as ev
from signaling.sip.agent import UserAgent
from signaling.sip.auth import Credentials
from signaling.sip.client_side import OutgoingCall
from signaling.sip.headers import NameAddr
from signaling.sip.server import SipServer
from signaling.sip.transport import SipTransport
from signaling.sip.uri import Uri

DEADLINE_S = 5.0


def offer_at(port: int, *, direction: str = "sendrecv", ip: str = "127.0.0.1", version: int = 1) -> bytes:
    """A phone's description: PCMU and digits, RTP at `port`."""
    return (
        f"v=0\r\no=- 7 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    ).encode()


async def until(condition: object, *, deadline_s: float = DEADLINE_S) -> None:
    """Wait until a function returns something true; fail at the deadline."""
    assert callable(condition)
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.005)


@dataclass
class Phone:
    """Our user agent on sockets of its own, with a diary."""

    agent: UserAgent
    transport: SipTransport
    events: list[ev.Event] = field(default_factory=list)
    answers: bytes | None = None
    "With what it answers incoming calls at once; None lets them ring."

    @classmethod
    async def open(cls) -> "Phone":
        """Open a phone on a free port."""
        agent = UserAgent(random=SystemRandom())
        phone = cls(agent, SipTransport(agent, now=time.time_ns, on_event=lambda event: phone.take(event)))
        await phone.transport.start("127.0.0.1", 0)
        return phone

    def take(self, event: ev.Event) -> None:
        """Note an event, and answer what is to be answered at once."""
        self.events.append(event)
        if isinstance(event, ev.IncomingCall) and self.answers is not None:
            self.agent.answer(event.call, self.answers, now=time.time_ns())

    def call(
        self,
        port: int,
        number: str,
        offer: bytes,
        *,
        transport: str = "udp",
        user: str = "5551234",
        credentials: Credentials | None = None,
    ) -> ev.CallRef:
        """Call a number of a switch."""
        target = Uri.for_user(number, "127.0.0.1", port, transport=transport)
        caller = NameAddr(uri=Uri.for_user(user, "127.0.0.1"), name="Ann")
        call = OutgoingCall(target=target, caller=caller, offer=offer, credentials=credentials)
        ref = self.agent.invite(call, now=time.time_ns())
        self.transport.flush()
        return ref

    def bye(self, ref: ev.CallRef) -> None:
        """Hang up."""
        self.agent.bye(ref, now=time.time_ns())
        self.transport.flush()

    def reinvite(self, ref: ev.CallRef, sdp: bytes) -> None:
        """Offer a changed session."""
        self.agent.reinvite(ref, sdp, now=time.time_ns())
        self.transport.flush()

    async def wait(self, kind: type[ev.Event], count: int = 1) -> ev.Event:
        """Wait for the count-th event of a kind."""
        await until(lambda: len([e for e in self.events if isinstance(e, kind)]) >= count)
        return [e for e in self.events if isinstance(e, kind)][count - 1]


class NoFolders:
    """Nothing is recorded."""

    root = Path("/nonexistent")

    def folder_for(self, session: SessionId, tenant: TenantId, *, at: int) -> Path | None:
        """No folder."""
        return None


@dataclass
class House:
    """The switch under test."""

    core: _core.MediaCore
    exchange: Exchange
    sip: SipServer
    port: int
    entries: list[Entry]

    def of(self, kind: type[Event]) -> list[Event]:
        """The timeline's events of a kind so far, of all sessions."""
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]

    def is_empty(self) -> bool:
        """Whether no call, leg, port or session is left."""
        counters = self.core.counters()
        figures = self.sip.figures()
        return not (counters.ports or figures["open_legs"] or figures["open_calls"] or self.exchange.sessions())


@contextlib.asynccontextmanager
async def house(
    folder: Path,
    config: Config,
    routes: list[Route],
    *,
    media_timeout_ms: int = 30_000,
    bind_ip6: str | None = None,
) -> AsyncIterator[House]:
    """Run a switch with its files in `folder`; a flow route is answered at once, as the IVR would do."""
    clock, bus = SystemClock(), Bus()
    core = _core.MediaCore(
        workers=1, bind_ip="127.0.0.1", public_ip=None, rtp_ports=(32_000, 32_999), webrtc_port=0,
        clock_offset_ns=clock.offset_ns, media_timeout_ms=media_timeout_ms, bind_ip6=bind_ip6,
    )  # fmt: skip
    music = folder / "music.wav"
    with wave.open(str(music), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    exchange = Exchange(
        core=core, clock=clock, bus=bus, numbers=NumberPlan(routes, queues=[]), folders=NoFolders(),
        hold_music=music, default_language="en",
    )  # fmt: skip
    entries: list[Entry] = []
    bus.subscribe(Entry, entries.append)
    bus.subscribe(SessionArrived, lambda arrived: exchange.start_flow(arrived.session, "test"))
    sip = SipServer(config, ip="127.0.0.1", exchange=exchange, clock=clock)
    exchange.dialer = sip
    media_events = CoreEvents(core, exchange.handle_core_event)
    media_events.start()
    port = await sip.start()
    try:
        yield House(core, exchange, sip, port, entries)
    finally:
        exchange.shut_down()
        await asyncio.sleep(0.05)
        media_events.stop()
        await sip.close()
        core.close()
