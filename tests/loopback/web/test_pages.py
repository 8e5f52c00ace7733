"""The built web client as the server gives it out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.web_house import WebHouse, open_web_house

pytestmark = pytest.mark.loopback


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[WebHouse]:
    root = tmp_path / "dist"
    for name, text in {
        "console/index.html": "the console",
        "console/assets/index-1a2b.js": "console script",
        "console/logo.svg": "<svg/>",
        "demo/index.html": "the demo",
        "demo/assets/demo-3c4d.js": "demo script",
        "widget.js": "widget",
        "sdk.js": "sdk",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (tmp_path / "secret.txt").write_text("secret")
    async with open_web_house(tmp_path, web_root=root) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "the console"),
        ("/console", "the console"),
        ("/console/recordings/s-1", "the console"),
        ("/assets/index-1a2b.js", "console script"),
        ("/logo.svg", "<svg/>"),
        ("/demo", "the demo"),
        ("/demo/", "the demo"),
        ("/demo/assets/demo-3c4d.js", "demo script"),
        ("/widget.js", "widget"),
        ("/sdk.js", "sdk"),
    ],
)
async def test_page_and_script_are_where_browsers_look(house: WebHouse, path: str, text: str) -> None:
    answer = await house.ask("GET", path)
    assert (answer.status, answer.text) == (200, text)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/demo/gone.js",
        "/api/v2/x",
        "/..%2f..%2fsecret.txt",
        "/demo/..%2f..%2f..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2fetc%2fpasswd.txt",
        "/x%00.js",
        "/" + "a" * 5000 + ".js",
    ],
    ids=lambda path: path[:30],
)
async def test_nothing_outside_the_folder_and_no_missing_file_is_given(house: WebHouse, path: str) -> None:
    answer = await house.ask("GET", path)
    assert answer.status == 404
    assert "secret" not in answer.text


async def test_pages_come_with_safe_headers(house: WebHouse) -> None:
    headers = (await house.ask("GET", "/")).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in headers["Permissions-Policy"]


async def test_hashed_assets_are_kept_by_browsers_and_pages_are_asked_for_anew(house: WebHouse) -> None:
    assert "immutable" in (await house.ask("GET", "/assets/index-1a2b.js")).headers["Cache-Control"]
    assert (await house.ask("GET", "/")).headers["Cache-Control"] == "no-cache"


async def test_other_sites_may_load_the_widget_and_nothing_else(house: WebHouse) -> None:
    assert (await house.ask("GET", "/widget.js")).headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in (await house.ask("GET", "/")).headers
