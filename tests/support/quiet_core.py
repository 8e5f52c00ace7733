"""A media core that moves no packet, and an Exchange on it: for tests of what is decided, not of what is heard."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.exchange import Exchange, NewSession
from mediaswitch.ids import LegId, QueueName, SessionId, TenantId
from mediaswitch.numbers import NumberPlan, Route
from mediaswitch.timeline import Channel, Customer, EndReason, Entry, Event, LegKind
from tests.support.hand_clock import HandClock


@dataclass
class Port:
    """Has what any of the core's ports has."""

    port: int
    track: int
    ip: str = "127.0.0.1"
    udp_port: int = 20_000
    answer: str = "answer"
    tracks: tuple[()] = ()


@dataclass
class Play:
    """One call of `play`."""

    id: int
    port: int
    items: list[object]
    loop: bool

    @property
    def files(self) -> list[str]:
        """The names of the files in it."""
        return [Path(item.path).name for item in self.items if isinstance(item, _core.PlayFile)]


class QuietCore:
    """Opens and closes ports, and remembers what it was asked to play."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.open: set[int] = set()
        self.plays: list[Play] = []
        self.playing: dict[int, Play] = {}
        self.relayed: list[tuple[int, str]] = []
        self.masked: set[int] = set()
        self.listened: set[int] = set()
        self.watched: dict[int, list[tuple[str, list[float], list[int]]] | None] = {}
        self.answered: list[int] = []
        self.sent: list[tuple[int, str]] = []
        self.tell: Callable[[_core.CoreEvent], None] = lambda event: None

    def _port(self) -> Port:
        port = Port(port=next(self._ids), track=next(self._ids))
        self.open.add(port.port)
        return port

    def open_player(self, session: int) -> Port:
        return self._port()

    def open_rtp(self, session: int, *, ipv6: bool = False) -> Port:
        return self._port()

    def open_webrtc(self, session: int, offer: str, *, audio_codecs: list[str]) -> Port:
        return self._port()

    def configure_rtp(self, port: int, **agreed: object) -> None:
        pass

    def close_port(self, port: int, *, end_ns: int | None = None) -> None:
        self.open.discard(port)
        self.playing.pop(port, None)
        self.tell(_core.PortClosed(port=port, stats=[], at_ns=0))

    def connect(self, source: int, destination: int, *, gain_db: float = 0.0) -> None:
        pass

    def disconnect(self, source: int, destination: int) -> None:
        pass

    def relay_digit(self, track: int, digit: str, *, duration_ms: int) -> None:
        self.relayed.append((track, digit))

    def send_digits(self, port: int, digits: str, *, duration_ms: int) -> None:
        self.sent.append((port, digits))

    def mask_digits(self, track: int, on: bool) -> None:
        (self.masked.add if on else self.masked.discard)(track)

    def detect_dtmf(self, track: int, on: bool) -> None:
        (self.listened.add if on else self.listened.discard)(track)

    def watch_call(self, track: int, tones: list[tuple[str, list[float], list[int]]] | None) -> None:
        self.watched[track] = tones

    def call_answered(self, track: int) -> None:
        self.answered.append(track)

    def play(self, port: int, items: list[object], *, loop: bool = False, queue: bool = False) -> int:
        play = Play(next(self._ids), port, items, loop)
        self.plays.append(play)
        self.playing[port] = play
        return play.id

    def stop_playing(self, port: int) -> None:
        self.playing.pop(port, None)


class NoFolders:
    """Nothing is recorded."""

    root = Path("/nowhere")

    def folder_for(self, session: SessionId, tenant: TenantId, *, at: int) -> None:
        return None


class Desk:
    """A leg's signaling that does as it is told at once."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.leg: tuple[SessionId, LegId] | None = None
        self.ended: EndReason | None = None
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1

    def answer(self) -> None:
        assert self.leg is not None
        self._exchange.leg_answered(*self.leg)

    def hang_up(self, reason: EndReason) -> None:
        self.ended = reason


class Outside:
    """Somebody outside: his leg's port opens as he is dialled."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> "Outside":
        self._exchange.open_rtp(session, leg)
        return self

    def ring(self) -> None: ...

    def answer(self) -> None: ...

    def hang_up(self, reason: EndReason) -> None: ...


@dataclass
class House:
    """A bus, a clock moved by hand, and an Exchange on a quiet core. The timeline is kept."""

    clock: HandClock
    bus: Bus
    core: QuietCore
    exchange: Exchange
    entries: list[Entry] = field(default_factory=list)

    def call(self, number: str = "1000", *, channel: Channel = Channel.PHONE) -> SessionId:
        """A customer calls; the session has begun."""
        driver = Desk(self.exchange)
        kind = LegKind.SIP if channel is Channel.PHONE else LegKind.WEBRTC
        new = NewSession(channel=channel, called=number, customer=Customer(number="4001"), leg_kind=kind)
        session, leg = self.exchange.start_session(new, driver)
        driver.leg = (session.id, leg.id)
        self.exchange.open_rtp(session.id, leg.id)
        self.exchange.begin(session.id)
        return session.id

    def hang_up(self, session: SessionId) -> None:
        """The customer hangs up."""
        self.exchange.leg_ended(session, self.exchange.session(session).legs[0].id, EndReason.HANGUP)

    def events(self, session: SessionId) -> list[Event]:
        """The session's timeline."""
        return [entry.event for entry in self.entries if entry.session == session]

    def player(self, session: SessionId) -> Play | None:
        """What the session's player plays now."""
        return self.core.playing.get(self.exchange.session(session).player_port)


def open_house(
    *routes: Route, queues: tuple[str, ...] = (), language: str = "en", core: QuietCore | None = None
) -> House:
    """A House whose numbers lead to `routes`."""
    clock, bus, core = HandClock(), Bus(), core or QuietCore()
    exchange = Exchange(
        core=cast(Any, core),
        clock=clock,
        bus=bus,
        numbers=NumberPlan(routes, queues=[QueueName(name) for name in queues]),
        folders=NoFolders(),
        hold_music=Path("/music.wav"),
        default_language=language,
    )
    core.tell = exchange.handle_core_event
    house = House(clock, bus, core, exchange)
    bus.subscribe(Entry, house.entries.append)
    return house
