"""The live socket: hello within its time, then topics and pings in, frames out. Whoever is too slow is dropped."""

import asyncio
import logging
from http import HTTPStatus

from aiohttp import WSMsgType, web

from signaling.web.context import CONTEXT, Context
from signaling.web.messages import Hello, Subscribe, parse_message
from signaling.web.principal import OVERSEERS, STAFF, Access, Principal
from signaling.web.problems import Problem, forbidden, unauthorised
from signaling.web.subscriber import Subscriber, Topic, encode
from signaling.web.tokens import BadToken

log = logging.getLogger(__name__)

PATH = "/api/v1/ws"
HELLO_TIMEOUT_S = 5.0
HEARTBEAT_S = 20.0
CLOSE_TIMEOUT_S = 2.0
MESSAGE_BYTES = 16 * 1024
BAD_MESSAGES = 20
"After so many the client is not one of ours; it is dropped."
STRANGERS = 500
"How many sockets may be open that have not yet said hello."

CLOSE_BAD_MESSAGES = 4400
CLOSE_NOT_WELCOME = 4401
CLOSE_NO_HELLO = 4408

_TOPICS_FOR: dict[Topic, frozenset[Access]] = {
    Topic.ME: STAFF,
    Topic.QUEUES: STAFF,
    Topic.AGENTS: OVERSEERS,
    Topic.SESSIONS: OVERSEERS,
}


async def live_socket(request: web.Request) -> web.StreamResponse:
    """Live events: hello with a token, then welcome and what follows."""
    context = request.app[CONTEXT]
    sockets = context.sockets
    if sockets.strangers >= STRANGERS:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many sockets without a hello")
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES, timeout=CLOSE_TIMEOUT_S, compress=False
    )
    await socket.prepare(request)
    with sockets.stranger():
        who = await _hello(socket, context)
    if who is not None:
        with sockets.open(socket):
            await _Conversation(socket, request.transport, context, Subscriber(who)).run()
    return socket


async def _hello(socket: web.WebSocketResponse, context: Context) -> Principal | None:
    """Whoever says hello; None for one who did not, and whose socket is closed by now."""
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            message = await socket.receive()
    except TimeoutError:
        await socket.close(code=CLOSE_NO_HELLO, message=b"no hello")
        return None
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        return None
    try:
        return _welcome(message.data, context)
    except Problem as problem:
        await socket.send_str(_error(problem))
        await socket.close(code=CLOSE_NOT_WELCOME, message=problem.detail.encode()[:100])
        return None


def _welcome(data: object, context: Context) -> Principal:
    message = parse_message(_text(data))
    if not isinstance(message, Hello):
        raise unauthorised("the first message must be hello")
    try:
        return context.tokens.read_principal(message.token)
    except BadToken as error:
        raise unauthorised(str(error)) from error


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise Problem(HTTPStatus.BAD_REQUEST, "messages are text")
    return data


def _error(problem: Problem) -> str:
    return encode({"type": "error", "problem": problem.to_json()})


class _Conversation:
    """One welcomed socket, until either side ends it."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        context: Context,
        subscriber: Subscriber,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._context = context
        self._subscriber = subscriber
        self._bad_messages = 0

    async def run(self) -> None:
        self._context.hub.join(self._subscriber)
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(self._write()), tasks.create_task(self._drop_when_too_slow())]
                await self._read()
                for helper in helpers:
                    helper.cancel()
        finally:
            self._context.hub.leave(self._subscriber)

    async def _read(self) -> None:
        async for message in self._socket:
            try:
                self._take(_text(message.data))
            except Problem as problem:
                self._bad_messages += 1
                self._subscriber.send_text(_error(problem))
            if self._bad_messages >= BAD_MESSAGES:
                await self._socket.close(code=CLOSE_BAD_MESSAGES, message=b"too many bad messages")

    def _take(self, text: str) -> None:
        message = parse_message(text)
        if isinstance(message, Hello):
            raise Problem(HTTPStatus.CONFLICT, "hello was said already")
        if isinstance(message, Subscribe):
            self._subscribe(frozenset(Topic(topic) for topic in message.topics))
        else:
            self._subscriber.send({"type": "pong"})

    def _subscribe(self, topics: frozenset[Topic]) -> None:
        access = self._subscriber.who.access
        if closed := sorted(topic for topic in topics if access not in _TOPICS_FOR[topic]):
            raise forbidden(f"not for the role {access}: {', '.join(closed)}")
        self._context.hub.follow(self._subscriber, topics)

    async def _write(self) -> None:
        try:
            while True:
                await self._socket.send_str(await self._subscriber.next_frame())
        except ConnectionError:
            log.debug("a live socket went away")  # the reader ends by the same cause

    async def _drop_when_too_slow(self) -> None:
        await self._subscriber.too_slow.wait()
        self._context.sockets.dropped += 1
        log.warning("a live socket of %s is too slow; dropped", self._subscriber.who.access)
        if self._transport is not None:
            self._transport.abort()  # a close frame would wait behind all that the client does not read
