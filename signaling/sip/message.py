"""Requests and responses: bytes in, bytes out (RFC 3261 §7)."""

from typing import TypeVar

from signaling.sip.errors import ParseError
from signaling.sip.grammar import TOKEN, WHITE, is_token, parse_number
from signaling.sip.headers import COMPACT, CSeq, Headers, NameAddr, Via
from signaling.sip.limits import MAX_HEADER_LINES, MAX_LINE_CHARS, MAX_MESSAGE_BYTES

VERSION = "SIP/2.0"
SINGLE_HEADERS = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires")
"Two of these contradict each other (§7.3.1), so the message is refused."


class Message:
    """What requests and responses share. The fields that every layer needs are parsed once; others on demand."""

    __slots__ = ("_from", "_to", "body", "call_id", "cseq", "headers", "via")

    def __init__(self, headers: Headers, body: bytes) -> None:
        """Raises ParseError unless Via, From, To, Call-ID and CSeq are there and well formed (§8.1.1)."""
        self.headers = headers
        self.body = body
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        vias = headers.values("via")
        if not vias:
            raise ParseError("no Via")
        self.via = Via.parse(vias[0])
        self.call_id = self._required("call-id")
        self.cseq = CSeq.parse(self._required("cseq"))

    @property
    def from_(self) -> NameAddr:
        """Raises ParseError when the From header is malformed."""
        if self._from is None:
            self._from = NameAddr.parse(self._required("from"))
        return self._from

    @property
    def to(self) -> NameAddr:
        """Raises ParseError when the To header is malformed."""
        if self._to is None:
            self._to = NameAddr.parse(self._required("to"))
        return self._to

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; "" when there is none."""
        return (self.headers.get("content-type") or "").partition(";")[0].strip(WHITE).lower()

    def contacts(self) -> list[NameAddr]:
        """Return the Contact values, `*` left out; raises ParseError."""
        return [NameAddr.parse(value) for value in self.headers.values("contact") if value != "*"]

    def _required(self, name: str) -> str:
        value = self.headers.get(name)
        if not value:
            raise ParseError(f"no {name.title()}")
        return value

    def _first_line(self) -> str:
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Serialise with the true Content-Length; raises ValueError for a line break in a value."""
        self.headers.replace("content-length", str(len(self.body)))
        head = f"{self._first_line()}\r\n{self.headers.render()}\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body


M = TypeVar("M", bound=Message)


class Request(Message):
    """A request. `uri` is the raw Request-URI: parse it where it is acted on."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> None:
        """Raises ParseError for missing or contradicting mandatory headers."""
        super().__init__(headers, body)
        self.method = method
        self.uri = uri
        if self.cseq.method != method:
            raise ParseError("CSeq names another method than the request line")

    def _first_line(self) -> str:
        if not is_token(self.method) or not self.uri.isprintable() or " " in self.uri:
            raise ValueError("method or Request-URI breaks the request line")
        return f"{self.method} {self.uri} {VERSION}"


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        """Raises ParseError for missing mandatory headers."""
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    @classmethod
    def answering(cls, request: Request, status: int, reason: str, headers: Headers) -> "Response":
        """Return a response whose `headers` repeat those of the request: what is parsed there is not parsed again."""
        response = cls.__new__(cls)
        response.headers, response.body, response.status, response.reason = headers, b"", status, reason
        response.via, response.call_id, response.cseq = request.via, request.call_id, request.cseq
        response._from, response._to = request._from, None
        return response

    def _first_line(self) -> str:
        return f"{VERSION} {self.status} {self.reason}"


class BadRequest(ParseError):
    """A request that cannot be served but names well enough who to tell (§21.4.1); `reply` is made from `headers`."""

    def __init__(self, error: ParseError, method: str, headers: Headers, via: Via) -> None:
        super().__init__(error.fault, status=error.status)
        self.method = method
        self.headers = headers
        self.via = via


def parse_message(data: bytes) -> Request | Response:
    """Parse one datagram or one frame of a stream.

    Raises BadRequest for a request that deserves a reply, ParseError for all else that is malformed.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise ParseError("message is too large", status=513)
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise ParseError("no empty line after the headers")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    first_line = lines[0]
    if len(lines) > MAX_HEADER_LINES + 1:
        raise ParseError(f"more than {MAX_HEADER_LINES} header lines")
    if first_line[:8].upper() == "SIP/2.0 ":
        status, reason = _parse_status_line(first_line)
        headers, fault = _parse_headers(lines)
        if fault is not None:
            raise fault
        return _checked(Response(status, reason, headers, _cut_body(headers, body)))
    return _parse_request(first_line, lines, body)


