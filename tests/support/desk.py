"""An agent at the console in Chromium, moved by what she sees: labels and buttons in English."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, expect

from tests.support.chromium import chromium, heard_after_click, loudest_hz, open_context, record_heard
from tests.support.server import PASSWORD, RunningSwitch
from tests.support.tone import Samples


class Desk:
    """One logged-in agent. `voice` is what her microphone hears; audio processing is off (`?raw=1`)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    @asynccontextmanager
    async def open(
        cls, switch: RunningSwitch, *, agent: str = "amy", voice: Path | None = None, picture: Path | None = None
    ) -> AsyncIterator["Desk"]:
        """Open the console in a browser of its own and log in. `picture` is what her camera sees."""
        async with chromium(audio=voice, video=picture) as browser:
            context = await open_context(browser)
            page = await context.new_page()
            await page.goto(f"{switch.url}/?raw=1")
            await page.get_by_label("User name").fill(agent)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
            yield cls(page)

    async def become_available(self) -> None:
        """Set herself available, from offline or from a break."""
        await self.page.get_by_role("button", name="Become available").click()
        await expect(self.page.get_by_text("Ready for the next call")).to_be_visible()

    async def caller_shown(self, *, timeout_s: float = 20) -> str:
        """Wait until the desk rings and return whom it shows."""
        caller = self.page.get_by_test_id("offer-caller")
        await expect(caller).to_be_visible(timeout=timeout_s * 1000)
        return (await caller.inner_text()).strip()

    async def accept(self) -> None:
        """Take the offered call and wait until the talk panel is there."""
        await self.page.get_by_test_id("offer").get_by_role("button", name="Accept").click()
        await expect(self.page.get_by_test_id("call")).to_be_visible()

    async def accept_and_hear(self, hz: float, *, timeout_s: float = 10) -> float:
        """Take the offered call; return the seconds from her click until she heard this tone."""
        hearing = asyncio.create_task(heard_after_click(self.page, hz))
        await asyncio.sleep(0.3)  # until the page listens for the click
        await self.accept()
        return await asyncio.wait_for(hearing, timeout_s)

    async def press(self, label: str) -> None:
        """Press a button of the call: Hold, Resume, Mute, Unmute, Hang up..."""
        await self.page.get_by_test_id("call").get_by_role("button", name=label, exact=True).click()

    async def in_wrap_up(self) -> None:
        """Wait until the call is over and wrap-up shows."""
        await expect(self.page.get_by_test_id("wrap-up")).to_be_visible(timeout=10_000)

    async def finish_wrap_up(self) -> None:
        """Return to the queue."""
        await self.page.get_by_role("button", name="Finish and become available").click()
        await expect(self.page.get_by_text("Ready for the next call")).to_be_visible()

    async def loudest_hz(self) -> tuple[float, float]:
        """As chromium.loudest_hz, of the customer's voice."""
        return await loudest_hz(self.page)

    async def heard(self, seconds: float) -> tuple[Samples, int]:
        """What she hears in the next seconds, and its rate."""
        return await record_heard(self.page, seconds)
