"""A call of two phones is recorded whole: every track as long as the session, each tone in its seconds."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.ids import SessionId
from mediaswitch.services import RecordingQuery
from mediaswitch.timeline import EndReason, MediaKind
from recording import manifest
from tests.loopback.recording import heard
from tests.loopback.recording.switch import (
    ALL_HZ,
    ANSWERER,
    ANSWERER_HZ,
    CALLER_HZ,
    MUSIC_HZ,
    TENANT,
    RecordingSwitch,
    recording_switch,
    two_parties,
)
from tests.support.rtp import RtpEndpoint
from tests.support.tone import tones_heard

pytestmark = pytest.mark.loopback


async def until(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def at_ms(switch: RecordingSwitch, kind: type[t.Event]) -> float:
    """When something happened, in ms after the session's start."""
    start = next(entry.at for entry in switch.entries if isinstance(entry.event, t.SessionStarted))
    return next((entry.at - start) / 1e6 for entry in switch.entries if isinstance(entry.event, kind))


def count(switch: RecordingSwitch, kind: type[t.Event]) -> int:
    return sum(isinstance(entry.event, kind) for entry in switch.entries)


async def recorded_call(switch: RecordingSwitch) -> SessionId:
    """Talk, pause of the caller's packets, hold with music, talk, hang up: about four seconds."""
    async with two_parties() as (caller, answerer):
        session = switch.talk(caller, answerer)
        await asyncio.sleep(1)
        await caller.stop_sending()
        switch.exchange.chat(session, ANSWERER, "paused")
        await asyncio.sleep(0.6)
        switch.exchange.share(session, ANSWERER, MediaKind.SCREEN, active=True)  # a mark for the test
        target = caller._target
        assert target is not None
        caller.start_sending(target, hz=CALLER_HZ)
        await asyncio.sleep(0.5)
        switch.exchange.hold(session, ANSWERER)
        await asyncio.sleep(0.8)
        switch.exchange.resume(session, ANSWERER)
        await asyncio.sleep(0.8)
        switch.exchange.hang_up(session, EndReason.HANGUP)
    await until(lambda: not switch.folders.incomplete())
    return session


async def test_every_track_lasts_the_session_and_holds_its_tone_in_its_seconds(tmp_path: Path) -> None:
    async with recording_switch(tmp_path) as switch:
        session = await recorded_call(switch)
        told = await switch.library.manifest(TENANT, session)
        duration = told["duration_ms"]
        assert duration == pytest.approx(at_ms(switch, t.Ended), abs=0.01)
        tracks = {track["participant"]["role"]: track for track in told["tracks"]}
        assert {role: track["kind"] for role, track in tracks.items()} == {
            "customer": "audio",
            "external": "audio",
            "bot": "ivr",
        }
        sounds = {}
        for role, track in tracks.items():
            original = await switch.library.original(TENANT, session, track["id"])
            rendition = await switch.library.rendition(TENANT, session, track["id"])
            sounds[role] = heard.samples(original)
            for sound, file in ((sounds[role], original), (heard.samples(rendition), rendition)):
                assert len(sound) / heard.RATE * 1000 == pytest.approx(duration, abs=20), role
                assert heard.container_s(file) * 1000 == pytest.approx(duration, abs=20), role

        def of(role: str, from_ms: float, to_ms: float) -> set[float]:
            return heard.between(sounds[role], from_ms, to_ms, ALL_HZ)

        paused, again = at_ms(switch, t.ChatSent), at_ms(switch, t.ShareStarted)
        held, resumed = at_ms(switch, t.Held), at_ms(switch, t.Resumed)
        assert of("customer", 100, paused - 40) == {CALLER_HZ}
        assert of("customer", paused + 60, again - 10) == set()
        assert of("customer", again + 60, duration - 40) == {CALLER_HZ}, "also while he hears music"
        assert of("external", 100, duration - 40) == {ANSWERER_HZ}
        assert of("bot", 0, held - 10) == set()
        assert of("bot", held + 80, resumed - 20) == {MUSIC_HZ}
        assert of("bot", resumed + 80, duration) == set()
        gaps = tracks["customer"]["gaps"]
        assert any(paused - 40 < start and end < again + 60 and end - start > 500 for start, end in gaps), gaps
        assert tracks["external"]["lost"] == 0


async def test_folder_explains_itself_and_the_list_finds_it(tmp_path: Path) -> None:
    async with recording_switch(tmp_path) as switch:
        session = await recorded_call(switch)
        (folder,) = (switch.folders.root / "default").glob(f"*/*/*/{session}")
        written = manifest.read(folder)
        assert written is not None
        files = sorted(path.name for path in folder.iterdir())
        assert files == sorted([*(track["file"] for track in written["tracks"]), "journal.jsonl", "manifest.json"])
        journalled = [json.loads(line)["event"] for line in (folder / "journal.jsonl").read_text().splitlines()]
        told = [{k: v for k, v in event.items() if k not in ("seq", "at_ns")} for event in written["events"]]
        assert journalled == told
        assert count(switch, t.RecordingFailed) == 0
        await until(lambda: switch.core.counters().open_files == 0)
        page = await switch.library.find(RecordingQuery(tenant=TENANT, text="400"))
        (row,) = page.recordings
        assert (row["session_id"], row["state"], row["media"]) == (session, "complete", ["audio"])


async def test_disk_that_fails_costs_the_recording_and_not_the_call(tmp_path: Path) -> None:
    async with recording_switch(tmp_path) as switch, two_parties() as (caller, answerer):
        switch.folders.root.mkdir()
        (switch.folders.root / "default").write_text("a file where the folder should be")
        session = switch.talk(caller, answerer)
        await until(lambda: count(switch, t.RecordingFailed) == 1)
        await until(lambda: hears(caller) == {ANSWERER_HZ})
        assert switch.exchange.session(session).in_conversation
        switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(lambda: not switch.exchange.sessions())


async def test_disk_that_fails_during_the_call_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    async with recording_switch(tmp_path) as switch, two_parties() as (caller, answerer):
        session = switch.talk(caller, answerer)
        await until(lambda: hears(caller) == {ANSWERER_HZ})
        (folder,) = (switch.folders.root / "default").glob(f"*/*/*/{session}")
        remove(folder)
        switch.exchange.chat(session, ANSWERER, "this cannot be written")
        await until(lambda: count(switch, t.RecordingFailed) >= 1)
        failed_at = time.monotonic_ns()
        await until(lambda: len(caller.received_since(failed_at)) > 20)
        assert hears(caller) == {ANSWERER_HZ}
        switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(lambda: not switch.exchange.sessions())


def hears(party: RtpEndpoint) -> set[float]:
    return tones_heard(party.heard(last_s=0.4), 8000, ALL_HZ)


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("a file where the folder was")