def _parse_request(first_line: str, lines: list[str], body: bytes) -> Request:
    method, uri, fault = _parse_request_line(first_line)
    headers, header_fault = _parse_headers(lines)
    fault = fault or header_fault
    try:
        if fault is not None:
            raise fault
        return _checked(Request(method, uri, headers, _cut_body(headers, body)))
    except ParseError as error:
        raise _replyable(error, method, headers) from None


def _replyable(error: ParseError, method: str, headers: Headers) -> ParseError:
    """Return a BadRequest if a reply can be routed and will be understood by the sender's transaction."""
    try:
        via = Via.parse(headers.values("via")[0])
    except (ParseError, IndexError):
        return error
    if method == "ACK" or not all(headers.get(name) for name in ("from", "to", "call-id", "cseq")):
        return error
    return BadRequest(error, method, headers, via)


def _parse_request_line(line: str) -> tuple[str, str, ParseError | None]:
    words = line.split(" ")
    method = words[0]
    if not is_token(method):
        return method, "", ParseError("request line without a method")
    if len(words) != 3 or not words[1]:
        return method, "", ParseError("request line is not method, URI and version")
    if words[2].upper() != VERSION:
        return method, words[1], ParseError("version is not SIP/2.0", status=505)
    if not words[1].isprintable():
        return method, "", ParseError("control character in the Request-URI")
    return method, words[1], None


def _parse_status_line(line: str) -> tuple[int, str]:
    code, _, reason = line[8:].partition(" ")
    status = parse_number(code, "status code")
    if not 100 <= status <= 699:
        raise ParseError("status code is not in 100-699")
    return status, reason


def _parse_headers(lines: list[str]) -> tuple[Headers, ParseError | None]:
    """Return the fields that could be read, and the first fault; a fault must not hide where the reply goes."""
    fields: list[tuple[str, str]] = []
    fault: ParseError | None = None
    for line in lines[1:]:
        if len(line) > MAX_LINE_CHARS:
            fault = fault or ParseError(f"header line over {MAX_LINE_CHARS} characters")
            continue
        if line[:1] in (" ", "\t"):  # §7.3.1: a folded line continues the one above
            if not fields:
                fault = fault or ParseError("first header line is folded")
            else:
                key, value = fields[-1]
                fields[-1] = (key, f"{value} {line.strip(WHITE)}".strip(WHITE))
            continue
        name, colon, value = line.partition(":")
        key = name.rstrip(WHITE).lower()
        if not colon or not key or key.strip(TOKEN):
            fault = fault or ParseError("header line without a proper name")
        elif "\r" in value or "\n" in value or "\0" in value:
            fault = fault or ParseError(f"control character in {key[:40]}")
        else:
            fields.append((COMPACT.get(key, key), value.strip(WHITE)))
    return Headers(fields), fault


def _checked(message: M) -> M:
    """Refuse what would be read differently by different elements; raises ParseError."""
    seen: set[str] = set()
    for key, _ in message.headers:
        if key in SINGLE_HEADERS:
            if key in seen:
                raise ParseError(f"two {key.title()} headers")
            seen.add(key)
    _ = message.from_, message.to  # parsed and kept
    max_forwards = message.headers.get("max-forwards")
    if max_forwards is not None:
        parse_number(max_forwards, "Max-Forwards", maximum=255)
    return message


def _cut_body(headers: Headers, body: bytes) -> bytes:
    """§18.3: octets beyond Content-Length are dropped; too few is a fault; without it, all that is there."""
    value = headers.get("content-length")
    if value is None:
        return body
    length = parse_number(value, "Content-Length")
    if length > len(body):
        raise ParseError("Content-Length is more than what came")
    return body[:length]
