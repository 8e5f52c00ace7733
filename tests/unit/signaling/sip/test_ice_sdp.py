"""ICE (RFC 8839) in offers and answers, as a lite agent; and the address family of a port."""

from itertools import count

import pytest

from signaling.sip.errors import SdpError
from signaling.sip.ice import IceCredentials, IceSide
from signaling.sip.offer_answer import PCMU, AudioNegotiation, Wish, wants_ipv6
from signaling.sip.sdp import SessionDescription

UFRAG, PASSWORD = "f00d", "p" * 22


def ours(*, offers: bool = False, ip: str = "10.0.0.1") -> AudioNegotiation:
    numbers = count(1)
    ice = IceSide(new_key=lambda length: bytes([next(numbers)]) * length, offers=offers)
    return AudioNegotiation(ip=ip, port=4000, session_id=77, codecs=[PCMU], ice=ice)


def description(*lines: str, head: tuple[str, ...] = (), address: str = "192.0.2.1") -> bytes:
    family = "IP6" if ":" in address else "IP4"
    session = ["v=0", f"o=- 1 1 IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0", *head]
    return "".join(f"{each}\r\n" for each in (*session, "m=audio 5000 RTP/AVP 0", *lines)).encode()


def ice(ufrag: str = UFRAG, password: str = PASSWORD) -> tuple[str, ...]:
    return f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}"


def test_offer_with_ice_is_answered_as_a_lite_agent_with_a_host_candidate_for_each_component() -> None:
    for mux in (True, False):
        negotiation = ours()
        lines = (*ice(), "a=rtcp-mux") if mux else ice()
        answer = SessionDescription.parse(negotiation.answer(description(*lines), Wish()))
        assert answer.attributes == (("ice-lite", None),)
        candidates = [value for name, value in answer.media[0].attributes if name == "candidate"]
        expected = ["1 1 UDP 2130706431 10.0.0.1 4000 typ host", "1 2 UDP 2130706430 10.0.0.1 4001 typ host"]
        assert candidates == expected[: 1 if mux else 2]
        assert negotiation.agreement is not None
        assert negotiation.agreement.ice is not None
        assert negotiation.agreement.ice.theirs == IceCredentials(UFRAG, PASSWORD)
        assert answer.media[0].attribute("ice-pwd") == negotiation.agreement.ice.ours.password


@pytest.mark.parametrize(
    ("lines", "head"),
    [
        ((), ()),
        (ice(ufrag="abc"), ()),
        (ice(password="short"), ()),
        (ice(ufrag="a b c d"), ()),
        (ice(password="p" * 257), ()),
        (ice()[:1], ()),
        (ice(), ("a=ice-lite",)),
    ],
)
def test_offer_without_proper_ice_or_of_another_lite_agent_is_answered_without(
    lines: tuple[str, ...], head: tuple[str, ...]
) -> None:
    negotiation = ours()
    answer = negotiation.answer(description(*lines, head=head), Wish())
    assert b"ice" not in answer
    assert negotiation.agreement is not None
    assert negotiation.agreement.ice is None


def test_restart_of_the_peer_brings_new_credentials_of_ours_and_nothing_else_does() -> None:
    negotiation = ours()
    passwords = []
    for body in (description(*ice()), description(*ice(), "a=sendonly"), description(*ice(ufrag="beef"))):
        answer = SessionDescription.parse(negotiation.answer(body, Wish()))
        passwords.append(answer.media[0].attribute("ice-pwd"))
    assert passwords[0] == passwords[1] != passwords[2]


def test_our_offer_has_ice_where_it_is_wanted_and_goes_without_if_the_answer_does() -> None:
    assert b"ice" not in ours().make_offer(Wish())
    negotiation = ours(offers=True)
    offer = SessionDescription.parse(negotiation.make_offer(Wish()))
    assert offer.attributes == (("ice-lite", None),)
    agreement = negotiation.accept_answer(description(head=ice()))
    assert agreement.ice is not None
    assert agreement.ice.ours.ufrag == offer.media[0].attribute("ice-ufrag")
    again = SessionDescription.parse(negotiation.make_offer(Wish()))
    assert again.media[0].attribute("ice-pwd") == offer.media[0].attribute("ice-pwd")
    plain = ours(offers=True)
    plain.make_offer(Wish())
    assert plain.accept_answer(description()).ice is None
    assert b"ice" not in plain.make_offer(Wish())


def test_family_of_an_offer_is_that_of_its_audio_and_a_port_of_the_other_refuses_it() -> None:
    six = description(address="2001:db8::1")
    assert (wants_ipv6(six), wants_ipv6(description())) == (True, False)
    with pytest.raises(SdpError) as refused:
        ours().answer(six, Wish())
    assert refused.value.status == 488
    negotiation = ours(ip="2001:db8::5")
    assert b"c=IN IP6 2001:db8::5" in negotiation.answer(six, Wish())
    negotiation.answer(description(address="0.0.0.0"), Wish())
    assert negotiation.agreement is not None
    assert not negotiation.agreement.send
