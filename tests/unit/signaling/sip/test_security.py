"""SDES (RFC 4568) and opportunistic SRTP (RFC 8643) in offers and answers."""

import base64
from collections.abc import Callable
from itertools import count

import pytest

from signaling.sip.errors import SdpError
from signaling.sip.offer_answer import PCMU, AudioAgreement, AudioNegotiation, Wish
from signaling.sip.sdp import Media, SessionDescription
from signaling.sip.security import SUITES, Crypto, Security, SrtpPolicy

GCM, SHA1 = "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"
OFF, OPTIONAL, REQUIRED = SrtpPolicy


def numbered_keys() -> Callable[[int], bytes]:
    """Keys of 1s, then of 2s, and so on."""
    numbers = count(1)
    return lambda length: bytes([next(numbers)]) * length


def ours(policy: SrtpPolicy) -> AudioNegotiation:
    security = Security(policy=policy, new_key=numbered_keys())
    return AudioNegotiation(ip="10.0.0.1", port=4000, session_id=77, codecs=[PCMU], security=security)


def line(tag: int, suite: str, byte: int, *, more: str = "") -> str:
    key = base64.b64encode(bytes([byte]) * SUITES[suite]).decode()
    return f"a=crypto:{tag} {suite} inline:{key}{more}"


def offer(*lines: str, protocol: str = "RTP/SAVP") -> bytes:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio 5000 {protocol} 0"]
    return "".join(f"{each}\r\n" for each in (*head, *lines)).encode()


def answered(negotiation: AudioNegotiation, body: bytes) -> tuple[Media, AudioAgreement]:
    media = SessionDescription.parse(negotiation.answer(body, Wish())).media[0]
    assert negotiation.agreement is not None
    return media, negotiation.agreement


def keys(agreement: AudioAgreement) -> tuple[str, int, int]:
    """The suite, and the byte of which each key consists."""
    assert agreement.srtp is not None
    return agreement.srtp.ours.suite, agreement.srtp.ours.key[0], agreement.srtp.theirs.key[0]


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/AVP"])
def test_answer_prefers_gcm_repeats_its_tag_and_the_protocol_and_carries_our_key(protocol: str) -> None:
    media, agreement = answered(ours(OPTIONAL), offer(line(1, SHA1, 8), line(7, GCM, 9), protocol=protocol))
    assert media.protocol == protocol
    assert media.attribute("crypto") == f"7 {GCM} inline:{base64.b64encode(bytes([1]) * 28).decode()}"
    assert keys(agreement) == (GCM, 1, 9)


def test_answer_takes_the_short_tag_where_nothing_better_is_offered() -> None:
    _, agreement = answered(ours(REQUIRED), offer(line(1, "AES_CM_128_HMAC_SHA1_32", 8)))
    assert keys(agreement) == ("AES_CM_128_HMAC_SHA1_32", 1, 8)


def test_both_keys_stay_over_re_invite_and_hold_and_both_change_when_the_peers_does() -> None:
    ends = ours(OPTIONAL)
    assert keys(answered(ends, offer(line(1, SHA1, 8)))[1]) == (SHA1, 1, 8)
    assert keys(answered(ends, offer(line(1, SHA1, 8), "a=sendonly"))[1]) == (SHA1, 1, 8)
    media, agreement = answered(ends, offer(line(1, GCM, 5), line(4, SHA1, 8)))
    assert keys(agreement) == (SHA1, 1, 8), "the line it knows, whatever its tag now"
    assert (media.attribute("crypto") or "").startswith("4 ")
    assert keys(answered(ends, offer(line(1, SHA1, 9)))[1]) == (SHA1, 2, 9)


def test_our_later_offer_has_the_same_key_and_protocol() -> None:
    ends = ours(OPTIONAL)
    media, _ = answered(ends, offer(line(3, GCM, 8)))
    again = SessionDescription.parse(ends.make_offer(Wish(send=True, receive=False))).media[0]
    assert (again.protocol, again.attribute("crypto")) == (media.protocol, media.attribute("crypto"))
    assert keys(ends.accept_answer(offer(line(3, GCM, 8)))) == (GCM, 1, 8)


@pytest.mark.parametrize(("policy", "protocol"), [(OPTIONAL, "RTP/AVP"), (REQUIRED, "RTP/SAVP")])
def test_our_offer_has_a_key_for_each_suite_and_takes_the_one_that_is_answered(
    policy: SrtpPolicy, protocol: str
) -> None:
    ends = ours(policy)
    media = SessionDescription.parse(ends.make_offer(Wish())).media[0]
    lines = [Crypto.parse(value or "") for name, value in media.attributes if name == "crypto"]
    assert media.protocol == protocol
    assert [each and (each.suite, each.key[0]) for each in lines] == [(GCM, 1), ("AEAD_AES_256_GCM", 2), (SHA1, 3)]
    assert keys(ends.accept_answer(offer(line(3, SHA1, 8), protocol=protocol))) == (SHA1, 3, 8)


