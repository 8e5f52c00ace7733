"""The registrar (RFC 3261 §10.3): where each phone of ours can be reached now."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from signaling.sip.agent import UserAgent
from signaling.sip.answers import Extra
from signaling.sip.auth import DigestServer, Verdict
from signaling.sip.errors import ParseError
from signaling.sip.events import RegisterArrived
from signaling.sip.grammar import parse_number
from signaling.sip.headers import NameAddr
from signaling.sip.hop import Hop, uri_hop
from signaling.sip.message import Request
from signaling.sip.timers import SECOND

DEFAULT_EXPIRES_S = 3600
MIN_EXPIRES_S = 60
MAX_EXPIRES_S = 7200
MAX_CONTACTS = 10
"Of one phone user; a newer one pushes out the one that expires first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One contact of a registered phone."""

    contact: NameAddr
    expires_at: int
    "Nanoseconds on the one clock."
    call_id: str
    cseq: int
    source: Hop
    "Where the REGISTER came from."

    def route(self) -> tuple[Hop, Hop | None]:
        """Return where a request for the phone goes, and where to connect if that TCP connection is gone.

        A phone whose contact is not the address that we see is behind NAT: the way it came is the way back.
        """
        contact = uri_hop(self.contact.uri)
        if self.source.reliable:
            return self.source, contact
        return (contact if contact.host == self.source.host else self.source), None


class BindingStore(Protocol):
    """Where bindings are kept."""

    def load(self, user: str) -> list[Binding]:
        """Return the bindings of a user, expired ones included."""
        ...

    def save(self, user: str, bindings: list[Binding]) -> None:
        """Replace the bindings of a user."""
        ...


class MemoryBindings:
    """A BindingStore that lasts as long as the process."""

    def __init__(self) -> None:
        self._bindings: dict[str, list[Binding]] = {}

    def load(self, user: str) -> list[Binding]:
        """Return the bindings of a user."""
        return self._bindings.get(user, [])

    def save(self, user: str, bindings: list[Binding]) -> None:
        """Replace the bindings of a user."""
        if bindings:
            self._bindings[user] = bindings
        else:
            self._bindings.pop(user, None)


class _Refusal(Exception):
    def __init__(self, status: int, *extra: tuple[str, str]) -> None:
        super().__init__(status)
        self.status, self.extra = status, extra


class Registrar:
    """Answers REGISTER, and finds the contacts of a user."""

    def __init__(self, agent: UserAgent, digest: DigestServer, users: Collection[str], store: BindingStore) -> None:
        self._agent, self._digest, self._users, self._store = agent, digest, frozenset(users), store
        self._by_source: dict[Hop, str] = {}
        for user in self._users:
            self._save(user, store.load(user))

    def find(self, user: str, *, now: int) -> list[Binding]:
        """Return the live bindings of a user, the most recently renewed first."""
        live = [binding for binding in self._store.load(user) if binding.expires_at > now]
        return sorted(live, key=lambda binding: binding.expires_at, reverse=True)

    def user_at(self, source: Hop, *, now: int) -> str | None:
        """Return the registered user whose REGISTER came from there."""
        user = self._by_source.get(source)
        if user is None or any(binding.source == source for binding in self.find(user, now=now)):
            return user
        return None

    def handle(self, arrived: RegisterArrived, *, now: int) -> None:
        """Answer a REGISTER."""
        try:
            user = self._authenticate(arrived.request, now)
            bindings = self._change(user, arrived, now)
        except _Refusal as refusal:
            self._respond(arrived, refusal.status, refusal.extra, now)
        except ParseError as error:
            self._respond(arrived, error.status, (), now)
        else:
            self._respond(arrived, 200, tuple(("contact", _shown(binding, now)) for binding in bindings), now)

    def _respond(self, arrived: RegisterArrived, status: int, extra: Extra, now: int) -> None:
        self._agent.respond(arrived.key, arrived.request, status, now=now, extra=extra)

    def _authenticate(self, request: Request, now: int) -> str:
        """§10.3 points 3 to 5: a user may change her own bindings only."""
        verdict, username = self._digest.check(request, now=now)
        if verdict is not Verdict.ACCEPTED:
            challenges = self._digest.challenges(now=now, stale=verdict is Verdict.STALE)
            raise _Refusal(401, *(("www-authenticate", challenge) for challenge in challenges))
        user = request.to.uri.user
        if user != username:
            raise _Refusal(403)
        if user not in self._users:
            raise _Refusal(404)
        return user

    def _change(self, user: str, arrived: RegisterArrived, now: int) -> list[Binding]:
        """§10.3 points 6 to 8: all changes of a REGISTER are made, or none."""
        request = arrived.request
        values = request.headers.values("contact")
        bindings = self.find(user, now=now)
        if "*" in values:
            if values != ["*"] or request.headers.get("expires") != "0":
                raise _Refusal(400)
            for binding in bindings:
                _check_order(binding, request)
            self._save(user, [])
            return []
        for contact in request.contacts():
            bindings = self._change_one(bindings, contact, arrived, now)
        if values:
            self._save(user, bindings)
        return bindings

    def _save(self, user: str, bindings: list[Binding]) -> None:
        self._by_source = {source: owner for source, owner in self._by_source.items() if owner != user}
        self._by_source.update((binding.source, user) for binding in bindings)
        self._store.save(user, bindings)

    def _change_one(
        self, bindings: list[Binding], contact: NameAddr, arrived: RegisterArrived, now: int
    ) -> list[Binding]:
        request = arrived.request
        expires_s = _expires(contact, request)
        if contact.uri.transport not in ("udp", "tcp") or not contact.uri.host:
            raise _Refusal(400)
        known = next((binding for binding in bindings if binding.contact.uri == contact.uri), None)
        if known is not None:
            _check_order(known, request)
            bindings = [binding for binding in bindings if binding is not known]
        if expires_s == 0:
            return bindings
        params = tuple(param for param in contact.params if param[0] != "expires")
        fresh = Binding(
            contact=replace(contact, params=params),
            expires_at=now + expires_s * SECOND,
            call_id=request.call_id,
            cseq=request.cseq.number,
            source=arrived.source,
        )
        return [fresh, *bindings][:MAX_CONTACTS]


def _check_order(binding: Binding, request: Request) -> None:
    """§10.3 point 7: an older REGISTER of the same phone must not undo a newer one."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise _Refusal(500)


def _expires(contact: NameAddr, request: Request) -> int:
    text = contact.param("expires") or request.headers.get("expires") or str(DEFAULT_EXPIRES_S)
    expires_s = parse_number(text, "expires")
    if 0 < expires_s < MIN_EXPIRES_S:
        raise _Refusal(423, ("min-expires", str(MIN_EXPIRES_S)))
    return min(expires_s, MAX_EXPIRES_S)


def _shown(binding: Binding, now: int) -> str:
    left = max(0, binding.expires_at - now + SECOND - 1) // SECOND
    return f"{binding.contact};expires={left}"
