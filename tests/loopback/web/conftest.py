"""One web house for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.web_house import WebHouse, open_web_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[WebHouse]:
    async with open_web_house(tmp_path) as opened:
        yield opened
