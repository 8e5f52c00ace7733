"""Dialogs (RFC 3261 §12): the two tags, the sequence numbers, the route set and the remote target."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from signaling.sip.errors import ParseError
from signaling.sip.headers import Headers, NameAddr
from signaling.sip.hop import Hop, uri_hop
from signaling.sip.message import Request, Response
from signaling.sip.uri import Uri

SERVED_TRANSPORTS = ("udp", "tcp")
DialogKey = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One dialog, early or confirmed, from our side."""

    call_id: str
    local: NameAddr
    "Our URI and tag."
    remote: NameAddr
    "The peer's URI and tag; no tag if the peer is of RFC 2543."
    remote_target: Uri
    route_set: tuple[NameAddr, ...] = ()
    local_cseq: int
    remote_cseq: int | None = None
    flow: Hop | None = None
    "Where the peer's message that made the dialog came from."

    @classmethod
    def for_server(cls, request: Request, *, local_tag: str, local_cseq: int, flow: Hop) -> Self:
        """§12.1.1: the dialog that our response to `request` makes. Raises ParseError without a usable Contact."""
        return cls(
            call_id=request.call_id,
            local=request.to.with_tag(local_tag),
            remote=request.from_,
            remote_target=_target(request),
            route_set=_routes(request),
            local_cseq=local_cseq,
            remote_cseq=request.cseq.number,
            flow=flow,
        )

    @classmethod
    def for_client(cls, request: Request, response: Response, *, flow: Hop) -> Self:
        """§12.1.2: the dialog that `response` to our `request` made. Raises ParseError without a usable Contact."""
        return cls(
            call_id=request.call_id,
            local=request.from_,
            remote=response.to,
            remote_target=_target(response),
            route_set=_routes(response)[::-1],
            local_cseq=request.cseq.number,
            flow=flow,
        )

    @property
    def key(self) -> DialogKey:
        """Call-ID, local tag, remote tag."""
        return self.call_id, self.local.tag, self.remote.tag

    def next_hop(self) -> tuple[Hop, Hop | None]:
        """Return where requests go, and where to connect if that TCP connection is gone.

        Over TCP the connection on which the peer reached us is used again: a phone behind NAT can be reached
        by no other. Over UDP likewise, when the peer's own address is private and the one we saw is not.
        """
        target = uri_hop(self.route_set[0].uri if self.route_set else self.remote_target)
        flow = self.flow
        if flow is not None and target.transport not in SERVED_TRANSPORTS:
            return flow, None  # ws, tls and their like are not ours to speak: the way it came is all there is
        if flow is None or self.route_set or flow.transport != target.transport:
            return target, None
        if flow.reliable:
            return flow, target
        return (flow, None) if _is_behind_nat(target.host, flow.host) else (target, None)

    def make_request(self, method: str, *, via: str, cseq: int | None = None) -> Request:
        """§12.2.1.1: a request within the dialog. cseq: that of the INVITE, for an ACK; otherwise the next."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._request_uri_and_routes()
        headers = Headers([("via", via)])
        for route in routes:
            headers.add("route", route)
        headers.add("max-forwards", "70")
        headers.add("from", str(self.local))
        headers.add("to", str(self.remote))
        headers.add("call-id", self.call_id)
        headers.add("cseq", f"{cseq} {method}")
        return Request(method, uri, headers)

    def _request_uri_and_routes(self) -> tuple[str, list[str]]:
        target = str(self.remote_target)
        if not self.route_set or self.route_set[0].uri.param("lr") is not None:
            return target, [str(route) for route in self.route_set]
        # A strict router (RFC 2543) wants to see itself in the Request-URI and the target as the last route.
        first, *rest = self.route_set
        return str(first.uri), [*(str(route) for route in rest), f"<{target}>"]

    def accept_cseq(self, number: int) -> bool:
        """§12.2.2: note a request's number; False if it came out of order."""
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """§12.2.1.2, §12.2.2: a target refresh moves the remote target, never the route set. Raises ParseError."""
        if message.contacts():
            self.remote_target = _target(message)


def check_target(message: Request) -> None:
    """Raise ParseError unless a Contact, where there is one, can be a remote target."""
    if message.contacts():
        _target(message)


def _routes(message: Request | Response) -> tuple[NameAddr, ...]:
    routes = tuple(NameAddr.parse(value) for value in message.headers.values("record-route"))
    if not all(route.uri.host for route in routes):
        raise ParseError("Record-Route without a host")
    return routes


def _target(message: Request | Response) -> Uri:
    contacts = message.contacts()
    if len(contacts) != 1 or not contacts[0].uri.host:
        raise ParseError("not exactly one Contact with a SIP URI")  # §8.1.1.8
    return contacts[0].uri


def _is_behind_nat(target_host: str, flow_host: str) -> bool:
    try:
        target, flow = ip_address(target_host), ip_address(flow_host)
    except ValueError:
        return False
    return target.is_private and target != flow and not flow.is_private
