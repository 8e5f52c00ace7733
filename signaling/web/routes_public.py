"""What a customer's page may do without a login: see the entries, and call."""

from http import HTTPStatus

from mediaswitch.errors import NotFound, SwitchError
from mediaswitch.exchange import NewSession
from mediaswitch.ids import DEFAULT_TENANT
from mediaswitch.session import Leg, Session
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind, MediaKind
from signaling.web.answers import CustomerCallAnswer, EntryAnswer, PublicConfigAnswer
from signaling.web.legs import CustomerLegDriver
from signaling.web.operations import Call, OperationTable
from signaling.web.principal import PUBLIC, Caller
from signaling.web.problems import too_many
from signaling.web.requests import CallRequest, NoQuery
from signaling.web.views import session_answer

operations = OperationTable()


@operations.add("GET", "/api/v1/public/config", access=PUBLIC, takes=NoQuery, gives=PublicConfigAnswer)
async def public_config(call: Call[NoQuery]) -> PublicConfigAnswer:
    """Numbers and languages offered to customers."""
    entries = [EntryAnswer(to=entry.to, label=dict(entry.label)) for entry in call.services.entries]
    return PublicConfigAnswer(tenant=DEFAULT_TENANT, entries=entries, languages=["zh", "en"])


@operations.add(
    "POST",
    "/api/v1/public/calls",
    access=PUBLIC,
    takes=CallRequest,
    gives=CustomerCallAnswer,
    status=HTTPStatus.CREATED,
    errors=(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def place_call(call: Call[CallRequest]) -> CustomerCallAnswer:
    """Call a number or a queue with the browser's SDP offer."""
    if wait_s := call.context.calls_by_address.take(call.remote, now=call.now):
        raise too_many("too many calls; wait a little", retry_after_s=wait_s)
    if call.input.to not in {entry.to for entry in call.services.entries}:
        raise NotFound(f"{call.input.to!r} is not offered here")  # a stranger must not reach a trunk
    session, leg, answer = _start(call)
    caller = Caller(session=session.id, participant=leg.participant, name=call.input.name or "", tenant=session.tenant)
    return CustomerCallAnswer(
        session=session_answer(call.services.exchange.session(session.id)),
        leg_id=leg.id,
        sdp=answer,
        token=call.context.tokens.customer(caller),
    )


def _start(call: Call[CallRequest]) -> tuple[Session, Leg, str]:
    exchange, given = call.services.exchange, call.input
    driver = CustomerLegDriver(exchange)
    session, leg = exchange.start_session(
        NewSession(
            channel=Channel.WEB,
            called=given.to,
            customer=Customer(name=given.name or None),
            leg_kind=LegKind.WEBRTC,
            language=given.language,
        ),
        driver,
    )
    driver.attach(session.id, leg.id)
    try:
        answer = exchange.open_webrtc(session.id, leg.id, given.sdp)
        if given.video:
            exchange.share(session.id, leg.participant, MediaKind.CAMERA, active=True)
        exchange.begin(session.id)
    except SwitchError:
        exchange.hang_up(session.id, EndReason.FAILED)
        raise
    return session, leg, answer
