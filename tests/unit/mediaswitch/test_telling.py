"""How a timeline is told outside."""

from mediaswitch import timeline as t
from mediaswitch.clock import MILLISECOND, SECOND, iso_time
from mediaswitch.ids import AgentId, ParticipantId, SessionId, TenantId, TrackId
from mediaswitch.telling import told_entry
from mediaswitch.timeline import Entry, Event, MediaKind

START = 1_800_000_000 * SECOND


def told(event: Event, *, after_ms: int) -> dict[str, object]:
    at = START + after_ms * MILLISECOND
    entry = Entry(tenant=TenantId("default"), session=SessionId("s-1"), seq=3, at=at, event=event)
    return told_entry(entry, started_at=START)


def test_time_is_iso_utc_with_milliseconds() -> None:
    assert iso_time(START + 1_234_567) == "2027-01-15T08:00:00.001Z"


def test_event_has_number_type_and_milliseconds_since_the_start() -> None:
    chat = t.ChatSent(participant=ParticipantId("customer-1"), text="你好")
    assert told(chat, after_ms=1500) == {
        "seq": 3,
        "type": "chat",
        "at_ms": 1500.0,
        "participant": "customer-1",
        "text": "你好",
    }


def test_deadline_of_an_offer_is_a_wall_time() -> None:
    offered = t.Offered(agent=AgentId("ann"), name="Ann", expires_at=START + 20 * SECOND)
    assert told(offered, after_ms=0)["expires_at"] == "2027-01-15T08:00:20.000Z"


def test_segment_is_told_in_the_sessions_own_milliseconds() -> None:
    segment = t.SegmentClosed(
        track=TrackId(7),
        participant=None,
        kind=MediaKind.AUDIO,
        file="7.mka",
        codec="opus",
        start_ns=START,
        end_ns=START + 3 * SECOND,
        packets=150,
        lost=0,
        gaps=((START + SECOND, START + 2 * SECOND),),
    )
    event = told(segment, after_ms=3000)
    assert (event["start_ms"], event["end_ms"], event["gaps"]) == (0.0, 3000.0, [[1000.0, 2000.0]])
    assert "start_ns" not in event
