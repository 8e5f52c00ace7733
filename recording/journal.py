"""The journal: a session's timeline beside its media, one JSON object a line, only ever appended to.

With it a folder explains itself when the server, or even its database, is gone. A line torn by a crash is
the last one, and is left out when reading.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mediaswitch.ids import SessionId, TenantId
from mediaswitch.timeline import Entry, event_from_json, event_to_json

FILE = "journal.jsonl"


def append(folder: Path, entries: Iterable[Entry]) -> None:
    """Add entries; they survive the end of the process once this returns. Raises OSError."""
    lines = "".join(json.dumps(_line(entry), ensure_ascii=False) + "\n" for entry in entries)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(lines)


def read(folder: Path) -> list[Entry]:
    """The entries in the journal; none if there is no journal. Raises OSError."""
    file = folder / FILE
    return list(_entries(file.read_bytes())) if file.exists() else []


def _entries(content: bytes) -> Iterator[Entry]:
    for line in content.split(b"\n"):
        try:
            yield _entry(json.loads(line))
        except (ValueError, KeyError, TypeError):
            return  # torn by a crash: nothing of worth follows


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "tenant": entry.tenant,
        "session": entry.session,
        "seq": entry.seq,
        "at_ns": entry.at,
        "event": event_to_json(entry.event),
    }


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(
        tenant=TenantId(line["tenant"]),
        session=SessionId(line["session"]),
        seq=line["seq"],
        at=line["at_ns"],
        event=event_from_json(line["event"]),
    )