def test_answer_without_keys_is_plain_where_that_is_allowed_and_refused_where_not() -> None:
    relaxed, strict = ours(OPTIONAL), ours(REQUIRED)
    relaxed.make_offer(Wish())
    assert relaxed.accept_answer(offer(protocol="RTP/AVP")).srtp is None
    strict.make_offer(Wish())
    for body in (offer(), offer(line(9, GCM, 8)), offer(line(1, SHA1, 8)), offer(protocol="RTP/AVP")):
        with pytest.raises(SdpError) as refused:
            strict.accept_answer(body)
        assert refused.value.status == 488


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        (REQUIRED, offer(protocol="RTP/AVP")),
        (OFF, offer(line(1, GCM, 8))),
        (OPTIONAL, offer()),
        (OPTIONAL, offer("a=crypto:1 AES_192 inline:AAAA")),
    ],
)
def test_offer_against_the_policy_is_refused(policy: SrtpPolicy, body: bytes) -> None:
    with pytest.raises(SdpError) as refused:
        ours(policy).answer(body, Wish())
    assert refused.value.status == 488


def test_policy_off_answers_an_opportunistic_offer_in_the_clear() -> None:
    media, agreement = answered(ours(OFF), offer(line(1, GCM, 8), protocol="RTP/AVP"))
    assert (media.attribute("crypto"), agreement.srtp) == (None, None)


def test_a_stream_offered_with_and_without_srtp_is_taken_with() -> None:
    body = offer(protocol="RTP/AVP") + b"m=audio 5002 RTP/SAVP 0\r\n" + line(1, GCM, 8).encode() + b"\r\n"
    ends = ours(OPTIONAL)
    answer = SessionDescription.parse(ends.answer(body, Wish()))
    assert [media.port for media in answer.media] == [0, 4000]


def test_rtcp_mux_is_answered_where_it_is_offered_and_offered_by_us() -> None:
    ends = ours(OFF)
    media, agreement = answered(ends, offer(protocol="RTP/AVP"))
    assert (media.attribute("rtcp-mux"), agreement.rtcp_mux) == (None, False)
    media, agreement = answered(ends, offer("a=rtcp-mux", protocol="RTP/AVP"))
    assert (media.attribute("rtcp-mux"), agreement.rtcp_mux) == ("", True)
    ends = ours(OFF)
    assert SessionDescription.parse(ends.make_offer(Wish())).media[0].attribute("rtcp-mux") == ""
    assert not ends.accept_answer(offer(protocol="RTP/AVP")).rtcp_mux


KEY = base64.b64encode(bytes(30)).decode()


@pytest.mark.parametrize(
    "value",
    [
        f"1 {SHA1} inline:{KEY}|2^20", f"1 {SHA1} INLINE:{KEY}", f"9 {SHA1} inline:{KEY} WSH=128",
        f"1  {SHA1}  inline:{KEY}",
    ],
)  # fmt: skip
def test_lifetimes_and_hints_are_no_hindrance(value: str) -> None:
    assert Crypto.parse(value) == Crypto(value.split()[0], SHA1, bytes(30))


@pytest.mark.parametrize(
    "value",
    [
        "", "1", f"1 {SHA1}", f"x {SHA1} inline:{KEY}", f"1234567890 {SHA1} inline:{KEY}", f"1 {SHA1} uri:{KEY}",
        f"1 {SHA1} inline:{KEY[:-4]}", f"1 {SHA1} inline:{KEY}AAAA", f"1 {SHA1} inline:****", f"1 {SHA1} inline:",
        f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", f"1 {SHA1} inline:{KEY}|1:4", f"1 {SHA1} inline:{KEY}|2^20|1:4",
        f"1 {SHA1} inline:{KEY};inline:{KEY}", f"1 {SHA1} inline:{KEY} UNENCRYPTED_SRTP", f"1 {SHA1} inline:é",
        f"1 {SHA1} inline:{KEY} KDR=3",
    ],
)  # fmt: skip
def test_lines_that_are_malformed_or_ask_for_more_are_not_chosen(value: str) -> None:
    assert Crypto.parse(value) is None


def test_a_key_is_never_shown() -> None:
    _, agreement = answered(ours(OPTIONAL), offer(line(1, GCM, 0x41)))
    assert "AAAA" not in repr(agreement)
    assert "key" not in repr(agreement)
