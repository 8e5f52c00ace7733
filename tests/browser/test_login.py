"""The first page: both languages, wrong passwords, and the keyboard."""

import pytest
from playwright.async_api import expect

from tests.support.chromium import chromium, open_context
from tests.support.server import PASSWORD, RunningSwitch

pytestmark = pytest.mark.browser


async def test_login_speaks_the_browsers_language_until_another_is_chosen(switch: RunningSwitch) -> None:
    async with chromium() as browser:
        page = await (await open_context(browser, language="zh-CN")).new_page()
        await page.goto(switch.url)
        await page.get_by_label("用户名").fill("amy")
        await page.get_by_label("密码").fill("wrong")
        await page.get_by_role("button", name="登 录").click()
        await expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")
        await page.get_by_text("English").click()
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("You are offline")).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("You are offline")).to_be_visible()  # login and language outlive a reload
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_text("您当前离线")).to_be_visible()


async def test_roles_decide_which_pages_there_are(switch: RunningSwitch) -> None:
    pages = {"amy": ["Desk"], "sue": ["Wallboard", "Recordings"], "ray": ["Recordings"]}
    for user, names in pages.items():
        async with chromium() as browser:
            page = await (await open_context(browser)).new_page()
            await page.goto(f"{switch.url}/console/wallboard")
            await page.get_by_label("User name").fill(user)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("menuitem")).to_have_text(names)


async def test_an_agent_changes_her_state_and_leaves_with_the_keyboard_alone(switch: RunningSwitch) -> None:
    async with chromium() as browser:
        page = await (await open_context(browser)).new_page()
        await page.goto(switch.url)
        await expect(page.get_by_label("User name")).to_be_focused()
        await page.keyboard.type("amy")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        state = page.get_by_test_id("agent-state")
        for key, shown in (("1", "Available"), ("2", "Break"), ("3", "Offline")):
            await expect(state).to_be_visible()
            await page.keyboard.press(key)
            await expect(state).to_contain_text(shown)
        await page.get_by_role("button", name="Account").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("menuitem", name="Log out").click()
        await expect(page.get_by_label("User name")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("User name")).to_be_visible()
