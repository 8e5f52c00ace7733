"""Our answers to INVITE and re-INVITE (RFC 3261 §13.3, §14.2): progress, acceptance until the ACK, refusal."""

from signaling.sip.call import Call, CallState, PendingAck
from signaling.sip.context import Context
from signaling.sip.errors import CallStateError
from signaling.sip.events import CallCancelled, CallConfirmed, ReinviteConfirmed
from signaling.sip.message import Request, Response
from signaling.sip.reply import make_response
from signaling.sip.timers import SECOND
from signaling.sip.transaction.state import ServerKey

PROVISIONAL_INTERVAL = 60 * SECOND
Extra = tuple[tuple[str, str], ...]


class Answers:
    """Sends what we answer, and repeats it as long as it must be."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._layer, self._calls, self._timers = context.layer, context.calls, context.timers

    def reply(
        self, key: ServerKey, request: Request, status: int, *, now: int, tag: str = "", extra: Extra = ()
    ) -> None:
        """Send a response without a body."""
        to_tag = "" if status == 100 else tag or self._context.new_token()
        response = make_response(request, status, to_tag=to_tag)
        for name, value in extra:
            response.headers.add(name, value)
        self._layer.respond(key, response, now=now)

    def ring(self, call: Call, status: int, sdp: bytes | None, *, now: int) -> None:
        """Send a provisional response; it is repeated each minute until the final one."""
        if call.state is not CallState.INCOMING or call.invite_key is None:
            raise CallStateError(f"cannot ring while {call.state.value}")
        response = self._dialog_response(call, call.invite_key, status, sdp)
        if response is not None:
            call.last_provisional, call.provisional_at = response, now + PROVISIONAL_INTERVAL
            self._layer.respond(call.invite_key, response, now=now)
        self._calls.index(call)

    def answer(self, call: Call, sdp: bytes, *, now: int) -> None:
        """Send the 2xx, and again until its ACK comes."""
        if call.state is not CallState.INCOMING or call.invite_key is None:
            raise CallStateError(f"cannot answer while {call.state.value}")
        call.state = CallState.ANSWERED
        call.provisional_at = call.expires_at = call.last_provisional = None
        self._accept(call, call.invite_key, sdp, has_offer=call.is_late_offer, is_initial=True, now=now)
        self._calls.forget_invite(call.invite_key)
        call.invite_key = None
        self._calls.index(call)

    def reject(self, call: Call, status: int, extra: Extra, *, now: int) -> None:
        """Send a final response of 300 or more and forget the call."""
        if call.state is not CallState.INCOMING or call.invite_key is None:
            raise CallStateError(f"cannot reject while {call.state.value}")
        self.refuse_invite(call, call.invite_key, status, extra, now)
        self._calls.remove(call)

    def answer_reinvite(self, call: Call, sdp: bytes, *, now: int) -> None:
        """Accept the peer's re-INVITE."""
        key = self.take_reinvite(call)
        request = self._layer.server_request(key)
        if request is not None and call.dialog is not None:
            call.dialog.refresh_target(request)
        self._accept(call, key, sdp, has_offer=call.their_reinvite_is_late, is_initial=False, now=now)
        self._calls.index(call)

    def reject_reinvite(self, call: Call, status: int, extra: Extra = (), *, now: int) -> None:
        """Refuse the peer's re-INVITE; what was agreed before holds on."""
        self.refuse_invite(call, self.take_reinvite(call), status, extra, now)
        self._calls.index(call)

    def take_reinvite(self, call: Call) -> ServerKey:
        """Return the re-INVITE that waits, which is then no longer waiting. Raises CallStateError if none does."""
        key = call.their_reinvite
        if key is None:
            raise CallStateError("no re-INVITE waits for an answer")
        self._calls.forget_invite(key)
        call.their_reinvite = None
        return key

    def _accept(self, call: Call, key: ServerKey, sdp: bytes, *, has_offer: bool, is_initial: bool, now: int) -> None:
        response = self._dialog_response(call, key, 200, sdp)
        if response is None:
            return
        call.unacked[response.cseq.number] = PendingAck(
            key=key,
            response=response,
            has_offer=has_offer,
            is_initial=is_initial,
            interval=self._timers.t1,
            retransmit_at=now + self._timers.t1,
            give_up_at=now + self._timers.give_up,
        )
        self._layer.respond(key, response, now=now)

    def refuse_invite(self, call: Call, key: ServerKey, status: int, extra: Extra, now: int) -> None:
        """Send a final response of 300 or more to an INVITE or re-INVITE of the call."""
        request = self._layer.server_request(key)
        if request is not None:
            self.reply(key, request, status, now=now, tag=call.local_tag, extra=extra)

    def _dialog_response(self, call: Call, key: ServerKey, status: int, sdp: bytes | None) -> Response | None:
        """§12.1.1: a response that makes or keeps a dialog repeats Record-Route and names our Contact."""
        request = self._layer.server_request(key)
        if request is None or call.dialog is None:
            return None
        response = make_response(request, status, to_tag=call.local_tag)
        for route in request.headers.all("record-route"):
            response.headers.add("record-route", route)
        transport = call.dialog.flow.transport if call.dialog.flow else "udp"
        self._context.dress(response, transport=transport, sdp=sdp)
        return response

    def handle_ack(self, request: Request) -> Call | None:
        """Take the ACK to a 2xx; return its call if we wait to say BYE."""
        call = self._calls.by_dialog((request.call_id, request.to.tag, request.from_.tag))
        pending = call.unacked.pop(request.cseq.number, None) if call is not None else None
        if call is None or pending is None:
            return None
        answer = request.body if pending.has_offer and request.body else None
        if pending.is_initial:
            call.state = CallState.CONFIRMED
        self._calls.index(call)
        if call.wants_bye:
            return call
        kind = CallConfirmed if pending.is_initial else ReinviteConfirmed
        self._context.emit(kind(call=call.ref, answer=answer))
        return None

    def handle_timeout(self, call: Call, *, now: int) -> bool:
        """Repeat what is due. True if a 2xx was never acknowledged: the call must end with a BYE (§13.3.1.4)."""
        if call.state is CallState.INCOMING and call.expires_at is not None and now >= call.expires_at:
            self.reject(call, 487, (), now=now)
            self._context.emit(CallCancelled(call=call.ref))
            return False
        if call.provisional_at is not None and now >= call.provisional_at and call.invite_key is not None:
            call.provisional_at = now + PROVISIONAL_INTERVAL
            if call.last_provisional is not None:
                self._layer.respond(call.invite_key, call.last_provisional, now=now)
        for pending in call.unacked.values():
            if now >= pending.give_up_at:
                return True
            if now >= pending.retransmit_at:
                self._layer.respond(pending.key, pending.response, now=now)
                pending.back_off(self._timers, now=now)
        return False
