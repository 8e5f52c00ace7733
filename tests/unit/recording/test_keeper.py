"""The keeper writes down what the bus tells, and never makes a call wait or fail."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mediaswitch import timeline as t
from mediaswitch.bus import Bus
from mediaswitch.ids import SessionId
from mediaswitch.timeline import Entry
from recording import journal, manifest
from recording.folders import Folders
from recording.keeper import Keeper
from tests.unit.recording.made import SESSION, START, TENANT, VOICE, Mender, beginning, ending, entries, segment


@dataclass
class Kept:
    bus: Bus
    folders: Folders
    folder: Path
    failures: list[tuple[SessionId, str]]

    @property
    def relative(self) -> str:
        return str(self.folder.relative_to(self.folders.root))


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    bus, folders = Bus(), Folders(tmp_path)
    folder = folders.folder_for(SESSION, TENANT, at=START)
    assert folder is not None
    failures: list[tuple[SessionId, str]] = []
    keeper = Keeper(folders, bus, on_failure=lambda *failure: failures.append(failure), repair=Mender(holds_until_ms=0))
    keeper.start()
    yield Kept(bus, folders, folder, failures)
    await keeper.close()


async def wait_until(condition: Callable[[], Any], *, timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)


def publish(bus: Bus, told: list[Entry]) -> None:
    for entry in told:
        bus.publish(entry)


async def test_each_entry_is_on_disk_while_the_session_lives(kept: Kept) -> None:
    told = entries(*beginning(kept.relative))
    publish(kept.bus, told)
    await wait_until(lambda: journal.read(kept.folder) == told)
    assert manifest.read(kept.folder) is None
    assert SESSION in kept.folders.incomplete()


async def test_closed_recording_gets_its_manifest_and_needs_no_more_care(kept: Kept) -> None:
    (kept.folder / "7.mka").write_bytes(b"sound")
    told = entries(*beginning(kept.relative), *ending(2000, segment(VOICE, "7.mka", end_ms=2000)))
    publish(kept.bus, told)
    await wait_until(lambda: not kept.folders.incomplete())
    written = manifest.read(kept.folder)
    assert written is not None
    assert [track["file"] for track in written["tracks"]] == ["7.mka"]
    assert journal.read(kept.folder) == told


async def test_session_that_is_not_recorded_leaves_no_trace(kept: Kept) -> None:
    before = sorted(kept.folders.root.rglob("*"))
    publish(kept.bus, [entry for entry in entries(*beginning("x")) if entry.event.type != "recording_started"])
    await asyncio.sleep(0)
    assert sorted(kept.folders.root.rglob("*")) == before


async def test_journal_that_cannot_be_written_is_told_once_and_the_session_goes_on(kept: Kept) -> None:
    kept.folder.rmdir()
    publish(kept.bus, entries(*beginning(kept.relative)))
    await wait_until(lambda: kept.failures)
    failed = entries((50, t.RecordingFailed(reason="disk")), *ending(2000), first_seq=9)
    publish(kept.bus, failed)
    await wait_until(lambda: not any(task.get_name().startswith("close") for task in asyncio.all_tasks()))
    assert [session for session, _ in kept.failures] == [SESSION]
    assert SESSION in kept.folders.incomplete(), "the next start tries again"


async def test_two_sessions_at_once_are_kept_apart(kept: Kept) -> None:
    other = SessionId("s-2")
    folder = kept.folders.folder_for(other, TENANT, at=START)
    assert folder is not None
    mine = entries(*beginning(kept.relative))
    others = entries(*beginning(str(folder.relative_to(kept.folders.root))), session=other)
    publish(kept.bus, [*mine[:2], *others[:2]])
    publish(kept.bus, [entry for pair in zip(mine[2:], others[2:], strict=True) for entry in pair])
    await wait_until(lambda: journal.read(kept.folder) == mine and journal.read(folder) == others)
