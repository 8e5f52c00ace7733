"""Prompts without an engine: the words themselves are the file's name."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from ivr.actions import Part, Words
from ivr.errors import SpeechFailed


class AtOnce:
    """Every prompt is ready, but for those named in `slow` (until `finish`) and in `broken`."""

    def __init__(self, *, slow: tuple[str, ...] = (), broken: tuple[str, ...] = ()) -> None:
        self._slow = slow
        self._broken = broken
        self._finished = asyncio.Event()
        self.warmed: set[str] = set()

    def ready(self, part: Part) -> Path | None:
        name = _name(part)
        return None if name in (*self._slow, *self._broken) else Path("/prompts", name)

    async def fetch(self, part: Part) -> Path:
        name = _name(part)
        if name in self._broken:
            raise SpeechFailed("the engine is hoarse")
        if name in self._slow:
            await self._finished.wait()
        return Path("/prompts", name)

    def finish(self) -> None:
        self._finished.set()

    async def warm(self, parts: Iterable[Part]) -> None:
        self.warmed = {_name(part) for part in parts}

    async def close(self) -> None:
        pass


def _name(part: Part) -> str:
    return part.text if isinstance(part, Words) else part.path.name
