"""What a reviewer gets of a call between a phone and a desk: whole, in step, and also after a crash."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.recorded import RATE, audio_track, decoded, event_s, wait_recorded
from tests.support.server import RunningSwitch
from tests.support.talk import Voices, phone_to_desk
from tests.support.tone import tone, when_heard, write_wav

pytestmark = pytest.mark.interop

PHONE_HZ, DESK_HZ = 440.0, 1000.0


@pytest.fixture
def voices(tmp_path: Path) -> Voices:
    return Voices(
        phone_voice=write_wav(tmp_path / "phone.wav", tone(PHONE_HZ, 2)),
        desk_voice=write_wav(tmp_path / "desk.wav", tone(DESK_HZ, 2, rate=48000), rate=48000),
    )


async def test_each_recorded_track_is_as_long_as_the_session_with_its_sound_in_the_right_seconds(
    switch: RunningSwitch, tmp_path: Path, voices: Voices
) -> None:
    async with phone_to_desk(switch, tmp_path, **voices) as (phone, _):
        await asyncio.sleep(3)
        await phone.hang_up()
    token = await switch.login("ray")
    manifest = await wait_recorded(switch, token)
    assert manifest["state"] == "complete"
    session_s = manifest["duration_ms"] / 1000
    assert session_s == pytest.approx(event_s(manifest, "ended"), abs=0.02)
    sounds = {
        track["id"]: await decoded(switch, token, manifest, track["id"], tmp_path) for track in manifest["tracks"]
    }
    assert {track["kind"] for track in manifest["tracks"]} >= {"audio", "ivr"}
    lengths = {track: len(samples) / RATE for track, samples in sounds.items()}
    assert {track: s for track, s in lengths.items() if abs(s - session_s) > 0.02} == {}, session_s
    talked = (event_s(manifest, "talking"), session_s)
    agent = when_heard(sounds[audio_track(manifest, "agent")], RATE, DESK_HZ)
    assert agent[0][0] == pytest.approx(talked[0], abs=0.6)
    assert agent[-1][1] == pytest.approx(talked[1], abs=0.3)
    caller = when_heard(sounds[audio_track(manifest, "customer")], RATE, PHONE_HZ)
    assert caller[0][0] < event_s(manifest, "queued")  # the phone speaks from its answer on
    assert caller[-1][1] == pytest.approx(session_s, abs=0.3)
    assert when_heard(sounds[audio_track(manifest, "customer")], RATE, DESK_HZ) == []


async def test_sigkill_during_a_call_loses_at_most_its_last_second(
    switch: RunningSwitch, tmp_path: Path, voices: Voices
) -> None:
    async with phone_to_desk(switch, tmp_path, **voices):
        token = await switch.login("sue")
        _, sessions = await switch.request("GET", "/api/v1/sessions?state=live", token=token)
        await asyncio.sleep(4)
        _, body = await switch.request("GET", f"/api/v1/sessions/{sessions[0]['id']}/timeline", token=token)
        talking_s = next(e["at_ms"] for e in body["events"] if e["type"] == "talking") / 1000
        since_talking = time.monotonic()
        await asyncio.sleep(2)
        await switch.kill()
        killed_after = time.monotonic() - since_talking
    await switch.restart()
    token = await switch.login("ray")
    manifest = await wait_recorded(switch, token)
    assert manifest["state"] == "repaired"
    assert manifest["session_id"] == sessions[0]["id"]
    for role, hz in (("customer", PHONE_HZ), ("agent", DESK_HZ)):
        sound = await decoded(switch, token, manifest, audio_track(manifest, role), tmp_path)
        last_heard = when_heard(sound, RATE, hz)[-1][1]
        # At least four seconds lay between accept and the question, and so many until the kill.
        assert last_heard > talking_s + 4 + killed_after - 1.0
        assert len(sound) / RATE == pytest.approx(manifest["duration_ms"] / 1000, abs=0.02)
