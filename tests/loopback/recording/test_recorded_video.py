"""A customer's camera and Opus voice are recorded as they came, in step with the session."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.exchange import NewSession
from mediaswitch.ids import SessionId, TrackId
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind
from tests.loopback.recording import heard
from tests.loopback.recording.browser import SIZE, Browser, browser
from tests.loopback.recording.switch import (
    ALL_HZ,
    ANSWERER_HZ,
    CALLER_HZ,
    TENANT,
    Driver,
    RecordingSwitch,
    recording_switch,
)
from tests.support.rtp import RtpEndpoint

pytestmark = pytest.mark.loopback


async def until(condition: Callable[[], object], *, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


async def video_call(switch: RecordingSwitch, customer: Browser, answerer: RtpEndpoint) -> SessionId:
    """A customer's browser rings a phone that answers at once."""
    driver = Driver()
    new = NewSession(
        channel=Channel.WEB, called="2000", customer=Customer(name="Eva"), leg_kind=LegKind.WEBRTC, language="en"
    )
    session, leg = switch.exchange.start_session(new, driver)
    driver.on_answer = lambda: switch.exchange.leg_answered(session.id, leg.id)
    answer = switch.exchange.open_webrtc(session.id, leg.id, await customer.offer())
    switch.exchange.begin(session.id)
    outer = switch.dialler.dialled[-1]
    answerer.start_sending(switch.connect(session.id, outer, answerer), hz=ANSWERER_HZ)
    switch.exchange.leg_answered(session.id, outer)
    await customer.take_answer(answer)
    return session.id


def pictures(file: Path) -> list[float]:
    """The time of each picture that decodes, in ms."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "json"]
    told = json.loads(subprocess.run([*command, str(file)], check=True, capture_output=True).stdout)
    return [float(frame["pts_time"]) * 1000 for frame in told["frames"]]


def flowing(switch: RecordingSwitch) -> set[TrackId]:
    return {entry.event.track for entry in switch.entries if isinstance(entry.event, t.MediaStarted)}


async def test_camera_and_opus_voice_are_recorded_in_step_with_the_session(tmp_path: Path) -> None:
    async with recording_switch(tmp_path) as switch, await RtpEndpoint.open() as phone:
        async with browser(CALLER_HZ) as customer:
            session = await video_call(switch, customer, phone)
            await until(lambda: len(flowing(switch)) == 3)  # both voices and the camera
            await asyncio.sleep(3)
            switch.exchange.hang_up(session, EndReason.HANGUP)
        await until(lambda: not switch.folders.incomplete())
        told = await switch.library.manifest(TENANT, session)
        duration = told["duration_ms"]
        tracks = {(track["participant"]["role"], track["kind"]): track for track in told["tracks"]}
        assert set(tracks) == {("customer", "audio"), ("customer", "camera"), ("external", "audio")}

        camera = tracks["customer", "camera"]
        assert (camera["codec"], camera["width"], camera["height"]) == ("VP8", *SIZE)
        original = await switch.library.original(TENANT, session, camera["id"])
        shown = pictures(original)
        assert len(shown) > 60
        assert duration - 400 < shown[-1] < duration
        assert heard.container_s(original) * 1000 == pytest.approx(duration, abs=20)
        assert camera["gaps"][0] == [0, pytest.approx(shown[0], abs=2)]

        rendition = await switch.library.rendition(TENANT, session, camera["id"])
        assert heard.container_s(rendition) * 1000 == pytest.approx(duration, abs=20)
        assert pictures(rendition) == [0, *shown]

        voice = tracks["customer", "audio"]
        assert voice["codec"] == "opus"
        original = await switch.library.original(TENANT, session, voice["id"])
        sound = heard.samples(original)
        assert len(sound) / heard.RATE * 1000 == pytest.approx(duration, abs=20)
        begun = voice["gaps"][0][1]
        assert heard.between(sound, begun + 300, duration - 100, ALL_HZ) == {CALLER_HZ}
        assert heard.between(sound, 0, begun - 20, ALL_HZ) == set()
        rendition = await switch.library.rendition(TENANT, session, voice["id"])
        assert heard.container_s(rendition) * 1000 == pytest.approx(duration, abs=20)
        assert len(heard.samples(rendition)) / heard.RATE * 1000 == pytest.approx(duration, abs=20)
