"""INVITE client transaction."""

from signaling.sip.headers import Headers
from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers
from signaling.sip.transaction.state import State


class InviteClientTransaction:
    """RFC 3261 §17.1.1 with RFC 6026 §7.2. After any call: send outbox, hand up responses, arm next_timeout."""

    def __init__(self, request: Request, *, now: int, reliable: bool, timers: SipTimers) -> None:
        self.request = request
        self.state = State.CALLING
        self.outbox: list[bytes] = [request.to_bytes()]
        self.responses: list[Response] = []
        self.timed_out = False
        self._invite = self.outbox[0]
        self._ack: bytes | None = None
        self._reliable, self._timers = reliable, timers
        self._interval = timers.t1
        self._retransmit_at = None if reliable else now + timers.t1  # Timer A
        self._end_at: int | None = now + timers.give_up  # Timer B, then D or M

    @property
    def next_timeout(self) -> int | None:
        """The instant by which handle_timeout wants to be called."""
        if self._retransmit_at is None or self._end_at is None:
            return self._end_at
        return min(self._retransmit_at, self._end_at)

    def receive(self, response: Response, *, now: int) -> None:
        """Take a response that matched this transaction."""
        if response.status < 200:
            self._receive_provisional(response)
        elif response.status < 300:
            self._receive_success(response, now)
        else:
            self._receive_failure(response, now)

    def _receive_provisional(self, response: Response) -> None:
        if self.state in (State.CALLING, State.PROCEEDING):
            self.state = State.PROCEEDING
            self._retransmit_at = self._end_at = None
            self.responses.append(response)

    def _receive_success(self, response: Response, now: int) -> None:
        if self.state in (State.CALLING, State.PROCEEDING):
            self.state = State.ACCEPTED
            self._retransmit_at, self._end_at = None, now + self._timers.give_up  # Timer M
        if self.state is State.ACCEPTED:  # RFC 6026 §7.2: each 2xx goes up, also from other forks
            self.responses.append(response)

    def _receive_failure(self, response: Response, now: int) -> None:
        if self.state in (State.CALLING, State.PROCEEDING):
            self.state = State.COMPLETED
            self._ack = self._make_ack(response).to_bytes()
            self.outbox.append(self._ack)
            self.responses.append(response)
            self._retransmit_at = None
            self._end_at = now if self._reliable else now + self._timers.give_up  # Timer D
        elif self.state is State.COMPLETED and self._ack is not None:
            self.outbox.append(self._ack)

    def handle_timeout(self, *, now: int) -> None:
        """Let Timers A, B, D and M fire if they are due."""
        if self._end_at is not None and now >= self._end_at:
            self.timed_out = self.state is State.CALLING
            self.state = State.TERMINATED
            self._retransmit_at = self._end_at = None
        elif self._retransmit_at is not None and now >= self._retransmit_at:
            self.outbox.append(self._invite)
            self._interval *= 2  # §17.1.1.2: Timer A doubles without a ceiling
            self._retransmit_at = now + self._interval

    def abandon(self) -> None:
        """Drop the transaction: its transport failed, or a CANCEL brought no answer in 64*T1 (§9.1)."""
        self.state = State.TERMINATED
        self._retransmit_at = self._end_at = None

    def _make_ack(self, response: Response) -> Request:
        """§17.1.1.3: the ACK to a non-2xx stays within this transaction."""
        invite = self.request
        headers = Headers([("via", str(invite.via))])
        for route in invite.headers.all("route"):
            headers.add("route", route)
        headers.add("max-forwards", "70")
        headers.add("from", invite.headers.get("from") or "")
        headers.add("to", response.headers.get("to") or "")
        headers.add("call-id", invite.call_id)
        headers.add("cseq", f"{invite.cseq.number} ACK")
        return Request("ACK", invite.uri, headers)
