"""Every page against the rules of WCAG 2 A and AA that a program can check (axe-core), in light and in dark."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import ConsoleMessage, Page, expect

from tests.browser.parties import Signals
from tests.browser.reviewer import ReviewPage
from tests.browser.scene import talking
from tests.support.chromium import chromium, open_context
from tests.support.desk import Desk
from tests.support.recorded import wait_recorded
from tests.support.server import RunningSwitch

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "webclient" / "node_modules" / "axe-core" / "axe.min.js"
SETTLE_S = 3.0
RUN = "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})).violations"


async def faults(page: Page) -> list[str]:
    """Return what is wrong with the page as it is, in light and in dark, one line an element."""
    await page.evaluate(AXE.read_text())
    emulate: Callable[..., Awaitable[None]] = page.emulate_media
    found = []
    for scheme in ("light", "dark"):
        await emulate(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {fault}" for fault in await _settled_faults(page)]
    return found


async def _settled_faults(page: Page) -> list[str]:
    """What is still wrong when colours have had their time to change."""
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while True:
        violations: list[dict[str, Any]] = await page.evaluate(RUN)
        found = [f"{node['failureSummary']} {node['html']}" for rule in violations for node in rule["nodes"]]
        if not found or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.2)


def note_errors(page: Page) -> list[str]:
    """Return a list that fills with what the page complains about, such as a broken content policy."""
    heard: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            heard.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


async def test_desk_and_customer_page_are_fit_for_all_through_a_whole_call(
    switch: RunningSwitch, signals: Signals
) -> None:
    async def before(desk: Desk) -> None:
        await expect(desk.page.get_by_text("You are offline")).to_be_visible()
        assert await faults(desk.page) == []

    async with talking(switch, signals, prepare=before) as (customer, desk):
        complaints = note_errors(desk.page), note_errors(customer.page)
        await desk.press("Start camera")
        await expect(customer.main_picture).to_be_visible()
        await customer.button("Keypad").click()
        assert await faults(desk.page) == []
        assert await faults(customer.page) == []
        await desk.press("Hang up")
        await desk.in_wrap_up()
        assert await faults(desk.page) == []
        await customer.status("The call has ended")
        assert await faults(customer.page) == []
        assert complaints == ([], [])


async def test_login_list_and_review_are_fit_for_all(switch: RunningSwitch, signals: Signals) -> None:
    async with chromium() as browser:
        page = await (await open_context(browser)).new_page()
        complaints = note_errors(page)
        await page.goto(switch.url)
        await expect(page.get_by_label("User name")).to_be_visible()
        assert await faults(page) == []
        assert complaints == []
    async with talking(switch, signals) as (customer, _):
        await customer.button("Hang up").click()
    await wait_recorded(switch, await switch.login("ray"))
    async with ReviewPage.open(switch) as review:
        complaints = note_errors(review.page)
        await expect(review.page.get_by_role("link", name="Anna Schmidt")).to_be_visible()
        assert await faults(review.page) == []
        await review.open_recording("Anna Schmidt")
        assert await faults(review.page) == []
        assert complaints == []
