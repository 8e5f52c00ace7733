"""A reviewer replays a video call: every track plays on one time axis, and events seek them all."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.parties import CUSTOMER_HZ, DESK_HZ, Signals
from tests.browser.picture import shown_by
from tests.browser.reviewer import ReviewPage
from tests.browser.scene import talking, until
from tests.support.recorded import wait_recorded
from tests.support.server import RunningSwitch

pytestmark = pytest.mark.browser

TOGETHER_S = 0.09
"Tracks further apart than this are heard as an echo."
LENGTH_S = 0.06
"How far the length of a rendition may be from the session's: Opus comes in frames of 20 ms."
HZ = 12.0
"Twice the step of the analyser."


async def record_call(switch: RunningSwitch, signals: Signals) -> None:
    """A video call with a hold and a shared screen, recorded whole."""
    async with talking(switch, signals) as (customer, desk):
        await desk.press("Start camera")
        await asyncio.sleep(2.5)
        await desk.press("Hold")
        await asyncio.sleep(2.0)
        await desk.press("Resume")
        await asyncio.sleep(1.0)
        await customer.button("Share screen").click()
        await asyncio.sleep(2.5)
        await customer.button("Hang up").click()
        await desk.in_wrap_up()
    await wait_recorded(switch, await switch.login("ray"))


async def test_every_track_of_a_call_plays_in_step_and_events_seek_all_of_them(
    switch: RunningSwitch, signals: Signals
) -> None:
    await record_call(switch, signals)
    manifest = await wait_recorded(switch, await switch.login("ray"))
    async with ReviewPage.open(switch) as review:
        await review.open_recording("Anna Schmidt")
        kinds = sorted(track["kind"] for track in manifest["tracks"])
        assert kinds == ["audio", "audio", "camera", "camera", "ivr", "screen"]
        await until(lambda: _all_ready(review), timeout_s=20)
        for track in await review.progress():
            assert track["length_s"] == pytest.approx(manifest["duration_ms"] / 1000, abs=LENGTH_S), track

        await review.event("talking").click()
        await review.page.get_by_role("button", name="Play", exact=True).click()
        talking_at = next(e["at_ms"] for e in manifest["events"] if e["type"] == "talking") / 1000
        await until(lambda: _beyond(review, talking_at + 0.8))
        await _in_step(review)
        assert (await review.loudest_hz("Anna Schmidt · Voice"))[0] == pytest.approx(CUSTOMER_HZ, abs=HZ)
        assert (await review.loudest_hz("Amy Chen · Voice"))[0] == pytest.approx(DESK_HZ, abs=HZ)
        assert await shown_by(review.page.get_by_label("Anna Schmidt · Camera")) == "customer"
        assert await shown_by(review.page.get_by_label("Amy Chen · Camera")) == "desk"

        await review.event("share_started").click()
        started = next(e for e in manifest["events"] if e["type"] == "share_started")["at_ms"] / 1000
        await until(lambda: _beyond(review, started + 0.3))
        await _in_step(review)
        await review.page.get_by_role("button", name="Pause", exact=True).click()
        assert len({round(track["at_s"], 2) for track in await review.progress()}) == 1


async def test_the_keyboard_alone_plays_seeks_and_mutes(switch: RunningSwitch, signals: Signals) -> None:
    await record_call(switch, signals)
    async with ReviewPage.open(switch) as review:
        await review.open_recording("Anna Schmidt")
        await until(lambda: _all_ready(review), timeout_s=20)
        await review.page.keyboard.press("ArrowRight")
        assert await review.position_s() == pytest.approx(5.0, abs=0.1)
        await review.page.keyboard.press("Space")
        await until(lambda: _beyond(review, 5.5))
        await review.page.keyboard.press("Space")
        assert all(track["paused"] for track in await review.progress())
        await review.page.get_by_role("button", name="Mute Anna Schmidt · Voice").focus()
        await review.page.keyboard.press("Enter")
        assert await review.sound_of("Anna Schmidt · Voice").evaluate("(audio) => audio.muted")
        await review.page.get_by_role("button", name="Hear only Anna Schmidt · Voice").focus()
        await review.page.keyboard.press("Enter")
        assert await review.sound_of("Amy Chen · Voice").evaluate("(audio) => audio.muted")


async def test_the_list_finds_a_customer_and_says_so_when_nothing_matches(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with ReviewPage.open(switch) as empty:
        await expect(empty.page.get_by_text("No recordings yet.")).to_be_visible()
    await record_call(switch, signals)
    async with ReviewPage.open(switch) as review:
        search = review.page.get_by_role("textbox", name="Number or name")
        await search.fill("schmidt")
        await expect(review.page.get_by_role("link", name="Anna Schmidt")).to_be_visible()
        await search.fill("nobody")
        await expect(review.page.get_by_text("Nothing matches.")).to_be_visible()


async def _all_ready(review: ReviewPage) -> bool:
    tracks = await review.progress()
    assert not [track for track in tracks if track["failed"]], tracks
    return bool(tracks) and all(track["ready"] >= 3 for track in tracks)


async def _beyond(review: ReviewPage, position_s: float) -> bool:
    return await review.position_s() > position_s


async def _in_step(review: ReviewPage) -> None:
    at_s = [track["at_s"] for track in await review.progress()]
    assert max(at_s) - min(at_s) < TOGETHER_S, at_s
