"""What an agent or a customer does in a session: hold, mute, share, chat, digits."""

from http import HTTPStatus

from mediaswitch.errors import NotFound
from mediaswitch.session import Leg, Session
from mediaswitch.timeline import MediaKind, Role
from signaling.web.answers import MessageAnswer, SdpAnswer, SessionAnswer
from signaling.web.operations import Call, OperationTable, Taken
from signaling.web.parts import as_known_to, own_leg, speaker
from signaling.web.principal import IN_CALL, TALKING, Access
from signaling.web.requests import (
    DigitsRequest,
    MaskRequest,
    MessageRequest,
    MuteRequest,
    Nothing,
    OfferRequest,
    SendDigitsRequest,
    ShareRequest,
)
from signaling.web.routes_sessions import SESSION
from signaling.web.views import session_answer

operations = OperationTable()
STAFF_IN_CALL = TALKING - {Access.CUSTOMER}
WRONG_TIME = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
DIGIT_MS = 100
"What a press on a page counts as; RFC 4733 §2.5.1.2 wants at least 40 ms."


def _own_leg(call: Call[Taken]) -> Leg:
    return own_leg(call.services.exchange.session(call.session_id), speaker(call.who))


def _session_now(call: Call[Taken]) -> SessionAnswer:
    return session_answer(as_known_to(call.services.exchange.session(call.session_id), call.who))


@operations.add("POST", f"{SESSION}/hold", access=IN_CALL, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME)
async def hold(call: Call[Nothing]) -> SessionAnswer:
    """Put the others on hold: they hear music."""
    call.services.exchange.hold(call.session_id, _own_leg(call).participant)
    return _session_now(call)


@operations.add("POST", f"{SESSION}/resume", access=IN_CALL, takes=Nothing, gives=SessionAnswer, errors=WRONG_TIME)
async def resume(call: Call[Nothing]) -> SessionAnswer:
    """Take the others off hold."""
    call.services.exchange.resume(call.session_id, _own_leg(call).participant)
    return _session_now(call)


@operations.add("PUT", f"{SESSION}/mute", access=TALKING, takes=MuteRequest, gives=SessionAnswer, errors=WRONG_TIME)
async def mute(call: Call[MuteRequest]) -> SessionAnswer:
    """Mute or unmute yourself; nobody hears a muted participant, whatever the browser sends."""
    call.services.exchange.mute(call.session_id, _own_leg(call).participant, muted=call.input.muted)
    return _session_now(call)


@operations.add("POST", f"{SESSION}/share", access=IN_CALL, takes=ShareRequest, gives=SessionAnswer, errors=WRONG_TIME)
async def share(call: Call[ShareRequest]) -> SessionAnswer:
    """Announce that your camera or screen is shown, or no longer; the media itself flows on the leg."""
    participant, given = _own_leg(call).participant, call.input
    call.services.exchange.share(call.session_id, participant, MediaKind(given.kind), active=given.active)
    return _session_now(call)


@operations.add("POST", f"{SESSION}/reoffer", access=TALKING, takes=OfferRequest, gives=SdpAnswer, errors=WRONG_TIME)
async def reoffer(call: Call[OfferRequest]) -> SdpAnswer:
    """Negotiate your own leg again: ICE restart or a later offer."""
    return SdpAnswer(sdp=call.services.exchange.reoffer(call.session_id, _own_leg(call).id, call.input.sdp))


@operations.add(
    "POST",
    f"{SESSION}/digits",
    access=frozenset({Access.CUSTOMER}),
    takes=DigitsRequest,
    status=HTTPStatus.NO_CONTENT,
    errors=WRONG_TIME,
)
async def press_digits(call: Call[DigitsRequest]) -> None:
    """Press digits for a menu, as on a phone."""
    for digit in call.input.digits:
        call.services.exchange.digit(call.session_id, _own_leg(call).id, digit, duration_ms=DIGIT_MS)


@operations.add(
    "POST",
    f"{SESSION}/send-digits",
    access=STAFF_IN_CALL,
    takes=SendDigitsRequest,
    status=HTTPStatus.NO_CONTENT,
    errors=WRONG_TIME,
)
async def send_digits(call: Call[SendDigitsRequest]) -> None:
    """Press digits towards the customer or somebody else outside, as for the menu of another company."""
    _own_leg(call)
    leg = _leg_outside(call.services.exchange.session(call.session_id), call.input.participant_id)
    call.services.exchange.send_digits(call.session_id, leg.id, call.input.digits, duration_ms=call.input.duration_ms)


@operations.add(
    "PUT",
    f"{SESSION}/mask",
    access=STAFF_IN_CALL,
    takes=MaskRequest,
    status=HTTPStatus.NO_CONTENT,
    errors=WRONG_TIME,
)
async def mask_digits(call: Call[MaskRequest]) -> None:
    """Keep what the customer types from everybody and from the recording, as for a card number, or no longer."""
    _own_leg(call)
    leg = _leg_outside(call.services.exchange.session(call.session_id), None)
    call.services.exchange.mask_digits(call.session_id, leg.id, on=call.input.on)


def _leg_outside(session: Session, participant: str | None) -> Leg:
    """The live leg of a participant who is no staff; None: the customer's."""
    outside = {part.id for part in session.participants if part.role in (Role.CUSTOMER, Role.EXTERNAL)}
    wanted = session.participant_with_role(Role.CUSTOMER).id if participant is None else participant
    legs = [leg for leg in session.live_legs if leg.participant == wanted and wanted in outside]
    if not legs:
        raise NotFound(f"nobody outside is reached as participant {wanted}")
    return legs[-1]


@operations.add(
    "POST",
    f"{SESSION}/messages",
    access=IN_CALL,
    takes=MessageRequest,
    gives=MessageAnswer,
    status=HTTPStatus.CREATED,
    errors=WRONG_TIME,
)
async def send_message(call: Call[MessageRequest]) -> MessageAnswer:
    """Write to the others in the session."""
    exchange = call.services.exchange
    exchange.chat(call.session_id, _own_leg(call).participant, call.input.text)
    return MessageAnswer(seq=exchange.session(call.session_id).seq)
