"""The widget on a page of another site."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.web_house import WebHouse, open_web_house

pytestmark = pytest.mark.loopback

SHOP = {"Origin": "https://shop.example"}
STRANGER = {"Origin": "https://stranger.example"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[WebHouse]:
    async with open_web_house(tmp_path, allowed_origins=frozenset({"https://shop.example"})) as opened:
        yield opened


async def test_page_of_a_named_site_may_ask_and_read_also_what_went_wrong(house: WebHouse) -> None:
    for path, status in (("/api/v1/public/config", 200), ("/api/v1/me", 401)):
        answer = await house.ask("GET", path, headers=SHOP)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, "https://shop.example")
        assert answer.headers["Vary"] == "Origin"


async def test_preflight_of_a_named_site_is_answered(house: WebHouse) -> None:
    wants = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await house.ask("OPTIONS", "/api/v1/public/calls", headers=SHOP | wants)
    assert answer.status == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]


async def test_page_of_any_other_site_may_not_read(house: WebHouse) -> None:
    answer = await house.ask("GET", "/api/v1/public/config", headers=STRANGER)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await house.ask("OPTIONS", "/api/v1/public/calls", headers=STRANGER)).status == 405


async def test_live_socket_opens_from_a_named_site(house: WebHouse) -> None:
    socket = await house.client.ws_connect("/api/v1/ws", headers=SHOP)
    assert not socket.closed
    await socket.close()
