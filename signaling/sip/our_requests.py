"""BYE, OPTIONS and CANCEL of ours (RFC 3261 §9.1, §11, §15.1.1), and what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass

from signaling.sip.auth import answer_challenge, is_stale
from signaling.sip.call import Call
from signaling.sip.context import Context
from signaling.sip.dialog import Dialog
from signaling.sip.headers import Headers
from signaling.sip.message import Request, Response
from signaling.sip.transaction.layer import ClientFailed, ResponseArrived
from signaling.sip.transaction.state import ClientKey

DIALOG_GONE = (408, 481)
"§12.2.1.2: after these the dialog is over."


@dataclass(slots=True)
class _OurRequest:
    """A BYE, OPTIONS or CANCEL under way."""

    call: Call
    dialog: Dialog | None
    uri: str
    has_tried_credentials: bool = False


class OurRequests:
    """Sends requests other than INVITE. `lose` is called when the peer turns out to have forgotten the dialog."""

    def __init__(self, context: Context, *, lose: Callable[[Call, int], None]) -> None:
        self._context, self._lose = context, lose
        self._layer, self._calls = context.layer, context.calls
        self._open: dict[ClientKey, _OurRequest] = {}

    def __len__(self) -> int:
        return len(self._open)

    def send_cancel(self, call: Call, *, now: int) -> None:
        """§9.1: the CANCEL goes where its INVITE went, with the same branch."""
        found = self._layer.client(call.our_invite) if call.our_invite else None
        if found is None:
            return
        invite, hop = found[0].request, found[1]
        headers = Headers([("via", str(invite.via))])
        for route in invite.headers.all("route"):
            headers.add("route", route)
        headers.add("max-forwards", "70")
        for name in ("from", "to", "call-id"):
            headers.add(name, invite.headers.get(name) or "")
        headers.add("cseq", f"{invite.cseq.number} CANCEL")
        request = Request("CANCEL", invite.uri, headers)
        self._open[self._layer.send_request(request, hop, now=now)] = _OurRequest(call, None, request.uri, True)

    def send_in_dialog(
        self, method: str, call: Call, dialog: Dialog, *, now: int, authorization: tuple[str, str] | None = None
    ) -> None:
        """§12.2.1: send a request without a body within a dialog."""
        hop, fallback = dialog.next_hop()
        request = dialog.make_request(method, via=self._context.via(hop.transport))
        if authorization is not None:
            request.headers.add(*authorization)
        key = self._layer.send_request(request, hop, now=now, fallback=fallback)
        self._open[key] = _OurRequest(call, dialog, request.uri, authorization is not None)

    def handle_response(self, arrived: ResponseArrived, *, now: int) -> None:
        """Take a response."""
        ours = self._open.pop(arrived.key, None) if arrived.response.status >= 200 else None
        if ours is not None:
            self._handle_final(ours, arrived.response, now)

    def handle_failure(self, failed: ClientFailed, *, now: int) -> None:
        """No response will come."""
        ours = self._open.pop(failed.key, None)
        if ours is not None and failed.request.method == "OPTIONS":
            self._lose(ours.call, now)
        elif ours is not None and failed.request.method == "BYE":
            self._calls.remove(ours.call)

    def _handle_final(self, ours: _OurRequest, response: Response, now: int) -> None:
        call, method = ours.call, response.cseq.method
        if response.status in (401, 407) and ours.dialog is not None and call.credentials is not None:
            header = answer_challenge(response, method, ours.uri, call.credentials, self._context.random)
            if header is not None and (not ours.has_tried_credentials or is_stale(response)):
                self.send_in_dialog(method, call, ours.dialog, now=now, authorization=header)
                return
        if method == "BYE":
            self._calls.remove(call)
        elif method == "OPTIONS" and response.status in DIALOG_GONE:
            self._lose(call, now)
