"""The rate limiter, on a clock of numbers."""

from mediaswitch.clock import SECOND
from signaling.web.limits import RateLimiter


def test_burst_passes_at_once_and_then_one_for_each_interval() -> None:
    limiter = RateLimiter(burst=3, every_s=2)
    assert [limiter.take("a", now=0) for _ in range(4)] == [0, 0, 0, 2]
    assert limiter.take("a", now=SECOND) == 1
    assert limiter.take("a", now=2 * SECOND) == 0
    assert limiter.take("a", now=2 * SECOND) == 2


def test_keys_do_not_share_their_tokens() -> None:
    limiter = RateLimiter(burst=1, every_s=1)
    assert limiter.take("a", now=0) == 0
    assert limiter.take("b", now=0) == 0


def test_rest_fills_the_bucket_no_further_than_its_burst() -> None:
    limiter = RateLimiter(burst=2, every_s=1)
    assert [limiter.take("a", now=1000 * SECOND) > 0 for _ in range(3)] == [False, False, True]


def test_cleared_key_begins_anew() -> None:
    limiter = RateLimiter(burst=1, every_s=60)
    limiter.take("a", now=0)
    limiter.clear("a")
    assert limiter.take("a", now=0) == 0


def test_many_keys_take_bounded_memory() -> None:
    limiter = RateLimiter(burst=1, every_s=60, keys=100)
    for number in range(1000):
        limiter.take(str(number), now=0)
    assert len(limiter._buckets) == 100
