"""Prompts: everything a flow says, made once and kept, named by what went into it."""

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from ivr import audio
from ivr.actions import Part, Sound, Words
from ivr.errors import SpeechFailed
from ivr.speech import SpeechEngine

log = logging.getLogger(__name__)

_FORMAT = "2"
"Changes when prompts already kept would sound otherwise if made today."
_AT_ONCE = 2
"Prompts made at the same time: speaking is work for the processor, and calls come first."


class Prompts(Protocol):
    """What a flow's runner asks of the library."""

    def ready(self, part: Part) -> Path | None: ...

    async def fetch(self, part: Part) -> Path:
        """Raises SpeechFailed."""
        ...

    async def warm(self, parts: Iterable[Part]) -> None: ...

    async def close(self) -> None: ...


class PromptLibrary:
    """Files the player can play, for words and for sound files. One library serves all calls."""

    def __init__(self, folder: Path, engine: SpeechEngine) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._engine = engine
        self._made: dict[Part, Path] = {}
        self._making: dict[Part, asyncio.Task[Path]] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def ready(self, part: Part) -> Path | None:
        """The file, if nobody needs to wait for it."""
        return self._made.get(part)

    async def fetch(self, part: Part) -> Path:
        """The file, made now if need be; who asks for the same meanwhile waits with us. Raises SpeechFailed."""
        if path := self._made.get(part):
            return path
        task = self._making.get(part)
        if task is None:
            task = self._making[part] = asyncio.create_task(self._make(part))
            task.add_done_callback(lambda _: self._making.pop(part, None))
        return await asyncio.shield(task)  # one caller hanging up must not cost the others their prompt

    async def warm(self, parts: Iterable[Part]) -> None:
        """Make what will be needed, so that the first caller need not wait; what fails is logged."""
        results = await asyncio.gather(*(self.fetch(part) for part in set(parts)), return_exceptions=True)
        for result in results:
            if isinstance(result, SpeechFailed):
                log.error("prompt: %s", result)

    async def close(self) -> None:
        """Stop making prompts."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, part: Part) -> Path:
        async with self._turn:
            path = self._folder / f"{await self._key(part)}.wav"
            if not path.exists():
                await (self._speak(part, path) if isinstance(part, Words) else asyncio.to_thread(_convert, part, path))
        self._made[part] = path
        return path

    async def _key(self, part: Part) -> str:
        if isinstance(part, Words):
            source = f"{self._engine.fingerprint(part.language)}\0{part.text}".encode()
        else:
            source = await asyncio.to_thread(_contents, part)
        return hashlib.sha256(_FORMAT.encode() + b"\0" + source).hexdigest()[:32]

    async def _speak(self, words: Words, path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="speech-") as folder:
            raw = Path(folder) / "raw.wav"
            await self._engine.speak(words, raw)
            await asyncio.to_thread(lambda: audio.write(audio.as_speech(audio.decode(raw)), path))


def _contents(sound: Sound) -> bytes:
    try:
        return sound.path.read_bytes()
    except OSError as error:
        raise SpeechFailed(str(error)) from error


def _convert(sound: Sound, path: Path) -> None:
    rate_hz = audio.rate_of(sound.path)
    audio.write(audio.decode(sound.path, rate_hz=rate_hz), path, rate_hz=rate_hz)
