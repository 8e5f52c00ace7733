"""The transaction layer: matches messages to transactions and hands up only what is new (RFC 3261 §17)."""

from collections import Counter, deque
from dataclasses import dataclass

from signaling.sip.hop import Hop, Outgoing, response_hop
from signaling.sip.limits import Limits
from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers, TimerQueue
from signaling.sip.transaction.invite_client import InviteClientTransaction
from signaling.sip.transaction.invite_server import InviteServerTransaction
from signaling.sip.transaction.non_invite_client import NonInviteClientTransaction
from signaling.sip.transaction.non_invite_server import NonInviteServerTransaction
from signaling.sip.transaction.state import ClientKey, ServerKey, State, client_key, server_key


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A request that opened a server transaction; answer it by `respond(key, ...)`."""

    key: ServerKey
    request: Request
    source: Hop


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request over a ceiling: answer it without keeping anything."""

    request: Request
    source: Hop


@dataclass(frozen=True, slots=True)
class AckArrived:
    """An ACK that belongs to no transaction: it confirms a 2xx."""

    request: Request


@dataclass(frozen=True, slots=True)
class ResponseArrived:
    """A response that its client transaction hands up."""

    key: ClientKey
    response: Response
    source: Hop


@dataclass(frozen=True, slots=True)
class ClientFailed:
    """No answer will come: 408 by timer (§8.1.3.1), 503 by transport error."""

    key: ClientKey
    request: Request
    status: int


@dataclass(frozen=True, slots=True)
class ClientEnded:
    """An INVITE client transaction is over: no 2xx of it can come any more."""

    key: ClientKey


Indication = RequestArrived | RequestRefused | AckArrived | ResponseArrived | ClientFailed | ClientEnded
Server = InviteServerTransaction | NonInviteServerTransaction
Client = InviteClientTransaction | NonInviteClientTransaction
Merged = tuple[str, str, str]


@dataclass(slots=True)
class _ServerEntry:
    transaction: Server
    source: Hop
    hop: Hop
    fallback: Hop | None
    merged: Merged | None


@dataclass(slots=True)
class _ClientEntry:
    transaction: Client
    hop: Hop
    fallback: Hop | None


