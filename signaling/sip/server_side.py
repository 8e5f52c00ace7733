"""The user agent as server (RFC 3261 §8.2, §12.2.2, §13.3, §14.2, §15.1.2): requests that come to us."""

from signaling.sip.answers import Answers
from signaling.sip.call import Call, CallState
from signaling.sip.context import INFO_TYPES, METHODS, OTHER_METHODS, Context
from signaling.sip.dialog import Dialog, check_target
from signaling.sip.errors import ParseError
from signaling.sip.events import (
    CallCancelled,
    CallEnded,
    EndCause,
    IncomingCall,
    InfoArrived,
    RegisterArrived,
    ReinviteArrived,
)
from signaling.sip.grammar import parse_number
from signaling.sip.hop import Hop
from signaling.sip.message import Request
from signaling.sip.reply import make_response, stateless_tag
from signaling.sip.sdp import SDP_TYPE
from signaling.sip.timers import SECOND
from signaling.sip.transaction.layer import RequestArrived, RequestRefused
from signaling.sip.transaction.state import ServerKey, server_key
from signaling.sip.uri import Uri


class ServerSide:
    """Checks requests, answers those that need no decision, and turns the others into events."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self._context, self._answers = context, answers
        self._layer, self._calls = context.layer, context.calls

    def handle(self, arrived: RequestArrived, *, now: int) -> None:
        """Serve a request that opened a transaction."""
        request, key = arrived.request, arrived.key
        if request.method == "CANCEL":
            self._handle_cancel(key, request, now)
            return
        try:
            if not self._refuse_early(arrived, now):
                self._dispatch(arrived, now)
        except ParseError as error:
            self._answers.reply(key, request, error.status, now=now, extra=(("warning", _warning(error)),))

    def refuse(self, refused: RequestRefused) -> None:
        """Answer a request over a ceiling: 503 without keeping anything (§21.5.4)."""
        request = refused.request
        if request.method == "ACK":
            return
        tag = stateless_tag(request.call_id, request.via.branch)
        response = make_response(request, 503, to_tag=tag)
        response.headers.add("retry-after", str(self._context.config.limits.retry_after_s))
        self._layer.respond_statelessly(request, response.to_bytes(), refused.source)

    def _refuse_early(self, arrived: RequestArrived, now: int) -> bool:
        """§8.2.1-§8.2.2: method, loops, extensions. True if the request is answered."""
        request, key = arrived.request, arrived.key
        served = (*METHODS, "REGISTER") if self._context.config.registers else METHODS
        if request.method not in served:
            status = 405 if request.method in OTHER_METHODS else 501
            self._answers.reply(key, request, status, now=now, extra=(("allow", self._context.allow),))
            return True
        scheme = Uri.parse(request.uri).scheme
        if scheme == "sips":  # promises TLS on every hop, which this listener cannot keep
            self._answers.reply(key, request, 416, now=now)
            return True
        if self._layer.is_merged(key, request):
            self._answers.reply(key, request, 482, now=now)
            return True
        required = request.headers.values("require")
        if required:
            self._answers.reply(key, request, 420, now=now, extra=(("unsupported", ", ".join(required)),))
            return True
        return False

    def _dispatch(self, arrived: RequestArrived, now: int) -> None:
        request, key = arrived.request, arrived.key
        if request.method == "OPTIONS" and not request.to.tag:
            self._answer_options(key, request, arrived.source, now)
        elif request.method == "REGISTER":
            self._context.emit(RegisterArrived(key=key, request=request, source=arrived.source))
        elif request.to.tag:
            self._handle_within_dialog(arrived, now)
        elif request.method == "INVITE":
            self._open_call(arrived, now)
        else:
            self._answers.reply(key, request, 481, now=now)

    def _answer_options(self, key: ServerKey, request: Request, source: Hop, now: int) -> None:
        """§11.2."""
        response = make_response(request, 200, to_tag=self._context.new_token())
        self._context.dress(response, transport=source.transport)
        response.headers.add("accept", SDP_TYPE)
        self._layer.respond(key, response, now=now)

    # --- the first INVITE -------------------------------------------------------------------------------------

    def _open_call(self, arrived: RequestArrived, now: int) -> None:
        request, key = arrived.request, arrived.key
        if len(self._calls) >= self._context.config.limits.calls:
            wait = str(self._context.config.limits.retry_after_s)
            self._answers.reply(key, request, 503, now=now, extra=(("retry-after", wait),))
            return
        if int(request.headers.get("max-forwards") or 70) == 0:  # a B2BUA counts hops like a proxy (RFC 7332 §4)
            self._answers.reply(key, request, 483, now=now)
            return
        if self._refuse_body(key, request, now):
            return
        tag = self._context.new_token()
        dialog = Dialog.for_server(request, local_tag=tag, local_cseq=self._first_cseq(), flow=arrived.source)
        call = Call(ref=self._context.new_ref(), state=CallState.INCOMING, local_tag=tag, dialog=dialog)
        call.invite_key, call.is_late_offer = key, not request.body
        expires = request.headers.get("expires")
        if expires is not None:  # §13.3.1
            call.expires_at = now + parse_number(expires, "Expires") * SECOND
        self._answers.reply(key, request, 100, now=now)
        self._calls.add(call)
        offer = request.body or None
        self._context.emit(IncomingCall(call=call.ref, request=request, source=arrived.source, offer=offer))

    # --- within a dialog --------------------------------------------------------------------------------------

    def _handle_within_dialog(self, arrived: RequestArrived, now: int) -> None:
        request, key = arrived.request, arrived.key
        call = self._calls.by_dialog((request.call_id, request.to.tag, request.from_.tag))
        is_over = call is not None and call.state is CallState.ENDING and request.method != "BYE"
        if call is None or call.dialog is None or is_over:
            self._answers.reply(key, request, 481, now=now)
        elif not call.dialog.accept_cseq(request.cseq.number):
            self._answers.reply(key, request, 500, now=now)
        elif request.method == "INVITE":
            self._handle_reinvite(call, key, request, now)
        elif request.method == "BYE":
            self._handle_bye(call, key, request, now)
        elif request.method == "INFO":
            self._handle_info(call, key, request, now)
        else:
            self._answer_options(key, request, arrived.source, now)

    def _handle_reinvite(self, call: Call, key: ServerKey, request: Request, now: int) -> None:
        if call.invite_key is not None or call.their_reinvite is not None:  # §14.2: the one before is unanswered
            wait = str(self._context.random.randint(0, 10))
            self._answers.reply(key, request, 500, now=now, extra=(("retry-after", wait),))
        elif call.our_invite is not None or any(pending.has_offer for pending in call.unacked.values()):
            self._answers.reply(key, request, 491, now=now)  # an offer of ours is open (§14.2, RFC 5407 §3.1.4)
        elif call.wants_bye:
            self._answers.reply(key, request, 486, now=now)
        elif not self._refuse_body(key, request, now):
            check_target(request)
            call.their_reinvite, call.their_reinvite_is_late = key, not request.body
            self._answers.reply(key, request, 100, now=now)
            self._calls.index(call)
            self._context.emit(ReinviteArrived(call=call.ref, offer=request.body or None))

    def _handle_bye(self, call: Call, key: ServerKey, request: Request, now: int) -> None:
        """§15.1.2: also what is still unanswered gets its 487."""
        self._answers.reply(key, request, 200, now=now)
        for unanswered in (call.invite_key, call.their_reinvite):
            if unanswered is not None:
                self._answers.refuse_invite(call, unanswered, 487, (), now)
        self._calls.remove(call)
        if call.invite_key is not None:
            self._context.emit(CallCancelled(call=call.ref))
        elif not call.wants_bye and call.state is not CallState.ENDING:
            self._context.emit(CallEnded(call=call.ref, cause=EndCause.BYE))

    def _handle_info(self, call: Call, key: ServerKey, request: Request, now: int) -> None:
        """RFC 6086 §4.2.2 without packages: legacy digits are taken, an empty INFO is a ping."""
        if request.body and request.content_type not in INFO_TYPES:
            self._answers.reply(key, request, 415, now=now, extra=(("accept", ", ".join(INFO_TYPES)),))
            return
        self._answers.reply(key, request, 200, now=now)
        if request.body and not call.wants_bye:
            self._context.emit(InfoArrived(call=call.ref, content_type=request.content_type, body=request.body))

    def _handle_cancel(self, key: ServerKey, request: Request, now: int) -> None:
        """§9.2: CANCEL has no effect on what already has its final response."""
        invite_key = server_key(request, method="INVITE")
        call = self._calls.by_invite(invite_key)
        if call is None and self._layer.server_request(invite_key) is None:
            self._answers.reply(key, request, 481, now=now)
            return
        self._answers.reply(key, request, 200, now=now, tag=call.local_tag if call else "")
        if call is None:
            return
        self._answers.refuse_invite(call, invite_key, 487, (), now)
        if call.invite_key == invite_key:
            self._calls.remove(call)
            self._context.emit(CallCancelled(call=call.ref))
        else:
            self._answers.take_reinvite(call)
            self._calls.index(call)

    def _refuse_body(self, key: ServerKey, request: Request, now: int) -> bool:
        """§8.2.3. True if the request is answered."""
        encoding = request.headers.get("content-encoding")
        if request.body and encoding and encoding.lower() != "identity":
            self._answers.reply(key, request, 415, now=now, extra=(("accept-encoding", "identity"),))
            return True
        if request.body and request.content_type != SDP_TYPE:
            self._answers.reply(key, request, 415, now=now, extra=(("accept", SDP_TYPE),))
            return True
        return False

    def _first_cseq(self) -> int:
        return self._context.random.randint(1, 2**16)


def _warning(error: ParseError) -> str:
    text = "".join(char if char.isprintable() else "?" for char in error.fault).replace('"', "'").replace("\\", "/")
    return f'399 mediaswitch "{text[:120]}"'
