"""How a call goes that we make: who is listened to, by which tones, and what the timeline tells of it."""

import pytest

from mediaswitch import _core
from mediaswitch.errors import Refused
from mediaswitch.ids import LegId, SessionId
from mediaswitch.numbers import Route
from mediaswitch.timeline import CallProgress, CallSignal, Role
from mediaswitch.tones import TONES, Signal
from tests.support.quiet_core import House, Outside, open_house


def dialled(watch: str | None) -> tuple[House, SessionId, LegId]:
    house = open_house(Route(number="1000", flow="menu"))
    house.exchange.dialer = Outside(house.exchange)
    session = house.call()
    house.exchange.start_flow(session, "menu")
    return house, session, house.exchange.dial(session, "sip:bob@example.com", watch=watch)


def test_a_watched_call_is_listened_to_by_the_tones_of_its_country_and_once_answered_for_who_it_is() -> None:
    house, session, leg = dialled("DE")
    track = house.exchange.session(session).leg(leg).tracks[0].id
    watched = house.core.watched[track]
    assert watched is not None
    assert [tone[0] for tone in watched] == ["ring_back", "busy", "congestion"]
    assert watched[1] == ("busy", [425.0], list(TONES["DE"][Signal.BUSY].cadence_ms))
    assert house.core.answered == []
    house.exchange.leg_answered(session, leg)
    assert house.core.answered == [track]


def test_what_the_core_hears_is_told_of_the_one_who_was_called() -> None:
    house, session, leg = dialled("US")
    track = house.exchange.session(session).leg(leg).tracks[0].id
    for signal in ("ring_back", "human"):
        house.core.tell(_core.CallProgress(track=track, signal=signal, at_ns=0))
    outside = house.exchange.session(session).participant_with_role(Role.EXTERNAL)
    told = [event for event in house.events(session) if isinstance(event, CallProgress)]
    assert told == [
        CallProgress(participant=outside.id, signal=CallSignal.RING_BACK),
        CallProgress(participant=outside.id, signal=CallSignal.HUMAN),
    ]


def test_a_call_is_not_listened_to_unless_that_was_asked_for() -> None:
    house, session, leg = dialled(None)
    house.exchange.leg_answered(session, leg)
    assert (house.core.watched, house.core.answered) == ({}, [])


def test_a_country_without_tones_is_refused_before_anybody_is_called() -> None:
    house = open_house(Route(number="1000", flow="menu"))
    house.exchange.dialer = Outside(house.exchange)
    session = house.call()
    with pytest.raises(Refused, match="XX"):
        house.exchange.dial(session, "sip:bob@example.com", watch="XX")
    assert len(house.exchange.session(session).legs) == 1


def test_every_signal_of_the_core_has_its_place_on_the_timeline() -> None:
    assert {signal.value for signal in (Signal.RING_BACK, Signal.BUSY, Signal.CONGESTION)} <= set(CallSignal)
