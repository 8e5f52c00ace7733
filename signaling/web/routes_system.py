"""The server about itself: alive, ready, its figures, its interface."""

from http import HTTPStatus

from signaling.web.answers import HealthAnswer
from signaling.web.operations import Call, OperationTable
from signaling.web.principal import PUBLIC
from signaling.web.problems import Problem
from signaling.web.requests import NoQuery

operations = OperationTable()


@operations.add("GET", "/healthz", access=PUBLIC, takes=NoQuery, gives=HealthAnswer)
async def healthz(call: Call[NoQuery]) -> HealthAnswer:
    """The process runs."""
    return HealthAnswer(status="ok")


@operations.add(
    "GET",
    "/readyz",
    access=PUBLIC,
    takes=NoQuery,
    gives=HealthAnswer,
    errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
)
async def readyz(call: Call[NoQuery]) -> HealthAnswer:
    """New sessions are welcome."""
    if not (call.services.ready() and call.services.exchange.accepting):
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "starting or shutting down")
    return HealthAnswer(status="ok")
