"""Session descriptions (RFC 8866) and their exchange (RFC 3264)."""

import pytest

from signaling.sip.errors import SdpError
from signaling.sip.offer_answer import OPUS, PCMA, PCMU, AudioNegotiation, Wish
from signaling.sip.sdp import Media, SessionDescription

BROWSERLIKE = b"""v=0\r
o=mozilla 123 2 IN IP4 192.0.2.1\r
s=call\r
b=AS:84\r
c=IN IP4 192.0.2.1\r
t=3724394400 3724398000\r
a=sendrecv\r
m=video 5002 RTP/AVP 99\r
a=rtpmap:99 H264/90000\r
m=audio 5000 RTP/AVP 111 9 8 0 101 100\r
a=rtpmap:111 opus/48000/2\r
a=rtpmap:101 telephone-event/8000\r
a=rtpmap:100 telephone-event/48000\r
a=ptime:30\r
a=maxptime:120\r
m=audio 5004 RTP/AVP 0\r
"""


def negotiation(*codecs: object) -> AudioNegotiation:
    chosen = codecs or (PCMU, PCMA, OPUS)
    return AudioNegotiation(ip="10.0.0.1", port=4000, session_id=77, codecs=chosen)  # type: ignore[arg-type]


def offer(direction: str = "sendrecv", *, ip: str = "192.0.2.1", media: str = "m=audio 5000 RTP/AVP 0 8") -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", f"c=IN IP4 {ip}", "t=0 0", media, f"a={direction}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def audio(body: bytes) -> tuple[SessionDescription, Media]:
    description = SessionDescription.parse(body)
    return description, next(media for media in description.media if media.kind == "audio" and media.port)


def test_answer_takes_one_audio_stream_and_refuses_every_other_with_port_0() -> None:
    """RFC 3264 §6: as many m-lines, in the same order; §6.1: the offer's payload types."""
    ours = negotiation()
    answer = SessionDescription.parse(ours.answer(BROWSERLIKE, Wish()))
    assert [(m.kind, m.port, m.protocol) for m in answer.media] == [
        ("video", 0, "RTP/AVP"), ("audio", 4000, "RTP/AVP"), ("audio", 0, "RTP/AVP"),
    ]  # fmt: skip
    assert answer.media[1].formats == ("0", "101")
    assert answer.timing == "3724394400 3724398000"
    agreed = ours.agreement
    assert agreed is not None
    assert (agreed.remote_ip, agreed.remote_port, agreed.codec.name, agreed.ptime_ms) == ("192.0.2.1", 5000, "PCMU", 30)
    assert agreed.send
    assert agreed.receive


def test_answer_in_opus_takes_the_telephone_event_of_its_clock_rate() -> None:
    ours = negotiation(OPUS)
    answer = SessionDescription.parse(ours.answer(BROWSERLIKE, Wish()))
    assert answer.media[1].formats == ("111", "100")
    assert answer.media[1].attributes[0] == ("rtpmap", "111 opus/48000/2")
    assert ("fmtp", "100 0-15") in answer.media[1].attributes


@pytest.mark.parametrize(
    ("offered", "wish", "answered", "send", "receive"),
    [
        ("sendrecv", Wish(), "sendrecv", True, True),
        ("sendonly", Wish(), "recvonly", False, True),
        ("recvonly", Wish(), "sendonly", True, False),
        ("inactive", Wish(), "inactive", False, False),
        ("sendrecv", Wish(receive=False), "sendonly", True, False),
        ("sendonly", Wish(receive=False), "inactive", False, False),
        ("recvonly", Wish(receive=False), "sendonly", True, False),
    ],
)
def test_answer_mirrors_the_direction(offered: str, wish: Wish, answered: str, send: bool, receive: bool) -> None:
    """RFC 3264 §6.1."""
    ours = negotiation()
    description, media = audio(ours.answer(offer(offered), wish))
    assert description.direction_of(media) == answered
    assert ours.agreement is not None
    assert (ours.agreement.send, ours.agreement.receive) == (send, receive)


def test_offer_to_address_zero_is_a_hold() -> None:
    """RFC 3264 §8.4, for peers of RFC 2543."""
    ours = negotiation()
    description, media = audio(ours.answer(offer(ip="0.0.0.0"), Wish()))
    assert description.direction_of(media) == "recvonly"


def test_direction_of_the_session_applies_where_the_media_says_nothing() -> None:
    body = offer().replace(b"a=sendrecv\r\n", b"").replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n")
    description, media = audio(body)
    assert description.direction_of(media) == "sendonly"


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 5000 RTP/SAVP 0",
        "m=audio 5000 RTP/AVP 18 3",
        "m=audio 0 RTP/AVP 0",
        "m=video 5000 RTP/AVP 0",
        "m=audio 5000 RTP/AVP 96",
    ],
)
def test_offer_without_common_ground_is_refused_with_488_and_changes_nothing(media: str) -> None:
    ours = negotiation()
    ours.answer(offer(), Wish())
    before = ours.agreement
    with pytest.raises(SdpError) as caught:
        ours.answer(offer(media=media), Wish())
    assert caught.value.status == 488
    assert ours.agreement is before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"v=0\r\ns=-\r\n",
        offer().replace(b"o=- 1 1", b"o=- 1 -1"),
        offer().replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o=- 1 1 IN IP4"),
        offer().replace(b"c=IN IP4 192.0.2.1\r\n", b""),
        offer().replace(b"c=IN IP4", b"c=IN IP9"),
        offer().replace(b"5000", b"70000"),
        offer().replace(b"5000", b"-1"),
        offer().replace(b"RTP/AVP 0 8", b"RTP/AVP"),
        offer().replace(b"t=0 0", b"t=0"),
        offer().replace(b"a=sendrecv", b"asendrecv"),
        offer() + b"m=audio 0 RTP/AVP 0\r\n" * 40,
        offer() + b"a=x\r\n" * 1001,
    ],
)
def test_malformed_description_is_refused_with_400(body: bytes) -> None:
    with pytest.raises(SdpError) as caught:
        negotiation().answer(body, Wish())
    assert caught.value.status == 400


