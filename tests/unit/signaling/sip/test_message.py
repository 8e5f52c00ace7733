"""RFC 3261 §7 and the torture tests of RFC 4475, in our own words."""

import pytest

from signaling.sip.errors import ParseError
from signaling.sip.headers import CSeq, Headers, NameAddr, Via
from signaling.sip.limits import MAX_HEADER_LINES, MAX_LINE_CHARS, MAX_LIST_VALUES, MAX_MESSAGE_BYTES
from signaling.sip.message import BadRequest, Request, Response, parse_message
from signaling.sip.reply import make_response, make_stateless_reply

TORTUOUS = (
    b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
    b"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
    b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
    b"MaX-fOrWaRdS: 0068\r\n"
    b"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n"
    b"Content-Length   : 4\r\n"
    b"cseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\n"
    b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
    b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
    b'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n'
    b"  secondparam ; q = 0.33\r\n\r\n"
    b"v=0\r\n"
)
PLAIN = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h:5061;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
)


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_parser_reads_the_short_tortuous_invite() -> None:
    """RFC 4475 §3.1.1.1: folding, white space everywhere, compact and odd names, several Via values."""
    request = parsed(TORTUOUS)
    assert request.to.uri.user == "vivekg"
    assert (request.to.tag, request.from_.tag) == ("1918181833n", "98asjd8")
    assert request.from_.name == 'J Rosenberg \\"'
    assert request.cseq == CSeq(9, "INVITE")
    assert [Via.parse(v).host for v in request.headers.values("via")] == [
        "192.0.2.2", "spindle.example.com", "192.168.255.111",
    ]  # fmt: skip
    assert request.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert request.contacts()[0].param("q") == "0.33"
    assert request.body == b"v=0\r"
    again = parsed(request.to_bytes())
    assert list(again.headers) == list(request.headers)
    assert again.body == request.body


def test_parser_resolves_compact_names_and_any_case() -> None:
    request = parsed(
        b"OPTIONS sip:a@b SIP/2.0\r\nV: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:x@y>;tag=1\r\nt: <sip:a@b>\r\n"
        b"I: c\r\ncSEQ: 1 OPTIONS\r\nc: application/sdp\r\nl: 0\r\n\r\n"
    )
    assert request.call_id == "c"
    assert request.content_type == "application/sdp"
    assert b"\r\nCall-ID: c\r\n" in request.to_bytes()


def test_parser_keeps_bytes_that_are_not_utf8() -> None:
    request = parsed(PLAIN.replace(b"<sip:x@y>", b'"\xff\xfe" <sip:x@y>'))
    assert b'"\xff\xfe"' in make_response(request, 200, to_tag="t").to_bytes()


