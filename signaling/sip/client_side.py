"""The user agent as client (RFC 3261 §8.1, §9.1, §13.2, §14.1, §15.1.1): requests that we send."""

from contextlib import suppress
from dataclasses import dataclass

from signaling.sip.auth import Credentials, answer_challenge, is_stale
from signaling.sip.call import Call, CallState, OurInvite
from signaling.sip.context import Context
from signaling.sip.dialog import Dialog
from signaling.sip.errors import CallStateError, ParseError
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallFailed,
    CallRinging,
    EndCause,
    ReinviteAnswered,
    ReinviteDue,
    ReinviteFailed,
)
from signaling.sip.headers import Headers, NameAddr
from signaling.sip.hop import Hop, uri_hop
from signaling.sip.message import Request, Response
from signaling.sip.our_requests import DIALOG_GONE, OurRequests
from signaling.sip.sdp import SDP_TYPE
from signaling.sip.timers import SECOND
from signaling.sip.transaction.layer import ClientFailed, ResponseArrived
from signaling.sip.transaction.state import ClientKey
from signaling.sip.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingCall:
    """What an INVITE needs."""

    target: Uri
    caller: NameAddr
    "From, without a tag."
    callee: NameAddr | None = None
    "To; the target if None."
    offer: bytes
    hop: Hop | None = None
    "Where to send it instead of the target: an outbound proxy, or the flow of a registered phone."
    fallback: Hop | None = None
    "Where to connect if `hop` is a TCP connection that is gone."
    credentials: Credentials | None = None
    "For a trunk that challenges."
    max_forwards: int = 70


