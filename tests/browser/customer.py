"""A customer at the demo page in Chromium, moved by what he sees: labels and buttons in English."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Locator, Page, expect

from tests.browser.parties import Party
from tests.support.chromium import chromium, loudest_hz, open_context, record_heard
from tests.support.server import RunningSwitch
from tests.support.tone import Samples


class CustomerPage:
    """One open demo page; audio processing is off (`?raw=1`)."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tag = page.locator("mediaswitch-call")

    @classmethod
    @asynccontextmanager
    async def open(
        cls, switch: RunningSwitch, party: Party, *, to: str = "1100", name: str = "Anna Schmidt"
    ) -> AsyncIterator["CustomerPage"]:
        """Open the page in a browser of its own; `to` is what the tag calls."""
        async with chromium(audio=party.voice, video=party.picture) as browser:
            context = await open_context(browser)
            page = await context.new_page()
            await page.goto(f"{switch.url}/demo?raw=1&to={to}&name={name}")
            yield cls(page)

    def button(self, label: str) -> Locator:
        return self.tag.get_by_role("button", name=label, exact=True)

    async def call(self, *, video: bool = False) -> None:
        """Start a call and wait until the server has it."""
        await self.button("Video call" if video else "Voice call").click()
        await expect(self.button("Hang up")).to_be_visible(timeout=10_000)

    async def status(self, text: str, *, timeout_s: float = 20) -> None:
        """Wait until the status line says so."""
        await expect(self.tag.get_by_role("status")).to_contain_text(text, timeout=timeout_s * 1000)

    async def press_key(self, key: str) -> None:
        """Press a key of the keypad."""
        if not await self.button("5").is_visible():
            await self.button("Keypad").click()
        await self.button(key).click()

    @property
    def main_picture(self) -> Locator:
        """The large picture: the agent's screen, else her camera."""
        return self.tag.locator("video.main")

    async def loudest_hz(self) -> tuple[float, float]:
        return await loudest_hz(self.page)

    async def heard(self, seconds: float) -> tuple[Samples, int]:
        """What he hears in the next seconds, and its rate."""
        return await record_heard(self.page, seconds)
