"""The user agent (RFC 3261 §6): one object that turns bytes and time into bytes and events."""

from dataclasses import dataclass
from random import Random

from signaling.sip.answers import Answers, Extra
from signaling.sip.call import Call, CallState
from signaling.sip.client_side import ClientSide, OutgoingCall, can_reinvite
from signaling.sip.context import AgentConfig, Context
from signaling.sip.errors import ParseError, UnknownCall
from signaling.sip.events import CallEnded, CallRef, EndCause, Event
from signaling.sip.hop import Hop, Outgoing, response_hop
from signaling.sip.message import BadRequest, Request, Response, parse_message
from signaling.sip.reply import make_stateless_reply
from signaling.sip.server_side import ServerSide
from signaling.sip.transaction.layer import (
    AckArrived,
    ClientEnded,
    ClientFailed,
    Indication,
    RequestArrived,
    RequestRefused,
    ResponseArrived,
)
from signaling.sip.transaction.state import ServerKey


@dataclass(slots=True)
class Counters:
    """What the agent has seen since it started."""

    received: int = 0
    malformed: int = 0
    refused: int = 0
    "Requests over a ceiling of Limits."


class UserAgent:
    """A SIP user agent without sockets or clock.

    After any call: send `outbox`, handle `events`, clear both, arm `next_timeout`. Commands on a call raise
    UnknownCall when it has ended, CallStateError when its state does not allow them; network input never raises.
    """

    def __init__(self, *, random: Random, config: AgentConfig | None = None) -> None:
        """random: for tags and branches, which must be unguessable outside tests: SystemRandom."""
        self._context = Context(config=config or AgentConfig(), random=random)
        self._answers = Answers(self._context)
        self._server = ServerSide(self._context, self._answers)
        self._client = ClientSide(self._context)
        self.counters = Counters()

    @property
    def outbox(self) -> list[Outgoing]:
        """What is to be sent, in order."""
        return self._context.layer.outbox

    @property
    def events(self) -> list[Event]:
        """What happened, in order."""
        return self._context.events

    @property
    def next_timeout(self) -> int | None:
        """The instant by which handle_timeout wants to be called."""
        instants = [self._context.layer.next_timeout, self._context.calls.next_at()]
        return min((at for at in instants if at is not None), default=None)

    @property
    def call_count(self) -> int:
        """Calls that have not ended."""
        return len(self._context.calls)

    @property
    def transaction_count(self) -> int:
        """Transactions and requests of ours that still hold memory."""
        return len(self._context.layer) + len(self._client)

    def listen(self, hop: Hop) -> None:
        """Note under which host and port peers reach us over a transport; goes into Via and Contact."""
        self._context.listen(hop)

    def host_for(self, transport: str) -> str:
        """Return the host that `listen` noted for a transport. Raises SipError if none is open."""
        return self._context.address(transport)[0]

    # --- input ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: Hop, *, now: int) -> None:
        """Take one message: a UDP datagram, or one frame of a TCP stream."""
        self.counters.received += 1
        try:
            message = parse_message(data)
            if isinstance(message, Request):
                self._context.layer.receive_request(message, source, now=now)
            else:
                self._context.layer.receive_response(message, source, now=now)
        except BadRequest as bad:
            self.counters.malformed += 1
            self._reply_to_bad(bad, source)
        except ParseError:
            self.counters.malformed += 1
        self._drain(now)

    def handle_timeout(self, *, now: int) -> None:
        """Let every timer that is due fire."""
        self._context.layer.handle_timeout(now=now)
        for call in self._context.calls.pop_due(now):
            if self._answers.handle_timeout(call, now=now):
                self._end_unacknowledged(call, now)
                continue
            self._client.handle_timeout(call, now=now)
            self._context.calls.index(call)
        self._drain(now)

    def handle_transport_failure(self, hop: Hop, *, now: int) -> None:
        """A hop could not be reached, or its connection broke with requests under way."""
        self._context.layer.handle_transport_failure(hop, now=now)
        self._drain(now)

    # --- commands ---------------------------------------------------------------------------------------------

    @property
    def random(self) -> Random:
        """The source of everything unguessable."""
        return self._context.random

    def respond(self, key: ServerKey, request: Request, status: int, *, now: int, extra: Extra = ()) -> None:
        """Answer a RegisterArrived."""
        self._answers.reply(key, request, status, now=now, extra=extra)
        self._drain(now)

    def ring(self, ref: CallRef, *, now: int, status: int = 180, sdp: bytes | None = None) -> None:
        """Tell the caller about progress: 180, or 183 with a description for early media."""
        self._answers.ring(self._call(ref), status, sdp, now=now)
        self._drain(now)

    def answer(self, ref: CallRef, sdp: bytes, *, now: int) -> None:
        """Answer an incoming call."""
        self._answers.answer(self._call(ref), sdp, now=now)
        self._drain(now)

    def reject(self, ref: CallRef, status: int, *, now: int, extra: Extra = ()) -> None:
        """Refuse an incoming call; it is forgotten."""
        self._answers.reject(self._call(ref), status, extra, now=now)
        self._drain(now)

    def invite(self, outgoing: OutgoingCall, *, now: int) -> CallRef:
        """Start a call."""
        call = self._client.invite(outgoing, now=now)
        self._drain(now)
        return call.ref

    def cancel(self, ref: CallRef, *, now: int) -> None:
        """Give up a call that was not answered; no event follows."""
        self._client.cancel(self._call(ref), now=now)
        self._drain(now)

    def bye(self, ref: CallRef, *, now: int) -> None:
        """End an answered call; no event follows."""
        self._client.bye(self._call(ref), now=now)
        self._drain(now)

    def can_reinvite(self, ref: CallRef) -> bool:
        """Whether `reinvite` is allowed now: no INVITE is open in either direction."""
        return can_reinvite(self._call(ref))

    def reinvite(self, ref: CallRef, sdp: bytes, *, now: int) -> None:
        """Offer a changed session."""
        self._client.reinvite(self._call(ref), sdp, now=now)
        self._drain(now)

    def answer_reinvite(self, ref: CallRef, sdp: bytes, *, now: int) -> None:
        """Accept the peer's re-INVITE."""
        self._answers.answer_reinvite(self._call(ref), sdp, now=now)
        self._drain(now)

    def reject_reinvite(self, ref: CallRef, status: int, *, now: int) -> None:
        """Refuse the peer's re-INVITE."""
        self._answers.reject_reinvite(self._call(ref), status, now=now)
        self._drain(now)

    def ping(self, ref: CallRef, *, now: int) -> None:
        """Ask whether the peer still knows the call; CallEnded follows if it does not."""
        self._client.ping(self._call(ref), now=now)
        self._drain(now)

    # --- within -----------------------------------------------------------------------------------------------

    def _call(self, ref: CallRef) -> Call:
        call = self._context.calls.get(ref)
        if call is None:
            raise UnknownCall(ref)
        return call

    def _drain(self, now: int) -> None:
        indications = self._context.layer.indications
        while indications:
            self._handle(indications.popleft(), now)

    def _handle(self, indication: Indication, now: int) -> None:
        match indication:
            case RequestArrived():
                self._server.handle(indication, now=now)
            case RequestRefused():
                self.counters.refused += 1
                self._server.refuse(indication)
            case AckArrived(request):
                call = self._answers.handle_ack(request)
                if call is not None:
                    self._client.bye(call, now=now)
            case ResponseArrived():
                self._client.handle_response(indication, now=now)
            case ClientFailed():
                self._client.handle_failure(indication, now=now)
            case ClientEnded(key):
                self._client.forget_invite(key)

    def _reply_to_bad(self, bad: BadRequest, source: Hop) -> None:
        via = bad.via = bad.via.with_source(source.host, source.port)
        hop, fallback = response_hop(via, source)
        self.outbox.append(Outgoing(make_stateless_reply(bad), hop, fallback))

    def _end_unacknowledged(self, call: Call, now: int) -> None:
        """§13.3.1.4: no ACK in 64*T1, so the session ends by BYE."""
        self._context.calls.remove(call)
        if call.dialog is not None and call.state in (CallState.ANSWERED, CallState.CONFIRMED):
            self._client.send_bye(call, call.dialog, now=now)
        if not call.wants_bye:
            self._context.emit(CallEnded(call=call.ref, cause=EndCause.NO_ACK))


__all__ = ["AgentConfig", "Counters", "OutgoingCall", "Response", "UserAgent"]
