"""Responses made from requests (RFC 3261 §8.2.6)."""

from hashlib import blake2s

from signaling.sip.headers import Headers
from signaling.sip.message import BadRequest, Request, Response

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 413: "Request Entity Too Large", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
    420: "Bad Extension", 421: "Extension Required", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip

COPIED = ("via", "from", "to", "call-id", "cseq")


def make_response(request: Request, status: int, *, to_tag: str = "", reason: str = "") -> Response:
    """Return a response with the headers that every response carries.

    to_tag: put on To if the request has no tag there. "" leaves To as it is, which only a 100 may do.
    """
    headers = _copied_headers(request.headers)
    if to_tag and not request.to.tag:
        headers.replace_first("to", f"{headers.get('to')};tag={to_tag}")
    timestamp = request.headers.get("timestamp")
    if status == 100 and timestamp:  # §8.2.6.1
        headers.add("timestamp", timestamp)
    return Response.answering(request, status, reason or reason_phrase(status), headers)


def make_stateless_reply(bad: BadRequest) -> bytes:
    """Return the answer to a request too broken for a transaction; the same request gets the same tag (§8.2.7)."""
    headers = Headers([("via", value) for value in bad.headers.all("via")])
    headers.replace_top_via(bad.via)
    for name in COPIED[1:]:  # two of one kind may be the very fault
        headers.add(name, bad.headers.get(name) or "")
    to = headers.get("to") or ""
    if "tag=" not in to.lower():
        headers.replace_first("to", f"{to};tag={stateless_tag(str(bad.headers.get('call-id')), bad.via.branch)}")
    lines = f"SIP/2.0 {bad.status} {reason_phrase(bad.status)}\r\n{headers.render()}"
    warning = bad.fault.replace('"', "'")
    text = f'{lines}Warning: 399 mediaswitch "{warning}"\r\nContent-Length: 0\r\n\r\n'
    return text.encode("utf-8", "surrogateescape")


def stateless_tag(call_id: str, branch: str) -> str:
    """Return a tag that depends on the request alone."""
    return blake2s(f"{call_id}|{branch}".encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def reason_phrase(status: int) -> str:
    """Return the phrase of RFC 3261 §21, or that of the class."""
    return REASONS.get(status) or REASONS.get(status // 100 * 100) or "Unknown"


def _copied_headers(source: Headers) -> Headers:
    return Headers([(key, value) for key, value in source if key in COPIED])
