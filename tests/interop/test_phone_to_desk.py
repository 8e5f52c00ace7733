"""A real SIP phone (pjsua2) and a real browser (Chromium) talk through the switch."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.chromium import position
from tests.support.server import RunningSwitch
from tests.support.speech import SPEECH_S, best_alignment, pesq_nb, speech
from tests.support.talk import Voices, heard_by_phone, phone_rings_desk, phone_to_desk
from tests.support.tone import (
    HEARD_DB,
    Samples,
    level_db,
    read_wav,
    tone,
    tone_db,
    tones_heard,
    when_heard,
    write_wav,
)

pytestmark = pytest.mark.interop

PHONE_HZ, DESK_HZ = 440.0, 1000.0

GOOD_PESQ = 4.0
HEARINGS = 2
"Of the looped speech, in one recording."
MAX_TURNS = 5


@pytest.fixture
def tones(tmp_path: Path) -> Voices:
    return Voices(
        phone_voice=write_wav(tmp_path / "phone.wav", tone(PHONE_HZ, 2)),
        desk_voice=write_wav(tmp_path / "desk.wav", tone(DESK_HZ, 2, rate=48000), rate=48000),
    )


async def test_phone_and_browser_hear_exactly_each_other_within_a_second_of_accept(
    switch: RunningSwitch, tmp_path: Path, tones: Voices
) -> None:
    async with phone_rings_desk(switch, tmp_path, **tones) as (phone, desk):
        recording_since = await phone.record(tmp_path / "accept.wav")
        before_click = time.monotonic_ns()
        assert await desk.accept_and_hear(PHONE_HZ) < 1.0
        await phone.record(None)
        samples, rate = read_wav(tmp_path / "accept.wav")
        desk_heard_ns = recording_since + round(when_heard(samples, rate, DESK_HZ)[0][0] * 1e9)
        assert desk_heard_ns - before_click < 1.4e9  # the click came at least 0.3 s after
        samples, rate = await desk.heard(1.0)
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
    """PESQ narrowband of at least 4.0 both ways; G.711 alone gives 4.46 with this speech.

    Each end's best hearing counts, and hearing ends when both had a good one: on a busy machine phone and browser,
    whose sound cards are simulated by timers, lose or repeat 10 ms here and there, whatever the switch sends.
    """
    phone_voice, desk_voice = speech(tmp_path / "phone.wav"), speech(tmp_path / "desk.wav", rate=48000)
    scores: dict[str, list[float]] = {"desk": [], "phone": []}
    async with phone_to_desk(switch, tmp_path, phone_voice=phone_voice, desk_voice=desk_voice) as (phone, desk):
        await asyncio.sleep(1)
        for turn in range(MAX_TURNS):
            at_phone = tmp_path / f"at_phone_{turn}.wav"
            await phone.record(at_phone)
            at_desk = await desk.heard((HEARINGS + 1) * SPEECH_S)
            await phone.record(None)
            scores["desk"] += looped_pesq(*at_desk, tmp_path)
            scores["phone"] += looped_pesq(*read_wav(at_phone), tmp_path)
            if min(max(score) for score in scores.values()) >= GOOD_PESQ:
                break
        await desk.press("Hang up")
        await phone.ended()
    print("PESQ of each hearing", scores)
    assert min(max(score) for score in scores.values()) >= GOOD_PESQ, scores


def looped_pesq(heard: Samples, rate: int, folder: Path) -> list[float]:
    """Return the score of each hearing of the looped speech."""
    wanted, _ = read_wav(speech(folder / "reference.wav", rate=rate))
    turns = [heard[turn * len(wanted) : (turn + 2) * len(wanted)] for turn in range(HEARINGS)]
    return [pesq_nb(wanted, rate, best_alignment(wanted, turn, rate), rate) for turn in turns]


async def test_phone_holding_by_reinvite_lets_the_desk_hear_music_until_it_resumes(
    switch: RunningSwitch, tmp_path: Path, tones: Voices
) -> None:
    async with phone_to_desk(switch, tmp_path, **tones) as (phone, desk):
        await asyncio.sleep(1)
        talking = await position(desk.page)
        await phone.hold()
        await asyncio.sleep(0.5)
        held = await position(desk.page)
        samples, rate = await desk.heard(1.0)
        assert level_db(samples) > HEARD_DB, "the desk hears nothing"
        assert tone_db(samples, rate, PHONE_HZ) < HEARD_DB
        await phone.resume()
        await asyncio.sleep(0.5)
        resumed = await position(desk.page)
        assert talking.leads_to(held), (talking, held)
        assert held.leads_to(resumed), (held, resumed)
        samples, rate = await desk.heard(1.0)
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {PHONE_HZ}
        samples, rate = read_wav(await heard_by_phone(phone, tmp_path / "after.wav", 1.0))
        assert tones_heard(samples, rate, [PHONE_HZ, DESK_HZ]) == {DESK_HZ}


async def test_desk_holding_lets_the_phone_hear_music_until_it_resumes(
    switch: RunningSwitch, tmp_path: Path, tones: Voices
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
