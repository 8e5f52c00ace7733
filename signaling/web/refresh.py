"""Refresh tokens: each is good for one use and is replaced by it (RFC 9700 §4.14.2).

A token used a second time means that somebody copied it: the whole login ends. Only the newest generation of each
login is remembered; after a restart the first one shown is taken, since the signature still proves that it is ours.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from mediaswitch.clock import SECOND
from mediaswitch.ids import TenantId
from signaling.web.tokens import BadToken, Tokens

REFRESH_S = 14 * 24 * 3600
LEEWAY_S = 10
"So long the token before the newest still works: the answer that carried the newest may have been lost."
LOGINS_KEPT = 50_000


@dataclass(slots=True)
class _Login:
    generation: int
    renewed_at: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Whose login goes on, and the token for the next time."""

    tenant: TenantId
    username: str
    token: str


class RefreshTokens:
    """All logins that can be renewed."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._logins: OrderedDict[str, _Login] = OrderedDict()

    def issue(self, tenant: TenantId, username: str) -> str:
        """The first token of a new login."""
        return self._sign(tenant, username, secrets.token_urlsafe(12), 1)

    def renew(self, token: str) -> Refreshed:
        """Take a token and give the next. Raises BadToken."""
        claims = self._tokens.read("refresh", token)
        login, generation = str(claims["login"]), int(claims["gen"])
        following = self._following(login, generation)
        tenant, username = TenantId(claims["tenant"]), str(claims["sub"])
        return Refreshed(tenant, username, self._sign(tenant, username, login, following))

    def _following(self, login: str, generation: int) -> int:
        known = self._logins.get(login)
        if known is None or (generation == known.generation and not known.over):
            return generation + 1
        in_time = self._tokens.clock.now() - known.renewed_at <= LEEWAY_S * SECOND
        if known.over or generation != known.generation - 1 or not in_time:
            known.over = True
            raise BadToken("this login is over")
        return known.generation  # the same as in the answer that was lost

    def _sign(self, tenant: TenantId, username: str, login: str, generation: int) -> str:
        if login not in self._logins or self._logins[login].generation != generation:
            self._remember(login, generation)
        claims = {"sub": username, "tenant": tenant, "login": login, "gen": generation}
        return self._tokens.sign("refresh", claims, lifetime_s=REFRESH_S)

    def _remember(self, login: str, generation: int) -> None:
        self._logins[login] = _Login(generation, self._tokens.clock.now())
        self._logins.move_to_end(login)
        if len(self._logins) > LOGINS_KEPT:
            self._logins.popitem(last=False)
