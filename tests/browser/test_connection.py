"""What a lost socket, a frozen network and a reload do to an agent and her call."""

import os
import signal

import pytest
from playwright.async_api import expect

from tests.browser.parties import CUSTOMER_HZ, Signals
from tests.browser.scene import hears, talking, until
from tests.browser.sockets import Sockets
from tests.support.desk import Desk
from tests.support.server import RunningSwitch

pytestmark = pytest.mark.browser


async def test_desk_says_that_the_server_is_gone_and_comes_back_by_itself(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with Desk.open(switch) as desk:
        await desk.become_available()
        await switch.kill()
        lost = desk.page.get_by_test_id("connection-lost")
        await expect(lost).to_contain_text("The connection to the server is lost.")
        await switch.restart()
        await expect(lost).to_be_hidden(timeout=20_000)
        await desk.become_available()


async def test_a_call_outlives_the_loss_of_the_desks_socket(switch: RunningSwitch, signals: Signals) -> None:
    sockets = Sockets()
    async with talking(switch, signals, video=False, prepare=sockets.follow) as (customer, desk):
        await sockets.cut()
        lost = desk.page.get_by_test_id("connection-lost")
        await expect(lost).to_contain_text("Your call goes on")
        assert await hears(desk, CUSTOMER_HZ)
        await customer.button("Hold").click()  # the desk cannot know yet
        sockets.mend()
        await expect(lost).to_be_hidden(timeout=20_000)
        await expect(desk.page.get_by_test_id("call-notice")).to_have_text("The customer has put you on hold.")
        await customer.button("Resume").click()
        await until(lambda: hears(desk, CUSTOMER_HZ))
        await desk.press("Hang up")
        await desk.in_wrap_up()


async def test_media_that_stood_still_is_restored_by_a_new_path(switch: RunningSwitch, signals: Signals) -> None:
    """The server stands still for so long that the browser gives the path up (RFC 7675); then it goes on."""
    async with talking(switch, signals, video=False) as (customer, desk):
        os.kill(switch.pid, signal.SIGSTOP)
        try:
            notice = desk.page.get_by_test_id("call-notice")
            await expect(notice).to_contain_text("The media path is broken.", timeout=30_000)
        finally:
            os.kill(switch.pid, signal.SIGCONT)
        await expect(notice).to_be_hidden(timeout=20_000)
        await until(lambda: hears(desk, CUSTOMER_HZ))
        await customer.status("Talking with Amy Chen")


async def test_a_reload_during_a_call_puts_the_customer_back_in_line_and_he_can_be_taken_again(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with talking(switch, signals, video=False) as (customer, desk):
        await desk.page.reload()
        await customer.status("You are next in line")
        await desk.become_available()
        assert await desk.caller_shown() == "Anna Schmidt"
        await desk.accept()
        await customer.status("Talking with Amy Chen")
        await until(lambda: hears(desk, CUSTOMER_HZ))


async def test_a_second_page_of_an_agent_on_a_call_has_no_sound_but_can_end_it(
    switch: RunningSwitch, signals: Signals
) -> None:
    async with talking(switch, signals, video=False) as (customer, desk), Desk.open(switch) as second:
        await expect(second.page.get_by_text("This call goes on without sound here")).to_be_visible()
        await second.page.get_by_role("button", name="Hang up").click()
        await second.in_wrap_up()
        await desk.in_wrap_up()
        await customer.status("The call has ended")
