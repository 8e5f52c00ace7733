"""The catalog: which recordings there are. A recording is listed by its session's record in the store."""

import base64
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from mediaswitch.clock import MILLISECOND, SECOND, iso_time
from mediaswitch.errors import Refused
from mediaswitch.ids import SessionId
from mediaswitch.services import RecordingPage, RecordingQuery
from mediaswitch.store import SessionFilter, Store
from mediaswitch.timeline import EndReason

MAX_LIMIT = 200
Row = Mapping[str, Any]


async def find(store: Store, query: RecordingQuery, *, now: int, incomplete: Collection[SessionId]) -> RecordingPage:
    """One page, newest first. Raises Refused for a cursor that is none of ours.

    now: ns on the one clock. incomplete: sessions whose files are not all closed yet, which may outlast their end.
    """
    limit = max(1, min(query.limit, MAX_LIMIT))
    rows = await store.sessions(_filter(query, limit + 1))
    more = len(rows) > limit
    return RecordingPage(
        recordings=[summary(row, now=now, complete=row["id"] not in incomplete) for row in rows[:limit]],
        next_cursor=_cursor(rows[limit - 1]) if more else None,
    )


def summary(row: Row, *, now: int, complete: bool) -> dict[str, Any]:
    """A session record as the list shows it; the duration is that until now while it goes on."""
    agent = None if row["agent"] is None else {"id": row["agent"], "name": row["agent_name"] or row["agent"]}
    return {
        "session_id": row["id"],
        "started_at": iso_time(row["started_ns"]),
        "duration_ms": round(((row["ended_ns"] or now) - row["started_ns"]) / MILLISECOND, 3),
        "channel": row["channel"],
        "customer": {"number": row["customer_number"], "name": row["customer_name"]},
        "agent": agent,
        "queue": row["queue"],
        "media": row["media"],
        "state": _state(row) if complete else "recording",
    }


def _state(row: Row) -> str:
    if row["ended_ns"] is None:
        return "recording"
    return "repaired" if row["end_reason"] == EndReason.SERVER_CRASHED else "complete"


def _filter(query: RecordingQuery, limit: int) -> SessionFilter:
    return SessionFilter(
        tenant=query.tenant,
        text=query.text,
        agent=query.agent,
        queue=query.queue,
        since_ns=_ns(query.since),
        until_ns=_ns(query.until),
        before=None if query.cursor is None else _position(query.cursor),
        recorded=True,
        limit=limit,
    )


def _ns(at: datetime | None) -> int | None:
    """Whole microseconds, exactly: a float has no room for nanoseconds since 1970."""
    return None if at is None else int(at.timestamp()) * SECOND + at.microsecond * 1000


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(f"{row['started_ns']}:{row['id']}".encode()).decode()


def _position(cursor: str) -> tuple[int, str]:
    try:
        at, _, session = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        return int(at), session
    except ValueError:
        raise Refused("the cursor is not one of this list") from None
