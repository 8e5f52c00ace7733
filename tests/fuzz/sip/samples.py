"""Valid SIP messages, and ways to spoil them."""

from random import Random

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)


def request(method: str, number: int, body: bytes = b"", to_tag: str = "") -> bytes:
    """A proper request with a branch and Call-ID of its own."""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    head = (
        f"{method} sip:1000@192.0.2.2 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bKfuzz{number}\r\n"
        "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKup, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKupper\r\n"
        f'From: "Mallory, M." <sip:m@127.0.0.1>;tag=f{number}\r\nTo: <sip:1000@192.0.2.2>{to_tag}\r\n'
        f"Call-ID: fuzz{number}@127.0.0.1\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
        "Contact: <sip:m@127.0.0.1:5999;transport=udp>;q=0.5\r\nRecord-Route: <sip:p.example.com;lr>\r\n"
        'Authorization: Digest username="m", realm="r", nonce="n", uri="sip:x", response="0", qop=auth, nc=1\r\n'
        f"{kind}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def response(number: int) -> bytes:
    """A proper response to nothing of ours."""
    return request("INVITE", number, SDP).replace(b"INVITE sip:1000@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK", 1)


def sample(random: Random, number: int) -> bytes:
    """Any of the valid messages."""
    method = random.choice(["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "REGISTER", "UPDATE"])
    if random.random() < 0.1:
        return response(number)
    return request(method, number, SDP if method == "INVITE" else b"", random.choice(["", ";tag=x"]))


def spoil(data: bytes, random: Random) -> bytes:
    """Change a message in one to four ways; the result may by chance still be valid."""
    for _ in range(random.randrange(1, 5)):
        data = random.choice(SPOILERS)(data, random)
    return data


def _flip(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    odd = [b"\r\n", b"\0", b'"', b"<", b">", b";", b",", b":", b"@", b"%", b"\\", b" ", b"\xff", b"[", b"A" * 3000]
    return data[:place] + random.choice(odd) + data[place:]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.randrange(30) :]


def _shuffle_lines(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\r\n")
    random.shuffle(lines)
    return b"\r\n".join(lines)


def _double_line(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\r\n")
    line = random.choice(lines)
    return b"\r\n".join([*lines[:2], *[line] * random.randrange(1, 300), *lines[2:]])


def _number(data: bytes, random: Random) -> bytes:
    odd = [b"-1", b"99999999999999999999", b"1e9", b"0x10", "٣".encode(), b"", b"4294967296"]
    old = random.choice([b"70", b"5999", b"2.0", b"192.0.2.1", b"0.5", b"101", b"5000", b"20"])
    return data.replace(old, random.choice(odd), 1)


SPOILERS = [_flip, _insert, _cut, _remove, _shuffle_lines, _double_line, _number]
