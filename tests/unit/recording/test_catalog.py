"""The list of recordings: newest first, page by page, each tenant its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaswitch.clock import SECOND
from mediaswitch.errors import Refused
from mediaswitch.ids import AgentId, QueueName, SessionId, TenantId
from mediaswitch.services import RecordingQuery
from mediaswitch.session import Participant, Session, SessionState
from mediaswitch.store import Store
from mediaswitch.timeline import Customer, EndReason, Role
from recording import catalog
from tests.unit.recording.made import CUSTOMER, START, TENANT

NOW = START + 3600 * SECOND
QUERY = RecordingQuery(tenant=TENANT)


def session(number: int) -> Session:
    started = START + number * SECOND
    agent = Participant(id=CUSTOMER, role=Role.AGENT, name="Anna", agent=AgentId("anna"))
    return Session(
        id=SessionId(f"s-{number}"),
        tenant=TENANT,
        state=SessionState.ENDED,
        customer=Customer(number=f"+49170{number:04}"),
        called="1000",
        participants=(agent,),
        agent=AgentId("anna"),
        queue=QueueName("sales"),
        started_at=started,
        ended_at=started + 61 * SECOND,
        end_reason=EndReason.HANGUP,
        recording_folder=f"default/s-{number}",
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    await store.open()
    yield store
    await store.close()


async def ids(store: Store, query: RecordingQuery) -> list[str]:
    return [row["session_id"] for row in (await catalog.find(store, query, now=NOW, incomplete=())).recordings]


async def test_row_tells_who_when_and_how_long(store: Store) -> None:
    await store.write([], [session(1)])
    (row,) = (await catalog.find(store, QUERY, now=NOW, incomplete=())).recordings
    assert row == {
        "session_id": "s-1",
        "started_at": "2025-10-09T08:53:21.123Z",
        "duration_ms": 61_000.0,
        "channel": "phone",
        "customer": {"number": "+491700001", "name": None},
        "agent": {"id": "anna", "name": "Anna"},
        "queue": "sales",
        "media": [],
        "state": "complete",
    }


async def test_state_tells_live_and_repaired_recordings(store: Store) -> None:
    live = replace(session(1), ended_at=None, end_reason=None)
    crashed = replace(session(2), end_reason=EndReason.SERVER_CRASHED)
    await store.write([], [live, crashed])
    found = (await catalog.find(store, QUERY, now=NOW, incomplete=())).recordings
    assert [row["state"] for row in found] == ["repaired", "recording"]
    assert found[1]["duration_ms"] == 3_599_000.0
    (closing, _) = (await catalog.find(store, QUERY, now=NOW, incomplete={crashed.id})).recordings
    assert closing["state"] == "recording", "until its manifest is written"


async def test_pages_follow_each_other_without_hole_or_repeat(store: Store) -> None:
    same_instant = [replace(session(5), id=SessionId(f"s-5{letter}")) for letter in "abc"]
    await store.write([], [*map(session, range(5)), *same_instant])
    seen: list[str] = []
    query = replace(QUERY, limit=3)
    while True:
        page = await catalog.find(store, query, now=NOW, incomplete=())
        seen += [row["session_id"] for row in page.recordings]
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    assert seen == ["s-5c", "s-5b", "s-5a", "s-4", "s-3", "s-2", "s-1", "s-0"]


async def test_filters_narrow_the_list(store: Store) -> None:
    other = replace(session(2), tenant=TenantId("other"))
    unrecorded = replace(session(3), recording_folder=None)
    await store.write([], [session(0), session(1), other, unrecorded])
    at = datetime.fromtimestamp(START // SECOND, UTC)
    assert await ids(store, QUERY) == ["s-1", "s-0"]
    assert await ids(store, replace(QUERY, tenant=TenantId("other"))) == ["s-2"]
    assert await ids(store, replace(QUERY, text="0001")) == ["s-1"]
    assert await ids(store, replace(QUERY, text="%")) == []
    assert await ids(store, replace(QUERY, agent=AgentId("bob"))) == []
    assert await ids(store, replace(QUERY, queue=QueueName("sales"))) == ["s-1", "s-0"]
    assert await ids(store, replace(QUERY, since=at.replace(second=at.second + 1))) == ["s-1"]
    assert await ids(store, replace(QUERY, until=at.replace(second=at.second + 1))) == ["s-0"]


@pytest.mark.parametrize("cursor", ["x", "%%%", "bm90LWE=", "é", ""])
async def test_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Refused):
        await catalog.find(store, replace(QUERY, cursor=cursor), now=NOW, incomplete=())
