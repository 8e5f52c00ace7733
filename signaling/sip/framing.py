"""Message boundaries in a TCP stream (RFC 3261 §18.3, RFC 5626 §4.4.1)."""

from signaling.sip.errors import FramingError
from signaling.sip.grammar import WHITE
from signaling.sip.limits import MAX_MESSAGE_BYTES

PING = b"\r\n\r\n"
PONG = b"\r\n"


class StreamFramer:
    """Cuts a stream into messages by Content-Length. `pings` counts the keep-alives that want a PONG each."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        "Up to here the buffer holds no end of headers: a peer that drips bytes must not make us search again."
        self._total = 0
        "Length of the message whose headers are complete; 0 while they are not."
        self.pings = 0

    @property
    def is_idle(self) -> bool:
        """Whether no part of a message waits for its rest."""
        return not self._buffer

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now. Raises FramingError when the boundaries are lost."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next_message()) is not None:
            messages.append(message)
        return messages

    def _next_message(self) -> bytes | None:
        if self._total == 0 and not self._find_headers():
            return None
        if len(self._buffer) < self._total:
            return None
        message = bytes(self._buffer[: self._total])
        del self._buffer[: self._total]
        self._scanned = self._total = 0
        return message

    def _find_headers(self) -> bool:
        """Look for the end of the headers and learn the message's length from them."""
        self._skip_blank_lines()
        end = self._buffer.find(b"\r\n\r\n", self._scanned)
        if end < 0:
            self._scanned = max(0, len(self._buffer) - 3)
            if len(self._buffer) > MAX_MESSAGE_BYTES:
                raise FramingError("headers without an end", status=513)
            return False
        self._total = end + 4 + content_length(bytes(self._buffer[:end]))
        if self._total > MAX_MESSAGE_BYTES:
            raise FramingError("message is too large", status=513)
        return True

    def _skip_blank_lines(self) -> None:
        """§7.5: CRLF before a start line means nothing; two together are a ping."""
        while self._buffer.startswith(PING):
            del self._buffer[:4]
            self.pings += 1
        if self._buffer.startswith(b"\r\n") and len(self._buffer) > 2 and self._buffer[2:3] != b"\r":
            del self._buffer[:2]


def content_length(head: bytes) -> int:
    """Return the Content-Length of a message head; raises FramingError without exactly one that is a number."""
    found: set[bytes] = set()
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.rstrip(WHITE.encode()).lower() in (b"content-length", b"l"):
            found.add(value.strip(WHITE.encode()))
    value = found.pop() if len(found) == 1 else b""
    if not value.isdigit() or len(value) > 8:
        raise FramingError("no Content-Length, or not one number")
    return int(value)
