"""Digest authentication (RFC 8760, RFC 7616) with SHA-256 and MD5: our challenges, and our answers to a trunk's."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import md5, sha256
from random import Random

from signaling.sip.errors import ParseError
from signaling.sip.grammar import Params, find_param, parse_params, quote, split_outside_quotes
from signaling.sip.message import Request, Response
from signaling.sip.timers import SECOND

NONCE_LIFETIME_NS = 60 * SECOND
MAX_COUNTED_NONCES = 50_000
Hash = Callable[[str], str]


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


ALGORITHMS: dict[str, Hash] = {"SHA-256": _sha256, "MD5": _md5}
"In order of preference: RFC 8760 §2.4 wants the strongest challenge first."


Passwords = Callable[[str], str | None]
"The password of a user, or None for an unknown one."


@dataclass(frozen=True, slots=True)
class Credentials:
    """With what we answer a trunk's challenge."""

    username: str
    password: str


class Verdict(Enum):
    """What a request's Authorization is worth."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    STALE = "stale"
    "The right password with an old or used nonce: ask again without asking the user (RFC 7616 §3.3)."
    WRONG = "wrong"


class DigestServer:
    """Challenges requests and checks what comes back. A nonce is its own proof: time, random bits and an HMAC."""

    def __init__(
        self,
        *,
        realm: str,
        key: bytes,
        passwords: Passwords,
        random: Random,
        algorithms: Sequence[str] = tuple(ALGORITHMS),
    ) -> None:
        """key: secret of this server; random: for nonces; algorithms: those challenged with and accepted, in order."""
        self.realm = realm
        self._algorithms = {name: ALGORITHMS[name] for name in algorithms}
        self._key, self._passwords, self._random = key, passwords, random
        self._counts: dict[str, int] = {}

    def challenges(self, *, now: int, stale: bool = False) -> list[str]:
        """Return one WWW-Authenticate value for each algorithm, the best first."""
        nonce = self._make_nonce(now)
        end = ", stale=true" if stale else ""
        return [
            f'Digest realm={quote(self.realm)}, nonce="{nonce}", algorithm={name}, qop="auth"{end}'
            for name in self._algorithms
        ]

    def check(self, request: Request, *, now: int) -> tuple[Verdict, str]:
        """Return the verdict on a request's Authorization, and the user it is for. Raises ParseError if malformed."""
        for value in request.headers.all("authorization"):
            params = parse_digest(value)
            if params is not None and find_param(params, "realm") == self.realm:
                username = find_param(params, "username") or ""
                return self._check(params, request, username, now), username
        return Verdict.MISSING, ""

    def _check(self, params: Params, request: Request, username: str, now: int) -> Verdict:
        nonce = find_param(params, "nonce") or ""
        digest = self._algorithms.get((find_param(params, "algorithm") or "MD5").upper())
        issued_at = self._nonce_time(nonce)
        if digest is None or find_param(params, "qop") != "auth" or issued_at is None:
            return Verdict.WRONG
        # The uri is taken as it was sent: a proxy on the way may have rewritten the Request-URI (§22.4).
        expected = self._expected(params, digest, username, request.method)
        if expected is None or not hmac.compare_digest(expected, (find_param(params, "response") or "").lower()):
            return Verdict.WRONG
        count = _parse_hex(find_param(params, "nc") or "", "nc")
        if not 0 <= now - issued_at <= NONCE_LIFETIME_NS or not self._count_use(nonce, count, now):
            return Verdict.STALE
        return Verdict.ACCEPTED

    def _expected(self, params: Params, digest: Hash, username: str, method: str) -> str | None:
        password = self._passwords(username)
        if password is None:
            return None
        return _response(params, digest, username, password, method)

    def _count_use(self, nonce: str, count: int, now: int) -> bool:
        """RFC 7616 §5.4: a nonce count must grow, or somebody replays."""
        if count <= self._counts.get(nonce, 0):
            return False
        if len(self._counts) >= MAX_COUNTED_NONCES:
            self._forget_old(now)
        self._counts[nonce] = count
        return True

    def _forget_old(self, now: int) -> None:
        kept = {n: c for n, c in self._counts.items() if now - (self._nonce_time(n) or 0) <= NONCE_LIFETIME_NS}
        self._counts = kept if len(kept) < MAX_COUNTED_NONCES else {}

    def _make_nonce(self, now: int) -> str:
        body = now.to_bytes(8, "big") + self._random.getrandbits(64).to_bytes(8, "big")
        return urlsafe_b64encode(body + self._seal(body)).decode()

    def _nonce_time(self, nonce: str) -> int | None:
        """Return when we made a nonce, or None if we did not."""
        try:
            raw = urlsafe_b64decode(nonce.encode("ascii"))
        except (Base64Error, ValueError):
            return None
        body, seal = raw[:16], raw[16:]
        return int.from_bytes(body[:8], "big") if hmac.compare_digest(seal, self._seal(body)) else None

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, sha256).digest()[:14]


