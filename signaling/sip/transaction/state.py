"""What the four transactions share."""

from enum import Enum

from signaling.sip.message import Request, Response

ServerKey = tuple[str, ...]
ClientKey = tuple[str, str]


class State(Enum):
    """The union of the states of RFC 3261 §17 and RFC 6026 §7."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


def server_key(request: Request, *, method: str | None = None) -> ServerKey:
    """Return the key of §17.2.3: branch, sent-by and method, or the RFC 2543 comparison where there is no branch.

    An ACK matches its INVITE; pass `method` to find the INVITE that a CANCEL is about (§9.2).
    """
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    via = request.via
    if via.branch.startswith("z9hG4bK") and len(via.branch) > 7:
        return via.branch.lower(), via.sent_by, method
    return "", str(via), method, request.uri, request.from_.tag, request.call_id, str(request.cseq.number)


def client_key(response: Response) -> ClientKey:
    """Return the key of §17.1.3: branch of the top Via and method of the CSeq."""
    return response.via.branch.lower(), response.cseq.method
