"""Where messages come from and go to."""

from dataclasses import dataclass

from signaling.sip.headers import Via
from signaling.sip.uri import Uri, format_host_port

SIP_PORT = 5060


@dataclass(frozen=True, slots=True)
class Hop:
    """A transport (`udp` or `tcp`), a host and a port. Of a TCP hop that sent us something, it names the connection."""

    transport: str
    host: str
    port: int

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (§17)."""
        return self.transport != "udp"

    def __str__(self) -> str:
        return f"{self.transport}:{format_host_port(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for a hop. `fallback` is where to connect when the TCP connection that `hop` names is gone (§18.2.2)."""

    data: bytes
    hop: Hop
    fallback: Hop | None = None


def uri_hop(uri: Uri) -> Hop:
    """Return the next hop that a URI names (RFC 3263 §4 without DNS records: the transport resolves the host)."""
    return Hop(uri.transport, uri.param("maddr") or uri.host, uri.port or SIP_PORT)


def response_hop(via: Via, source: Hop) -> tuple[Hop, Hop | None]:
    """Return where the response to a request with that top Via goes, and a fallback (RFC 3261 §18.2.2, RFC 3581 §4)."""
    sent_by_port = via.port or SIP_PORT
    if source.reliable:
        return source, Hop(source.transport, source.host, sent_by_port)
    if via.param("rport") is not None:
        return source, None
    maddr = via.param("maddr")
    if maddr:
        return Hop(source.transport, maddr, sent_by_port), None
    return Hop(source.transport, source.host, sent_by_port), None
