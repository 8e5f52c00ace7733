"""The manifest: what a complete recording holds, with times and digests. Derived from the timeline and the files."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediaswitch import timeline as t
from mediaswitch.clock import iso_time
from mediaswitch.ids import ParticipantId
from mediaswitch.timeline import Entry, event_to_json
from recording.audience import kept_from_customer
from recording.repair import track_of

FILE = "manifest.json"
VERSION = 1
_REPAIRED: dict[str, Any] = {"repaired": True, "lost": None}
"The file of a repaired track does not tell how many packets never came."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What can be checked of a file years later."""

    bytes: int
    sha256: str


def facts(file: Path) -> FileFacts:
    """Read a file through. Raises OSError."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
        return FileFacts(bytes=content.tell(), sha256=digest.hexdigest())


def build(
    entries: Sequence[Entry], saved: Sequence[t.SegmentClosed], measure: Callable[[str], FileFacts]
) -> dict[str, Any]:
    """The manifest of a session that is over.

    entries: its timeline up to the recording's end. saved: files that were completed afterwards. measure: by file name.
    Raises ValueError if the entries tell no start or no end, OSError from `measure`.
    """
    start, end = _only(entries, t.SessionStarted), _only(entries, t.Ended)
    people = {e.event.participant: e.event for e in entries if isinstance(e.event, t.ParticipantJoined)}
    closed = [e.event for e in entries if isinstance(e.event, t.SegmentClosed)]
    tracks = [_track(segment, people, measure(segment.file)) for segment in closed]
    tracks += [_track(segment, people, measure(segment.file)) | _REPAIRED for segment in saved]
    for track, segment in zip(tracks, [*closed, *saved], strict=True):
        track["not_for_customer"] = _not_for_customer(entries, segment, people)
    return {
        "version": VERSION,
        "session": start.session,
        "tenant": start.tenant,
        "started_at": iso_time(start.at),
        "ended_at": iso_time(end.at),
        "start_ns": start.at,
        "end_ns": end.at,
        "tracks": sorted(tracks, key=lambda track: track_of(track["file"]) or ()),
        "events": [{"seq": e.seq, "at_ns": e.at, **event_to_json(e.event)} for e in entries],
    }


def write(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write it whole or not at all. Raises OSError."""
    draft = folder / f"{FILE}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE)


def read(folder: Path) -> dict[str, Any] | None:
    """None while there is none. Raises OSError, ValueError for a damaged one."""
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def _only(entries: Sequence[Entry], kind: type[t.Event]) -> Entry:
    for entry in entries:
        if isinstance(entry.event, kind):
            return entry
    raise ValueError(f"the timeline has no {kind.type}")


def _not_for_customer(
    entries: Sequence[Entry], segment: t.SegmentClosed, people: Mapping[ParticipantId, t.ParticipantJoined]
) -> list[list[int]]:
    """Stretches that the customer could not hear or see: whispers, consultations, what was said during hold."""
    owner = people.get(segment.participant) if segment.participant is not None else None
    if owner is None or owner.role is t.Role.CUSTOMER:
        return []
    kept = kept_from_customer(entries, segment.track, segment.start_ns, segment.end_ns)
    return [list(stretch) for stretch in kept]


def _track(
    segment: t.SegmentClosed, people: Mapping[ParticipantId, t.ParticipantJoined], file: FileFacts
) -> dict[str, Any]:
    owner = people.get(segment.participant) if segment.participant is not None else None
    return {
        "id": Path(segment.file).stem,
        "participant": None if owner is None else {"id": owner.participant, "role": owner.role, "name": owner.name},
        "kind": "ivr" if segment.participant is None else str(segment.kind),
        "codec": segment.codec,
        "file": segment.file,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "start_ns": segment.start_ns,
        "end_ns": segment.end_ns,
        "gaps": [list(gap) for gap in segment.gaps],
        "packets": segment.packets,
        "lost": segment.lost,
        "repaired": False,
        "width": segment.width or None,
        "height": segment.height or None,
    }
