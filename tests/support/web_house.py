"""The web side on a real HTTP server, with real Exchange and routing, on a quiet core and a clock moved by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from mediaswitch import _core
from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import DEFAULT_TENANT, AgentId, QueueName, SessionId, TenantId
from mediaswitch.numbers import Route
from mediaswitch.services import RecordingPage, RecordingQuery, User, UserRole
from mediaswitch.timeline import Entry
from mediaswitch.users import hash_password
from routing.plan import AgentProfile, QueuePlan
from routing.router import Router
from signaling.web.app import create_app
from signaling.web.context import PublicEntry, WebServices
from signaling.web.tokens import Tokens
from tests.support.quiet_core import House, Port, QuietCore, open_house

PASSWORD = "correct horse battery"
_HASH = hash_password(PASSWORD)  # once: it costs tens of milliseconds
KEY = b"k" * 32
OFFER = "v=0\r\n"
OTHER_TENANT = TenantId("other")


@dataclass
class Track:
    """Has what the core's TrackInfo has."""

    track: int
    kind: str
    mid: str = "0"


class BrowserCore(QuietCore):
    """Answers offers that begin as SDP does, with the three tracks of a browser's leg."""

    def open_webrtc(self, session: int, offer: str, *, audio_codecs: list[str]) -> Port:
        if not offer.startswith("v=0"):
            raise _core.BadOffer("line 1: v=0 expected")
        port = self._port()
        port.tracks = tuple(Track(next(self._ids), kind) for kind in ("audio", "camera", "screen"))  # type: ignore[assignment]
        return port

    def reoffer_webrtc(self, port: int, offer: str, *, audio_codecs: list[str]) -> Port:
        if not offer.startswith("v=0"):
            raise _core.BadOffer("line 1: v=0 expected")
        return Port(port=port, track=0, answer="another answer")


@dataclass
class Staffed:
    """Users as the settings list them."""

    users: dict[tuple[TenantId, str], User]

    async def find(self, tenant: TenantId, username: str) -> User | None:
        return self.users.get((tenant, username))


@dataclass
class KeptEntries:
    """The timelines as the bus brought them."""

    entries: list[Entry]

    async def timeline(self, tenant: TenantId, session: SessionId) -> Sequence[Entry]:
        found = [entry for entry in self.entries if (entry.tenant, entry.session) == (tenant, session)]
        if not found:
            raise NotFound(f"no session {session}")
        return found


