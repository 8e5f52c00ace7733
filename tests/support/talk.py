"""A SIP phone that went through menu and queue to a desk in Chromium, where the agent has just accepted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mediaswitch.demo.phone import Phone
from tests.support.desk import Desk
from tests.support.server import RunningSwitch

CALLER = "5551234"
MENU_DIGIT = "4"
"Support, in English, in the sample's flow."


@asynccontextmanager
async def phone_to_desk(
    switch: RunningSwitch, folder: Path, *, phone_voice: Path, desk_voice: Path
) -> AsyncIterator[tuple[Phone, Desk]]:
    """Call 1000, press the digit, ring at amy's desk, accept. What the phone heard before is in folder/menu.wav."""
    async with Desk.open(switch, voice=desk_voice) as desk, await Phone.start(user=CALLER) as phone:
        await desk.become_available()
        phone.play(phone_voice)
        await phone.call(switch.sip_uri("1000"))
        phone.record(folder / "menu.wav")
        await asyncio.sleep(1.5)
        phone.digits(MENU_DIGIT)
        assert CALLER in await desk.caller_shown()
        phone.record(None)
        await desk.accept()
        yield phone, desk


async def heard_by_phone(phone: Phone, path: Path, seconds: float) -> Path:
    """Record what the phone hears for so long, and return the file."""
    phone.record(path)
    await asyncio.sleep(seconds)
    phone.record(None)
    await asyncio.sleep(0.5)  # its process closes the file
    return path