def answer_challenge(
    response: Response, method: str, uri: str, credentials: Credentials, random: Random
) -> tuple[str, str] | None:
    """Return the header (name, value) that answers a 401 or 407; None if we can answer no challenge in it."""
    is_proxy = response.status == 407
    values = response.headers.all("proxy-authenticate" if is_proxy else "www-authenticate")
    challenges = [params for value in values if (params := parse_digest(value)) is not None]
    for params in challenges:  # RFC 8760 §2.4: the topmost that we understand
        name = (find_param(params, "algorithm") or "MD5").upper()
        if name in ALGORITHMS and find_param(params, "nonce"):
            value = _answer(params, ALGORITHMS[name], method, uri, credentials, random)
            return ("proxy-authorization" if is_proxy else "authorization"), value
    return None


def is_stale(response: Response) -> bool:
    """Whether a challenge says that only the nonce was too old."""
    values = [*response.headers.all("www-authenticate"), *response.headers.all("proxy-authenticate")]
    challenges = [params for value in values if (params := parse_digest(value)) is not None]
    return any((find_param(params, "stale") or "").lower() == "true" for params in challenges)


def parse_digest(value: str) -> Params | None:
    """Return the parameters of a Digest challenge or credentials; None for another scheme. Raises ParseError."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        return None
    return parse_params(split_outside_quotes(rest, ","))


def _answer(params: Params, digest: Hash, method: str, uri: str, credentials: Credentials, random: Random) -> str:
    realm, nonce = find_param(params, "realm") or "", find_param(params, "nonce") or ""
    offers_auth = "auth" in [word.strip() for word in (find_param(params, "qop") or "").split(",")]
    used: list[tuple[str, str | None]] = [("realm", realm), ("nonce", nonce), ("uri", uri)]
    if offers_auth:
        used += [("qop", "auth"), ("nc", "00000001"), ("cnonce", f"{random.getrandbits(64):016x}")]
    result = _response(tuple(used), digest, credentials.username, credentials.password, method)
    parts = [f"username={quote(credentials.username)}", f"realm={quote(realm)}", f"nonce={quote(nonce)}"]
    parts += [f'uri="{uri}"', f'response="{result}"']
    parts += [f"algorithm={find_param(params, 'algorithm')}"] if find_param(params, "algorithm") else []
    opaque = find_param(params, "opaque")
    parts += [f"opaque={quote(opaque)}"] if opaque is not None else []
    if offers_auth:
        parts += ["qop=auth", "nc=00000001", f'cnonce="{find_param(tuple(used), "cnonce")}"']
    return "Digest " + ", ".join(parts)


def _response(params: Params, digest: Hash, username: str, password: str, method: str) -> str:
    """RFC 7616 §3.4.1; without qop as in RFC 2069, which RFC 3261 §22.4 still asks clients to do."""
    realm, nonce, uri, qop = (find_param(params, name) or "" for name in ("realm", "nonce", "uri", "qop"))
    ha1 = digest(f"{username}:{realm}:{password}")
    ha2 = digest(f"{method}:{uri}")
    if not qop:
        return digest(f"{ha1}:{nonce}:{ha2}")
    nc, cnonce = find_param(params, "nc") or "", find_param(params, "cnonce") or ""
    return digest(f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def _parse_hex(text: str, what: str) -> int:
    if not text or len(text) > 8 or text.strip("0123456789abcdefABCDEF"):
        raise ParseError(f"{what} is not a hexadecimal number")
    return int(text, 16)