class TransactionLayer:
    """Owns all transactions. After any call: send outbox, handle indications, arm next_timeout."""

    def __init__(self, *, timers: SipTimers, limits: Limits) -> None:
        self.outbox: list[Outgoing] = []
        self.indications: deque[Indication] = deque()
        self._timers, self._limits = timers, limits
        self._servers: dict[ServerKey, _ServerEntry] = {}
        self._clients: dict[ClientKey, _ClientEntry] = {}
        self._merged: dict[Merged, ServerKey] = {}
        self._per_source: Counter[str] = Counter()
        self._due: TimerQueue[ServerKey | ClientKey] = TimerQueue()

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def next_timeout(self) -> int | None:
        """The instant by which handle_timeout wants to be called."""
        return self._due.next_at()

    def receive_request(self, request: Request, source: Hop, *, now: int) -> None:
        """Take a request; a retransmission is absorbed by its transaction."""
        _note_source(request, source)
        key = server_key(request)
        entry = self._servers.get(key)
        if request.method == "ACK" and (entry is None or entry.transaction.state is State.ACCEPTED):
            self.indications.append(AckArrived(request))
        elif entry is not None:
            entry.transaction.receive(request, now=now)
            self._settle_server(key, entry)
        elif self._is_over_limit(source):
            self.indications.append(RequestRefused(request, source))
        else:
            self._open_server(key, request, source)

    def receive_response(self, response: Response, source: Hop, *, now: int) -> None:
        """Take a response; one that matches no transaction is dropped (§18.1.2, RFC 6026 §7.3)."""
        key = client_key(response)
        entry = self._clients.get(key)
        if entry is not None and response.headers.count("via") == 1:  # §8.1.3.3
            entry.transaction.receive(response, now=now)
            self._settle_client(key, entry, source)

    def send_request(self, request: Request, hop: Hop, *, now: int, fallback: Hop | None = None) -> ClientKey:
        """Start a client transaction; returns its key."""
        kind = InviteClientTransaction if request.method == "INVITE" else NonInviteClientTransaction
        transaction = kind(request, now=now, reliable=hop.reliable, timers=self._timers)
        key = request.via.branch.lower(), request.method
        entry = self._clients[key] = _ClientEntry(transaction, hop, fallback)
        self._settle_client(key, entry, hop)
        return key

    def send_ack(self, ack: bytes, hop: Hop, fallback: Hop | None) -> None:
        """Send an ACK to a 2xx, which has no transaction (§13.2.2.4)."""
        self.outbox.append(Outgoing(ack, hop, fallback))

    def respond(self, key: ServerKey, response: Response, *, now: int) -> None:
        """Respond within a server transaction; nothing happens if it has ended."""
        entry = self._servers.get(key)
        if entry is not None:
            entry.transaction.respond(response, now=now)
            self._settle_server(key, entry)

    def respond_statelessly(self, request: Request, response: bytes, source: Hop) -> None:
        """Respond to a request that has no transaction."""
        self.outbox.append(Outgoing(response, *response_hop(request.via, source)))

    def abandon(self, key: ClientKey) -> None:
        """Forget a client transaction without a word."""
        entry = self._clients.get(key)
        if entry is not None:
            entry.transaction.abandon()
            self._settle_client(key, entry, entry.hop)

    def client(self, key: ClientKey) -> tuple[Client, Hop] | None:
        """Return a live client transaction and where it sends."""
        entry = self._clients.get(key)
        return None if entry is None else (entry.transaction, entry.hop)

    def server_request(self, key: ServerKey) -> Request | None:
        """Return the request of a live server transaction."""
        entry = self._servers.get(key)
        return None if entry is None else entry.transaction.request

    def is_merged(self, key: ServerKey, request: Request) -> bool:
        """Whether the same request already came over another path (§8.2.2.2)."""
        merged = _merged_key(request)
        return merged is not None and self._merged.get(merged, key) != key

    def handle_transport_failure(self, hop: Hop, *, now: int) -> None:
        """Fail the requests that were to go to a hop which cannot be reached (§8.1.3.1)."""
        for key, entry in [item for item in self._clients.items() if hop in (item[1].hop, item[1].fallback)]:
            if entry.transaction.state in (State.CALLING, State.TRYING):  # an answer may come by another connection
                self.indications.append(ClientFailed(key, entry.transaction.request, 503))
                self.abandon(key)

    def handle_timeout(self, *, now: int) -> None:
        """Let every timer that is due fire."""
        for key in self._due.pop_due(now):
            server = self._servers.get(key)
            client = self._clients.get((key[0], key[1])) if len(key) == 2 else None
            if server is not None:
                server.transaction.handle_timeout(now=now)
                self._settle_server(key, server)
            elif client is not None:
                client.transaction.handle_timeout(now=now)
                self._settle_client((key[0], key[1]), client, client.hop)

    def _is_over_limit(self, source: Hop) -> bool:
        return (
            len(self._servers) >= self._limits.transactions
            or self._per_source[source.host] >= self._limits.transactions_per_source
        )

    def _open_server(self, key: ServerKey, request: Request, source: Hop) -> None:
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        transaction = kind(request, reliable=source.reliable, timers=self._timers)
        merged = _merged_key(request)
        self._servers[key] = _ServerEntry(transaction, source, *response_hop(request.via, source), merged)
        self._per_source[source.host] += 1
        if merged is not None:
            self._merged.setdefault(merged, key)
        self.indications.append(RequestArrived(key, request, source))

    def _settle_server(self, key: ServerKey, entry: _ServerEntry) -> None:
        """Collect what the transaction wants, or forget it if it has ended."""
        transaction = entry.transaction
        self.outbox += [Outgoing(data, entry.hop, entry.fallback) for data in transaction.outbox]
        transaction.outbox.clear()
        self._due.set(key, transaction.next_timeout)
        if transaction.state is State.TERMINATED:
            self._servers.pop(key, None)
            if entry.merged is not None and self._merged.get(entry.merged) == key:
                del self._merged[entry.merged]
            self._release_source(entry.source.host)

    def _settle_client(self, key: ClientKey, entry: _ClientEntry, source: Hop) -> None:
        transaction = entry.transaction
        self.outbox += [Outgoing(data, entry.hop, entry.fallback) for data in transaction.outbox]
        transaction.outbox.clear()
        self.indications.extend(ResponseArrived(key, response, source) for response in transaction.responses)
        transaction.responses.clear()
        self._due.set(key, transaction.next_timeout)
        if transaction.state is State.TERMINATED and self._clients.pop(key, None) is not None:
            if transaction.timed_out:
                self.indications.append(ClientFailed(key, transaction.request, 408))
            if transaction.request.method == "INVITE":
                self.indications.append(ClientEnded(key))

    def _release_source(self, host: str) -> None:
        self._per_source[host] -= 1
        if self._per_source[host] <= 0:
            del self._per_source[host]


def _merged_key(request: Request) -> Merged | None:
    if request.to.tag or request.method in ("ACK", "CANCEL"):
        return None
    return request.from_.tag, request.call_id, str(request.cseq)


def _note_source(request: Request, source: Hop) -> None:
    """Write received and rport into the top Via (§18.2.1, RFC 3581 §4)."""
    noted = request.via.with_source(source.host, source.port)
    if noted != request.via:
        request.headers.replace_top_via(noted)
        request.via = noted
