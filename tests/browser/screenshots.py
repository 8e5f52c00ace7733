"""Make the pictures of docs/screenshots from a real server, a real phone and real calls: `scripts/screenshots`."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Page, expect

from mediaswitch.demo.phone import Phone
from tests.browser.customer import CustomerPage
from tests.browser.parties import RATE, Party
from tests.support.chromium import chromium, open_context
from tests.support.desk import Desk
from tests.support.recorded import wait_recorded
from tests.support.server import PASSWORD, RunningSwitch
from tests.support.tone import read_wav, resample, write_wav

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PORTRAITS = Path(__file__).parent / "portraits"
CUSTOMER = "林晓 Lin Xiao"
CALLERS = ("+8613800138000", "+491512345678", "+442079460018")
SETTLE_S = 0.7
"Until transitions have ended."

SPOKEN = {
    "customer": "Hello, I have a question about my last invoice. The amount in the third line looks too high to me.",
    "agent": "Good morning, this is Amy. Please show me the page, and we will go through it together.",
}
TURN_S = 6.0
"Customer and agent speak in turns of this length."

PLAYABLE = "() => [...document.querySelectorAll('audio[data-testid], video')].every((e) => e.readyState >= 3)"
TO_CHINESE, TO_ENGLISH = "中文", "English"


async def main() -> None:
    """Play the scenes one after another."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=20_000)  # several browsers share this machine
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        parties = {name: await _party(folder, name, late) for name, late in (("customer", False), ("agent", True))}
        number = '[[numbers]]\nnumber = "1100"\nqueue = "support"\n'
        async with await RunningSwitch.start(folder / "switch", extra=number) as switch:
            await _scenes(switch, parties)
    for picture in FOLDER.glob("*.png"):
        _shrink(picture)
    for picture in sorted(FOLDER.glob("*.png")):
        print(picture.relative_to(FOLDER.parents[1]), f"{picture.stat().st_size // 1024} KiB")


async def _scenes(switch: RunningSwitch, parties: dict[str, Party]) -> None:
    agent = parties["agent"]
    async with Desk.open(switch, voice=agent.voice, picture=agent.picture) as desk:
        await desk.become_available()
        for number in CALLERS:
            await _phone_call(switch, desk, number)
        await _video_call(switch, desk, parties["customer"])
    await wait_recorded(switch, await switch.login("ray"))
    async with _staff(switch, "ray") as page:
        await expect(page.get_by_role("link", name=CUSTOMER)).to_be_visible()
        await _in_both_languages(page, "recordings", schemes=("light",))
        await page.get_by_role("link", name=CUSTOMER).click()
        await expect(page.get_by_test_id("track-row").first).to_be_visible()
        await page.wait_for_function(PLAYABLE, timeout=60_000)
        await page.locator('[data-testid=timeline] [data-type="share_started"] button').last.click()
        await page.keyboard.press("ArrowRight")
        await page.wait_for_function(PLAYABLE, timeout=60_000)
        await _in_both_languages(page, "review")


async def _phone_call(switch: RunningSwitch, desk: Desk, number: str) -> None:
    async with await Phone.start(user=number) as phone:
        await phone.call(switch.sip_uri("1100"))
        await desk.caller_shown()
        if number == CALLERS[0]:
            await _in_both_languages(desk.page, "ringing", schemes=("light",))
        await desk.accept()
        await asyncio.sleep(2)
        await desk.press("Hang up")
    await desk.in_wrap_up()
    await desk.finish_wrap_up()


