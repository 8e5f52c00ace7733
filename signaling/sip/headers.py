"""Header fields: the ordered container, and the values the stack itself reads (RFC 3261 §7.3, §20)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from signaling.sip.errors import ParseError
from signaling.sip.grammar import (
    WHITE,
    Params,
    find_param,
    is_token,
    parse_number,
    parse_params,
    quote,
    render_params,
    skip_quoted,
    split_outside_quotes,
    unquote,
)
from signaling.sip.limits import MAX_LIST_VALUES
from signaling.sip.uri import Uri, format_host_port, parse_host_port

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
"RFC 3261 §7.3.3 and the IANA registry."

DISPLAY = {
    "call-id": "Call-ID", "cseq": "CSeq", "mime-version": "MIME-Version", "www-authenticate": "WWW-Authenticate",
}  # fmt: skip

MAGIC_COOKIE = "z9hG4bK"


class Headers:
    """Ordered header fields under their long names in lower case; compact names are resolved on the way in."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = [(header_key(name), value) for name, value in fields]

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        self._fields.append((header_key(name), value))

    def replace(self, name: str, value: str) -> None:
        """Put one field in the place of all those of that name."""
        key = header_key(name)
        self._fields = [field for field in self._fields if field[0] != key]
        self._fields.append((key, value))

    def replace_first(self, name: str, value: str) -> None:
        """Change the topmost field of that name, keeping its place."""
        key = header_key(name)
        index = next(index for index, field in enumerate(self._fields) if field[0] == key)
        self._fields[index] = (key, value)

    def replace_top_via(self, via: "Via") -> None:
        """Change the topmost Via value, also where its line holds several."""
        others = split_outside_quotes(self.get("via") or "", ",")[1:]
        self.replace_first("via", ", ".join([str(via), *others]))

    def get(self, name: str) -> str | None:
        """Return the first value of that name."""
        for key, value in self._fields:
            if key == name:
                return value
        key = header_key(name)
        return None if key == name else self.get(key)

    def all(self, name: str) -> list[str]:
        """Return the field values of that name, one a line, as they came."""
        key = header_key(name)
        return [value for known, value in self._fields if known == key]

    def values(self, name: str) -> list[str]:
        """Return the comma-separated values over all fields of that name; raises ParseError over the limit."""
        found = [part for value in self.all(name) for part in split_outside_quotes(value, ",")]
        if len(found) > MAX_LIST_VALUES:
            raise ParseError(f"more than {MAX_LIST_VALUES} values of {name}")
        return found

    def count(self, name: str) -> int:
        """Return how many fields have that name."""
        key = header_key(name)
        return sum(known == key for known, _ in self._fields)

    def __contains__(self, name: str) -> bool:
        return self.count(name) > 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def render(self) -> str:
        """Serialise; raises ValueError for a value that would break out of its line."""
        lines = [f"{DISPLAY.get(key) or key.title()}: {value}\r\n" for key, value in self._fields]
        text = "".join(lines)
        if text.count("\n") != len(lines) or text.count("\r") != len(lines):
            raise ValueError("line break in a header value")
        return text


def header_key(name: str) -> str:
    """Return the name under which a header field is kept: long form, lower case."""
    key = name.lower()
    return COMPACT.get(key, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """One Via value (RFC 3261 §20.42, RFC 3581)."""

    transport: str
    "Upper case."
    host: str
    port: int | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one value; raises ParseError."""
        head, *params = split_outside_quotes(text, ";")
        name, slash, rest = head.partition("/")
        version, slash2, rest = rest.partition("/")
        if not (slash and slash2) or name.strip(WHITE).upper() != "SIP" or version.strip(WHITE) != "2.0":
            raise ParseError("Via is not SIP/2.0")
        words = rest.split(maxsplit=1)
        if len(words) != 2 or not is_token(words[0]):
            raise ParseError("Via without transport and sent-by")
        host, port = parse_host_port(words[1])
        return cls(transport=words[0].upper(), host=host, port=port, params=parse_params(params))

    @property
    def branch(self) -> str:
        """The branch, or "" from an RFC 2543 element."""
        return find_param(self.params, "branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as the sender wrote them."""
        return format_host_port(self.host, self.port)

    def param(self, name: str) -> str | None:
        """Return a parameter's value: "" if it is a bare flag, None if it is absent."""
        return find_param(self.params, name)

    def with_source(self, ip: str, port: int) -> Self:
        """Note the source: `received` if it differs from sent-by (§18.2.1), `rport` if asked for (RFC 3581 §4)."""
        wants_rport = self.param("rport") is not None
        params = [(name, value) for name, value in self.params if name not in ("received", "rport")]
        if wants_rport:
            params.append(("rport", str(port)))
        if wants_rport or self.host != ip:  # RFC 3581 §4: with rport, received always
            params.append(("received", ip))
        return replace(self, params=tuple(params))

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{render_params(self.params)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAddr:
    """From, To, Contact, Route, Record-Route: an optional name, a URI and parameters (§20.10)."""

    uri: Uri
    name: str = ""
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one value; raises ParseError (status 416 for a URI scheme that we do not serve)."""
        text = text.strip(WHITE)
        name_end = skip_quoted(text, 0) if text.startswith('"') else 0
        opening = text.find("<", name_end)
        if opening < 0:
            if name_end:
                raise ParseError("display name without <URI>")
            # §20: without brackets, what follows ';' belongs to the header, not to the URI
            address, *params = text.split(";")
            return cls(uri=Uri.parse(address.strip(WHITE)), params=parse_params([part.strip(WHITE) for part in params]))
        closing = text.find(">", opening)
        if closing < 0:
            raise ParseError("'<' without '>'")
        name = unquote(text[:opening].strip(WHITE))
        between, *parts = split_outside_quotes(text[closing + 1 :], ";")
        if between or (name_end and text[name_end:opening].strip(WHITE)):
            raise ParseError("text beside <URI>")
        return cls(uri=Uri.parse(text[opening + 1 : closing]), name=name, params=parse_params(parts))

    @property
    def tag(self) -> str:
        """The tag, or "" when there is none."""
        return find_param(self.params, "tag") or ""

    def param(self, name: str) -> str | None:
        """Return a header parameter's value: "" if it is a bare flag, None if it is absent."""
        return find_param(self.params, name)

    def with_tag(self, tag: str) -> Self:
        """Return the address with that tag instead of any other."""
        params = tuple(param for param in self.params if param[0] != "tag")
        return replace(self, params=(*params, ("tag", tag)))

    def __str__(self) -> str:
        name = f"{quote(self.name)} " if self.name else ""
        return f"{name}<{self.uri}>{render_params(self.params)}"


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method (§20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse; raises ParseError."""
        words = text.split()
        if len(words) != 2 or not is_token(words[1]):
            raise ParseError("CSeq is not a number and a method")
        return cls(parse_number(words[0], "CSeq", maximum=2**31 - 1), words[1])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