def test_parser_ignores_octets_beyond_content_length() -> None:
    """§18.3."""
    assert parsed(PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nabcdef")).body == b"ab"


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"OPTIONS sip:a@b SIP/2.0", b"OPTIONS sip:a@b SIP/7.0", 505),
        (b"OPTIONS sip:a@b SIP/2.0", b"OPT\xc3\xa4ONS sip:a@b SIP/2.0", 400),
        (b"OPTIONS sip:a@b SIP/2.0", b"OPTIONS  sip:a@b SIP/2.0", 400),
        (b"OPTIONS sip:a@b SIP/2.0", b"OPTIONS sip:a@b  SIP/2.0", 400),
        (b"OPTIONS sip:a@b SIP/2.0", b"OPTIONS sip:a@b", 400),
        (b"OPTIONS sip:a@b SIP/2.0", b"OPTIONS <sip:a@b> lr SIP/2.0", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nCall-ID: d", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nContent-Length: 99", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nContent-Length: -1", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nContent-Length: 1_0", 400),
        (b"Call-ID: c", b"Call-ID: c\r\n: no name", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nno colon", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nBad Name: x", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nX: a\rb", 400),
        (b"Call-ID: c", b"Call-ID: c\r\nX: a\nInjected: b", 400),
        (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE", 400),
        (b"CSeq: 1 OPTIONS", b"CSeq: 36893488147419103232 OPTIONS", 400),
        (b"CSeq: 1 OPTIONS", b"CSeq: one OPTIONS", 400),
        (b"To: <sip:a@b>", b"To: <sip:a@b", 400),
        (b"To: <sip:a@b>", b'To: "a <sip:a@b>', 400),
        (b"To: <sip:a@b>", b"To: <sip:a@b>;tag=1;tag=2", 400),
        (b"To: <sip:a@b>", b"To: <sip:a@b:0>", 400),
        (b"To: <sip:a@b>", b"To: <sip:a@b:99999>", 400),
        (b"To: <sip:a@b>", b"To: <sip:a@[::z]>", 400),
        (b"To: <sip:a@b>", b"To: <http://x>", 416),
        (b"Max-Forwards: 70", b"Max-Forwards: 256", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: x", 400),
        (b"Max-Forwards: 70", b"X: " + b"a" * MAX_LINE_CHARS, 400),
    ],
)
def test_bad_request_is_refused_with_a_reply_to_its_sender(old: bytes, new: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_message(PLAIN.replace(old, new))
    assert caught.value.status == status
    reply = make_stateless_reply(caught.value)
    assert reply.startswith(f"SIP/2.0 {status} ".encode())
    assert b"branch=z9hG4bK1" in reply
    assert b"Injected" not in reply.replace(b"Warning", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 100,
        b"hello\r\n\r\n",
        PLAIN[:-2],
        PLAIN.replace(b"Via: ", b"Xia: "),
        PLAIN.replace(b"SIP/2.0/UDP", b"SIP/3.0/UDP"),
        PLAIN.replace(b"h:5061", b"h:"),
        PLAIN.replace(b"From: ", b"Xrom: "),
        PLAIN.replace(b"OPTIONS", b"ACK").replace(b"Call-ID: c", b"Call-ID: c\r\nbad"),
        PLAIN.replace(b"\r\n\r\n", b"\r\n" + b"a: b\r\n" * MAX_HEADER_LINES + b"\r\n"),
        PLAIN.replace(b"\r\n\r\n", b"\r\nVia: " + b"a," * MAX_LIST_VALUES + b"b\r\n\r\n"),
        PLAIN + b"x" * MAX_MESSAGE_BYTES,
        b"SIP/2.0 99 Low\r\n\r\n",
        b"SIP/2.0 700 High\r\n\r\n",
        b"SIP/2.0 abc\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
    ],
)
def test_what_cannot_be_answered_is_refused_without_a_reply(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(data)
    assert not isinstance(caught.value, BadRequest)


def test_reply_to_a_bad_request_can_itself_be_read() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_message(PLAIN.replace(b"Max-Forwards: 70", b"Max-Forwards: x"))
    reply = parse_message(make_stateless_reply(caught.value))
    assert isinstance(reply, Response)
    assert (reply.status, reply.cseq, reply.call_id) == (400, CSeq(1, "OPTIONS"), "c")
    assert reply.to.tag
    assert "Max-Forwards is not a number" in (reply.headers.get("warning") or "")


def test_serialiser_refuses_to_break_out_of_a_line() -> None:
    request = parsed(PLAIN)
    request.headers.add("subject", "x\r\nEvil: 1")
    with pytest.raises(ValueError, match="line break"):
        request.to_bytes()


def test_via_notes_the_source_as_received_and_rport() -> None:
    """RFC 3261 §18.2.1, RFC 3581 §4: and what the sender claimed there is thrown away."""
    via = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;received=6.6.6.6;rport;branch=z9hG4bKkjshdyff")
    noted = via.with_source("192.0.2.1", 9988)
    assert (noted.param("received"), noted.param("rport")) == ("192.0.2.1", "9988")
    same = Via.parse("SIP/2.0/UDP 10.1.1.1;received=6.6.6.6;branch=z9hG4bK1").with_source("10.1.1.1", 5060)
    assert same.param("received") is None


def test_via_reads_ipv6_in_any_spelling() -> None:
    """RFC 5118 §4.5."""
    via = Via.parse("SIP/2.0/UDP [2001:DB8::9:1]:5061;received=[2001:db8::9:255];branch=z9hG4bKas3-111")
    assert (via.host, via.port, via.sent_by) == ("2001:db8::9:1", 5061, "[2001:db8::9:1]:5061")


@pytest.mark.parametrize(
    ("text", "name", "user", "tag"),
    [
        ("sip:a@b;tag=1", "", "a", "1"),
        ("<sip:a@b;x=y>;tag=1", "", "a", "1"),
        ('"Bell, Alexander" <sip:a@b>;tag=1', "Bell, Alexander", "a", "1"),
        ('"<sip:evil@x>" <sip:a@b>;tag=1', "<sip:evil@x>", "a", "1"),
        ("Anonymous <sip:a@b>;tag=1", "Anonymous", "a", "1"),
        ("<sip:a;b=c%40d@b>", "", "a;b=c@d", ""),
        ("<tel:+1-201-555-0123;phone-context=x>", "", "+1-201-555-0123", ""),
    ],
)
def test_address_reads_name_uri_and_parameters_apart(text: str, name: str, user: str, tag: str) -> None:
    address = NameAddr.parse(text)
    assert (address.name, address.uri.user, address.tag) == (name, user, tag)
    assert NameAddr.parse(str(address)) == address


def test_headers_split_lists_but_not_inside_quotes_or_brackets() -> None:
    headers = Headers([("Contact", '"a, b" <sip:x@y?z=1,2>;q=1, <sip:c@d>'), ("m", "<sip:e@f>")])
    assert headers.values("contact") == ['"a, b" <sip:x@y?z=1,2>;q=1', "<sip:c@d>", "<sip:e@f>"]


def test_response_copies_what_every_response_must() -> None:
    """§8.2.6.2, and Timestamp in a 100 (§8.2.6.1)."""
    request = parsed(PLAIN.replace(b"Call-ID", b"Timestamp: 54\r\nVia: SIP/2.0/UDP g;branch=z9hG4bK2\r\nCall-ID"))
    trying = make_response(request, 100)
    assert trying.headers.all("via") == ["SIP/2.0/UDP h:5061;branch=z9hG4bK1", "SIP/2.0/UDP g;branch=z9hG4bK2"]
    assert (trying.to.tag, trying.headers.get("timestamp")) == ("", "54")
    assert make_response(request, 200, to_tag="t").to.tag == "t"
