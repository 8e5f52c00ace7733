"""What the store is given it gives back; a file of its own stands for the database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.errors import NotFound
from mediaswitch.ids import LegId, ParticipantId, PortId, SessionId, TenantId, TrackId
from mediaswitch.session import Session
from mediaswitch.store import Scribe, SessionFilter, Store
from mediaswitch.timeline import Entry, Event

TENANT = TenantId("default")
EVENTS: list[Event] = [
    t.SessionStarted(channel=t.Channel.WEB, customer=t.Customer(name="王小明"), called="1000", language="zh"),
    t.LegOpened(leg=LegId("s-1-1"), port=PortId(3), tracks=(t.Track(id=TrackId(4), kind=t.MediaKind.CAMERA),)),
    t.SegmentClosed(
        track=TrackId(4),
        participant=ParticipantId("customer-1"),
        kind=t.MediaKind.CAMERA,
        file="4.mkv",
        codec="VP8",
        start_ns=1,
        end_ns=2,
        packets=3,
        lost=0,
        gaps=((1, 2),),
    ),
    t.Ended(reason=t.EndReason.HANGUP, by=None),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    await store.open()
    yield store
    await store.close()


def entries(session: str) -> list[Entry]:
    return [
        Entry(tenant=TENANT, session=SessionId(session), seq=seq, at=seq * 1_000, event=event)
        for seq, event in enumerate(EVENTS, start=1)
    ]


def record(number: int) -> Session:
    customer = t.Customer(number=f"400{number}", name="王_%")
    return Session(id=SessionId(f"s-{number}"), tenant=TENANT, customer=customer, called="1000", started_at=number)


async def test_timeline_comes_back_as_it_was_written_and_twice_written_is_once(store: Store) -> None:
    await store.write(entries("s-1"), [])
    await store.write(entries("s-1"), [])
    assert await store.timeline(TENANT, SessionId("s-1")) == entries("s-1")
    with pytest.raises(NotFound):
        await store.timeline(TenantId("other"), SessionId("s-1"))


async def test_session_records_are_renewed_listed_newest_first_and_paged(store: Store) -> None:
    await store.write([], [record(number) for number in range(1, 6)])
    await store.write([], [record(3)])
    first = await store.sessions(SessionFilter(tenant=TENANT, limit=3))
    assert [row["id"] for row in first] == ["s-5", "s-4", "s-3"]
    rest = await store.sessions(SessionFilter(tenant=TENANT, before=(first[-1]["started_ns"], first[-1]["id"])))
    assert [row["id"] for row in rest] == ["s-2", "s-1"]
    assert await store.sessions(SessionFilter(tenant=TenantId("other"))) == []


@pytest.mark.parametrize(("text", "found"), [("4003", 1), ("400", 5), ("_%", 5), ("%%", 0), ("'; DROP TABLE", 0)])
async def test_search_takes_the_text_literally(store: Store, text: str, found: int) -> None:
    await store.write([], [record(number) for number in range(1, 6)])
    assert len(await store.sessions(SessionFilter(tenant=TENANT, text=text))) == found


async def test_sessions_left_open_by_a_crash_are_found_and_closed(store: Store) -> None:
    await store.write([], [record(1)])
    assert [row["id"] for row in await store.unfinished()] == ["s-1"]
    await store.mark_crashed(SessionId("s-1"), ended_ns=9, reason="server_crashed")
    assert await store.unfinished() == []


async def test_scribe_has_written_all_when_it_is_closed(store: Store) -> None:
    scribe = Scribe(store)
    scribe.start()
    for entry in entries("s-2"):
        scribe.add_entry(entry)
    scribe.add_session(record(2))
    await scribe.close()
    assert len(await store.timeline(TENANT, SessionId("s-2"))) == len(EVENTS)
    assert await store.session(TENANT, SessionId("s-2")) is not None
