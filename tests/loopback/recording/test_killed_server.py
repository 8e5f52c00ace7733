"""SIGKILL in the middle of a call costs the recording less than a second, and the next start completes it."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from mediaswitch.ids import SessionId
from mediaswitch.services import RecordingQuery
from mediaswitch.timeline import EndReason
from tests.loopback.recording import heard
from tests.loopback.recording.switch import ALL_HZ, ANSWERER_HZ, CALLER_HZ, TENANT, recording_switch

pytestmark = pytest.mark.loopback


async def killed(data: Path, *, after_s: float) -> tuple[SessionId, int]:
    """Let a switch record for a while and kill it; returns the session and when it was killed (Unix ns)."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.loopback.recording.victim", str(data), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    try:
        session = (await asyncio.wait_for(victim.stdout.readline(), 20)).decode().strip()
        await asyncio.sleep(after_s)
    finally:
        at = time.time_ns()
        victim.kill()
        await victim.wait()
    return SessionId(session), at


@pytest.mark.parametrize("after_s", [1.3, 2.2, 3.4])
async def test_killed_server_loses_less_than_a_second_and_the_next_start_completes_the_recording(
    tmp_path: Path, after_s: float
) -> None:
    session, killed_at = await killed(tmp_path, after_s=after_s)
    async with recording_switch(tmp_path) as switch:
        assert switch.recovered == [session]
        told = await switch.library.manifest(TENANT, session)
        started = (await switch.store.timeline(TENANT, session))[0].at
        lost_ms = (killed_at - started) / 1e6 - told["duration_ms"]
        assert lost_ms < 1000
        tones = {"customer": CALLER_HZ, "external": ANSWERER_HZ}
        assert {track["participant"]["role"] for track in told["tracks"]} == set(tones)
        for track in told["tracks"]:
            file = await switch.library.original(TENANT, session, track["id"])
            sound = heard.samples(file)
            assert len(sound) / heard.RATE * 1000 == pytest.approx(told["duration_ms"], abs=20)
            assert heard.container_s(file) * 1000 == pytest.approx(told["duration_ms"], abs=20)
            tone = tones[track["participant"]["role"]]
            assert heard.between(sound, 100, told["duration_ms"] - 300, ALL_HZ) == {tone}
            assert track["repaired"]
        assert [event["type"] for event in told["events"][-2:]] == ["ended", "recording_closed"]
        (row,) = (await switch.library.find(RecordingQuery(tenant=TENANT))).recordings
        assert (row["state"], row["duration_ms"]) == ("repaired", told["duration_ms"])
        stored = await switch.store.session(TENANT, session)
        assert stored is not None
        assert stored["end_reason"] == EndReason.SERVER_CRASHED
    async with recording_switch(tmp_path) as switch:
        assert switch.recovered == []
