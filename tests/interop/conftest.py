"""A server for each test. Number 2000 and, by a flow that web customers may call, 2100 lead to `called_port`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.server import RunningSwitch
from tests.support.sipp import free_udp_port

BRIDGE = """
[[trunks]]
name = "bench"
addresses = ["127.0.0.1"]
port = {port}

[[numbers]]
number = "2000"
bridge = "sip:bench@127.0.0.1:{port}"

[[numbers]]
number = "1100"
queue = "support"

[[numbers]]
number = "2100"
flow = "outside"

[flows.outside.steps.dial]
verb = "bridge"
to = "sip:bench@127.0.0.1:{port}"
"""

MEDIA_TIMEOUT_S = 5
"How soon a phone that fell silent is given up; the default would make the tests wait half a minute."


@pytest.fixture
def called_port() -> int:
    """The UDP port of the party that number 2000 leads to."""
    return free_udp_port()


@pytest.fixture
async def switch(tmp_path: Path, called_port: int) -> AsyncIterator[RunningSwitch]:
    """A running server; its log is shown when a test fails."""
    environment = {"MEDIASWITCH_MEDIA_TIMEOUT_S": str(MEDIA_TIMEOUT_S)}
    extra = BRIDGE.format(port=called_port)
    async with await RunningSwitch.start(tmp_path / "switch", extra=extra, environment=environment) as running:
        yield running
        print(running.log()[-6000:])
