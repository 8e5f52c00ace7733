"""Library: the recorded sessions as the web layer asks for them."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mediaswitch.clock import Clock
from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import SessionId, TenantId
from mediaswitch.services import RecordingPage, RecordingQuery
from mediaswitch.store import Store
from mediaswitch.telling import told_entry, told_ms
from mediaswitch.timeline import Entry
from recording import catalog, manifest
from recording.folders import Folders
from recording.renditions import Rendition, Renditions

IVR = {"id": "ivr", "role": "bot", "name": "IVR"}
"Whose track it is that the switch itself played."
Manifest = Mapping[str, Any]


class Library:
    """Implements `mediaswitch.services.Recordings`."""

    def __init__(self, folders: Folders, store: Store, clock: Clock) -> None:
        self._folders = folders
        self._store = store
        self._clock = clock
        self._renditions = Renditions()

    async def close(self) -> None:
        """Stop what is being rendered."""
        await self._renditions.close()

    async def find(self, query: RecordingQuery) -> RecordingPage:
        """One page of the list. Raises Refused for a foreign cursor."""
        incomplete = await asyncio.to_thread(self._folders.incomplete)
        return await catalog.find(self._store, query, now=self._clock.now(), incomplete=incomplete)

    async def manifest(self, tenant: TenantId, session: SessionId) -> dict[str, Any]:
        """Tracks and events of one session. Raises NotFound, WrongState while still recording."""
        _, kept = await self._kept(tenant, session)
        entries = await self._store.timeline(tenant, session)  # wrap-up went on after the manifest
        return told(kept, entries)

    async def rendition(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """A WebM as long as the session. Raises NotFound, WrongState while still recording, Unavailable."""
        return (await self._rendered(tenant, session, track)).media

    async def peaks(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """A JSON file {"per_second": n, "peaks": [0..1, ...]}. Raises NotFound (also for pictures), as `rendition`."""
        peaks = (await self._rendered(tenant, session, track)).peaks
        if not peaks.exists():
            raise NotFound(f"track {track} has no sound")
        return peaks

    async def original(self, tenant: TenantId, session: SessionId, track: str) -> Path:
        """The file as it was recorded. Raises NotFound, WrongState while still recording."""
        folder, kept = await self._kept(tenant, session)
        return folder / str(_track(kept, track)["file"])

    async def _rendered(self, tenant: TenantId, session: SessionId, track: str) -> Rendition:
        folder, kept = await self._kept(tenant, session)
        source = folder / str(_track(kept, track)["file"])
        return await self._renditions.get(source, duration_ms=_ms(kept["end_ns"], kept))

    async def _kept(self, tenant: TenantId, session: SessionId) -> tuple[Path, Manifest]:
        row = await self._store.session(tenant, session)
        if row is None or row["recording_folder"] is None:
            raise NotFound(f"no recording of session {session}")
        folder = self._folders.root / str(row["recording_folder"])
        kept = await asyncio.to_thread(manifest.read, folder)
        if kept is None:
            raise WrongState(f"session {session} is still being recorded")
        return folder, kept


def told(kept: Manifest, entries: Sequence[Entry]) -> dict[str, Any]:
    """The manifest as the reviewer's page takes it: times in ms since the session's start, 0 of every track."""
    return {
        "session_id": kept["session"],
        "started_at": kept["started_at"],
        "duration_ms": _ms(kept["end_ns"], kept),
        "tracks": [_told_track(track, kept) for track in kept["tracks"]],
        "events": [told_entry(entry, started_at=int(kept["start_ns"])) for entry in entries],
    }


def _told_track(track: Manifest, kept: Manifest) -> dict[str, Any]:
    same = ("id", "kind", "codec", "bytes", "sha256", "packets", "lost", "repaired", "width", "height")
    return {name: track[name] for name in same} | {
        "participant": track["participant"] or IVR,
        "start_ms": _ms(track["start_ns"], kept),
        "end_ms": _ms(track["end_ns"], kept),
        "gaps": [[_ms(at, kept) for at in gap] for gap in track["gaps"]],
        "not_for_customer": [[_ms(at, kept) for at in part] for part in track.get("not_for_customer", [])],
    }


def _ms(at_ns: int, kept: Manifest) -> float:
    return told_ms(at_ns, int(kept["start_ns"]))


def _track(kept: Manifest, wanted: str) -> Manifest:
    """By the manifest alone: nothing of a request's becomes a path."""
    for track in kept["tracks"]:
        if track["id"] == wanted:
            found: Manifest = track
            return found
    raise NotFound(f"the recording has no track {wanted}")
