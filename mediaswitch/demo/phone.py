"""A SIP phone to hold in the hand: starts, orders and hears out the process of mediaswitch.demo.phone_process."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

PhoneEvent = dict[str, Any]


class PhoneError(Exception):
    """The phone did not do what was asked, or not in time."""


class Phone:
    """One pjsua2 phone. Use as `async with await Phone.start(...) as phone`; events pile up in `events` in order."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self.events: list[PhoneEvent] = []
        self.address = ""
        "Host and port of its SIP socket."

    @classmethod
    async def start(cls, **settings: object) -> Self:
        """Start a phone; the settings are those of phone_process.Settings. Raises PhoneError after 10 s."""
        command = (sys.executable, "-m", "mediaswitch.demo.phone_process")
        phone = cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))
        phone._send(settings)
        phone.address = str((await phone.wait("ready"))["address"])
        return phone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up and end the process, after its files are closed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 6)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def call(self, uri: str, *, timeout_s: float = 10) -> None:
        """Dial and wait for the answer. Raises PhoneError if it is refused or does not come."""
        seen = len(self.events)
        self._order("call", uri=uri)
        settled = ("CONFIRMED", "DISCONNECTED")
        last = await self.wait("call", lambda e: e["state"] in settled, since=seen, timeout_s=timeout_s)
        if last["state"] != "CONFIRMED":
            raise PhoneError(f"call to {uri}: {last['code']} {last['reason']}")

    def answer(self, code: int = 200) -> None:
        """Answer the ringing call, or refuse it with another code."""
        self._order("answer", code=code)

    async def hang_up(self) -> None:
        """End the call and wait until it has ended."""
        seen = len(self.events)
        self._order("hangup")
        await self.ended(since=seen)

    async def ended(self, *, since: int = 0, timeout_s: float = 10) -> PhoneEvent:
        """Wait until the call is over, whoever ended it."""
        return await self.wait("call", lambda e: e["state"] == "DISCONNECTED", since=since, timeout_s=timeout_s)

    async def hold(self) -> None:
        """Hold by re-INVITE and wait until media is on hold."""
        seen = len(self.events)
        self._order("hold")
        await self.wait("media", lambda e: e["state"] == "local_hold", since=seen)

    async def resume(self) -> None:
        """Resume by re-INVITE and wait until media runs."""
        seen = len(self.events)
        self._order("resume")
        await self.wait("media", lambda e: e["state"] == "active", since=seen)

    def digits(self, digits: str) -> None:
        """Send digits as telephone-events (RFC 4733)."""
        self._order("digits", digits=digits)

    def play(self, path: Path, *, loop: bool = True) -> None:
        """Send this WAV from now on, in this call and the next."""
        self._order("play", path=str(path), loop=loop)

    async def record(self, path: Path | None) -> int:
        """Record what is heard to a new file (16 kHz WAV) from now, or with None close the file.

        Returns the instant, in nanoseconds of CLOCK_MONOTONIC.
        """
        seen = len(self.events)
        self._order("record", path=None if path is None else str(path))
        return int((await self.wait("recording", since=seen))["at_ns"])

    async def stats(self) -> PhoneEvent:
        """Return codec and packets received, lost, sent."""
        seen = len(self.events)
        self._order("stats")
        return await self.wait("stats", since=seen)

    async def wait(
        self,
        event: str,
        condition: Callable[[PhoneEvent], bool] = lambda _: True,
        *,
        since: int = 0,
        timeout_s: float = 10,
    ) -> PhoneEvent:
        """Return the first such event from index `since` on. Raises PhoneError when none came in time."""

        def found() -> PhoneEvent | None:
            return next((e for e in self.events[since:] if e["event"] == event and condition(e)), None)

        try:
            async with asyncio.timeout(timeout_s), self._news:
                while (hit := found()) is None:
                    if self._reader.done():
                        raise PhoneError(f"the phone's process ended: {self.events[-3:]}")
                    await self._news.wait()
                return hit
        except TimeoutError:
            raise PhoneError(f"no {event} within {timeout_s} s; last heard: {self.events[-3:]}") from None

    def _order(self, what: str, **fields: object) -> None:
        self._send({"do": what, **fields})

    def _send(self, line: dict[str, object]) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise PhoneError("the phone is closed")
        self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _read(self) -> None:
        if self._process.stdout is None:
            return
        async for line in self._process.stdout:
            if not line.startswith(b"{"):
                continue  # pjsua2's own chatter
            async with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()
