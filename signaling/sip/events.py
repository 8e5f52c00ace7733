"""What the user agent reports. SDP stays bytes here: offer and answer are negotiated by whoever owns the media."""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from signaling.sip.hop import Hop
from signaling.sip.message import Request
from signaling.sip.transaction.state import ServerKey

CallRef = NewType("CallRef", str)
"Our own name for a call; never sent, unlike Call-ID."


class EndCause(Enum):
    """Why an answered call ended without our doing."""

    BYE = "bye"
    NO_ACK = "no-ack"
    "Our 2xx was never acknowledged (§13.3.1.4)."
    LOST = "lost"
    "The peer no longer answers requests, or no longer knows the dialog (§12.2.1.2)."


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """Something happened on a call."""

    call: CallRef


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall(CallEvent):
    """A new INVITE; it got its 100. Go on with ring, answer or reject."""

    request: Request
    source: Hop
    offer: bytes | None
    "None asks us to offer in the 2xx; the answer then comes with CallConfirmed."


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCancelled(CallEvent):
    """The caller gave up before our final response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConfirmed(CallEvent):
    """The ACK to our 2xx came. answer: only after a late offer."""

    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRinging(CallEvent):
    """A provisional response above 100 to our INVITE."""

    status: int
    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    """A 2xx to our INVITE; it is acknowledged already."""

    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed(CallEvent):
    """Our INVITE came to nothing. status: the final response; 408 for silence, 503 for a dead transport (§8.1.3.1)."""

    status: int
    reason: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """An answered call is over; nothing is left to do."""

    cause: EndCause


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteArrived(CallEvent):
    """A re-INVITE: go on with answer_reinvite or reject_reinvite."""

    offer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteConfirmed(CallEvent):
    """The ACK to our 2xx to a re-INVITE. answer: only if that 2xx carried our offer."""

    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteAnswered(CallEvent):
    """A 2xx to our re-INVITE."""

    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteFailed(CallEvent):
    """Our re-INVITE was refused: what was agreed before holds on (§14.1)."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteDue(CallEvent):
    """After a 491 the prescribed pause is over: offer again, if it is still wanted (§14.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoArrived(CallEvent):
    """An INFO with a content type that we take; it is answered already."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterArrived:
    """A REGISTER; answer it by `respond(key, ...)`."""

    key: ServerKey
    request: Request
    source: Hop


Event = (
    IncomingCall
    | CallCancelled
    | CallConfirmed
    | CallRinging
    | CallAnswered
    | CallFailed
    | CallEnded
    | ReinviteArrived
    | ReinviteConfirmed
    | ReinviteAnswered
    | ReinviteFailed
    | ReinviteDue
    | InfoArrived
    | RegisterArrived
)
