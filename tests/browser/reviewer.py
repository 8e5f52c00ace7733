"""A reviewer at the console in Chromium: the list, one recording, and what its tracks play."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.support.chromium import chromium, open_context
from tests.support.server import PASSWORD, RunningSwitch

# A media element can be given to the audio graph once, so its analyser stays with the page.
LOUDEST_OF = """async (element) => {
  const kept = (window.analysers ??= new Map());
  if (!kept.has(element)) {
    const context = new AudioContext(), analyser = context.createAnalyser();
    analyser.fftSize = 8192; analyser.smoothingTimeConstant = 0;
    context.createMediaElementSource(element).connect(analyser);
    kept.set(element, analyser);
  }
  const analyser = kept.get(element);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const top = bins.indexOf(Math.max(...bins));
  return [top * analyser.context.sampleRate / analyser.fftSize, bins[top]];
}"""

PROGRESS = """() => [...document.querySelectorAll('[data-testid^=audio-], [data-testid^=video-]')].map((element) => ({
  kind: element.dataset.testid, at_s: element.currentTime, length_s: element.duration, paused: element.paused,
  ready: element.readyState, failed: element.error?.message ?? null}))"""


class ReviewPage:
    """One logged-in reviewer."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    @asynccontextmanager
    async def open(cls, switch: RunningSwitch) -> AsyncIterator["ReviewPage"]:
        """Log in; the list of recordings is what a reviewer sees first."""
        async with chromium() as browser:
            context = await open_context(browser)
            page = await context.new_page()
            await page.goto(switch.url)
            await page.get_by_label("User name").fill("ray")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
            await expect(page.get_by_role("heading", name="Recordings")).to_be_visible()
            yield cls(page)

    async def open_recording(self, customer: str) -> None:
        """Open the newest recording of a customer."""
        await self.page.get_by_role("link", name=customer).first.click()
        await expect(self.page.get_by_test_id("track-row").first).to_be_visible()

    def event(self, kind: str) -> Locator:
        """The first line of the timeline of this type, as a button."""
        return self.page.locator(f'[data-testid=timeline] [data-type="{kind}"] button').first

    async def position_s(self) -> float:
        return float(await self.page.get_by_test_id("position").get_attribute("data-ms") or 0) / 1000

    async def progress(self) -> list[dict[str, Any]]:
        """Every track's element: where it is, how long it is, whether it plays."""
        return list(await self.page.evaluate(PROGRESS))

    def sound_of(self, name: str) -> Locator:
        """The audio element of the track whose row bears this name."""
        row = self.page.get_by_test_id("track-row").filter(has_text=name)
        return row.locator("audio")

    async def loudest_hz(self, name: str) -> tuple[float, float]:
        """What this track plays in the next half second: frequency and level in dB."""
        hz, level = await self.sound_of(name).evaluate(LOUDEST_OF)
        return float(hz), float(level)
