"""Errors as RFC 9457 problem documents: one middleware turns whatever rises into an answer."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from mediaswitch.errors import NotFound, Refused, SwitchError, Unavailable, WrongState

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that is wrong; `pointer` is a JSON pointer (RFC 6901) into the request."""

    pointer: str
    reason: str


class Problem(Exception):
    """A request that is answered with a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Any]:
        """The members of RFC 9457 §3.1; `errors` names each wrong field."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        if self.faults:
            document["errors"] = [{"pointer": fault.pointer, "reason": fault.reason} for fault in self.faults]
        return document


def unauthorised(detail: str) -> Problem:
    """RFC 9110 §15.5.2: a 401 names the scheme."""
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def forbidden(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, detail)


def too_many(detail: str, *, retry_after_s: float) -> Problem:
    """RFC 6585 §4."""
    wait = str(max(1, round(retry_after_s)))
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": wait})


_STATUS_OF: dict[type[SwitchError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    WrongState: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem_of(error: Exception) -> Problem:
    """The problem that tells a caller of `error`; one we did not expect is logged and told as a bare 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SwitchError):
        return Problem(_STATUS_OF.get(type(error), HTTPStatus.CONFLICT), str(error))
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    log.error("a request failed", exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this request")


def _of_http(error: web.HTTPException) -> Problem:
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return Problem(HTTPStatus(error.status), error.reason, headers=kept)


def to_response(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        text=json.dumps(problem.to_json(), ensure_ascii=False),
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with a problem document; redirections and successes pass."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return to_response(problem_of(error))
    except Exception as error:
        return to_response(problem_of(error))
