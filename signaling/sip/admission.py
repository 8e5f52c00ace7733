"""Who may call in: a trunk by its address, a phone of ours, or anybody where the settings say so."""

from collections.abc import Collection
from typing import NamedTuple

from signaling.sip.answers import Extra
from signaling.sip.auth import DigestServer, Verdict
from signaling.sip.hop import Hop
from signaling.sip.message import Request
from signaling.sip.registrar import Registrar
from signaling.sip.trunk import Trunks


class Refusal(NamedTuple):
    """What a caller is told who is not let in."""

    status: int
    extra: Extra = ()


class Admission:
    """Decides on an INVITE before anything is spent on it."""

    def __init__(
        self,
        *,
        trunks: Trunks,
        registrar: Registrar,
        digest: DigestServer,
        phones: Collection[str],
        accept_unknown: bool,
    ) -> None:
        """phones: users who may register. accept_unknown: whether strangers may call."""
        self._trunks, self._registrar, self._digest = trunks, registrar, digest
        self._phones, self._accept_unknown = frozenset(phones), accept_unknown

    def refusal(self, request: Request, source: Hop, *, now: int) -> Refusal | None:
        """Return why the caller is not let in, or None. Raises ParseError for malformed credentials.

        Who calls as one of our phones, from where none has registered, must prove it (§22.2).
        """
        if self._trunks.at(source) is not None or self._registrar.user_at(source, now=now) is not None:
            return None
        user = request.from_.uri.user
        if user in self._phones:
            return self._challenge(request, user, now)
        return None if self._accept_unknown else Refusal(403)

    def _challenge(self, request: Request, user: str, now: int) -> Refusal | None:
        verdict, username = self._digest.check(request, now=now)
        if verdict is Verdict.ACCEPTED:
            return None if username == user else Refusal(403)
        challenges = self._digest.challenges(now=now, stale=verdict is Verdict.STALE)
        return Refusal(401, tuple(("www-authenticate", challenge) for challenge in challenges))
