"""Called numbers and where they lead."""

from collections.abc import Iterable
from dataclasses import dataclass

from mediaswitch.errors import NotFound
from mediaswitch.ids import DEFAULT_TENANT, QueueName, TenantId

QUEUE_PREFIX = "queue:"
"`queue:NAME` dials a queue directly, from a customer's page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a called number leads: exactly one of flow, queue and bridge is set."""

    number: str
    tenant: TenantId = DEFAULT_TENANT
    flow: str | None = None
    queue: QueueName | None = None
    bridge: str | None = None
    "A SIP URI of a trunk or a registered phone."
    record: bool = True
    language: str | None = None
    "Spoken until the caller chooses another; None: the caller's own or the server's default."


class NumberPlan:
    """All routes of the server."""

    def __init__(self, routes: Iterable[Route], *, queues: Iterable[QueueName]) -> None:
        self._routes = {route.number: route for route in routes}
        self._queues = frozenset(queues)

    def find(self, called: str) -> Route:
        """The route of a called number or of `queue:NAME`. Raises NotFound."""
        if called.startswith(QUEUE_PREFIX) and (name := QueueName(called.removeprefix(QUEUE_PREFIX))) in self._queues:
            return Route(number=called, queue=name)
        if route := self._routes.get(called):
            return route
        raise NotFound(f"nobody is reached by {called!r}")
