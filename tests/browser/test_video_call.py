"""A customer's page and the desk: sound, cameras and screens cross between two browsers."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.customer import CustomerPage
from tests.browser.parties import CUSTOMER_HZ, DESK_HZ, Signals
from tests.browser.picture import MOVING, motion, shown_by
from tests.browser.scene import BOTH_HZ, hears, talking, until
from tests.support.desk import Desk
from tests.support.server import RunningSwitch
from tests.support.tone import HEARD_DB, level_db, tones_heard

pytestmark = pytest.mark.browser


async def test_customer_and_agent_hear_each_other_and_see_each_others_camera(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with talking(switch, signals) as (customer, desk):
        await desk.press("Start camera")
        at_desk, at_customer = desk.page.get_by_test_id("remote-camera"), customer.main_picture
        await expect(at_desk).to_be_visible()
        await expect(at_customer).to_be_visible()
        await until(lambda: _shows(at_desk, "customer"))
        await until(lambda: _shows(at_customer, "desk"))
        assert await motion(at_desk) > MOVING
        assert await motion(at_customer) > MOVING
        assert await hears(desk, CUSTOMER_HZ)
        assert await hears(customer, DESK_HZ)


async def test_screens_shared_by_either_side_are_seen_by_the_other(switch: RunningSwitch, signals: Signals) -> None:
    async with talking(switch, signals) as (customer, desk):
        await customer.button("Share screen").click()
        at_desk = desk.page.get_by_test_id("remote-screen")
        await expect(at_desk).to_be_visible()
        await until(lambda: _has_picture(at_desk))
        await until(lambda: _shows(desk.page.get_by_test_id("remote-camera"), "customer"))  # beside the screen
        await customer.button("Share screen").click()
        await expect(at_desk).to_be_hidden()

        await desk.press("Share screen")
        await expect(customer.main_picture).to_have_accessible_name("Agent's screen")
        await until(lambda: _has_picture(customer.main_picture))
        await desk.press("Stop sharing")
        await expect(customer.main_picture).to_be_hidden()


async def test_hold_and_mute_from_either_side_silence_what_they_should(switch: RunningSwitch, signals: Signals) -> None:
    async with talking(switch, signals, video=False) as (customer, desk):
        await desk.press("Hold")
        await customer.status("The agent has put you on hold")
        await until(lambda: _hears_music(customer))
        assert await hears(desk)
        await desk.press("Resume")
        await customer.status("Talking with Amy Chen")
        await until(lambda: hears(customer, DESK_HZ))

        await customer.button("Hold").click()
        await expect(desk.page.get_by_test_id("call-notice")).to_have_text("The customer has put you on hold.")
        await until(lambda: _hears_music(desk))
        await customer.button("Resume").click()
        await until(lambda: hears(desk, CUSTOMER_HZ))

        await desk.press("Mute")
        await until(lambda: hears(customer))
        assert await hears(desk, CUSTOMER_HZ)
        await desk.press("Unmute")
        await until(lambda: hears(customer, DESK_HZ))


async def test_customer_presses_a_menu_digit_writes_to_the_agent_and_hangs_up(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with (
        Desk.open(switch, voice=signals.desk.voice) as desk,
        CustomerPage.open(switch, signals.customer, to="1000") as customer,
    ):
        await customer.call()
        await customer.status("Please listen to the announcement")
        await until(lambda: _hears_something(customer))
        await customer.press_key("4")
        await customer.status("You are next in line")
        await desk.become_available()
        await desk.caller_shown()
        await desk.accept()
        await customer.status("Talking with Amy Chen")
        await customer.button("Chat").click()
        await customer.tag.get_by_role("textbox").fill("My invoice is 2026-114.")
        await customer.button("Send").click()
        await desk.page.get_by_role("tab", name="Chat").click()
        await expect(desk.page.get_by_role("log")).to_contain_text("My invoice is 2026-114.")
        await desk.page.get_by_role("textbox", name="Write to the customer").fill("Thank you, I see it.")
        await desk.page.keyboard.press("Enter")
        await expect(customer.tag.get_by_role("log")).to_contain_text("Thank you, I see it.")
        await customer.button("Hang up").click()
        await desk.in_wrap_up()
        await customer.status("The call has ended")
        await expect(customer.button("Call again")).to_be_visible()


async def _shows(video: Locator, whose: str) -> bool:
    return await shown_by(video) == whose


async def _has_picture(video: Locator) -> bool:
    return bool(await video.evaluate("(v) => v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 5"))


async def _hears_something(party: CustomerPage | Desk) -> bool:
    samples, _ = await party.heard(0.5)
    return level_db(samples) > HEARD_DB


async def _hears_music(party: CustomerPage | Desk) -> bool:
    samples, rate = await party.heard(0.5)
    return level_db(samples) > HEARD_DB and not tones_heard(samples, rate, BOTH_HZ)
