"""INVITE server transaction."""

from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers
from signaling.sip.transaction.state import State


class InviteServerTransaction:
    """RFC 3261 §17.2.1 with RFC 6026 §7.1. After any call: send outbox, arm next_timeout.

    A 2xx is repeated by the user agent core, not here (§13.3.1.4): pass each copy to `respond`.
    """

    def __init__(self, request: Request, *, reliable: bool, timers: SipTimers) -> None:
        self.request = request
        self.state = State.PROCEEDING
        self.outbox: list[bytes] = []
        self.timed_out = False
        self._reliable, self._timers = reliable, timers
        self._last: bytes | None = None
        self._interval = timers.t1
        self._retransmit_at: int | None = None
        self._end_at: int | None = None

    @property
    def next_timeout(self) -> int | None:
        """The instant by which handle_timeout wants to be called."""
        if self._retransmit_at is None or self._end_at is None:
            return self._end_at
        return min(self._retransmit_at, self._end_at)

    def receive(self, request: Request, *, now: int) -> None:
        """Take a retransmitted INVITE, or the ACK to our non-2xx."""
        if request.method == "ACK":
            if self.state is State.COMPLETED:
                self.state = State.CONFIRMED
                self._retransmit_at = None
                self._end_at = now if self._reliable else now + self._timers.t4  # Timer I
        elif self.state in (State.PROCEEDING, State.COMPLETED) and self._last is not None:
            self.outbox.append(self._last)  # in Accepted it is absorbed: the core repeats the 2xx

    def respond(self, response: Response, *, now: int) -> None:
        """Send a response; one that comes too late for the state is dropped."""
        if self.state is State.ACCEPTED and 200 <= response.status < 300:
            self.outbox.append(response.to_bytes())
        if self.state is not State.PROCEEDING:
            return
        self._last = response.to_bytes()
        self.outbox.append(self._last)
        if 200 <= response.status < 300:
            self.state = State.ACCEPTED
            self._end_at = now + self._timers.give_up  # Timer L
        elif response.status >= 300:
            self.state = State.COMPLETED
            self._retransmit_at = None if self._reliable else now + self._timers.t1  # Timer G
            self._end_at = now + self._timers.give_up  # Timer H

    def handle_timeout(self, *, now: int) -> None:
        """Let Timers G, H, I and L fire if they are due."""
        if self._end_at is not None and now >= self._end_at:
            self.timed_out = self.state is State.COMPLETED
            self.abandon()
        elif self._retransmit_at is not None and now >= self._retransmit_at and self._last is not None:
            self.outbox.append(self._last)
            self._interval = min(2 * self._interval, self._timers.t2)
            self._retransmit_at = now + self._interval

    def abandon(self) -> None:
        """Drop the transaction, for instance because its transport failed."""
        self.state = State.TERMINATED
        self._retransmit_at = self._end_at = None
