"""Sessions as JSON."""

from mediaswitch.numbers import Route
from mediaswitch.timeline import Channel
from signaling.web.views import session_answer
from tests.support.quiet_core import open_house


def test_session_tells_legs_and_tracks_under_their_participant() -> None:
    house = open_house(Route(number="1000", flow="main"))
    session = house.exchange.session(house.call("1000", channel=Channel.PHONE))
    answer = session_answer(session).model_dump(mode="json")
    assert (answer["state"], answer["channel"], answer["called"]) == ("ivr", "phone", "1000")
    assert answer["customer"] == {"number": "4001", "name": None}
    customer = answer["participants"][0]
    assert (customer["role"], customer["legs"][0]["kind"], customer["legs"][0]["state"]) == (
        "customer",
        "sip",
        "ringing",
    )
    assert [track["active"] for track in customer["legs"][0]["tracks"]] == [False]
