"""Renditions: what a browser plays of a track, made when first asked for and kept beside the recording."""

import asyncio
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from mediaswitch.errors import Unavailable

log = logging.getLogger(__name__)

FOLDER = "review"
AT_ONCE = 2
"Processes that render at the same time; reviewers wait, calls do not."
TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """The files of one track; a track without sound has no peaks file."""

    media: Path
    peaks: Path


class Renditions:
    """One for a server, used from its event loop."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._making: dict[Path, asyncio.Task[None]] = {}

    async def get(self, source: Path, *, duration_ms: float) -> Rendition:
        """Both files, there when this returns. Raises Unavailable if the track cannot be rendered, OSError."""
        folder = source.parent / FOLDER
        rendition = Rendition(media=folder / f"{source.stem}.webm", peaks=folder / f"{source.stem}.peaks.json")
        if not rendition.media.exists():
            await self._make_once(source, rendition, duration_ms)
        return rendition

    async def close(self) -> None:
        """Stop what is being made."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    async def _make_once(self, source: Path, rendition: Rendition, duration_ms: float) -> None:
        """Whoever asks for what is being made waits for it; an asker who leaves does not spoil it for others."""
        task = self._making.get(source)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._make(source, rendition, duration_ms))
            self._making[source] = task
            task.add_done_callback(lambda _: self._making.pop(source, None))
        await asyncio.shield(task)

    async def _make(self, source: Path, rendition: Rendition, duration_ms: float) -> None:
        async with self._slots:
            rendition.media.parent.mkdir(exist_ok=True)
            drafts = [path.with_name(f"{path.name}.new") for path in (rendition.media, rendition.peaks)]
            try:
                await self._run(str(source), *map(str, drafts), str(duration_ms))
                for draft, path in zip(reversed(drafts), (rendition.peaks, rendition.media), strict=True):
                    if draft.exists():
                        draft.replace(path)  # the media last: where it is, the peaks are
            finally:
                for draft in drafts:
                    draft.unlink(missing_ok=True)

    async def _run(self, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "recording.render", *arguments, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, complaint = await asyncio.wait_for(process.communicate(), self._timeout_s)
        except TimeoutError:
            raise Unavailable("the track takes too long to render") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            log.error("rendering %s failed: %s", arguments[0], complaint.decode(errors="replace").strip())
            raise Unavailable("the track cannot be rendered")
