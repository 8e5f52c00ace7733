"""SIP and tel URIs (RFC 3261 §19.1, RFC 3966)."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Self
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from signaling.sip.errors import ParseError
from signaling.sip.grammar import Params, find_param, parse_number, parse_params

USER_UNRESERVED = "-_.!~*'()&=+$,;?/"
"What a user part may hold unescaped besides letters and digits."


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """A `sip:`, `sips:` or `tel:` URI. Of a tel URI the number is `userinfo`, and `host` is empty."""

    scheme: str = "sip"
    userinfo: str | None = None
    "As it was written, escapes and all: a remote target must go back unchanged (§12.2.1.1)."
    host: str = ""
    "Lower case; an IPv6 address without its brackets."
    port: int | None = None
    params: Params = ()
    headers: str = ""
    "The raw text after `?`; we act on none of it."

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse; raise ParseError, whose status is 416 for a scheme that we do not serve."""
        scheme, colon, rest = text.partition(":")
        scheme = scheme.lower()
        if not colon or not scheme:
            raise ParseError("URI without a scheme")
        if not rest.isprintable() or " " in rest or "<" in rest or ">" in rest or '"' in rest:
            raise ParseError("URI with a forbidden character")
        if scheme == "tel":
            return cls._parse_tel(rest)
        if scheme not in ("sip", "sips"):
            raise ParseError(f"URI scheme {scheme[:20]} is not served", status=416)
        user_part, at, host_part = rest.partition("@")
        if not at:
            user_part, host_part = "", rest
        elif not user_part:
            raise ParseError("URI with an empty user")
        host_part, _, headers = host_part.partition("?")
        address, *params = host_part.split(";")
        host, port = parse_host_port(address)
        userinfo = user_part if at else None
        return cls(scheme=scheme, userinfo=userinfo, host=host, port=port, params=parse_params(params), headers=headers)

    @classmethod
    def for_user(cls, user: str, host: str, port: int | None = None, *, transport: str = "udp") -> Self:
        """Return a SIP URI for a user at a host; the user is escaped as needed."""
        params = () if transport == "udp" else (("transport", transport),)
        return cls(userinfo=percent_encode(user, safe=USER_UNRESERVED), host=host.lower(), port=port, params=params)

    @classmethod
    def _parse_tel(cls, rest: str) -> Self:
        number, *params = rest.split(";")
        if not number.strip("+-.()") or number.strip("0123456789ABCDEFabcdef*#+-.()"):
            raise ParseError("tel URI without a number")
        return cls(scheme="tel", userinfo=number, params=parse_params(params))

    @property
    def user(self) -> str:
        """The user or number, percent-decoded, without password; "" when there is none."""
        return percent_decode((self.userinfo or "").partition(":")[0], errors="replace")

    def param(self, name: str) -> str | None:
        """Return a parameter's value: "" if it is a bare flag, None if it is absent."""
        return find_param(self.params, name)

    @property
    def transport(self) -> str:
        """Lower case; UDP unless the URI says otherwise (RFC 3263 §4.1)."""
        return (self.param("transport") or "udp").lower()

    @property
    def address_of_record(self) -> str:
        """The canonical key of §10.3 step 5: no parameters, host in lower case."""
        userinfo = None if self.userinfo is None else percent_encode(self.user, safe=USER_UNRESERVED)
        return str(replace(self, userinfo=userinfo, params=(), headers=""))

    def __str__(self) -> str:
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.params)
        if self.scheme == "tel":
            return f"tel:{self.userinfo}{params}"
        user = "" if self.userinfo is None else f"{self.userinfo}@"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{format_host_port(self.host, self.port)}{params}{headers}"


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Split `host[:port]`, also `[IPv6]:port`; host in lower case. Raises ParseError."""
    text = text.strip(" \t")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        try:
            host = str(IPv6Address(host))
        except ValueError:
            raise ParseError("host is not an IPv6 address") from None
        if not bracket:
            raise ParseError("'[' without ']'")
        rest = rest.strip(" \t")
        if rest and not rest.startswith(":"):
            raise ParseError("text after the host")
        colon, port_text = rest[:1], rest[1:]
    else:
        host, colon, port_text = text.partition(":")
        host = host.rstrip(" \t").lower()
        if not host or not host.isascii() or host.strip("abcdefghijklmnopqrstuvwxyz0123456789-._"):
            raise ParseError("host is not a name or an address")
    if not colon:
        return host, None
    port = parse_number(port_text.strip(" \t"), "port", maximum=65_535)
    if port == 0:
        raise ParseError("port is 0")
    return host, port


def format_host_port(host: str, port: int | None) -> str:
    """Join host and port, with brackets around an IPv6 address."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"
