"""Digits that come by signaling: to the timeline, to those who hear the leg, and under a mask to neither."""

from mediaswitch.exchange import MASKED_DIGIT, RtpMedia
from mediaswitch.numbers import Route
from mediaswitch.timeline import DigitPressed
from tests.support.quiet_core import House, Outside, open_house


def house_with_call() -> House:
    return open_house(Route(number="1000", flow="menu"))


def agreed(events: int | None) -> RtpMedia:
    return RtpMedia(
        remote_ip="192.0.2.1",
        remote_port=4000,
        codec="PCMA",
        payload_type=8,
        clock_rate=8000,
        telephone_event_payload_type=events,
        ptime_ms=20,
        send=True,
        receive=True,
    )


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


def test_a_phone_that_agreed_on_no_events_is_listened_to_until_it_presses_by_signaling() -> None:
    house = house_with_call()
    session = house.call()
    leg = house.exchange.session(session).legs[0]
    track = leg.tracks[0].id
    for events, listened in ((101, set()), (None, {track})):
        house.exchange.configure_rtp(session, leg.id, agreed(events))
        assert house.core.listened == listened
    house.exchange.digit(session, leg.id, "5", duration_ms=90)
    assert house.core.listened == set(), "each press counts once"


def test_tones_are_listened_for_until_people_talk() -> None:
    house = house_with_call()
    house.exchange.dialer = Outside(house.exchange)
    session = house.call()
    house.exchange.start_flow(session, "menu")
    caller = house.exchange.session(session).legs[0]
    house.exchange.configure_rtp(session, caller.id, agreed(None))
    called = house.exchange.dial(session, "sip:bob@example.com")
    house.exchange.configure_rtp(session, called, agreed(None))
    tracks = {leg.tracks[0].id for leg in house.exchange.session(session).legs}
    assert house.core.listened == tracks
    house.exchange.leg_answered(session, called)
    assert house.exchange.session(session).in_conversation
    assert house.core.listened == set(), "what nobody decodes is relayed"
    house.exchange.configure_rtp(session, called, agreed(None))
    assert house.core.listened == set(), "a re-INVITE changes nothing of it"


def test_digits_for_a_leg_go_to_its_port() -> None:
    house = house_with_call()
    session = house.call()
    leg = house.exchange.session(session).legs[0]
    house.exchange.send_digits(session, leg.id, "12#", duration_ms=120)
    assert house.core.sent == [(leg.port, "12#")]
