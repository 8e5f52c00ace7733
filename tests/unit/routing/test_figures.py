"""The service level follows from how today's waits ended."""

from datetime import UTC, date, datetime

from mediaswitch.clock import SECOND
from mediaswitch.ids import DEFAULT_TENANT, AgentId, QueueName, SessionId
from mediaswitch.timeline import Accepted, Dequeued, EndReason, Entry, Event, Offered
from routing.figures import ServiceLevel
from routing.queues import Waiting

NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()) * SECOND
ACCEPTED = Accepted(agent=AgentId("amy"))
LEFT = Dequeued(queue=QueueName("sales"), reason=EndReason.HANGUP)


def utc_day(at: int) -> date:
    return datetime.fromtimestamp(at / SECOND, UTC).date()


def after(level: ServiceLevel, event: Event, *, wait_s: int, at: int = NOON) -> ServiceLevel:
    waiting = Waiting(session=SessionId("s"), priority=0, since=at - wait_s * SECOND)
    entry = Entry(tenant=DEFAULT_TENANT, session=SessionId("s"), seq=1, at=at, event=event)
    return level.count(waiting, entry)


def test_level_is_the_share_answered_within_the_threshold() -> None:
    level = ServiceLevel(threshold_s=20, day_of=utc_day)
    assert level.value(NOON) is None
    level = after(level, ACCEPTED, wait_s=20)
    assert level.value(NOON) == 1.0
    level = after(level, ACCEPTED, wait_s=21)
    level = after(level, LEFT, wait_s=3)
    level = after(level, ACCEPTED, wait_s=0)
    assert level.value(NOON) == 0.5


def test_other_entries_do_not_count() -> None:
    level = ServiceLevel(threshold_s=20, day_of=utc_day)
    assert after(level, Offered(agent=AgentId("amy"), name="Amy", expires_at=0), wait_s=1) == level


def test_midnight_begins_anew() -> None:
    level = after(ServiceLevel(threshold_s=20, day_of=utc_day), LEFT, wait_s=3)
    tomorrow = NOON + 86_400 * SECOND
    assert level.value(tomorrow) is None
    assert after(level, ACCEPTED, wait_s=1, at=tomorrow).value(tomorrow) == 1.0