async def _video_call(switch: RunningSwitch, desk: Desk, party: Party) -> None:
    async with CustomerPage.open(switch, party, name=CUSTOMER, to="1000") as customer:
        await customer.call(video=True)
        await asyncio.sleep(5)
        await customer.press_key("4")
        await customer.button("Keypad").click()
        await desk.caller_shown()
        await desk.accept()
        await desk.press("Start camera")
        await customer.status("Talking with Amy Chen")
        await asyncio.sleep(6)
        await _in_both_languages(customer.page, "customer")
        await customer.button("Share screen").click()
        await expect(desk.page.get_by_test_id("remote-screen")).to_be_visible()
        await _chat(desk, "Invoice 2026-114")
        await desk.page.get_by_role("tab", name="Timeline").click()
        await asyncio.sleep(4)
        await _in_both_languages(desk.page, "desk")
        async with _staff(switch, "sue") as page, await Phone.start(user=CALLERS[1]) as phone:
            await phone.call(switch.sip_uri("1100"))
            await expect(page.get_by_role("cell", name=CALLERS[1])).to_be_visible()
            await _in_both_languages(page, "wallboard", schemes=("light",))
        await customer.button("Hang up").click()
        await desk.in_wrap_up()


async def _chat(desk: Desk, text: str) -> None:
    await desk.page.get_by_role("tab", name="Chat").click()
    await desk.page.get_by_role("textbox", name="Write to the customer").fill(text)
    await desk.page.keyboard.press("Enter")


@asynccontextmanager
async def _staff(switch: RunningSwitch, user: str) -> AsyncIterator[Page]:
    async with chromium() as browser:
        page = await (await open_context(browser)).new_page()
        await page.goto(switch.url)
        await page.get_by_label("User name").fill(user)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitem").first).to_be_visible()
        yield page


async def _in_both_languages(page: Page, name: str, *, schemes: tuple[str, ...] = ("light", "dark")) -> None:
    """Write name-en-light.png and so on; the page is English and light before and after."""
    await _in_schemes(page, f"{name}-en", schemes)
    await page.get_by_role("button", name=TO_CHINESE, exact=True).click()
    await _in_schemes(page, f"{name}-zh", schemes)
    await page.get_by_role("button", name=TO_ENGLISH, exact=True).click()


async def _in_schemes(page: Page, name: str, schemes: tuple[str, ...]) -> None:
    emulate: Callable[..., Awaitable[None]] = page.emulate_media
    for scheme in schemes:
        await emulate(color_scheme=scheme)
        await page.mouse.move(5, 895)
        await asyncio.sleep(SETTLE_S)
        await page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
    await emulate(color_scheme="light")


async def _party(folder: Path, name: str, late: bool) -> Party:
    """A portrait for the camera and speech for the microphone, which leaves every other turn to the other side."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 640, "height": 360})
        await page.goto((PORTRAITS / f"{name}.svg").as_uri())
        await page.screenshot(path=folder / f"{name}.png")
    picture = folder / f"{name}.y4m"
    still = ["ffmpeg", "-v", "error", "-y", "-loop", "1", "-i", str(folder / f"{name}.png")]
    subprocess.run([*still, "-t", "1", "-r", "15", "-pix_fmt", "yuv420p", str(picture)], check=True, timeout=60)
    return Party(_speech(folder, name, late), picture)


def _shrink(picture: Path) -> None:
    """A palette of its own a picture: a third of the size, and nobody sees the difference."""
    small = picture.with_suffix(".small.png")
    palette = "split[a][b];[a]palettegen=max_colors=256:stats_mode=single[p];[b][p]paletteuse=dither=sierra2_4a"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(picture), "-vf", palette, str(small)], check=True, timeout=60
    )
    small.replace(picture)


def _speech(folder: Path, name: str, late: bool) -> Path:
    raw = folder / f"{name}-raw.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", raw, SPOKEN[name]], check=True, timeout=60)
    samples, rate = read_wav(raw)
    turn = np.zeros(round(TURN_S * RATE))
    spoken = resample(samples, rate, RATE)[: len(turn)]
    own = np.concatenate([spoken, turn[len(spoken) :]])
    return write_wav(folder / f"{name}.wav", np.concatenate([turn, own] if late else [own, turn]), rate=RATE)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
