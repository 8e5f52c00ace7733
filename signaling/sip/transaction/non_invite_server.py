"""Non-INVITE server transaction."""

from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers
from signaling.sip.transaction.state import State


class NonInviteServerTransaction:
    """RFC 3261 §17.2.2. After any call: send outbox, arm next_timeout."""

    def __init__(self, request: Request, *, reliable: bool, timers: SipTimers) -> None:
        self.request = request
        self.state = State.TRYING
        self.outbox: list[bytes] = []
        self.timed_out = False
        self._reliable, self._timers = reliable, timers
        self._last: bytes | None = None
        self.next_timeout: int | None = None
        "Timer J."

    def receive(self, request: Request, *, now: int) -> None:
        """Take a retransmission: repeat the last response, if there is one."""
        if self._last is not None and self.state is not State.TERMINATED:
            self.outbox.append(self._last)

    def respond(self, response: Response, *, now: int) -> None:
        """Send a response; one after the final one is dropped."""
        if self.state not in (State.TRYING, State.PROCEEDING):
            return
        self._last = response.to_bytes()
        self.outbox.append(self._last)
        if response.status < 200:
            self.state = State.PROCEEDING
            return
        self.state = State.COMPLETED
        self.next_timeout = now if self._reliable else now + self._timers.give_up

    def handle_timeout(self, *, now: int) -> None:
        """Let Timer J fire if it is due."""
        if self.next_timeout is not None and now >= self.next_timeout:
            self.abandon()

    def abandon(self) -> None:
        """Drop the transaction, for instance because its transport failed."""
        self.state = State.TERMINATED
        self.next_timeout = None
