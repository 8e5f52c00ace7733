"""Non-INVITE client transaction."""

from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers
from signaling.sip.transaction.state import State


class NonInviteClientTransaction:
    """RFC 3261 §17.1.2. After any call: send outbox, hand up responses, arm next_timeout."""

    def __init__(self, request: Request, *, now: int, reliable: bool, timers: SipTimers) -> None:
        self.request = request
        self.state = State.TRYING
        self.outbox: list[bytes] = [request.to_bytes()]
        self.responses: list[Response] = []
        self.timed_out = False
        self._wire = self.outbox[0]
        self._reliable, self._timers = reliable, timers
        self._interval = timers.t1
        self._retransmit_at = None if reliable else now + timers.t1  # Timer E
        self._end_at: int | None = now + timers.give_up  # Timer F, then K

    @property
    def next_timeout(self) -> int | None:
        """The instant by which handle_timeout wants to be called."""
        if self._retransmit_at is None or self._end_at is None:
            return self._end_at
        return min(self._retransmit_at, self._end_at)

    def receive(self, response: Response, *, now: int) -> None:
        """Take a response that matched this transaction."""
        if self.state not in (State.TRYING, State.PROCEEDING):
            return
        self.responses.append(response)
        if response.status < 200:
            self.state = State.PROCEEDING
            return
        self.state = State.COMPLETED
        self._retransmit_at = None
        self._end_at = now if self._reliable else now + self._timers.t4  # Timer K

    def handle_timeout(self, *, now: int) -> None:
        """Let Timers E, F and K fire if they are due."""
        if self._end_at is not None and now >= self._end_at:
            self.timed_out = self.state is not State.COMPLETED
            self.abandon()
        elif self._retransmit_at is not None and now >= self._retransmit_at:
            self.outbox.append(self._wire)
            t2 = self._timers.t2  # §17.1.2.2: double up to T2; after a 1xx, T2 at once
            self._interval = t2 if self.state is State.PROCEEDING else min(2 * self._interval, t2)
            self._retransmit_at = now + self._interval

    def abandon(self) -> None:
        """Drop the transaction, for instance because its transport failed."""
        self.state = State.TERMINATED
        self._retransmit_at = self._end_at = None
