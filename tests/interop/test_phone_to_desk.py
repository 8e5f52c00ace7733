"""A real SIP phone (pjsua2) and a real browser (Chromium) talk through the switch."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.server import RunningSwitch
from tests.support.speech import best_alignment, pesq_nb, speech
from tests.support.talk import heard_by_phone, phone_to_desk
from tests.support.tone import HEARD_DB, level_db, read_wav, tone, tone_db, tones_heard, write_wav

pytestmark = pytest.mark.interop

PHONE_HZ, DESK_HZ = 440.0, 1000.0


@pytest.fixture
def tones(tmp_path: Path) -> dict[str, Path]:
    return {
        "phone_voice": write_wav(tmp_path / "phone.wav", tone(PHONE_HZ, 2)),
        "desk_voice": write_wav(tmp_path / "desk.wav", tone(DESK_HZ, 2, rate=48000), rate=48000),
    }


async def test_phone_and_browser_hear_exactly_each_other_within_a_second_of_accept(
    switch: RunningSwitch, tmp_path: Path, tones: dict[str, Path]
) -> None:
    async with phone_to_desk(switch, tmp_path, **tones) as (phone, desk):
        accepted = time.monotonic()
        await asyncio.sleep(0.6)
        samples, rate = await desk.heard(0.4)
        assert time.monotonic() - accepted < 1.5  # the measure itself takes 0.4 s
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {PHONE_HZ}
        samples, rate = read_wav(await heard_by_phone(phone, tmp_path / "talk.wav", 1.5))
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {DESK_HZ}
        menu, rate = read_wav(tmp_path / "menu.wav")
        assert level_db(menu) > HEARD_DB, "the greeting was silent"
        await phone.hang_up()
        await desk.in_wrap_up()
        await desk.finish_wrap_up()


async def test_speech_arrives_at_both_ends_as_good_as_a_good_telephone_line(
    switch: RunningSwitch, tmp_path: Path
) -> None:
    """PESQ narrowband of at least 4.0 both ways; G.711 alone gives 4.46 with this speech."""
    phone_voice, desk_voice = speech(tmp_path / "phone.wav"), speech(tmp_path / "desk.wav", rate=48000)
    reference, reference_rate = read_wav(phone_voice)
    async with phone_to_desk(switch, tmp_path, phone_voice=phone_voice, desk_voice=desk_voice) as (phone, desk):
        await asyncio.sleep(1)
        phone.record(tmp_path / "at_phone.wav")
        at_desk, desk_rate = await desk.heard(2 * len(reference) / reference_rate + 1)
        phone.record(None)
        await asyncio.sleep(0.5)
        await desk.press("Hang up")
        await phone.ended()
    at_phone, phone_rate = read_wav(tmp_path / "at_phone.wav")
    scores = {}
    for name, heard, rate in (("desk", at_desk, desk_rate), ("phone", at_phone, phone_rate)):
        wanted = read_wav(speech(tmp_path / f"{name}_reference.wav", rate=rate))[0]
        scores[name] = pesq_nb(wanted, rate, best_alignment(wanted, heard, rate), rate)
    print("PESQ", scores)
    assert min(scores.values()) >= 4.0, scores


async def test_phone_holding_by_reinvite_lets_the_desk_hear_music_until_it_resumes(
    switch: RunningSwitch, tmp_path: Path, tones: dict[str, Path]
) -> None:
    async with phone_to_desk(switch, tmp_path, **tones) as (phone, desk):
        await phone.hold()
        await asyncio.sleep(0.5)
        samples, rate = await desk.heard(1.0)
        assert level_db(samples) > HEARD_DB, "the desk hears nothing"
        assert tone_db(samples, rate, PHONE_HZ) < HEARD_DB
        await phone.resume()
        await asyncio.sleep(0.5)
        samples, rate = await desk.heard(1.0)
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {PHONE_HZ}
        samples, rate = read_wav(await heard_by_phone(phone, tmp_path / "after.wav", 1.0))
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {DESK_HZ}


async def test_desk_holding_lets_the_phone_hear_music_until_it_resumes(
    switch: RunningSwitch, tmp_path: Path, tones: dict[str, Path]
) -> None:
    async with phone_to_desk(switch, tmp_path, **tones) as (phone, desk):
        await desk.press("Hold")
        await asyncio.sleep(0.5)
        samples, rate = read_wav(await heard_by_phone(phone, tmp_path / "held.wav", 1.0))
        assert level_db(samples) > HEARD_DB, "the phone hears nothing"
        assert tone_db(samples, rate, DESK_HZ) < HEARD_DB
        await desk.press("Resume")
        await asyncio.sleep(0.5)
        samples, rate = read_wav(await heard_by_phone(phone, tmp_path / "after.wav", 1.0))
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {DESK_HZ}
        stats = await phone.stats()
        assert stats["lost"] == 0, stats  # a break in the sequence numbers would count as loss
        await desk.press("Hang up")
        await phone.ended()
