"""Keeper: follows the bus, keeps each recorded session's journal, and closes the recording when all is written.

The disk may be slow or full; a call never waits for it. Journals are appended by one thread, in order.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mediaswitch import _core
from mediaswitch import timeline as t
from mediaswitch.bus import Bus
from mediaswitch.ids import SessionId
from mediaswitch.timeline import Entry
from recording import closing, journal
from recording.folders import Folders
from recording.repair import Repair

log = logging.getLogger(__name__)

OnFailure = Callable[[SessionId, str], None]
"Told on the event loop, once a session: its journal cannot be written."


@dataclass
class _Open:
    folder: Path
    entries: list[Entry] = field(default_factory=list)
    failed: bool = False


class Keeper:
    """Runs on the event loop between `start` and `close`."""

    def __init__(
        self, folders: Folders, bus: Bus, *, on_failure: OnFailure, repair: Repair = _core.repair_track
    ) -> None:
        self._folders = folders
        self._bus = bus
        self._on_failure = on_failure
        self._repair = repair
        self._first: Entry | None = None
        self._open: dict[SessionId, _Open] = {}
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._closing: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._bus.subscribe(Entry, self._on_entry)

    async def close(self) -> None:
        """Finish what is being written. Recordings still open are completed at the next start."""
        self._unsubscribe()
        await asyncio.gather(*self._closing)
        await asyncio.to_thread(self._disk.shutdown)

    def _on_entry(self, entry: Entry) -> None:
        if isinstance(entry.event, t.SessionStarted):
            self._first = entry  # whether it is recorded, the next entry says
        elif isinstance(entry.event, t.RecordingStarted):
            self._begin(entry, entry.event.folder)
        elif entry.session in self._open:
            self._keep(entry)

    def _begin(self, entry: Entry, folder: str) -> None:
        self._open[entry.session] = _Open(self._folders.root / folder)
        if self._first is not None and self._first.session == entry.session:
            self._keep(self._first)
        self._first = None
        self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        opened = self._open[entry.session]
        opened.entries.append(entry)
        if not opened.failed:
            write = self._disk.submit(journal.append, opened.folder, [entry])
            loop = asyncio.get_running_loop()
            write.add_done_callback(
                lambda done: loop.call_soon_threadsafe(self._written, entry.session, done.exception())
            )
        if isinstance(entry.event, t.RecordingClosed):
            self._finish(entry.session)

    def _written(self, session: SessionId, error: BaseException | None) -> None:
        opened = self._open.get(session)
        if error is None or opened is None or opened.failed:
            return
        opened.failed = True  # first, since telling brings an entry of its own
        log.error("session %s: the journal cannot be written: %s", session, error)
        self._on_failure(session, str(error))

    def _finish(self, session: SessionId) -> None:
        opened = self._open.pop(session)
        task = asyncio.get_running_loop().create_task(self._close(session, opened), name=f"close {session}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, session: SessionId, opened: _Open) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._disk, int)  # behind the journal's last line
        try:
            await asyncio.to_thread(closing.close, opened.folder, opened.entries, self._repair)
            await asyncio.to_thread(self._folders.complete, session)
        except (OSError, ValueError):
            log.exception("session %s: no manifest; the next start will try again", session)
