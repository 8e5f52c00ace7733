"""A customer who calls from a web page, without the page: the public API, one peer and the live events."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Self

import aiohttp

from mediaswitch.demo.peer import Peer

Message = dict[str, Any]


class CallRefused(Exception):
    """The server did not take the call; the text is its problem document's."""


class Customer:
    """One call over the web. Use as `async with await Customer.call(...) as customer`; `messages` has what came."""

    def __init__(self, url: str, http: aiohttp.ClientSession, peer: Peer, answer: Message) -> None:
        self.session_id = str(answer["session"]["id"])
        self.messages: list[Message] = []
        self.peer = peer
        self._url = url
        self._http = http
        self._token = str(answer["token"])
        self._news = asyncio.Condition()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def call(
        cls, url: str, *, to: str, name: str, language: str, speech: Path, record: Path | None = None
    ) -> Self:
        """Call a number or `queue:NAME` with a looped WAV as voice. Raises CallRefused.

        The server's certificate is not verified: a new server has made its own.
        """
        http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        peer = Peer(speech, record=record)
        try:
            body = {"to": to, "name": name, "language": language, "sdp": await peer.offer(), "video": False}
            async with http.post(f"{url}/api/v1/public/calls", json=body) as response:
                answer = await response.json()
                if response.status != 201:
                    raise CallRefused(f"{response.status} {answer.get('title')}: {answer.get('detail')}")
            await peer.take_answer(answer["sdp"])
        except BaseException:
            await peer.close()
            await http.close()
            raise
        return cls(url, http, peer, answer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up if that has not happened, and leave."""
        with contextlib.suppress(aiohttp.ClientError, CallRefused):
            await self._post("hangup")
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self.peer.close()
        await self._http.close()

    async def digits(self, digits: str) -> None:
        """Press keys. Raises CallRefused."""
        await self._post("digits", digits=digits)

    async def wait_event(self, kind: str, *, timeout_s: float = 20) -> Message:
        """Return the first timeline event of this type. Raises TimeoutError."""

        def found() -> Message | None:
            events = (message["event"] for message in self.messages if message["type"] == "event")
            return next((event for event in events if event["type"] == kind), None)

        async with asyncio.timeout(timeout_s), self._news:
            while (event := found()) is None:
                await self._news.wait()
            return event

    async def _post(self, what: str, **fields: object) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._url}/api/v1/sessions/{self.session_id}/{what}"
        async with self._http.post(url, json=fields, headers=headers) as response:
            if response.status >= 400:
                raise CallRefused(f"{response.status} {await response.text()}")

    async def _listen(self) -> None:
        async with self._http.ws_connect(f"{self._url}/api/v1/ws") as socket:
            await socket.send_json({"type": "hello", "token": self._token})
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                async with self._news:
                    self.messages.append(message.json())
                    self._news.notify_all()
