"""Completing the files of tracks that were not closed: after a crash, or after the disk failed for one of them."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mediaswitch import _core
from mediaswitch import timeline as t
from mediaswitch.ids import ParticipantId, TrackId
from mediaswitch.timeline import Entry, MediaKind

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d+)(?:-(\d+))?\.mk[av]", re.ASCII)


class Summary(Protocol):
    """What `_core.repair_track` tells."""

    @property
    def codec(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def gaps(self) -> list[tuple[int, int]]: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...


Repair = Callable[[str, int], Summary]
"Complete the file at a path up to an instant (ns on the one clock). Raises _core.BadMediaFile."


@dataclass(frozen=True, slots=True)
class Owner:
    participant: ParticipantId | None
    kind: MediaKind


def unclosed(folder: Path, entries: Sequence[Entry]) -> list[Path]:
    """Track files of which the timeline does not say that they are complete."""
    closed = {e.event.file for e in entries if isinstance(e.event, t.SegmentClosed)}
    files = [file for file in folder.glob("*.mk[av]") if file.name not in closed and track_of(file.name)]
    return sorted(files, key=lambda file: track_of(file.name) or ())


def track_of(file: str) -> tuple[int, ...] | None:
    """The track a file is named after: (7,) for "7.mka", (7, 2) for "7-2.mka", its second file after a change of codec.

    None if the core writes no such name.
    """
    name = _NAME.fullmatch(file)
    return None if name is None else tuple(int(number) for number in name.groups() if number is not None)


def natural_end(files: Sequence[Path], repair: Repair) -> int:
    """The latest instant that any of the files holds; 0 if none can be read."""
    return max((summary.end_ns for file in files if (summary := _try(file, 0, repair))), default=0)


def complete(files: Sequence[Path], entries: Sequence[Entry], end_ns: int, repair: Repair) -> list[t.SegmentClosed]:
    """Complete the files; one in which nothing is left to read is left out.

    Raises OSError if a readable one cannot be completed now: it waits for a disk that has room.
    """
    owners = _owners(entries)
    readable = [file for file in files if _try(file, 0, repair) is not None]
    summaries = [(file, _try(file, end_ns, repair)) for file in readable]
    if torn := [file.name for file, summary in summaries if summary is None]:
        raise OSError(f"tracks that cannot be completed: {', '.join(torn)}")
    return [_segment(file, owners, summary) for file, summary in summaries if summary is not None]


def _segment(file: Path, owners: dict[TrackId, Owner], summary: Summary) -> t.SegmentClosed:
    numbers = track_of(file.name)
    assert numbers is not None  # only such files are taken
    track = TrackId(numbers[0])
    owner = owners.get(track, Owner(None, MediaKind.AUDIO))  # no leg's: the session's own player
    return t.SegmentClosed(
        track=track,
        participant=owner.participant,
        kind=owner.kind,
        file=file.name,
        codec=summary.codec,
        start_ns=summary.start_ns,
        end_ns=summary.end_ns,
        packets=summary.packets,
        lost=0,
        gaps=tuple(summary.gaps),
        width=summary.width or 0,
        height=summary.height or 0,
    )


def _try(file: Path, end_ns: int, repair: Repair) -> Summary | None:
    try:
        return repair(str(file), end_ns)
    except (_core.BadMediaFile, OSError) as error:
        log.error("a recorded track cannot be repaired: %s", error)
        return None


def _owners(entries: Sequence[Entry]) -> dict[TrackId, Owner]:
    legs = {e.event.leg: e.event.participant for e in entries if isinstance(e.event, t.LegRinging)}
    return {
        track.id: Owner(legs.get(e.event.leg), track.kind)
        for e in entries
        if isinstance(e.event, t.LegOpened)
        for track in e.event.tracks
    }
