"""The library gives the web layer what it asks for, and nothing of another tenant or outside the recording."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.clock import SECOND
from mediaswitch.errors import NotFound, Unavailable, WrongState
from mediaswitch.ids import AgentId, SessionId, TenantId
from mediaswitch.store import Store
from recording import closing
from recording.folders import Folders
from recording.library import Library
from recording.recovery import rebuild
from tests.unit.recording.made import (
    CAMERA,
    CUSTOMER,
    PLAYER,
    SESSION,
    START,
    TENANT,
    VOICE,
    Mender,
    beginning,
    ending,
    entries,
    segment,
)

END_MS = 2000


class StandingClock:
    def now(self) -> int:
        return START + 100 * SECOND


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "recordings")


@pytest.fixture
async def library(store: Store, folders: Folders) -> AsyncIterator[Library]:
    library = Library(folders, store, StandingClock())
    yield library
    await library.close()


@pytest.fixture
async def recorded(store: Store, folders: Folders) -> Path:
    """A complete recording: the caller's voice, a broken camera file, what the IVR played, and a wrap-up after it."""
    folder = folders.folder_for(SESSION, TENANT, at=START)
    assert folder is not None
    tone = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=2:sample_rate=8000", "-c:a", "pcm_mulaw"]
    for name in ("7.mka", "5.mka"):
        subprocess.run([*tone, str(folder / name)], check=True)
    (folder / "8.mkv").write_bytes(b"not a picture")
    segments = (
        segment(VOICE, "7.mka", end_ms=END_MS),
        segment(CAMERA, "8.mkv", end_ms=END_MS),
        segment(PLAYER, "5.mka", end_ms=END_MS, participant=None),
    )
    expires = (800.0, t.Offered(agent=AgentId("anna"), name="Anna", expires_at=START + SECOND))
    told = entries(*beginning(str(folder.relative_to(folders.root))), expires, *ending(END_MS, *segments))
    closing.close(folder, told, Mender(holds_until_ms=0))
    later = entries((9000, t.WrapUpEnded(agent=AgentId("anna"))), first_seq=len(told) + 1)
    await store.write([*told, *later], [rebuild(told)])
    return folder


async def test_manifest_tells_times_from_the_sessions_start(library: Library, recorded: Path) -> None:
    told = await library.manifest(TENANT, SESSION)
    assert (told["session_id"], told["started_at"]) == (SESSION, "2025-10-09T08:53:20.123Z")
    assert told["duration_ms"] == END_MS
    ivr, voice, camera = told["tracks"]
    assert (ivr["kind"], ivr["participant"]) == ("ivr", {"id": "ivr", "role": "bot", "name": "IVR"})
    assert (voice["start_ms"], voice["end_ms"], voice["gaps"]) == (0, END_MS, [[0, 30]])
    assert voice["participant"] == {"id": CUSTOMER, "role": "customer", "name": "王小明"}
    assert (camera["kind"], camera["width"]) == ("camera", 640)
    assert "file" not in voice, "paths stay inside"


async def test_events_include_what_came_after_the_recording_was_closed(library: Library, recorded: Path) -> None:
    events = (await library.manifest(TENANT, SESSION))["events"]
    assert events[-1] == {"seq": 15, "at_ms": 9000.0, "type": "wrap_up_ended", "agent": "anna"}
    offered = next(event for event in events if event["type"] == "offered")
    assert offered["expires_at"] == "2025-10-09T08:53:21.123Z"
    closed = next(event for event in events if event["type"] == "segment_closed")
    assert (closed["start_ms"], closed["end_ms"], closed["gaps"]) == (0, END_MS, [[0, 30]])


async def test_rendition_and_peaks_are_made_once_and_kept(library: Library, recorded: Path) -> None:
    asked = [library.rendition(TENANT, SESSION, "7") for _ in range(5)]
    files = set(await asyncio.gather(*asked))
    (media,) = files
    made = media.stat().st_mtime_ns
    peaks = await library.peaks(TENANT, SESSION, "7")
    assert peaks.read_text().startswith('{"per_second":25,"peaks":[')
    assert (await library.rendition(TENANT, SESSION, "7")).stat().st_mtime_ns == made
    assert sorted(path.name for path in media.parent.iterdir()) == ["7.peaks.json", "7.webm"]


async def test_track_that_cannot_be_rendered_says_so_and_leaves_nothing(library: Library, recorded: Path) -> None:
    with pytest.raises(Unavailable):
        await library.rendition(TENANT, SESSION, "8")
    assert list((recorded / "review").iterdir()) == []


async def test_original_is_the_file_as_recorded(library: Library, recorded: Path) -> None:
    assert await library.original(TENANT, SESSION, "8") == recorded / "8.mkv"


@pytest.mark.parametrize("track", ["6", "", "../7", "7.mka", "/etc/passwd"])
async def test_track_that_the_manifest_does_not_list_is_not_found(library: Library, recorded: Path, track: str) -> None:
    for ask in (library.original, library.rendition, library.peaks):
        with pytest.raises(NotFound):
            await ask(TENANT, SESSION, track)


async def test_other_tenants_and_unknown_sessions_find_nothing(library: Library, recorded: Path) -> None:
    with pytest.raises(NotFound):
        await library.manifest(TenantId("other"), SESSION)
    with pytest.raises(NotFound):
        await library.manifest(TENANT, SessionId("s-2"))


async def test_session_that_still_goes_on_is_not_ready(library: Library, store: Store, folders: Folders) -> None:
    folder = folders.folder_for(SESSION, TENANT, at=START)
    assert folder is not None
    told = entries(*beginning(str(folder.relative_to(folders.root))))
    await store.write(told, [rebuild(told)])
    with pytest.raises(WrongState):
        await library.rendition(TENANT, SESSION, "7")