class ClientSide:
    """Sends requests and turns their responses into events."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._layer, self._calls, self._timers = context.layer, context.calls, context.timers
        self._invites: dict[ClientKey, OurInvite] = {}
        self._requests = OurRequests(context, lose=self._lose)

    def __len__(self) -> int:
        return len(self._invites) + len(self._requests)

    # --- commands ---------------------------------------------------------------------------------------------

    def invite(self, outgoing: OutgoingCall, *, now: int) -> Call:
        """§13.2.1: start a call."""
        hop = outgoing.hop or uri_hop(outgoing.target)
        call = Call(
            ref=self._context.new_ref(),
            state=CallState.OUTGOING,
            is_outgoing=True,
            local_tag=self._context.new_token(),
            credentials=outgoing.credentials,
            expires_at=now + self._context.config.ring_limit,
        )
        headers = Headers([("via", self._context.via(hop.transport))])
        headers.add("max-forwards", str(outgoing.max_forwards))
        headers.add("from", str(outgoing.caller.with_tag(call.local_tag)))
        headers.add("to", str(outgoing.callee or NameAddr(uri=outgoing.target)))
        headers.add("call-id", self._context.new_token(128))
        headers.add("cseq", f"{self._context.random.randint(1, 2**16)} INVITE")
        request = Request("INVITE", str(outgoing.target), headers)
        self._context.dress(request, transport=hop.transport, sdp=outgoing.offer)
        self._calls.add(call)
        self._send_invite(call, request, hop, is_reinvite=False, now=now, fallback=outgoing.fallback)
        return call

    def reinvite(self, call: Call, sdp: bytes, *, now: int) -> None:
        """§14.1: offer a changed session. Raises CallStateError unless `can_reinvite`."""
        dialog = call.dialog
        if dialog is None or not can_reinvite(call):
            raise CallStateError("an INVITE of this call is still open")
        hop, fallback = dialog.next_hop()
        request = dialog.make_request("INVITE", via=self._context.via(hop.transport))
        self._context.dress(request, transport=hop.transport, sdp=sdp)
        call.retry_at = None
        self._send_invite(call, request, hop, is_reinvite=True, now=now, fallback=fallback)

    def cancel(self, call: Call, *, now: int) -> None:
        """§9.1: give up our INVITE. A 2xx that crosses the CANCEL is acknowledged and ended with a BYE."""
        if call.state is not CallState.OUTGOING:
            raise CallStateError(f"cannot cancel while {call.state.value}")
        call.state, call.expires_at = CallState.CANCELLING, None
        call.cancel_until = now + self._timers.give_up
        if call.is_proceeding:
            self._requests.send_cancel(call, now=now)
        self._calls.index(call)

    def bye(self, call: Call, *, now: int) -> None:
        """§15.1.1: end an answered call; before the ACK to our 2xx it waits for that."""
        if call.dialog is None or call.state not in (CallState.ANSWERED, CallState.CONFIRMED):
            raise CallStateError(f"cannot hang up while {call.state.value}")
        if call.state is CallState.ANSWERED:
            call.wants_bye = True
            return
        call.state, call.retry_at = CallState.ENDING, None
        self.send_bye(call, call.dialog, now=now)
        self._calls.index(call)

    def send_bye(self, call: Call, dialog: Dialog, *, now: int) -> None:
        """Send the BYE of a dialog."""
        self._requests.send_in_dialog("BYE", call, dialog, now=now)

    def ping(self, call: Call, *, now: int) -> None:
        """Ask by OPTIONS whether the peer still knows the dialog; if not, CallEnded follows."""
        if call.dialog is not None and call.state is CallState.CONFIRMED:
            self._requests.send_in_dialog("OPTIONS", call, call.dialog, now=now)

    # --- what comes back --------------------------------------------------------------------------------------

    def handle_response(self, arrived: ResponseArrived, *, now: int) -> None:
        """Take a response of one of our transactions."""
        ours = self._invites.get(arrived.key)
        if ours is not None:
            self._handle_invite_response(ours, arrived, now)
        else:
            self._requests.handle_response(arrived, now=now)

    def handle_failure(self, failed: ClientFailed, *, now: int) -> None:
        """No response will come."""
        ours = self._invites.get(failed.key)
        if ours is not None and ours.is_reinvite:
            call = self._calls.get(ours.call)
            if call is not None:
                self._lose(call, now)
            return
        if ours is not None:
            self._fail_invite(ours, failed.status, "", None, now)
            return
        self._requests.handle_failure(failed, now=now)

    def forget_invite(self, key: ClientKey) -> None:
        """The transaction is over: no 2xx comes any more."""
        self._invites.pop(key, None)

    def handle_timeout(self, call: Call, *, now: int) -> None:
        """Let the call's own timers fire."""
        if call.state is CallState.OUTGOING and call.expires_at is not None and now >= call.expires_at:
            self.cancel(call, now=now)
            self._context.emit(CallFailed(call=call.ref, status=408, reason="rang too long"))
        if call.cancel_until is not None and now >= call.cancel_until:
            self._calls.remove(call)
            if call.our_invite is not None:
                self._layer.abandon(call.our_invite)
        if call.retry_at is not None and now >= call.retry_at:
            call.retry_at = None
            self._context.emit(ReinviteDue(call=call.ref))

    # --- INVITE -----------------------------------------------------------------------------------------------

    def _send_invite(
        self, call: Call, request: Request, hop: Hop, *, is_reinvite: bool, now: int, fallback: Hop | None = None
    ) -> OurInvite:
        ours = OurInvite(request=request, call=call.ref, is_reinvite=is_reinvite)
        call.our_invite = request.via.branch.lower(), "INVITE"
        self._invites[call.our_invite] = ours
        self._layer.send_request(request, hop, now=now, fallback=fallback)
        self._calls.index(call)
        return ours

    def _handle_invite_response(self, ours: OurInvite, arrived: ResponseArrived, now: int) -> None:
        response = arrived.response
        if response.status < 200:
            self._handle_provisional(ours, response, now)
        elif response.status < 300:
            self._handle_success(ours, arrived, now)
        elif not self._retry_with_credentials(ours, response, now):
            self._fail_invite(ours, response.status, response.reason, _retry_after(response), now)

    def _handle_provisional(self, ours: OurInvite, response: Response, now: int) -> None:
        call = self._calls.get(ours.call)
        if call is None or ours.is_reinvite:
            return
        was_proceeding, call.is_proceeding = call.is_proceeding, True
        if call.state is CallState.CANCELLING and not was_proceeding:
            self._requests.send_cancel(call, now=now)
        elif call.state is CallState.OUTGOING and response.status > 100:
            answer = _description(response)
            self._context.emit(CallRinging(call=call.ref, status=response.status, answer=answer))

    def _handle_success(self, ours: OurInvite, arrived: ResponseArrived, now: int) -> None:
        response = arrived.response
        tag = response.to.tag
        call = self._calls.get(ours.call)
        if tag in ours.acks:  # our ACK was lost
            dialog = ours.dialogs[tag]
            self._layer.send_ack(ours.acks[tag], *dialog.next_hop())
            return
        dialog = self._answered_dialog(ours, call, arrived)
        self._send_ack(ours, dialog, response)
        if ours.is_reinvite:
            self._finish_reinvite(call, response)
        elif call is None or call.dialog is not None or call.state is CallState.CANCELLING:
            self._refuse_fork(call, ours, dialog, now)
        else:
            call.state, call.dialog, call.our_invite, call.expires_at = CallState.CONFIRMED, dialog, None, None
            self._calls.index(call)
            self._context.emit(CallAnswered(call=call.ref, answer=_description(response)))

    def _answered_dialog(self, ours: OurInvite, call: Call | None, arrived: ResponseArrived) -> Dialog:
        response = arrived.response
        if ours.is_reinvite and call is not None and call.dialog is not None:
            with suppress(ParseError):  # a Contact that cannot be read moves nothing
                call.dialog.refresh_target(response)
            return call.dialog
        try:
            return Dialog.for_client(ours.request, response, flow=arrived.source)
        except ParseError:  # no usable Contact: the Request-URI is the best that is left to send ACK and BYE to
            target = Uri.parse(ours.request.uri)
            return Dialog(
                call_id=ours.request.call_id, local=ours.request.from_, remote=response.to, remote_target=target,
                local_cseq=ours.request.cseq.number, flow=arrived.source,
            )  # fmt: skip

    def _send_ack(self, ours: OurInvite, dialog: Dialog, response: Response) -> None:
        """§13.2.2.4: the ACK has the INVITE's number and credentials, and no transaction."""
        hop, fallback = dialog.next_hop()
        ack = dialog.make_request("ACK", via=self._context.via(hop.transport), cseq=ours.request.cseq.number)
        for name in ("authorization", "proxy-authorization"):
            for value in ours.request.headers.all(name):
                ack.headers.add(name, value)
        tag = response.to.tag
        ours.acks[tag], ours.dialogs[tag] = ack.to_bytes(), dialog
        self._layer.send_ack(ours.acks[tag], hop, fallback)

    def _refuse_fork(self, call: Call | None, ours: OurInvite, dialog: Dialog, now: int) -> None:
        """§13.2.2.4: one answer is enough, and a cancelled call wants none."""
        spare = Call(ref=ours.call, state=CallState.CONFIRMED, local_tag=dialog.local.tag)
        spare.credentials = call.credentials if call else None
        self.send_bye(spare, dialog, now=now)
        if call is not None and call.state is CallState.CANCELLING:
            self._calls.remove(call)

    def _finish_reinvite(self, call: Call | None, response: Response) -> None:
        if call is not None:
            call.our_invite = None
            self._calls.index(call)
            self._context.emit(ReinviteAnswered(call=call.ref, answer=_description(response)))

    def _fail_invite(self, ours: OurInvite, status: int, reason: str, retry_after_s: int | None, now: int) -> None:
        call = self._calls.get(ours.call)
        if call is None:
            return
        call.our_invite = None
        if not ours.is_reinvite:
            self._calls.remove(call)
            if call.state is CallState.OUTGOING:
                self._context.emit(CallFailed(call=call.ref, status=status, reason=reason, retry_after_s=retry_after_s))
        elif status in DIALOG_GONE:
            self._lose(call, now)
        elif status == 491:
            call.retry_at = now + self._glare_pause(call)
            self._calls.index(call)
        else:
            self._context.emit(ReinviteFailed(call=call.ref, status=status))

    def _glare_pause(self, call: Call) -> int:
        """§14.1: 2.1-4 s for the owner of the Call-ID, 0-2 s for the other, in steps of 10 ms."""
        low, high = (210, 400) if call.is_outgoing else (0, 200)
        return self._context.random.randint(low, high) * SECOND // 100

    def _retry_with_credentials(self, ours: OurInvite, response: Response, now: int) -> bool:
        """§22.2: the same INVITE again, with credentials, the next number and a fresh branch."""
        call = self._calls.get(ours.call)
        if response.status not in (401, 407) or call is None or call.credentials is None:
            return False
        if call.state is CallState.CANCELLING or (ours.has_tried_credentials and not is_stale(response)):
            return False
        header = answer_challenge(response, "INVITE", ours.request.uri, call.credentials, self._context.random)
        found = self._layer.client((ours.request.via.branch.lower(), "INVITE"))
        if header is None or found is None:
            return False
        old, hop = ours.request, found[1]
        cseq = old.cseq.number + 1
        if call.dialog is not None:
            call.dialog.local_cseq = cseq
        kept = [(n, v) for n, v in old.headers if n not in ("via", "cseq", "content-length", header[0])]
        headers = Headers([("via", self._context.via(hop.transport)), ("cseq", f"{cseq} INVITE"), *kept, header])
        request = Request("INVITE", old.uri, headers, old.body)
        call.is_proceeding = False
        again = self._send_invite(call, request, hop, is_reinvite=ours.is_reinvite, now=now)
        again.has_tried_credentials = True
        return True

    def _lose(self, call: Call, now: int) -> None:
        """§12.2.1.2, §14.1: the peer is gone; a last BYE costs little if it is not."""
        if self._calls.get(call.ref) is not call or call.dialog is None or call.state is CallState.ENDING:
            return
        self._calls.remove(call)
        self.send_bye(call, call.dialog, now=now)
        self._context.emit(CallEnded(call=call.ref, cause=EndCause.LOST))


def can_reinvite(call: Call) -> bool:
    """Whether no INVITE is open in either direction (§14.1)."""
    is_idle = call.our_invite is None and call.their_reinvite is None and not call.unacked
    return is_idle and call.state is CallState.CONFIRMED


def _description(response: Response) -> bytes | None:
    return response.body if response.body and response.content_type == SDP_TYPE else None


def _retry_after(response: Response) -> int | None:
    words = (response.headers.get("retry-after") or "").replace(";", " ").replace("(", " ").split()
    return int(words[0]) if words and words[0].isascii() and words[0].isdigit() and len(words[0]) < 8 else None
