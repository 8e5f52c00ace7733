"""`mediaswitch demo`, as a person without a phone runs it."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.support.desk import Desk
from tests.support.server import RunningSwitch

pytestmark = pytest.mark.interop


async def test_demo_lets_a_phone_and_a_web_customer_reach_the_desks(switch: RunningSwitch) -> None:
    async with Desk.open(switch, agent="amy") as amy, Desk.open(switch, agent="bob") as bob:
        await amy.become_available()
        await bob.become_available()
        demo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mediaswitch", "demo", "--seconds", "30"),
            *("--url", switch.url, "--sip", switch.sip_address),
            stdout=PIPE,
        )
        try:
            callers = {await amy.caller_shown(timeout_s=30), await bob.caller_shown(timeout_s=30)}
            for desk in (amy, bob):
                await desk.accept()
            await asyncio.sleep(2)
            for desk in (amy, bob):
                await desk.press("Hang up")
            told, _ = await asyncio.wait_for(demo.communicate(), 20)
        finally:
            if demo.returncode is None:
                demo.kill()
                await demo.wait()
    assert callers == {"demo-phone", "Demo"}
    assert demo.returncode == 0, told.decode()
    assert "phone  is done: the other side hung up" in told.decode()
    assert "web  talks with an agent" in told.decode()
