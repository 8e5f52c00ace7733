"""Two people a session over WebRTC through the real server: customers call a queue, desks accept.

The generator is both browsers of each session; here is their signalling, over the same API that pages use.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from load_tests.case import (
    SERVER_CORE,
    Case,
    CaseError,
    Load,
    Row,
    beside,
    exchange_ports,
    pinned,
    read_ports,
    result_of,
    start_generator,
    write_addresses,
)
from tests.support.server import PASSWORD, RunningSwitch

PEOPLE_AN_ADDRESS = 20
"The server limits calls and logins by address: so many sessions share one of 127.0.0.0/8."
STEP_TIMEOUT_S = 30.0


SETTINGS = """
[server]
demo = true

[recording]
enabled = false
"""


def desks(sessions: int) -> str:
    """Return the settings of a queue and as many agents, who are ready again at once after a session."""
    users = "".join(
        f'[[users]]\nname = "desk{n}"\ndisplay_name = "Desk {n}"\nrole = "agent"\nqueues = ["bench"]\n\n'
        for n in range(sessions)
    )
    return f'[[queues]]\nname = "bench"\nwrap_up_s = 0.1\n\n{users}'


class Api:
    """One caller's or agent's requests."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self.token: str | None = None

    async def ask(self, method: str, path: str, **fields: object) -> Any:
        """Return the answer's body. Raises CaseError when refused."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._http.request(method, f"{self._url}/api/v1{path}", json=fields, headers=headers) as answer:
            if answer.status >= 400:
                raise CaseError(f"{path}: {answer.status} {await answer.text()}")
            return await answer.json() if answer.content_type.endswith("json") else None

    async def listen(self) -> aiohttp.ClientWebSocketResponse:
        """Open the live socket and say hello."""
        socket = await self._http.ws_connect(f"{self._url}/api/v1/ws")
        await socket.send_json({"type": "hello", "token": self.token})
        return socket


class Desk:
    """An agent who accepts the one session that is offered."""

    def __init__(self, api: Api, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._api, self._socket = api, socket
        self._session = ""

    @classmethod
    async def open(cls, http: aiohttp.ClientSession, url: str, name: str) -> "Desk":
        """Log in and become available."""
        api = Api(http, url)
        login = await api.ask("POST", "/login", username=name, password=PASSWORD, tenant="default")
        api.token = login["access_token"]
        socket = await api.listen()
        await api.ask("PUT", "/agents/me/state", state="available")
        return cls(api, socket)

    async def accept(self, offer: str, *, video: bool) -> str:
        """Wait for the offered session, take it with this SDP offer and return the answer."""
        self._session = session = await self._offered()
        answer = await self._api.ask("POST", f"/sessions/{session}/accept", sdp=offer)
        if video:
            await self._api.ask("POST", f"/sessions/{session}/share", kind="camera", active=True)
        return str(answer["sdp"])

    async def _offered(self) -> str:
        async with asyncio.timeout(STEP_TIMEOUT_S):
            async for message in self._socket:
                frame = message.json()
                if frame["type"] == "offer":
                    return str(frame["session"]["id"])
        raise CaseError("the live socket closed")

    async def hang_up(self) -> None:
        """End the session that was accepted."""
        await self._api.ask("POST", f"/sessions/{self._session}/hangup")

    async def read_on(self) -> None:
        """Read what comes, as a desk does, until the socket closes."""
        async for _ in self._socket:
            pass


async def _call(http: aiohttp.ClientSession, url: str, offer: str, *, video: bool) -> str:
    answer = await Api(http, url).ask("POST", "/public/calls", to="queue:bench", sdp=offer, video=video)
    return str(answer["sdp"])


@asynccontextmanager
async def _addresses(count: int) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """As many clients, each of an address of its own."""
    async with AsyncExitStack() as stack:
        clients = []
        for n in range(count):
            connector = aiohttp.TCPConnector(ssl=False, local_addr=(f"127.0.0.{n + 2}", 0))
            clients.append(await stack.enter_async_context(aiohttp.ClientSession(connector=connector)))
        yield clients


async def _offers(generator: Process, count: int) -> list[str]:
    assert generator.stdout is not None
    offers = []
    for _ in range(count):
        words = (await generator.stdout.readline()).split()
        if not words:
            raise CaseError("the generator ended early")
        offers.append((await generator.stdout.readexactly(int(words[2]))).decode())
    return offers


async def _answer(generator: Process, person: int, sdp: str) -> None:
    assert generator.stdin is not None
    encoded = sdp.encode()
    generator.stdin.write(f"answer {person} {len(encoded)}\n".encode() + encoded)
    await generator.stdin.drain()


async def _through_switch(load: Load, video: bool) -> Row:
    with TemporaryDirectory() as folder:
        started = RunningSwitch.start(Path(folder), settings=SETTINGS + desks(load.n), prefix=pinned([SERVER_CORE]))
        async with await started as switch:
            return await sessions_through(switch, load, video=video)


async def sessions_through(switch: RunningSwitch, load: Load, *, video: bool) -> Row:
    """Hold so many sessions on a running server that has so many `desks`, and return what the generator measured."""
    async with _addresses(load.n // PEOPLE_AN_ADDRESS + 1) as clients:
        http = [clients[n // PEOPLE_AN_ADDRESS] for n in range(load.n)]
        agents = [await Desk.open(http[n], switch.url, f"desk{n}") for n in range(load.n)]
        generator = await start_generator("webrtc", {"pid": switch.pid} | _options(load, video))
        offers = await _offers(generator, 2 * load.n)

        async def accept(n: int) -> None:
            person = 2 * n + 1
            await _answer(generator, person, await agents[n].accept(offers[person], video=video))
            await agents[n].read_on()

        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(accept(n)) for n in range(load.n)]
            for n in range(load.n):
                answer = await _call(http[n], switch.url, offers[2 * n], video=video)
                await _answer(generator, 2 * n, answer)
            row = await _result(generator, switch)
            for agent in agents:
                await agent.hang_up()
            for task in reading:
                task.cancel()
        return row


async def _result(generator: Process, switch: RunningSwitch) -> Row:
    try:
        return await result_of(generator)
    except CaseError as error:
        raise CaseError(f"{error}; the server's log ends:\n{switch.log()[-2000:]}") from error


def _options(load: Load, video: bool) -> dict[str, object]:
    return {"sessions": load.n, "video": str(video).lower(), "seconds": load.seconds}


async def _through_floor(load: Load, video: bool) -> Row:
    forwarder = await start_generator("forward", {"sockets": 2 * load.n}, [SERVER_CORE])
    try:
        generator = await start_generator("webrtc-streams", {"pid": forwarder.pid} | _options(load, video))
        await write_addresses(generator, await exchange_ports(forwarder, await read_ports(generator)))
        return await result_of(generator)
    finally:
        forwarder.kill()
        await forwarder.wait()


async def webrtc(load: Load, *, video: bool) -> Row:
    """So many sessions of two people; each sends audio (and a camera of 1.2 Mbit/s) and gets the other's."""
    return beside(await _through_switch(load, video), await _through_floor(load, video))


CASES = (
    Case("webrtc-audio", "two browsers a session, Opus", (100,), partial(webrtc, video=False)),
    Case("webrtc-video", "two browsers a session, Opus and a camera of 1.2 Mbit/s", (50,), partial(webrtc, video=True)),
)
