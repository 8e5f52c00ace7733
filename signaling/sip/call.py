"""One INVITE usage of a dialog, from the first INVITE to the last BYE, and the table of all of them."""

from dataclasses import dataclass, field
from enum import Enum

from signaling.sip.auth import Credentials
from signaling.sip.dialog import Dialog, DialogKey
from signaling.sip.events import CallRef
from signaling.sip.message import Request, Response
from signaling.sip.timers import SipTimers, TimerQueue
from signaling.sip.transaction.state import ClientKey, ServerKey


class CallState(Enum):
    """Where a call stands."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    CANCELLING = "cancelling"
    "Our INVITE is to be cancelled; its final response is still to come."
    ANSWERED = "answered"
    "Our 2xx waits for its ACK."
    CONFIRMED = "confirmed"
    ENDING = "ending"
    "Our BYE waits for its response; a BYE of the peer that crosses it is answered 200 (RFC 5407 §3.2)."


@dataclass(slots=True, kw_only=True)
class PendingAck:
    """A 2xx of ours that is repeated until its ACK comes (§13.3.1.4), over TCP too."""

    key: ServerKey
    response: Response
    has_offer: bool
    is_initial: bool
    interval: int
    retransmit_at: int
    give_up_at: int

    def back_off(self, timers: SipTimers, *, now: int) -> None:
        """Double the interval up to T2."""
        self.interval = min(2 * self.interval, timers.t2)
        self.retransmit_at = now + self.interval


@dataclass(slots=True, kw_only=True)
class Call:
    """What the user agent knows of a call. Instants are in nanoseconds; None means not armed."""

    ref: CallRef
    state: CallState
    local_tag: str
    is_outgoing: bool = False
    dialog: Dialog | None = None
    "None until our INVITE is answered."
    invite_key: ServerKey | None = None
    "The peer's INVITE, until it has its final response."
    is_late_offer: bool = False
    last_provisional: Response | None = None
    provisional_at: int | None = None
    "When to repeat the provisional response, lest a proxy gives up (§13.3.1.1)."
    expires_at: int | None = None
    "Incoming: the caller's Expires. Outgoing: how long we let it ring."
    unacked: dict[int, PendingAck] = field(default_factory=dict)
    "By CSeq."
    their_reinvite: ServerKey | None = None
    their_reinvite_is_late: bool = False
    our_invite: ClientKey | None = None
    "Our INVITE or re-INVITE without final response."
    retry_at: int | None = None
    "When ReinviteDue is due after a 491."
    cancel_until: int | None = None
    "When a cancelled INVITE without final response is given up (§9.1)."
    is_proceeding: bool = False
    "Our INVITE got a provisional response, so it may be cancelled."
    wants_bye: bool = False
    "We hung up before the ACK to our 2xx: BYE follows it (§15)."
    credentials: Credentials | None = None

    @property
    def next_timeout(self) -> int | None:
        """The earliest of this call's own instants."""
        instants = [self.provisional_at, self.expires_at, self.retry_at, self.cancel_until]
        instants += [min(pending.retransmit_at, pending.give_up_at) for pending in self.unacked.values()]
        return min((at for at in instants if at is not None), default=None)


@dataclass(slots=True, kw_only=True)
class OurInvite:
    """An INVITE or re-INVITE of ours, kept as long as a 2xx to it may come."""

    request: Request
    call: CallRef
    is_reinvite: bool
    acks: dict[str, bytes] = field(default_factory=dict)
    "The ACK sent to each fork, by its tag, to be repeated with each 2xx."
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    has_tried_credentials: bool = False


class CallTable:
    """Calls by our reference and by dialog, with their timers."""

    def __init__(self) -> None:
        self._calls: dict[CallRef, Call] = {}
        self._by_dialog: dict[DialogKey, Call] = {}
        self._by_invite: dict[ServerKey, Call] = {}
        self._due: TimerQueue[CallRef] = TimerQueue()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        """Take a new call in."""
        self._calls[call.ref] = call
        self.index(call)

    def index(self, call: Call) -> None:
        """Note the call's dialog, INVITE transaction and timers; call it after each change."""
        if call.ref not in self._calls:
            return
        if call.dialog is not None:
            self._by_dialog[call.dialog.key] = call
        for key in (call.invite_key, call.their_reinvite):
            if key is not None:
                self._by_invite[key] = call
        self._due.set(call.ref, call.next_timeout)

    def forget_invite(self, key: ServerKey | None) -> None:
        """A peer's INVITE has its final response: it can no longer be cancelled."""
        if key is not None:
            self._by_invite.pop(key, None)

    def remove(self, call: Call) -> None:
        """Forget a call and its timers; one that is not here is fine."""
        if self._calls.get(call.ref) is not call:
            return
        del self._calls[call.ref]
        if call.dialog is not None:
            self._by_dialog.pop(call.dialog.key, None)
        self.forget_invite(call.invite_key)
        self.forget_invite(call.their_reinvite)
        self._due.set(call.ref, None)

    def get(self, ref: CallRef) -> Call | None:
        """Return a call that has not ended."""
        return self._calls.get(ref)

    def by_dialog(self, key: DialogKey) -> Call | None:
        """Return the call of a dialog."""
        return self._by_dialog.get(key)

    def by_invite(self, key: ServerKey) -> Call | None:
        """Return the call whose unanswered INVITE or re-INVITE has that transaction."""
        return self._by_invite.get(key)

    def next_at(self) -> int | None:
        """Return the earliest instant at which a call wants to act."""
        return self._due.next_at()

    def pop_due(self, now: int) -> list[Call]:
        """Return the calls whose instant has come; `index` arms them again."""
        return [call for ref in self._due.pop_due(now) if (call := self._calls.get(ref)) is not None]
