"""DTLS-SRTP (RFC 5763) in offers and answers: who takes what, in which role, and what keeps an association."""

import pytest

from signaling.sip.dtls import Fingerprint
from signaling.sip.errors import SdpError
from signaling.sip.offer_answer import PCMU, AudioAgreement, AudioNegotiation, Wish
from signaling.sip.sdp import Media, SessionDescription
from signaling.sip.security import Keying, Security, SrtpPolicy

OFF, OPTIONAL, REQUIRED = SrtpPolicy
OURS, THEIRS, OTHERS = (Fingerprint("sha-256", bytes([byte]) * 32) for byte in (1, 2, 3))
SDES_LINE = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
PROTOCOL = "UDP/TLS/RTP/SAVP"


def ours(policy: SrtpPolicy = OPTIONAL, keying: Keying = Keying.SDES) -> AudioNegotiation:
    security = Security(policy=policy, keying=keying, new_key=lambda length: bytes(length), fingerprint=OURS)
    return AudioNegotiation(ip="10.0.0.1", port=4000, session_id=77, codecs=[PCMU], security=security)


def description(*lines: str, protocol: str = PROTOCOL, head: tuple[str, ...] = ()) -> bytes:
    session = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", *head]
    return "".join(f"{each}\r\n" for each in (*session, f"m=audio 5000 {protocol} 0", *lines)).encode()


def lines_of(fingerprint: Fingerprint, setup: str | None = "actpass") -> tuple[str, ...]:
    line = f"a=fingerprint:{fingerprint.render()}"
    return (line,) if setup is None else (line, f"a=setup:{setup}")


def answered(negotiation: AudioNegotiation, body: bytes) -> tuple[Media, AudioAgreement]:
    media = SessionDescription.parse(negotiation.answer(body, Wish())).media[0]
    assert negotiation.agreement is not None
    return media, negotiation.agreement


@pytest.mark.parametrize(
    ("theirs", "answer"), [("actpass", "active"), ("passive", "active"), ("active", "passive"), (None, "passive")]
)
def test_answer_begins_the_handshake_wherever_the_offer_lets_it(theirs: str | None, answer: str) -> None:
    media, agreement = answered(ours(), description(*lines_of(THEIRS, theirs)))
    assert (media.protocol, media.attribute("setup")) == (PROTOCOL, answer)
    assert media.attribute("fingerprint") == OURS.render()
    assert agreement.dtls is not None
    assert agreement.srtp is None
    assert (agreement.dtls.theirs, agreement.dtls.active) == (THEIRS, answer == "active")


def test_fingerprint_of_the_session_holds_for_its_audio_and_the_strongest_counts() -> None:
    weak = Fingerprint("sha-1", bytes(20))
    head = (*lines_of(weak, None), *lines_of(THEIRS))
    _, agreement = answered(ours(), description(head=head))
    assert agreement.dtls is not None
    assert agreement.dtls.theirs == THEIRS
    _, agreement = answered(ours(), description(*lines_of(OTHERS), head=head))
    assert agreement.dtls is not None
    assert agreement.dtls.theirs == OTHERS


@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"])
def test_every_protocol_that_carries_a_fingerprint_is_taken(protocol: str) -> None:
    media, agreement = answered(ours(REQUIRED), description(*lines_of(THEIRS), protocol=protocol))
    assert media.protocol == protocol
    assert agreement.dtls is not None


@pytest.mark.parametrize("keying", Keying)
def test_who_offers_both_keyings_gets_the_one_we_offer_ourselves(keying: Keying) -> None:
    media, agreement = answered(ours(keying=keying), description(SDES_LINE, *lines_of(THEIRS), protocol="RTP/AVP"))
    assert (agreement.dtls is not None, agreement.srtp is not None) == (keying is Keying.DTLS, keying is Keying.SDES)
    assert (media.attribute("crypto") is None) == (keying is Keying.DTLS)


@pytest.mark.parametrize(
    "body",
    [
        description(),
        description("a=fingerprint:md5 " + ":".join(["00"] * 16)),
        description("a=fingerprint:sha-256 " + ":".join(["00"] * 31)),
        description("a=fingerprint:sha-256 " + ":".join(["zz"] * 32)),
        description("a=fingerprint:sha-256 " + ":".join(["0"] * 32)),
        description("a=fingerprint:"),
        description(SDES_LINE),
    ],
)
def test_handshake_without_a_proper_fingerprint_is_refused(body: bytes) -> None:
    with pytest.raises(SdpError) as refused:
        ours().answer(body, Wish())
    assert refused.value.status == 488


def test_handshake_is_refused_where_media_must_be_plain() -> None:
    with pytest.raises(SdpError):
        ours(OFF).answer(description(*lines_of(THEIRS)), Wish())
    _, agreement = answered(ours(OFF), description(*lines_of(THEIRS), protocol="RTP/AVP"))
    assert agreement.dtls is None


def test_later_offer_keeps_role_and_association_and_another_certificate_begins_a_new_one() -> None:
    negotiation = ours()
    answered(negotiation, description(*lines_of(THEIRS, "active")))
    media, kept = answered(negotiation, description(*lines_of(THEIRS, "actpass")))
    assert media.attribute("setup") == "passive"
    assert kept.dtls is not None
    assert not kept.dtls.active
    media, begun = answered(negotiation, description(*lines_of(OTHERS, "actpass")))
    assert media.attribute("setup") == "active"
    assert begun.dtls is not None
    assert begun.dtls.theirs == OTHERS


@pytest.mark.parametrize(("policy", "protocol"), [(REQUIRED, PROTOCOL), (OPTIONAL, "RTP/AVP")])
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_offer_leaves_the_role_open_and_a_later_one_says_it(policy: SrtpPolicy, protocol: str, setup: str) -> None:
    negotiation = ours(policy, Keying.DTLS)
    offer = SessionDescription.parse(negotiation.make_offer(Wish())).media[0]
    assert (offer.protocol, offer.attribute("setup"), offer.attribute("crypto")) == (protocol, "actpass", None)
    agreement = negotiation.accept_answer(description(*lines_of(THEIRS, setup), protocol=protocol))
    assert agreement.dtls is not None
    assert agreement.dtls.active == (setup == "passive")
    again = SessionDescription.parse(negotiation.make_offer(Wish(receive=False))).media[0]
    assert again.attribute("setup") == ("active" if setup == "passive" else "passive")
    # A peer that answers the later offer with another role means the same association.
    kept = negotiation.accept_answer(description(*lines_of(THEIRS, "active"), protocol=protocol))
    assert kept.dtls == agreement.dtls


def test_answer_without_fingerprint_leaves_plain_media_only_where_that_is_allowed() -> None:
    optional = ours(OPTIONAL, Keying.DTLS)
    optional.make_offer(Wish())
    assert optional.accept_answer(description(protocol="RTP/AVP")).dtls is None
    for answer in (description(), description(protocol="RTP/AVP")):
        required = ours(REQUIRED, Keying.DTLS)
        required.make_offer(Wish())
        with pytest.raises(SdpError):
            required.accept_answer(answer)
