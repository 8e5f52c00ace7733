"""Messages cut out of a stream (RFC 3261 §18.3)."""

from random import Random

import pytest

from signaling.sip.errors import FramingError
from signaling.sip.framing import StreamFramer
from signaling.sip.limits import MAX_MESSAGE_BYTES


def message(body: bytes = b"", name: str = "Content-Length") -> bytes:
    return f"OPTIONS sip:a@b SIP/2.0\r\nX: y\r\n{name}: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("seed", range(20))
def test_framer_finds_the_same_messages_however_the_stream_is_cut(seed: int) -> None:
    random = Random(seed)
    messages = [
        message(random.randbytes(random.randrange(300)), random.choice(["l", "CONTENT-length "])) for _ in range(20)
    ]
    gaps = [random.choice([b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"]) for _ in messages]
    stream = b"".join(gap + each for gap, each in zip(gaps, messages, strict=True))
    framer = StreamFramer()
    found: list[bytes] = []
    while stream:
        cut = random.randrange(1, 200)
        found += framer.feed(stream[:cut])
        stream = stream[cut:]
    assert found == messages
    assert framer.is_idle
    assert framer.pings == sum(len(gap) >= 4 for gap in gaps)


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -5\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 70000\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 999999999999\r\n\r\n",
        b"x" * (MAX_MESSAGE_BYTES + 1),
    ],
)
def test_stream_that_lost_its_boundaries_is_given_up(stream: bytes) -> None:
    with pytest.raises(FramingError):
        StreamFramer().feed(stream)


def test_head_that_drips_in_byte_by_byte_is_searched_once() -> None:
    """64 KB in single bytes must not cost 64 K searches of 64 KB."""
    framer = StreamFramer()
    framer.feed(b"OPTIONS sip:a@b SIP/2.0\r\n")
    for _ in range(60_000):
        framer.feed(b"x")
    assert framer._scanned > 60_000
