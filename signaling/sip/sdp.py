"""Session descriptions (RFC 8866): bytes to frozen values and back."""

from dataclasses import dataclass, replace
from typing import Self

from signaling.sip.errors import ParseError, SdpError
from signaling.sip.grammar import parse_number
from signaling.sip.limits import MAX_SDP_LINES, MAX_SDP_MEDIA

SDP_TYPE = "application/sdp"
STATIC_RTPMAP = {
    "0": "PCMU/8000", "3": "GSM/8000", "4": "G723/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000",
}  # fmt: skip
"RFC 3551 §6: what these payload types mean when the offer does not say."
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

INHERITED = ("fingerprint", "setup", "ice-ufrag", "ice-pwd", "ice-lite")
"Attributes of the session that hold for each of its sections (RFC 8122 §5, RFC 4145 §4, RFC 8839 §5)."

Attributes = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What a payload type carries (§6.6)."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The `o=` line (§5.2)."""

    username: str
    session_id: str
    version: int
    address: str

    def render(self) -> str:
        """Return the line without its type."""
        return f"{self.username} {self.session_id} {self.version} IN {_family(self.address)} {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One `m=` section (§5.14)."""

    kind: str
    port: int
    "0 refuses or removes the stream (RFC 3264 §5.1, §6)."
    protocol: str
    formats: tuple[str, ...]
    address: str | None = None
    "From its own `c=` line; None where the session's applies."
    attributes: Attributes = ()

    def attribute(self, name: str) -> str | None:
        """Return the first attribute of that name: "" if it is a bare flag, None if it is absent."""
        return next((value or "" for known, value in self.attributes if known == name), None)

    def rtpmaps(self) -> list[RtpMap]:
        """Return what each payload type of the `m=` line carries, in its order; unknown ones are left out."""
        named = {value.split(" ", 1)[0]: value for value in self._values("rtpmap") if " " in value}
        fmtps = {value.split(" ", 1)[0]: value.split(" ", 1)[1] for value in self._values("fmtp") if " " in value}
        maps: list[RtpMap] = []
        for payload_type in self.formats:
            rtpmap = named.get(payload_type)
            encoding = rtpmap.split(" ", 1)[1] if rtpmap else STATIC_RTPMAP.get(payload_type)
            parsed = _rtpmap(payload_type, encoding, fmtps.get(payload_type, "").strip()) if encoding else None
            if parsed is not None:
                maps.append(parsed)
        return maps

    def number(self, name: str) -> int | None:
        """Return a numeric attribute (ptime and its like) rounded down, or None if absent or senseless."""
        whole = (self.attribute(name) or "").strip().partition(".")[0]
        return int(whole) if whole.isascii() and whole.isdigit() and len(whole) < 6 else None

    def _values(self, name: str) -> list[str]:
        return [value for known, value in self.attributes if known == name and value]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """A whole description."""

    origin: Origin
    address: str | None = None
    "From the session's `c=` line."
    timing: str = "0 0"
    "The `t=` line; an answer repeats the offer's (RFC 3264 §6)."
    attributes: Attributes = ()
    media: tuple[Media, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse; raises SdpError saying which line is wrong."""
        lines = _split_lines(body)
        starts = [index for index, (kind, _) in enumerate(lines) if kind == "m"]
        if len(starts) > MAX_SDP_MEDIA:
            raise SdpError(f"SDP: more than {MAX_SDP_MEDIA} media")
        head = lines[: starts[0]] if starts else lines
        bounds = [*starts, len(lines)]
        return cls(
            origin=_parse_origin(head),
            address=_parse_connection(head),
            timing=_parse_timing(head),
            attributes=_parse_attributes(head),
            media=tuple(_parse_media(lines[bounds[i] : bounds[i + 1]]) for i in range(len(starts))),
        )

    def address_of(self, media: Media) -> str:
        """Return the address of a media section; raises SdpError if neither it nor the session has one (§5.7)."""
        address = media.address or self.address
        if address is None:
            raise SdpError("SDP: no c= line")
        return address

    def whole(self, media: Media) -> Media:
        """Return a media section with those of the session's attributes that hold for it where it has none itself."""
        inherited = [each for each in self.attributes if each[0] in INHERITED and media.attribute(each[0]) is None]
        return replace(media, attributes=(*media.attributes, *inherited)) if inherited else media

    def direction_of(self, media: Media) -> str:
        """Return the direction of a media section; the session's, or sendrecv, where it says nothing (§6.7)."""
        for attributes in (media.attributes, self.attributes):
            for name, _ in attributes:
                if name in DIRECTIONS:
                    return name
        return "sendrecv"

    def to_bytes(self) -> bytes:
        """Serialise."""
        lines = ["v=0", f"o={self.origin.render()}", "s=-"]
        if self.address is not None:
            lines.append(f"c=IN {_family(self.address)} {self.address}")
        lines.append(f"t={self.timing}")
        lines += _render_attributes(self.attributes)
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
            if media.address is not None:
                lines.append(f"c=IN {_family(media.address)} {media.address}")
            lines += _render_attributes(media.attributes)
        return "".join(f"{line}\r\n" for line in lines).encode()


Lines = list[tuple[str, str]]


def _split_lines(body: bytes) -> Lines:
    text = body.decode("utf-8", "replace")
    raw = [line.removesuffix("\r") for line in text.split("\n")]
    while raw and not raw[-1].strip():
        raw.pop()
    if len(raw) > MAX_SDP_LINES:
        raise SdpError(f"SDP: more than {MAX_SDP_LINES} lines")
    lines: Lines = []
    for line in raw:
        if line[1:2] != "=" or "\r" in line or "\0" in line:
            raise SdpError(f"SDP line {len(lines) + 1} is not type=value")
        lines.append((line[0], line[2:].strip(" ")))
    if not lines or lines[0] != ("v", "0"):
        raise SdpError("SDP does not begin with v=0")
    return lines


def _parse_origin(lines: Lines) -> Origin:
    words = next((value for kind, value in lines if kind == "o"), "").split()
    if len(words) != 6 or words[3] != "IN":
        raise SdpError("SDP: no proper o= line")
    if not (words[2].isascii() and words[2].isdigit() and len(words[2]) <= 20):
        raise SdpError("SDP: o= version is not a number")
    return Origin(username=words[0], session_id=words[1], version=int(words[2]), address=words[5])


def _parse_connection(lines: Lines) -> str | None:
    value = next((value for kind, value in lines if kind == "c"), None)
    if value is None:
        return None
    words = value.split()
    if len(words) != 3 or words[0] != "IN" or words[1] not in ("IP4", "IP6"):
        raise SdpError("SDP: c= line is not IN IP4 or IP6 and an address")
    return words[2].partition("/")[0]


def _parse_timing(lines: Lines) -> str:
    words = next((value for kind, value in lines if kind == "t"), "0 0").split()
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise SdpError("SDP: t= line is not two numbers")
    return " ".join(words)


def _parse_attributes(lines: Lines) -> Attributes:
    attributes: list[tuple[str, str | None]] = []
    for kind, value in lines:
        if kind == "a":
            name, colon, rest = value.partition(":")
            attributes.append((name, rest if colon else None))
    return tuple(attributes)


def _parse_media(lines: Lines) -> Media:
    words = lines[0][1].split()
    if len(words) < 4:
        raise SdpError("SDP: m= line is not media, port, protocol and formats")
    try:
        port = parse_number(words[1].partition("/")[0], "port", maximum=65_535)
    except ParseError:
        raise SdpError("SDP: m= port is not in 0-65535") from None
    return Media(
        kind=words[0],
        port=port,
        protocol=words[2],
        formats=tuple(words[3:]),
        address=_parse_connection(lines),
        attributes=_parse_attributes(lines),
    )


def _rtpmap(payload_type: str, encoding: str, fmtp: str) -> RtpMap | None:
    parts = encoding.strip().split("/")
    numbers = [payload_type, *parts[1:3]]
    if len(parts) not in (2, 3) or not all(n.isascii() and n.isdigit() and len(n) < 8 for n in numbers):
        return None
    if int(payload_type) > 127 or int(parts[1]) == 0:
        return None
    return RtpMap(int(payload_type), parts[0], int(parts[1]), int(parts[2]) if len(parts) == 3 else 1, fmtp)


def _render_attributes(attributes: Attributes) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]


def _family(address: str) -> str:
    return "IP6" if ":" in address else "IP4"
