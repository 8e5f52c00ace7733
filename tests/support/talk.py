"""A SIP phone that went through menu and queue to a desk in Chromium, where the agent has just accepted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

from mediaswitch.demo.phone import Phone
from tests.support.desk import Desk
from tests.support.server import RunningSwitch

CALLER = "5551234"
MENU_DIGIT = "4"
"Support, in English, in the sample's flow."


class Voices(TypedDict):
    """What phone and desk say, as WAV files."""

    phone_voice: Path
    desk_voice: Path


@asynccontextmanager
async def phone_rings_desk(
    switch: RunningSwitch, folder: Path, *, phone_voice: Path, desk_voice: Path, srtp: bool = False
) -> AsyncIterator[tuple[Phone, Desk]]:
    """Call 1000, press the digit, ring at amy's desk. What the phone heard until then is in folder/menu.wav."""
    async with Desk.open(switch, voice=desk_voice) as desk, await Phone.start(user=CALLER, srtp=srtp) as phone:
        await desk.become_available()
        phone.play(phone_voice)
        await phone.call(switch.sip_uri("1000"))
        await phone.record(folder / "menu.wav")
        await asyncio.sleep(1.5)
        phone.digits(MENU_DIGIT)
        assert CALLER in await desk.caller_shown()
        await phone.record(None)
        yield phone, desk


@asynccontextmanager
async def phone_to_desk(
    switch: RunningSwitch, folder: Path, *, phone_voice: Path, desk_voice: Path, srtp: bool = False
) -> AsyncIterator[tuple[Phone, Desk]]:
    """As phone_rings_desk, and the agent has just accepted."""
    voices = Voices(phone_voice=phone_voice, desk_voice=desk_voice)
    async with phone_rings_desk(switch, folder, **voices, srtp=srtp) as (phone, desk):
        await desk.accept()
        yield phone, desk


async def heard_by_phone(phone: Phone, path: Path, seconds: float) -> Path:
    """Record what the phone hears for so long, and return the file."""
    await phone.record(path)
    await asyncio.sleep(seconds)
    await phone.record(None)
    return path
