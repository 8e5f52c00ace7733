"""create_app: the whole web side as one aiohttp application. Nothing in it is global; two may run side by side."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib.metadata import version

from aiohttp import web

from signaling.web import metrics as figures
from signaling.web import (
    openapi,
    routes_agents,
    routes_handover,
    routes_login,
    routes_public,
    routes_recordings,
    routes_sessions,
    routes_system,
    routes_talking,
    socket,
)
from signaling.web.context import CONTEXT, Context, WebServices
from signaling.web.limits import BODY_BYTES
from signaling.web.operations import Operation, route_of
from signaling.web.origins import origin_middleware
from signaling.web.pages import Pages, add_safe_headers
from signaling.web.problems import problem_middleware

IDLE_S = 75.0
"A connection without a request for so long is closed; also one that has never made any."
SHUTDOWN_S = 2.0
"How long requests under way may take when the server ends."

_TABLES = (
    routes_login.operations,
    routes_agents.operations,
    routes_sessions.operations,
    routes_talking.operations,
    routes_handover.operations,
    routes_public.operations,
    routes_recordings.operations,
    routes_system.operations,
)


def all_operations() -> Iterator[Operation]:
    """Every operation of the HTTP interface."""
    for table in _TABLES:
        yield from table


def create_runner(services: WebServices) -> web.AppRunner:
    """The application ready to be served: without an access log, since addresses may carry tokens."""
    return web.AppRunner(create_app(services), access_log=None, keepalive_timeout=IDLE_S, shutdown_timeout=SHUTDOWN_S)


def create_app(services: WebServices) -> web.Application:
    """Build the application."""
    context = Context.of(services)
    metrics = figures.Metrics(context)
    middlewares = [metrics.middleware(), origin_middleware(services.allowed_origins), problem_middleware]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES)
    app[CONTEXT] = context
    app.add_routes(route_of(operation) for operation in all_operations())
    app.router.add_get(socket.PATH, socket.live_socket)
    app.router.add_get(openapi.PATH, _show_openapi)
    app.router.add_get(figures.PATH, metrics.show)
    if services.web_root is not None:
        app.add_routes(Pages(services.web_root).routes())
    app.on_response_prepare.append(add_safe_headers)
    app.on_shutdown.append(_close_sockets)
    app.cleanup_ctx.append(_run_hub)
    return app


@cache
def openapi_json() -> str:
    """openapi.json, whose content only the program decides."""
    return json.dumps(openapi.document(all_operations(), version=version("mediaswitch")), indent=1)


async def _show_openapi(_request: web.Request) -> web.Response:
    return web.Response(text=openapi_json(), content_type="application/json")


async def _run_hub(app: web.Application) -> AsyncIterator[None]:
    context = app[CONTEXT]
    context.hub.start(context.services.bus)
    yield
    context.hub.stop()


async def _close_sockets(app: web.Application) -> None:
    await app[CONTEXT].sockets.close_all()
