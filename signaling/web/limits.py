"""Rate limits, and the limits of what a request may be."""

from collections import OrderedDict
from dataclasses import dataclass

from mediaswitch.clock import SECOND

BODY_BYTES = 256 * 1024
"The largest body of a request; an SDP offer of a browser has some 20 KiB."
SDP_CHARACTERS = 64 * 1024
CHAT_CHARACTERS = 4000
BODY_TIMEOUT_S = 10.0
"A client that takes longer to send its body has gone or means harm."


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: int


class RateLimiter:
    """A token bucket for each key: `burst` at once, then one per `every_s`. Keeps at most `keys` buckets."""

    def __init__(self, *, burst: int, every_s: float, keys: int = 10_000) -> None:
        self._burst = burst
        self._every_ns = every_s * SECOND
        self._keys = keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, key: str, *, now: int) -> float:
        """Seconds until the key may act; 0 if it may now."""
        missing = 1.0 - self._filled(key, now).tokens
        return max(0.0, missing * self._every_ns / SECOND)

    def take(self, key: str, *, now: int) -> float:
        """Let the key act if it may and return 0, else the seconds to wait."""
        if wait := self.wait_s(key, now=now):
            return wait
        self._filled(key, now).tokens -= 1
        return 0.0

    def clear(self, key: str) -> None:
        self._buckets.pop(key, None)

    def _filled(self, key: str, now: int) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) / self._every_ns)
        bucket.at = now
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return bucket
