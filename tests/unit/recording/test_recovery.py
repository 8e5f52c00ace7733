"""After a crash the next start completes folder, timeline and store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.ids import LegId
from mediaswitch.store import Store
from mediaswitch.timeline import EndReason, Entry
from recording import journal, manifest
from recording.folders import Folders
from recording.recovery import rebuild, recover
from tests.unit.recording.made import (
    CUSTOMER,
    SESSION,
    START,
    TENANT,
    VOICE,
    Mender,
    beginning,
    ending,
    entries,
    ns,
    segment,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "recordings")


def left_behind(folders: Folders, *, files: tuple[str, ...] = ("5.mka", "7.mka")) -> tuple[Path, list[Entry]]:
    """A folder as a killed server leaves it."""
    folder = folders.folder_for(SESSION, TENANT, at=START)
    assert folder is not None
    told = entries(*beginning(str(folder.relative_to(folders.root))))
    journal.append(folder, told)
    for file in files:
        (folder / file).write_bytes(b"media")
    return folder, told


async def test_session_cut_off_ends_where_its_media_ended(folders: Folders, store: Store) -> None:
    folder, _ = left_behind(folders)
    mender = Mender(holds_until_ms=4321)
    assert await recover(folders, store, mend=mender) == [SESSION]
    written = manifest.read(folder)
    assert written is not None
    assert written["end_ns"] == ns(4321)
    assert mender.mended == {"5.mka": ns(4321), "7.mka": ns(4321)}
    owners = [(track["kind"], (track["participant"] or {}).get("id")) for track in written["tracks"]]
    assert owners == [("ivr", None), ("audio", "customer-1")]
    assert all(track["repaired"] for track in written["tracks"])
    assert not folders.incomplete()


async def test_store_learns_what_only_the_journal_knew_and_that_the_session_is_over(
    folders: Folders, store: Store
) -> None:
    folder, told = left_behind(folders)
    await store.write(told[:3], [])
    await recover(folders, store, mend=Mender(holds_until_ms=4321))
    stored = await store.timeline(TENANT, SESSION)
    assert stored[: len(told)] == told
    assert [entry.event.type for entry in stored[len(told) :]] == ["leg_ended", "ended", "recording_closed"]
    assert journal.read(folder) == stored
    row = await store.session(TENANT, SESSION)
    assert row is not None
    assert (row["ended_ns"], row["end_reason"]) == (ns(4321), EndReason.SERVER_CRASHED)
    assert folders.root / row["recording_folder"] == folder
    assert row["media"] == ["audio", "camera"]


async def test_journal_that_missed_the_last_entries_is_completed_from_the_store(folders: Folders, store: Store) -> None:
    folder, told = left_behind(folders)
    digit = entries((5000, t.DigitPressed(participant=CUSTOMER, digit="1", duration_ms=80)), first_seq=9)
    await store.write([*told, *digit], [])
    await recover(folders, store, mend=Mender(holds_until_ms=4321))
    written = manifest.read(folder)
    assert written is not None
    assert written["end_ns"] == ns(5000), "the digit came after the last media on disk"
    assert "digit" in [event["type"] for event in written["events"]]


async def test_session_that_had_ended_keeps_its_end_and_reason(folders: Folders, store: Store) -> None:
    folder, told = left_behind(folders)
    ended, segment_closed, _ = ending(3000, segment(VOICE, "7.mka", end_ms=3000))
    journal.append(folder, entries(ended, segment_closed, first_seq=len(told) + 1))
    await recover(folders, store, mend=Mender(holds_until_ms=2900))
    written = manifest.read(folder)
    assert written is not None
    assert written["end_ns"] == ns(3000)
    assert [(track["file"], track["repaired"]) for track in written["tracks"]] == [("5.mka", True), ("7.mka", False)]
    row = await store.session(TENANT, SESSION)
    assert row is not None
    assert row["end_reason"] == EndReason.HANGUP


async def test_recovering_again_after_a_crash_within_recovery_gives_the_same(folders: Folders, store: Store) -> None:
    folder, _ = left_behind(folders)
    await recover(folders, store, mend=Mender(holds_until_ms=4321))
    first = manifest.read(folder)
    (folder / manifest.FILE).unlink()
    mark = folders.root / ".open" / SESSION
    mark.write_text(str(folder.relative_to(folders.root)))
    await recover(folders, store, mend=Mender(holds_until_ms=4321))
    assert manifest.read(folder) == first


async def test_folder_of_which_nothing_was_written_is_let_go(folders: Folders, store: Store) -> None:
    folder = folders.folder_for(SESSION, TENANT, at=START)
    assert folder is not None
    await recover(folders, store, mend=Mender(holds_until_ms=0))
    assert not folders.incomplete()
    assert manifest.read(folder) is None


async def test_session_that_was_not_recorded_is_ended_too(folders: Folders, store: Store) -> None:
    told = [entry for entry in entries(*beginning("x")) if not isinstance(entry.event, t.RecordingStarted)]
    await store.write(told, [rebuild(told)])
    assert await recover(folders, store, mend=Mender(holds_until_ms=0)) == []
    row = await store.session(TENANT, SESSION)
    assert row is not None
    assert (row["ended_ns"], row["end_reason"]) == (told[-1].at, EndReason.SERVER_CRASHED)
    assert [entry.event.type for entry in (await store.timeline(TENANT, SESSION))[-2:]] == ["leg_ended", "ended"]
    assert await store.unfinished() == []


async def test_record_without_a_timeline_is_closed_all_the_same(folders: Folders, store: Store) -> None:
    await store.write([], [rebuild(entries(*beginning("x")))])
    await recover(folders, store, mend=Mender(holds_until_ms=0))
    assert await store.unfinished() == []


async def test_full_disk_leaves_the_recording_to_the_next_start(folders: Folders, store: Store) -> None:
    folder, _ = left_behind(folders)
    later = entries((9000, t.LegAnswered(leg=LegId("s-1-1"))), first_seq=9)  # after the media that is left
    journal.append(folder, later)
    assert await recover(folders, store, mend=Mender(holds_until_ms=4321, full=True)) == []
    assert manifest.read(folder) is None
    assert await recover(folders, store, mend=Mender(holds_until_ms=4321)) == [SESSION]
    written = manifest.read(folder)
    assert written is not None
    assert [track["file"] for track in written["tracks"]] == ["5.mka", "7.mka"]


async def test_track_with_nothing_left_to_read_is_left_out(folders: Folders, store: Store) -> None:
    folder, _ = left_behind(folders)
    assert await recover(folders, store, mend=Mender(holds_until_ms=4321, unreadable=("5.mka",))) == [SESSION]
    written = manifest.read(folder)
    assert written is not None
    assert [track["file"] for track in written["tracks"]] == ["7.mka"]