def test_version_grows_by_one_only_when_the_description_changes() -> None:
    """RFC 3264 §8."""
    ours = negotiation()
    bodies = [offer(), offer(), offer("sendonly"), offer("sendonly"), offer()]
    versions = [SessionDescription.parse(ours.answer(body, Wish())).origin.version for body in bodies]
    assert versions == [77, 77, 78, 78, 79]


def test_our_offer_lists_codecs_in_our_order_and_the_answer_chooses() -> None:
    ours = negotiation()
    description, media = audio(ours.make_offer(Wish()))
    assert [m.name for m in media.rtpmaps()] == ["PCMU", "PCMA", "opus", "telephone-event", "telephone-event"]
    assert description.address_of(media) == "10.0.0.1"
    agreed = ours.accept_answer(offer(media="m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000"))
    assert (agreed.codec.name, agreed.remote_port, agreed.ptime_ms) == ("PCMA", 6000, 20)
    assert agreed.events is not None
    assert agreed.events.payload_type == 101


def test_our_later_offer_keeps_sections_and_payload_types_of_the_first_exchange() -> None:
    """RFC 3264 §8, §8.3.2."""
    ours = negotiation(OPUS)
    ours.answer(BROWSERLIKE, Wish())
    description = SessionDescription.parse(ours.make_offer(Wish(receive=False)))
    assert [(m.kind, m.port) for m in description.media] == [("video", 0), ("audio", 4000), ("audio", 0)]
    assert description.media[1].formats == ("111", "100")
    assert description.direction_of(description.media[1]) == "sendonly"
    assert description.origin.version == 78


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (offer(media="m=audio 0 RTP/AVP 0"), 488),
        (offer(media="m=audio 5000 RTP/AVP 18"), 488),
        (offer(media="m=video 5000 RTP/AVP 0"), 488),
        (offer() + b"m=audio 0 RTP/AVP 0\r\n", 400),
    ],
)
def test_answer_that_does_not_fit_our_offer_is_refused(body: bytes, status: int) -> None:
    ours = negotiation()
    ours.make_offer(Wish())
    with pytest.raises(SdpError) as caught:
        ours.accept_answer(body)
    assert caught.value.status == status


def test_offer_that_came_to_nothing_leaves_the_agreement_and_never_reuses_its_version() -> None:
    ours = negotiation()
    ours.answer(offer(), Wish())
    saved = ours.save()
    ours.make_offer(Wish(receive=False))
    ours.restore(saved)
    assert not ours.has_offered
    assert ours.agreement == saved.agreement
    assert SessionDescription.parse(ours.make_offer(Wish(receive=False))).origin.version == 79


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [("", 20), ("a=ptime:30", 30), ("a=ptime:25", 20), ("a=ptime:x", 20), ("a=ptime:40\r\na=maxptime:20", 20)],
)
def test_packet_length_is_what_the_peer_asked_for_if_we_can(attributes: str, ptime: int) -> None:
    ours = negotiation()
    ours.answer(offer(media="m=audio 5000 RTP/AVP 0" + (f"\r\n{attributes}" if attributes else "")), Wish())
    assert ours.agreement is not None
    assert ours.agreement.ptime_ms == ptime


def test_description_of_ipv6_is_read_and_written() -> None:
    ours = AudioNegotiation(ip="2001:db8::1", port=4000, session_id=1, codecs=[PCMU])
    body = ours.answer(offer().replace(b"c=IN IP4 192.0.2.1", b"c=IN IP6 2001:db8::9"), Wish())
    assert b"c=IN IP6 2001:db8::1\r\n" in body
    assert ours.agreement is not None
    assert ours.agreement.remote_ip == "2001:db8::9"


@pytest.mark.parametrize(
    ("attribute", "asked"),
    [
        ("", False),
        ("a=rtcp-xr:rcvr-rtt=all:10000", False),
        ("a=rtcp-xr:rcvr-rtt=all:10000 voip-metrics", True),
        ("a=rtcp-xr:voip-metrics", True),
    ],
)
def test_voip_metrics_are_agreed_where_the_peer_asks(attribute: str, *, asked: bool) -> None:
    """RFC 3611 §5.1."""
    ours = negotiation()
    media = "\r\n".join(filter(None, ("m=audio 5000 RTP/AVP 0", attribute)))
    answers = [audio(body)[1] for body in (ours.answer(offer(media=media), Wish()), ours.make_offer(Wish()))]
    assert [("rtcp-xr", "voip-metrics") in answer.attributes for answer in answers] == [asked, asked]
    assert ours.agreement is not None
    assert ours.agreement.voip_metrics is asked
