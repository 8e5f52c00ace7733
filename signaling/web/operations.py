"""Operations: what each route takes, gives and who may use it, declared once.

Checking tokens, parsing input, serialising answers and openapi.json all come from the declaration, so that no route
can forget one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import ValidationError

from mediaswitch.ids import SessionId, TenantId
from signaling.web.answers import Answer
from signaling.web.context import CONTEXT, Context, WebServices
from signaling.web.limits import BODY_TIMEOUT_S
from signaling.web.principal import PUBLIC, Access, Caller, MediaGrant, Staff
from signaling.web.problems import Fault, Problem, forbidden, unauthorised
from signaling.web.requests import Input, Query
from signaling.web.tokens import BadToken

Taken = TypeVar("Taken", bound=Input)
Given = Answer | Sequence[Answer] | web.StreamResponse | None

PATH_PART = "[A-Za-z0-9_.-]{1,64}"
"What an id in a path may be; anything else is nothing of ours: 404."


@dataclass(frozen=True, slots=True)
class Call(Generic[Taken]):
    """One request, checked and parsed."""

    context: Context
    who: Staff | Caller | MediaGrant | None
    input: Taken
    path: Mapping[str, str]
    remote: str

    @property
    def services(self) -> WebServices:
        return self.context.services

    @property
    def now(self) -> int:
        return self.services.clock.now()

    @property
    def staff(self) -> Staff:
        """Raises a 403 for anybody else."""
        if not isinstance(self.who, Staff):
            raise forbidden("this is for staff")
        return self.who

    @property
    def tenant(self) -> TenantId:
        if self.who is None:
            raise unauthorised("a token is needed")
        return self.who.tenant

    @property
    def session_id(self) -> SessionId:
        return SessionId(self.path["session_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    handler: Callable[[Call[Any]], Awaitable[Given]]
    access: frozenset[Access]
    takes: type[Input]
    gives: type[Answer] | None
    many: bool
    "Whether the answer is a list of `gives`."
    status: HTTPStatus
    errors: tuple[int, ...]
    "Statuses beyond those that the declaration itself implies."

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or "").strip().splitlines()[0]

    @property
    def takes_query(self) -> bool:
        return issubclass(self.takes, Query)

    @property
    def is_public(self) -> bool:
        return self.access == PUBLIC


class OperationTable:
    """The operations of one resource."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def add(
        self,
        method: str,
        path: str,
        *,
        access: frozenset[Access],
        takes: type[Taken],
        gives: type[Answer] | None = None,
        many: bool = False,
        status: HTTPStatus = HTTPStatus.OK,
        errors: tuple[int, ...] = (),
    ) -> Callable[[Callable[[Call[Taken]], Awaitable[Given]]], Callable[[Call[Taken]], Awaitable[Given]]]:
        """Declare the decorated handler to serve `method` on `path`."""

        def declare(handler: Callable[[Call[Taken]], Awaitable[Given]]) -> Callable[[Call[Taken]], Awaitable[Given]]:
            self._operations.append(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    access=access,
                    takes=takes,
                    gives=gives,
                    many=many,
                    status=status,
                    errors=errors,
                )
            )
            return handler

        return declare


def route_of(operation: Operation) -> web.RouteDef:
    """The aiohttp route that serves an operation."""

    async def serve(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        call = Call(
            context=context,
            who=_authorise(operation, request, context),
            input=await _parse(operation, request),
            path=request.match_info,
            remote=request.remote or "",
        )
        return _answer(operation, await operation.handler(call))

    path = operation.path.replace("}", f":{PATH_PART}}}")
    return web.get(path, serve) if operation.method == "GET" else web.route(operation.method, path, serve)


def _authorise(operation: Operation, request: web.Request, context: Context) -> Staff | Caller | MediaGrant | None:
    if operation.is_public:
        return None
    try:
        who = _principal(operation, request, context)
    except BadToken as error:
        raise unauthorised(str(error)) from error
    if who.access not in operation.access:
        raise forbidden(f"not for the role {who.access}")
    return who


def _principal(operation: Operation, request: web.Request, context: Context) -> Staff | Caller | MediaGrant:
    if Access.MEDIA in operation.access and "token" in request.query:
        return context.tokens.read_media(request.query["token"])
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorised("a bearer token is needed")
    return context.tokens.read_principal(token.strip())


async def _parse(operation: Operation, request: web.Request) -> Input:
    try:
        if operation.takes_query:
            return operation.takes.model_validate(dict(request.query))
        return operation.takes.model_validate_json(await _body(request))
    except ValidationError as error:
        raise bad_input(error) from error


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.read()
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from error
    if not body:
        return b"{}"
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
    return body


def bad_input(error: ValidationError) -> Problem:
    """What to tell whoever sent this: 400 for what is not JSON, 422 with a pointer for each field that does not fit."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(HTTPStatus.BAD_REQUEST, f"not JSON: {errors[0]['msg']}")
    faults = [Fault(_pointer(error["loc"]), error["msg"]) for error in errors]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request does not fit", faults=faults)


def _pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901 §3."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _answer(operation: Operation, given: Given) -> web.StreamResponse:
    if isinstance(given, web.StreamResponse):
        return given
    headers = {"Cache-Control": "no-store"}
    if given is None:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
    if isinstance(given, Answer):
        text = given.model_dump_json()
    else:
        text = f"[{','.join(each.model_dump_json() for each in given)}]"
    return web.Response(status=operation.status, text=text, content_type="application/json", headers=headers)
