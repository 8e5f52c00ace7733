"""Tokens: JWTs (RFC 7519) signed with the server's own key. The clock is passed in.

Kinds, told apart by `aud` so that none serves for another: access (staff, 15 minutes), refresh (staff, one use each),
customer (one session), media (one recording).
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from mediaswitch.clock import SECOND, Clock
from mediaswitch.ids import ParticipantId, SessionId, TenantId
from mediaswitch.services import User, UserRole
from signaling.web.principal import Caller, MediaGrant, Principal, Staff
from signaling.web.secret_file import write_secret

ALGORITHM = "HS256"
KEY_BYTES = 32
ACCESS_S = 15 * 60
CUSTOMER_S = 12 * 3600
MEDIA_S = 3600
"Beyond the recording's own length, so that one can listen to its end."


class BadToken(Exception):
    """Not ours, not of this kind, or expired; the message says which."""


def load_key(path: Path) -> bytes:
    """The signing key, made at the first start; readable by the server's user alone. Raises OSError."""
    if not path.exists():
        write_secret(path, secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


@dataclass
class Tokens:
    """Signs and reads tokens."""

    key: bytes = field(repr=False)
    clock: Clock

    def access(self, user: User) -> str:
        claims = {"sub": user.id, "name": user.name, "role": user.role.value, "tenant": user.tenant}
        return self.sign("access", claims | {"lang": user.language}, lifetime_s=ACCESS_S)

    def customer(self, caller: Caller) -> str:
        claims = {"sub": caller.participant, "sid": caller.session, "name": caller.name, "tenant": caller.tenant}
        return self.sign("customer", claims, lifetime_s=CUSTOMER_S)

    def media(self, grant: MediaGrant, *, duration_s: float) -> str:
        claims = {"sub": grant.session, "tenant": grant.tenant}
        return self.sign("media", claims, lifetime_s=MEDIA_S + duration_s)

    def read_principal(self, token: str) -> Principal:
        """Whose access or customer token this is. Raises BadToken."""
        kind = self.kind_of(token)
        if kind == "customer":
            claims = self.read("customer", token)
            return Caller(
                session=SessionId(claims["sid"]),
                participant=ParticipantId(claims["sub"]),
                name=claims["name"],
                tenant=TenantId(claims["tenant"]),
            )
        claims = self.read("access", token)
        return Staff(
            id=claims["sub"],
            name=claims["name"],
            role=UserRole(claims["role"]),
            tenant=TenantId(claims["tenant"]),
            language=claims["lang"],
        )

    def read_media(self, token: str) -> MediaGrant:
        """Raises BadToken."""
        claims = self.read("media", token)
        return MediaGrant(tenant=TenantId(claims["tenant"]), session=SessionId(claims["sub"]))

    def sign(self, kind: str, claims: dict[str, Any], *, lifetime_s: float) -> str:
        now = self.clock.now() // SECOND
        dated = claims | {"aud": kind, "iat": now, "exp": now + int(lifetime_s)}
        return jwt.encode(dated, self.key, algorithm=ALGORITHM)

    def kind_of(self, token: str) -> str:
        """The kind a token claims to be, not yet verified. Raises BadToken."""
        try:
            return str(jwt.decode(token, options={"verify_signature": False}).get("aud"))
        except (jwt.InvalidTokenError, ValueError) as error:
            raise BadToken("not a token of this server") from error

    def read(self, kind: str, token: str) -> dict[str, Any]:
        """The claims of a token of this kind. Raises BadToken."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key,
                algorithms=[ALGORITHM],
                audience=kind,
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "aud", "sub"]},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise BadToken("not a token of this server for this purpose") from error
        if self.clock.now() // SECOND >= claims["exp"]:  # by the one clock, which tests move by hand
            raise BadToken("the token has expired")
        return claims
