"""Foreign SIP phones (pjsua2, baresip) register at the switch, call through it and are called by it."""

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.config import Config, PhoneTable, ServerTable, SipTable
from mediaswitch.demo.phone import Phone
from mediaswitch.numbers import Route
from tests.loopback.sip.house import House, house, until
from tests.support.baresip import Baresip, baresip

pytestmark = pytest.mark.interop

PASSWORD = "correct-horse"


@pytest.fixture
async def switch(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A switch for phones only: whoever has not registered is refused. Its parameter is the setting sip.digest."""
    phones = tuple(PhoneTable(user=user, password=PASSWORD) for user in ("ann", "ben"))
    sip = SipTable(port=0, digest=getattr(request, "param", ("SHA-256", "MD5")))
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=sip, phones=phones)
    routes = [Route(number="2000", bridge="sip:ben@phones"), Route(number="1000", flow="test")]
    async with house(tmp_path, config, routes) as running:
        yield running


@contextlib.asynccontextmanager
async def pjsua(switch: House, user: str, **settings: object) -> AsyncIterator[Phone]:
    """A registered pjsua2 phone."""
    options = {"user": user, "registrar": f"127.0.0.1:{switch.port}", "password": PASSWORD} | settings
    async with await Phone.start(**options) as phone:
        registration = await phone.wait("registration")
        assert registration["code"] == 200
        yield phone


def sound_in(folder: Path) -> Path:
    """A second of silence to send; without a source pjsua2 stops sending, and baresip never begins."""
    path = folder / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    return path


async def hears(phone: Phone) -> None:
    """Wait until packets come, since the last re-negotiation."""
    async with asyncio.timeout(10):
        while (await phone.stats())["received"] <= 10:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_registered_phone_reaches_another_which_holds_and_resumes(
    switch: House, tmp_path: Path, transport: str
) -> None:
    async with (
        pjsua(switch, "ben", transport=transport, auto_answer=True) as ben,
        pjsua(switch, "ann", transport=transport) as ann,
    ):
        for phone in (ann, ben):
            phone.play(sound_in(tmp_path))
        suffix = ";transport=tcp" if transport == "tcp" else ""
        await ann.call(f"sip:2000@127.0.0.1:{switch.port}{suffix}")
        await ben.wait("call", lambda event: event["state"] == "CONFIRMED")
        await ben.hold()
        await until(lambda: switch.of(t.Held))
        await ben.resume()
        await until(lambda: switch.of(t.Resumed))
        await ann.hold()
        await until(lambda: len(switch.of(t.Held)) == 2)
        await ann.resume()
        await hears(ann)
        await hears(ben)
        await ann.hang_up()
        await ben.ended()
        await until(switch.is_empty)


async def test_phone_with_a_wrong_password_is_neither_bound_nor_let_in(switch: House) -> None:
    settings = {"user": "ann", "registrar": f"127.0.0.1:{switch.port}", "password": "wrong horse"}
    async with await Phone.start(**settings) as phone:
        registration = await phone.wait("registration", lambda event: event["code"] != 100)
        assert registration["code"] in (401, 403)
        assert switch.sip.registrar.find("ann", now=0) == []


async def test_phone_that_ends_takes_its_binding_away(switch: House) -> None:
    async with pjsua(switch, "ann"):
        now = switch.core.now_ns()
        assert len(switch.sip.registrar.find("ann", now=now)) == 1
    await until(lambda: not switch.sip.registrar.find("ann", now=now))


def baresip_of(switch: House, folder: Path) -> contextlib.AbstractAsyncContextManager[Baresip]:
    """Ben's phone."""
    voice = sound_in(folder)
    return baresip(folder / "ben", user="ben", password=PASSWORD, registrar=switch.port, voice=voice)


@pytest.mark.parametrize("switch", [("MD5",)], indirect=True)
async def test_baresip_registers_and_is_called_by_pjsua(switch: House, tmp_path: Path) -> None:
    """The two stacks never meet: both talk to ours."""
    async with baresip_of(switch, tmp_path) as ben, pjsua(switch, "ann") as ann:
        await until(lambda: switch.sip.registrar.find("ben", now=switch.core.now_ns()), deadline_s=10)
        await ann.call(f"sip:2000@127.0.0.1:{switch.port}")
        await ben.event("CALL_ESTABLISHED")
        await hears(ann)
        ben.order("hangup")
        await ann.ended()
        await until(switch.is_empty)


@pytest.mark.parametrize("switch", [("MD5",)], indirect=True)
async def test_baresip_calls_and_is_hung_up_by_the_switch(switch: House, tmp_path: Path) -> None:
    async with baresip_of(switch, tmp_path) as ben:
        await until(lambda: switch.sip.registrar.find("ben", now=switch.core.now_ns()), deadline_s=10)
        ben.order("dial", f"sip:1000@127.0.0.1:{switch.port}")
        await ben.event("CALL_ESTABLISHED")
        (session,) = switch.exchange.sessions()
        switch.exchange.hang_up(session.id, t.EndReason.FLOW_ENDED)
        await ben.event("CALL_CLOSED")
        await until(switch.is_empty)
