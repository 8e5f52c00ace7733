"""What the web layer is given by the composition root, and what it makes of it for itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp import web

from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import Clock
from mediaswitch.exchange import Exchange
from mediaswitch.ids import DEFAULT_TENANT, TenantId
from mediaswitch.services import Agents, Recordings, Timelines, Users
from signaling.web.hub import Hub
from signaling.web.limits import RateLimiter
from signaling.web.passwords import PasswordChecker
from signaling.web.refresh import RefreshTokens
from signaling.web.sockets import LiveSockets
from signaling.web.tokens import Tokens


class Figures(Protocol):
    """Counters of another part, for /metrics: name to value since the start."""

    def __call__(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEntry:
    """A number or `queue:NAME` that the demo page offers to customers."""

    to: str
    label: Mapping[str, str]
    "By language."


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """What the composition root gives."""

    exchange: Exchange
    bus: Bus
    clock: Clock
    agents: Agents
    users: Users
    timelines: Timelines
    recordings: Recordings
    token_key: bytes
    "At least 32 bytes; see `tokens.load_key`."
    entries: Sequence[PublicEntry] = ()
    tenants: Sequence[TenantId] = (DEFAULT_TENANT,)
    allowed_origins: frozenset[str] = frozenset()
    "Sites whose pages may use the API, for the widget; each as browsers send it, such as `https://www.example.com`."
    web_root: Path | None = None
    "The built web client (webclient/dist); None: no pages."
    media_counters: Callable[[], _core.Counters] | None = None
    media_loads: Callable[[], Sequence[_core.WorkerLoad]] = list
    sip_figures: Figures | None = None
    ready: Callable[[], bool] = field(default=lambda: True)
    "False while starting or shutting down."


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a handler may reach."""

    services: WebServices
    tokens: Tokens
    refresh: RefreshTokens
    passwords: PasswordChecker
    hub: Hub
    sockets: LiveSockets
    logins_by_name: RateLimiter
    logins_by_address: RateLimiter
    calls_by_address: RateLimiter

    @classmethod
    def of(cls, services: WebServices) -> "Context":
        tokens = Tokens(services.token_key, services.clock)
        return cls(
            services=services,
            tokens=tokens,
            refresh=RefreshTokens(tokens),
            passwords=PasswordChecker(),
            hub=Hub(services.exchange, services.agents, services.clock),
            sockets=LiveSockets(),
            logins_by_name=RateLimiter(burst=5, every_s=15),
            logins_by_address=RateLimiter(burst=30, every_s=2),
            calls_by_address=RateLimiter(burst=30, every_s=1),
        )


CONTEXT = web.AppKey("context", Context)
