"""Taps and sources of the real core: what Python hears of a call and says into it, against real RTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest

from mediaswitch import _core
from mediaswitch._core import MediaCore, Tap
from tests.support.rtp import RtpEndpoint
from tests.support.tone import Samples, tone, tones_heard

pytestmark = pytest.mark.loopback

SESSION = 1
LOW_HZ, HIGH_HZ, BOT_HZ = 440.0, 1000.0, 700.0
TONES = [LOW_HZ, HIGH_HZ, BOT_HZ]
FRAME_NS = 20_000_000


@pytest.fixture
def core() -> Iterator[MediaCore]:
    core = MediaCore(
        workers=1, bind_ip="127.0.0.1", public_ip=None, rtp_ports=(34_000, 34_100), webrtc_port=0, clock_offset_ns=0
    )
    yield core
    core.close()


@asynccontextmanager
async def phones(core: MediaCore, *hz: float) -> AsyncIterator[list[tuple[RtpEndpoint, _core.RtpPort]]]:
    """Phones that each send a tone."""
    async with AsyncExitStack() as stack:
        opened = []
        for each in hz:
            rtp = await stack.enter_async_context(await RtpEndpoint.open())
            port = core.open_rtp(SESSION)
            core.configure_rtp(
                port.port,
                remote_ip="127.0.0.1",
                remote_port=rtp.port,
                payload_type=0,
                codec="PCMU",
                clock_rate=8000,
                telephone_event_payload_type=None,
                ptime_ms=20,
                send=True,
                receive=True,
            )
            rtp.start_sending((port.ip, port.udp_port), hz=each)
            opened.append((rtp, port))
        yield opened


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def hear(tap: Tap, seconds: float) -> Samples:
    """What comes from now on, after what waits already and a moment for a change to settle."""
    await asyncio.sleep(0.4)
    tap.read()
    wanted = round(seconds * 50)
    await wait_until(lambda: tap.waiting >= wanted)
    frames = tap.read(wanted)
    assert len(frames.at_ns) == wanted
    return np.frombuffer(frames.pcm, "<i2").astype(np.float64) / 32_768


async def test_tap_hears_exactly_what_is_connected_to_it_at_its_own_rate(core: MediaCore) -> None:
    taps = [core.open_tap(SESSION, rate_hz=rate) for rate in (8_000, 16_000, 48_000)]
    async with phones(core, LOW_HZ, HIGH_HZ) as ((_, low), (_, high)):

        async def heard() -> list[set[float]]:
            samples = await asyncio.gather(*(hear(tap, 0.3) for tap in taps))
            return [tones_heard(each, tap.rate_hz, TONES) for each, tap in zip(samples, taps, strict=True)]

        for tap in taps:
            core.connect(low.track, tap.port)
        assert await heard() == [{LOW_HZ}] * 3
        for tap in taps:
            core.connect(high.track, tap.port)
        assert await heard() == [{LOW_HZ, HIGH_HZ}] * 3
        core.disconnect(low.track, taps[1].port)
        assert await heard() == [{LOW_HZ, HIGH_HZ}, {HIGH_HZ}, {LOW_HZ, HIGH_HZ}]


async def test_tap_keeps_time_in_silence_and_tells_now_and_then_that_frames_wait(core: MediaCore) -> None:
    tap = core.open_tap(SESSION, rate_hz=8_000, notify_ms=200)
    await wait_until(lambda: tap.waiting >= 30)
    frames = tap.read(30)
    steps = np.diff(frames.at_ns)
    assert len(frames.pcm) == 30 * 320
    assert all(step % FRAME_NS == 0 for step in steps)
    told = [event for event in core.drain_events() if isinstance(event, _core.FramesReady)]
    assert all(event.tap == tap.port for event in told)
    assert 2 <= len(told) <= 4, "each 200 ms, not each frame"


async def test_slow_reader_loses_frames_of_its_own_tap_only(core: MediaCore) -> None:
    slow, quick = core.open_tap(SESSION, rate_hz=8_000, buffer_ms=100), core.open_tap(SESSION, rate_hz=8_000)
    async with phones(core, LOW_HZ) as ((_, low),):
        core.connect(low.track, slow.port)
        core.connect(low.track, quick.port)
        await wait_until(lambda: quick.waiting >= 40)
    assert (slow.waiting, quick.lost) == (5, 0)
    assert slow.lost >= 30
    assert core.counters().tap_frames_lost == slow.lost
    before = slow.read().at_ns
    await wait_until(lambda: slow.waiting > 0)
    assert slow.read().at_ns[0] - before[-1] > FRAME_NS, "the gap shows"


async def test_closed_tap_is_read_to_its_end_and_one_nobody_has_does_no_harm(core: MediaCore) -> None:
    tap = core.open_tap(SESSION, rate_hz=8_000)
    forgotten = core.open_tap(SESSION, rate_hz=48_000, buffer_ms=20).port
    await wait_until(lambda: tap.waiting >= 5)
    core.close_port(tap.port)
    await wait_until(lambda: tap.closed)
    assert len(tap.read().at_ns) >= 5
    assert tap.read().pcm == b""
    assert core.counters().taps == 1
    core.close_port(forgotten)
    await wait_until(lambda: core.counters().taps == 0)


async def test_what_python_writes_is_heard_beside_the_others_and_no_longer_than_written(core: MediaCore) -> None:
    source, tap = core.open_source(SESSION, rate_hz=48_000, buffer_ms=3_000), core.open_tap(SESSION, rate_hz=16_000)
    async with phones(core, LOW_HZ, HIGH_HZ) as ((listener, low), (_, high)):
        for destination in (low.port, tap.port):
            core.connect(source.track, destination)
            core.connect(high.track, destination)
        pcm = (tone(BOT_HZ, 1.5, rate=48_000) * 32_767).astype("<i2").tobytes()
        assert source.write(pcm) == len(pcm)
        assert source.queued_ms > 1_000
        assert tones_heard(await hear(tap, 0.3), 16_000, TONES) == {BOT_HZ, HIGH_HZ}
        assert tones_heard(listener.heard(last_s=0.5), 8_000, TONES) == {BOT_HZ, HIGH_HZ}
        await wait_until(lambda: source.queued_ms == 0)
        assert tones_heard(await hear(tap, 0.3), 16_000, TONES) == {HIGH_HZ}
        assert source.write(pcm) == len(pcm), "its writer may go on at any time"
        assert tones_heard(await hear(tap, 0.3), 16_000, TONES) == {BOT_HZ, HIGH_HZ}


async def test_full_source_takes_no_more_and_never_waits(core: MediaCore) -> None:
    source = core.open_source(SESSION, rate_hz=16_000, buffer_ms=100)
    written = source.write(bytes(100_000))
    assert 100 * 32 <= written <= 140 * 32, "what fits, what was played meanwhile and less than a frame"
    core.close_port(source.port)
    await wait_until(lambda: source.closed)


def test_what_makes_no_sense_is_refused_in_words(core: MediaCore) -> None:
    with pytest.raises(_core.BadSetting, match="rate_hz must be 8000, 16000 or 48000, not 44100"):
        core.open_tap(SESSION, rate_hz=44_100)
    with pytest.raises(_core.BadSetting, match="rate_hz"):
        core.open_source(SESSION, rate_hz=0)
    for buffer_ms in (0, 19, 60_001):
        with pytest.raises(_core.BadSetting, match="buffer_ms must be 20 to 60000"):
            core.open_tap(SESSION, rate_hz=8_000, buffer_ms=buffer_ms)
        with pytest.raises(_core.BadSetting, match="buffer_ms"):
            core.open_source(SESSION, rate_hz=8_000, buffer_ms=buffer_ms)
    source = core.open_source(SESSION, rate_hz=8_000)
    with pytest.raises(_core.BadSetting, match="half a sample"):
        source.write(b"odd")
    with pytest.raises(_core.UnknownPort):
        core.play(source.port, [_core.PlaySilence(20)])
    tap = core.open_tap(SESSION, rate_hz=8_000)
    with pytest.raises(_core.UnknownPort):
        core.stop_playing(tap.port)
    with pytest.raises(_core.DifferentSessions):
        core.connect(core.open_source(2, rate_hz=8_000).track, tap.port)
    with pytest.raises(OverflowError):
        tap.read(-1)
    with pytest.raises(TypeError):
        source.write("words")  # type: ignore[arg-type]  # that is the point
    core.close()
    assert tap.read().pcm == b"" or tap.closed
    with pytest.raises(_core.CoreStopped):
        core.open_tap(SESSION, rate_hz=8_000)
