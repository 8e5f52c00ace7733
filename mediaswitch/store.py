"""The store: timelines and session records in SQL. SQLite (WAL) by default, PostgreSQL by another URL.

The timeline is the truth; a row of `sessions` is what lists and searches need of it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    and_,
    event,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mediaswitch.errors import NotFound
from mediaswitch.ids import AgentId, QueueName, SessionId, TenantId
from mediaswitch.session import Session
from mediaswitch.timeline import Entry, event_from_json, event_to_json

log = logging.getLogger(__name__)

metadata = MetaData()

entries_table = Table(
    "entries",
    metadata,
    Column("tenant", String, nullable=False),
    Column("session", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("event", JSON, nullable=False),
    PrimaryKeyConstraint("session", "seq"),
)

sessions_table = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False, index=True),
    Column("state", String, nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("customer_number", String),
    Column("customer_name", String),
    Column("called", String, nullable=False),
    Column("queue", String),
    Column("agent", String),
    Column("agent_name", String),
    Column("started_ns", BigInteger, nullable=False, index=True),
    Column("answered_ns", BigInteger),
    Column("ended_ns", BigInteger),
    Column("end_reason", String),
    Column("recording_folder", String),
    Column("media", JSON, nullable=False),
    Column("seq", Integer, nullable=False),
)
"One row a session; `media` lists the kinds of its tracks."


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which session records to list, newest first; None means any. Instants in ns on the one clock."""

    tenant: TenantId
    text: str | None = None
    "Part of the customer's number or name."
    agent: AgentId | None = None
    queue: QueueName | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: tuple[int, str] | None = None
    "(started_ns, id) of the last row of the page before."
    recorded: bool = False
    "Only those with a recording."
    limit: int = 50


Row = Mapping[str, Any]


class Store:
    """Asynchronous access to the database; safe to use from one event loop."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    async def open(self) -> None:
        """Create what is missing. Raises SQLAlchemyError."""
        async with self._engine.begin() as connection:
            await connection.run_sync(metadata.create_all)

    async def close(self) -> None:
        await self._engine.dispose()

    async def write(self, entries: Sequence[Entry], sessions: Sequence[Session]) -> None:
        """Append timeline entries and renew session records in one transaction; writing twice changes nothing."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        async with self._engine.begin() as connection:
            if entries:
                rows = [_entry_row(entry) for entry in entries]
                await connection.execute(insert(entries_table).on_conflict_do_nothing(), rows)
            for row in map(_session_row, sessions):
                renewed = {key: value for key, value in row.items() if key != "id"}
                await connection.execute(
                    insert(sessions_table).values(row).on_conflict_do_update(index_elements=["id"], set_=renewed)
                )

    async def timeline(self, tenant: TenantId, session: SessionId) -> list[Entry]:
        """All entries of a session in the order of `seq`. Raises NotFound if there are none."""
        query = (
            select(entries_table)
            .where(entries_table.c.session == session, entries_table.c.tenant == tenant)
            .order_by(entries_table.c.seq)
        )
        async with self._engine.connect() as connection:
            entries = [_entry(row) for row in (await connection.execute(query)).mappings()]
        if not entries:
            raise NotFound(f"no session {session}")
        return entries

    async def session(self, tenant: TenantId, session: SessionId) -> Row | None:
        """One session record, or None."""
        query = select(sessions_table).where(sessions_table.c.id == session, sessions_table.c.tenant == tenant)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).mappings().first()
            return None if row is None else dict(row)

    async def sessions(self, wanted: SessionFilter) -> list[Row]:
        """Session records, newest first."""
        t = sessions_table.c
        conditions = [t.tenant == wanted.tenant]
        if wanted.text:
            pattern = f"%{_escape_like(wanted.text)}%"
            conditions.append(
                or_(t.customer_number.like(pattern, escape="\\"), t.customer_name.like(pattern, escape="\\"))
            )
        conditions += [t.agent == wanted.agent] if wanted.agent else []
        conditions += [t.queue == wanted.queue] if wanted.queue else []
        conditions += [t.started_ns >= wanted.since_ns] if wanted.since_ns is not None else []
        conditions += [t.started_ns < wanted.until_ns] if wanted.until_ns is not None else []
        conditions += [t.recording_folder.is_not(None)] if wanted.recorded else []
        if wanted.before is not None:
            at, last = wanted.before
            conditions.append(or_(t.started_ns < at, and_(t.started_ns == at, t.id < last)))
        query = select(sessions_table).where(*conditions).order_by(t.started_ns.desc(), t.id.desc())
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query.limit(wanted.limit))).mappings()]

    async def unfinished(self) -> list[Row]:
        """Records of sessions that a crash left open."""
        query = select(sessions_table).where(sessions_table.c.ended_ns.is_(None))
        async with self._engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def mark_crashed(self, session: SessionId, *, ended_ns: int, reason: str) -> None:
        """Close the record of a session that a crash left open."""
        statement = (
            update(sessions_table)
            .where(sessions_table.c.id == session)
            .values(state="ended", ended_ns=ended_ns, end_reason=reason)
        )
        async with self._engine.begin() as connection:
            await connection.execute(statement)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "tenant": entry.tenant,
        "session": entry.session,
        "seq": entry.seq,
        "at_ns": entry.at,
        "type": entry.event.type,
        "event": event_to_json(entry.event),
    }


def _entry(row: RowMapping) -> Entry:
    return Entry(
        tenant=TenantId(row["tenant"]),
        session=SessionId(row["session"]),
        seq=row["seq"],
        at=row["at_ns"],
        event=event_from_json(row["event"]),
    )


def _session_row(session: Session) -> dict[str, Any]:
    names = {participant.agent: participant.name for participant in session.participants}
    return {
        "id": session.id,
        "tenant": session.tenant,
        "state": session.state,
        "channel": session.channel,
        "customer_number": session.customer.number,
        "customer_name": session.customer.name,
        "called": session.called,
        "queue": session.queue,
        "agent": session.agent,
        "agent_name": names.get(session.agent) if session.agent else None,
        "started_ns": session.started_at,
        "answered_ns": session.answered_at,
        "ended_ns": session.ended_at,
        "end_reason": session.end_reason,
        "recording_folder": session.recording_folder,
        "media": sorted({track.kind for leg in session.legs for track in leg.tracks if track.id in session.flowed}),
        "seq": session.seq,
    }


class Scribe:
    """Writes what the bus brings to the store, in batches, without ever making a call wait."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: list[Entry] = []
        self._sessions: dict[SessionId, Session] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="scribe")

    def add_entry(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._wake.set()

    def add_session(self, session: Session) -> None:
        self._sessions[session.id] = session
        self._wake.set()

    async def close(self) -> None:
        """Write what is left, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not (self._closing and not self._entries and not self._sessions):
            await self._wake.wait()
            self._wake.clear()
            await self._write_all()

    async def _write_all(self) -> None:
        entries, self._entries = self._entries, []
        sessions, self._sessions = self._sessions, {}
        try:
            await self._store.write(entries, list(sessions.values()))
        except Exception:
            log.exception("the store refused %d entries; trying again in a second", len(entries))
            if self._closing:
                return
            self._entries = entries + self._entries
            self._sessions = sessions | self._sessions
            await asyncio.sleep(1)
            self._wake.set()
