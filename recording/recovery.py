"""Recovery: at start, complete the recordings that a crash left open, and end their sessions in the store."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mediaswitch import _core
from mediaswitch import timeline as t
from mediaswitch.errors import NotFound
from mediaswitch.ids import SessionId, TenantId
from mediaswitch.replay import apply
from mediaswitch.session import LegState, Session
from mediaswitch.store import Row, Store
from mediaswitch.timeline import EndReason, Entry, Event
from recording import closing, journal, repair
from recording.folders import Folders

log = logging.getLogger(__name__)


async def recover(folders: Folders, store: Store, *, mend: repair.Repair = _core.repair_track) -> list[SessionId]:
    """Complete what can be completed; returns those sessions. One that fails is logged and tried at the next start."""
    recovered = []
    for session, folder in (await asyncio.to_thread(folders.incomplete)).items():
        try:
            await _recover(session, folder, store, mend)
            await asyncio.to_thread(folders.complete, session)
            recovered.append(session)
        except (OSError, ValueError):
            log.exception("session %s: its recording cannot be completed", session)
    for row in await store.unfinished():
        await _end(row, store)
    return recovered


async def _end(row: Row, store: Store) -> None:
    """End a session that was not recorded, or whose recording is lost: at the last that is known of it."""
    session = SessionId(row["id"])
    try:
        entries = await store.timeline(TenantId(row["tenant"]), session)
        missing = _numbered(rebuild(entries), _crashed(rebuild(entries)), at=entries[-1].at)
        await store.write(missing, [rebuild([*entries, *missing])])
    except (NotFound, ValueError) as error:  # its record alone then
        log.warning("session %s: no timeline to end: %s", session, error)
        await store.mark_crashed(session, ended_ns=row["started_ns"], reason=EndReason.SERVER_CRASHED)


async def _recover(session: SessionId, folder: Path, store: Store, mend: repair.Repair) -> None:
    entries = await asyncio.to_thread(journal.read, folder)
    if not entries:
        log.warning("session %s: nothing had been recorded yet", session)
        return
    entries = await _with_stored(entries, store)
    before = rebuild(entries)
    missing = await asyncio.to_thread(_ending, before, folder, entries, mend)
    await asyncio.to_thread(journal.append, folder, missing)
    entries = [*entries, *missing]
    await store.write(entries, [rebuild(entries)])
    await asyncio.to_thread(closing.close, folder, entries, mend)
    log.info("session %s: recording completed after a crash", session)


async def _with_stored(entries: list[Entry], store: Store) -> list[Entry]:
    """Journal and store together: either may have missed the last entries."""
    try:
        stored = await store.timeline(entries[0].tenant, entries[0].session)
    except NotFound:
        stored = []
    known = {entry.seq: entry for entry in [*stored, *entries]}
    return [known[seq] for seq in sorted(known)]


def rebuild(entries: Sequence[Entry]) -> Session:
    """The session that the entries lead to."""
    session = Session(id=entries[0].session, tenant=entries[0].tenant)
    for entry in entries:
        session = apply(session, entry)
        if isinstance(entry.event, t.RecordingStarted):
            session = replace(session, recording_folder=entry.event.folder)
    return session


def _ending(session: Session, folder: Path, entries: Sequence[Entry], mend: repair.Repair) -> list[Entry]:
    """The entries that the crash cut off: the session ended where the last media or the last event was."""
    files = repair.unclosed(folder, entries)
    last = max(entries[-1].at, repair.natural_end(files, mend))
    events = [] if session.is_over else _crashed(session)
    if not any(isinstance(entry.event, t.RecordingClosed) for entry in entries):
        events.append(t.RecordingClosed())
    return _numbered(session, events, at=last)


def _numbered(session: Session, events: Sequence[Event], *, at: int) -> list[Entry]:
    """Events as the next entries of a session."""
    return [
        Entry(tenant=session.tenant, session=session.id, seq=session.seq + number, at=at, event=event)
        for number, event in enumerate(events, start=1)
    ]


def _crashed(session: Session) -> list[Event]:
    legs: list[Event] = [
        t.LegEnded(leg=leg.id, reason=EndReason.SERVER_CRASHED)
        for leg in session.legs
        if leg.state is not LegState.ENDED
    ]
    return [*legs, t.Ended(reason=EndReason.SERVER_CRASHED)]
