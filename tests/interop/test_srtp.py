"""Foreign phones that encrypt (libsrtp in pjsua2) talk through the switch with a plain phone and with Chromium."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch.config import Config, PhoneTable, ServerTable, SipTable
from mediaswitch.demo.phone import Phone, PhoneError
from mediaswitch.numbers import Route
from tests.loopback.sip.house import House, house, until
from tests.support.desk import Desk
from tests.support.server import RunningSwitch
from tests.support.talk import heard_by_phone, phone_to_desk
from tests.support.tone import read_wav, tone, tones_heard, write_wav

pytestmark = pytest.mark.interop

PASSWORD = "correct-horse"
ANN_HZ, BEN_HZ = 440.0, 1000.0
TONES = (ANN_HZ, BEN_HZ)
SOON_S = 20
"On a machine that others use, too."


@pytest.fixture
async def switch_of_two(tmp_path: Path) -> AsyncIterator[House]:
    """Ann must encrypt, Ben must not."""
    phones = (
        PhoneTable(user="ann", password=PASSWORD, srtp="required"),
        PhoneTable(user="ben", password=PASSWORD, srtp="off"),
    )
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=SipTable(port=0), phones=phones)
    routes = [Route(number="2000", bridge="sip:ben@phones"), Route(number="3000", bridge="sip:ann@phones")]
    async with house(tmp_path, config, routes) as running:
        yield running


@contextlib.asynccontextmanager
async def registered(switch: House, user: str, voice: Path, **settings: object) -> AsyncIterator[Phone]:
    """A registered phone that plays its voice."""
    options = {"user": user, "registrar": f"127.0.0.1:{switch.port}", "password": PASSWORD} | settings
    async with await Phone.start(**options) as phone:
        assert (await phone.wait("registration"))["code"] == 200
        phone.play(voice)
        yield phone


@pytest.fixture
def voices(tmp_path: Path) -> tuple[Path, Path]:
    return write_wav(tmp_path / "ann.wav", tone(ANN_HZ, 2)), write_wav(tmp_path / "ben.wav", tone(BEN_HZ, 2))


async def hears(phone: Phone, folder: Path, wanted: set[float]) -> None:
    """Wait until these of the tones, and no other, are what a phone hears for most of a second."""
    end = time.monotonic() + SOON_S
    while (tones := await heard(phone, folder / f"{time.monotonic_ns()}.wav")) != wanted:
        assert time.monotonic() < end, f"it hears {tones}, not {wanted}"


async def hears_at_desk(desk: Desk, wanted: set[float]) -> None:
    """As `hears`, of the agent at her desk."""
    end = time.monotonic() + SOON_S
    while (tones := tones_heard(*await desk.heard(1.0), TONES)) != wanted:
        assert time.monotonic() < end, f"she hears {tones}, not {wanted}"


async def heard(phone: Phone, file: Path) -> set[float]:
    samples, rate = read_wav(await heard_by_phone(phone, file, 1.0))
    return tones_heard(samples[rate // 4 :], rate, TONES)


@pytest.mark.parametrize(("caller", "holders"), [("ann", ["ann", "ben"]), ("ben", [])])
async def test_secured_and_plain_phone_hear_each_other_also_after_each_one_held(
    switch_of_two: House, tmp_path: Path, voices: tuple[Path, Path], caller: str, holders: list[str]
) -> None:
    """RTP/SAVP is offered by the one who calls, or by us to the one who is called; keys stay over the re-INVITEs."""
    async with (
        registered(switch_of_two, "ann", voices[0], srtp=True, auto_answer=caller != "ann") as ann,
        registered(switch_of_two, "ben", voices[1], auto_answer=caller != "ben") as ben,
    ):
        first, number = (ann, 2000) if caller == "ann" else (ben, 3000)
        await first.call(f"sip:{number}@127.0.0.1:{switch_of_two.port}")
        for name in holders:
            holder, held = (ann, ben) if name == "ann" else (ben, ann)
            await holder.hold()
            await hears(held, tmp_path, set())
            await holder.resume()
        await asyncio.gather(hears(ann, tmp_path, {BEN_HZ}), hears(ben, tmp_path, {ANN_HZ}))
        assert (await ann.stats())["lost"] == 0
        await ann.hang_up()
        await until(switch_of_two.is_empty)


async def test_plain_call_of_a_phone_that_must_encrypt_is_refused(
    switch_of_two: House, voices: tuple[Path, Path]
) -> None:
    async with registered(switch_of_two, "ann", voices[0]) as ann:
        with pytest.raises(PhoneError, match="488"):
            await ann.call(f"sip:2000@127.0.0.1:{switch_of_two.port}")
    await until(switch_of_two.is_empty)


async def test_secured_phone_and_chromium_hear_each_other_after_hold(switch: RunningSwitch, tmp_path: Path) -> None:
    phone_voice = write_wav(tmp_path / "phone.wav", tone(ANN_HZ, 2))
    desk_voice = write_wav(tmp_path / "desk.wav", tone(BEN_HZ, 2, rate=48_000), rate=48_000)
    async with phone_to_desk(switch, tmp_path, phone_voice=phone_voice, desk_voice=desk_voice, srtp=True) as (
        phone, desk,
    ):  # fmt: skip
        await phone.hold()
        await hears_at_desk(desk, set())
        await phone.resume()
        await hears_at_desk(desk, {ANN_HZ})
        await hears(phone, tmp_path, {BEN_HZ})
        await phone.hang_up()
        await desk.in_wrap_up()
