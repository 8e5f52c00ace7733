"""Digits that come by signaling: to the timeline, to those who hear the leg, and under a mask to neither."""

from mediaswitch.exchange import MASKED_DIGIT
from mediaswitch.numbers import Route
from mediaswitch.timeline import DigitPressed
from tests.support.quiet_core import House, open_house


def house_with_call() -> House:
    return open_house(Route(number="1000", flow="menu"))


def test_a_digit_is_told_and_relayed() -> None:
    house = house_with_call()
    session = house.call()
    leg = house.exchange.session(session).legs[0]
    house.exchange.digit(session, leg.id, "7", duration_ms=90)
    assert [event.digit for event in house.events(session) if isinstance(event, DigitPressed)] == ["7"]
    assert house.core.relayed == [(leg.tracks[0].id, "7")]


def test_under_a_mask_a_digit_is_counted_and_nothing_else() -> None:
    house = house_with_call()
    session = house.call()
    leg = house.exchange.session(session).legs[0]
    house.exchange.mask_digits(session, leg.id, on=True)
    assert house.core.masked == {leg.tracks[0].id}
    house.exchange.digit(session, leg.id, "4", duration_ms=90)
    house.exchange.mask_digits(session, leg.id, on=False)
    house.exchange.digit(session, leg.id, "2", duration_ms=90)
    told = [event.digit for event in house.events(session) if isinstance(event, DigitPressed)]
    assert told == [MASKED_DIGIT, "2"]
    assert house.core.relayed == [(leg.tracks[0].id, "2")]
    assert house.core.masked == set()
