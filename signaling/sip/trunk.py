"""Trunks: carriers and peer switches that are known by their addresses."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from signaling.sip.auth import Credentials
from signaling.sip.hop import SIP_PORT, Hop
from signaling.sip.security import MediaPolicy
from signaling.sip.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A configured trunk."""

    name: str
    addresses: tuple[str, ...]
    "IP addresses: calls from any of them are the trunk's; ours to it go to the first."
    port: int = SIP_PORT
    transport: str = "udp"
    credentials: Credentials | None = None
    "What we answer when the trunk challenges us."
    media: MediaPolicy = field(default_factory=MediaPolicy)

    def uri_of(self, target: Uri) -> Uri:
        """Return the Request-URI for a target behind the trunk, whose host is the trunk's name or address."""
        host = target.host if target.host in self.addresses else self.addresses[0]
        return Uri.for_user(target.user, host, target.port or self.port, transport=self.transport)


class Trunks:
    """All trunks, by name and by address."""

    def __init__(self, trunks: Iterable[Trunk] = ()) -> None:
        self._trunks = tuple(trunks)
        self._by_address = {address: trunk for trunk in self._trunks for address in trunk.addresses}

    def at(self, source: Hop) -> Trunk | None:
        """Return the trunk that a message came from; the port may be any."""
        return self._by_address.get(source.host)

    def find(self, host: str) -> Trunk | None:
        """Return a trunk by its name or one of its addresses, in any case of letters."""
        named = next((trunk for trunk in self._trunks if trunk.name.lower() == host.lower()), None)
        return named or self._by_address.get(host)