@dataclass
class Shelf:
    """Two recordings in one folder of files, named as the methods are."""

    folder: Path
    sessions: tuple[str, str] = ("s-recorded", "s-another")
    queries: list[RecordingQuery] = field(default_factory=list)

    async def find(self, query: RecordingQuery) -> RecordingPage:
        self.queries.append(query)
        row = {
            "session_id": self.sessions[0],
            "started_at": "2027-01-15T08:00:00.000Z",
            "duration_ms": 2000,
            "channel": "phone",
            "customer": {"number": "4001", "name": None},
            "agent": {"id": "ann", "name": "Ann"},
            "queue": "support",
            "media": ["audio"],
            "state": "complete",
        }
        return RecordingPage(recordings=[row], next_cursor=None)

    async def manifest(self, tenant: TenantId, session: SessionId) -> dict[str, Any]:
        if session not in self.sessions:
            raise NotFound(f"no recording of session {session}")
        track = {
            "id": "7",
            "participant": {"id": "customer-1", "role": "customer", "name": "Kim"},
            "kind": "audio",
            "codec": "opus",
            "start_ms": 0,
            "end_ms": 2000,
            "gaps": [[10, 20]],
            "sha256": "00",
        }
        return {
            "session_id": session,
            "started_at": "2027-01-15T08:00:00.000Z",
            "duration_ms": 2000,
            "tracks": [track],
            "events": [{"seq": 1, "type": "session_started", "at_ms": 0}],
        }

    async def rendition(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        return self._file(session, track, "rendition.webm")

    async def peaks(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        return self._file(session, track, "peaks.json")

    async def original(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        return self._file(session, track, "original.mka")

    def _file(self, session: SessionId, track: str, name: str) -> Path:
        if session not in self.sessions or track not in ("7", "8"):
            raise NotFound(f"no recording of session {session}")
        if track == "8":
            raise WrongState("still being recorded")
        return self.folder / name


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class LiveClient:
    """A live socket that reads until what it waits for comes."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, message: object) -> None:
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def wait_frame(self, kind: str, *, timeout_s: float = 5, **fields: object) -> dict[str, Any]:
        """The next frame of that type whose fields have these values; others are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self.socket.receive()
                assert message.type is WSMsgType.TEXT, f"waiting for {kind}: {message}"
                frame: dict[str, Any] = json.loads(message.data)
                if frame["type"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                    return frame

    async def wait_session(self, state: str) -> dict[str, Any]:
        """The session of the next session frame in that state."""
        while True:
            session: dict[str, Any] = (await self.wait_frame("session"))["session"]
            if session["state"] == state:
                return session

    async def wait_closed(self, *, timeout_s: float = 10) -> int | None:
        """The close code; what comes before is passed over."""
        async with asyncio.timeout(timeout_s):
            while (await self.socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
                pass
        return self.socket.close_code


@dataclass
class WebHouse:
    """All of it, and how to ask it."""

    house: House
    router: Router
    shelf: Shelf
    services: WebServices
    client: TestClient[Any, Any]

    async def ask(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **options: Any
    ) -> Answer:
        """One request; a body that is no text is sent as JSON."""
        headers = options.pop("headers", {}) | ({} if token is None else {"Authorization": f"Bearer {token}"})
        if body is not None:
            options["data"] = body if isinstance(body, str | bytes) else json.dumps(body)
            headers = {"Content-Type": "application/json"} | headers
        url = self.client.make_url(path)  # by the session itself: TestClient would keep every answer
        async with self.client.session.request(method, url, headers=headers, **options) as response:
            return Answer(response.status, dict(response.headers), await response.text(errors="replace"))

    def token(self, username: str, tenant: TenantId = DEFAULT_TENANT) -> str:
        """The access token that a login would give."""
        return Tokens(KEY, self.house.clock).access(USERS[tenant, username])

    async def call(self, to: str = "queue:support", **fields: object) -> dict[str, Any]:
        """A customer calls from a page."""
        answer = await self.ask("POST", "/api/v1/public/calls", {"to": to, "sdp": OFFER} | fields)
        assert answer.status == 201, answer.text
        return cast(dict[str, Any], answer.json)

    def queue(self, session: str) -> None:
        """What the IVR does with a session that is for the queue."""
        self.house.exchange.start_flow(SessionId(session), "queue")
        self.house.exchange.enqueue(SessionId(session), QueueName("support"))

    async def socket(self) -> LiveClient:
        """A live socket that has said nothing yet."""
        return LiveClient(await self.client.ws_connect("/api/v1/ws"))

    async def live(self, token: str) -> tuple[LiveClient, dict[str, Any]]:
        """A live socket after hello, and its welcome."""
        live = await self.socket()
        await live.say({"type": "hello", "token": token})
        return live, await live.wait_frame("welcome")

    async def talk(self) -> tuple[str, str, str]:
        """Customer and agent ann talk: session id, her token, the customer's."""
        token = self.token("ann")
        await self.live(token)
        await self.ask("PUT", "/api/v1/agents/me/state", {"state": "available"}, token=token)
        placed = await self.call()
        session = placed["session"]["id"]
        self.queue(session)
        accepted = await self.ask("POST", f"/api/v1/sessions/{session}/accept", {"sdp": OFFER}, token=token)
        assert accepted.status == 201, accepted.text
        return session, token, placed["token"]


def _user(name: str, role: UserRole, tenant: TenantId = DEFAULT_TENANT) -> User:
    return User(id=name, name=name.title(), role=role, tenant=tenant, language="en", password_hash=_HASH)


_STAFF = [
    _user("ann", UserRole.AGENT),
    _user("bob", UserRole.AGENT),
    _user("sue", UserRole.SUPERVISOR),
    _user("rex", UserRole.REVIEWER),
    _user("ada", UserRole.ADMIN),
    _user("zoe", UserRole.SUPERVISOR, OTHER_TENANT),
]
USERS = {(user.tenant, user.id): user for user in _STAFF}


@asynccontextmanager
async def open_web_house(
    folder: Path, *, web_root: Path | None = None, allowed_origins: frozenset[str] = frozenset()
) -> AsyncIterator[WebHouse]:
    """Serve until the block ends."""
    routes = Route(number="1000", flow="main"), Route(number="9", bridge="sip:x@trunk")
    house = open_house(*routes, queues=("support",), core=BrowserCore())
    support = QueuePlan(name=QueueName("support"), tenant=DEFAULT_TENANT, label={"en": "Support", "zh": "客服"})
    agents = [
        AgentProfile(id=AgentId(name), tenant=DEFAULT_TENANT, name=name.title(), queues=(support.name,))
        for name in ("ann", "bob")
    ]
    router = Router(
        exchange=house.exchange, bus=house.bus, clock=house.clock, timers=house.clock, queues=[support], agents=agents
    )
    shelf = Shelf(folder)
    services = WebServices(
        exchange=house.exchange,
        bus=house.bus,
        clock=house.clock,
        agents=router,
        users=Staffed(USERS),
        timelines=KeptEntries(house.entries),
        recordings=shelf,
        token_key=KEY,
        entries=[PublicEntry(to="queue:support", label={"en": "Support"}), PublicEntry(to="1000", label={})],
        allowed_origins=allowed_origins,
        web_root=web_root,
    )
    async with TestClient(TestServer(create_app(services))) as client:
        yield WebHouse(house, router, shelf, services, client)
