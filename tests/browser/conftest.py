"""A server for each test; every party has a voice and a picture of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.parties import Signals, make_signals
from tests.support.server import RunningSwitch

expect.set_options(timeout=15_000)  # several browsers and a server share two cores

QUEUE_NUMBER = """
[[numbers]]
number = "1100"
queue = "support"
"""


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[RunningSwitch]:
    """A running server; its log is shown when a test fails. Number 1100 leads to the queue without a menu."""
    async with await RunningSwitch.start(tmp_path / "switch", extra=QUEUE_NUMBER) as running:
        yield running
        print(running.log()[-6000:])


@pytest.fixture(scope="session")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Signals:
    """Tones and coloured pictures, made once."""
    return make_signals(tmp_path_factory.mktemp("signals"))
