"""A customer's page and a desk that talk, and waiting for what is measured."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.browser.customer import CustomerPage
from tests.browser.parties import CUSTOMER_HZ, DESK_HZ, Signals
from tests.support.desk import Desk
from tests.support.server import RunningSwitch
from tests.support.tone import tones_heard

BOTH_HZ = [CUSTOMER_HZ, DESK_HZ]


@asynccontextmanager
async def talking(
    switch: RunningSwitch,
    signals: Signals,
    *,
    video: bool = True,
    prepare: Callable[[Desk], Awaitable[None]] | None = None,
) -> AsyncIterator[tuple[CustomerPage, Desk]]:
    """A customer called and amy accepted. `prepare` is done at the desk before anybody calls."""
    async with (
        Desk.open(switch, voice=signals.desk.voice, picture=signals.desk.picture) as desk,
        CustomerPage.open(switch, signals.customer) as customer,
    ):
        if prepare is not None:
            await prepare(desk)
        await desk.become_available()
        await customer.call(video=video)
        assert await desk.caller_shown() == "Anna Schmidt"
        await desk.accept()
        await customer.status("Talking with Amy Chen")
        yield customer, desk


async def until(measure: Callable[[], Awaitable[bool]], *, timeout_s: float = 8) -> None:
    """Wait until it holds; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not await measure():
            await asyncio.sleep(0.1)


async def hears(party: CustomerPage | Desk, *hz: float) -> bool:
    """Whether exactly these of the parties' tones are heard; music and other sounds are not counted."""
    samples, rate = await party.heard(0.5)
    return tones_heard(samples, rate, BOTH_HZ) == set(hz)
