"""The media core against a WebRTC stack that we did not write (aiortc)."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mediaswitch import _core
from mediaswitch._core import CoreEvent, MediaCore
from mediaswitch.demo.peer import allow_loopback
from tests.support.core_peer import CorePeer
from tests.support.tone import tones_heard

pytestmark = pytest.mark.interop

SESSION = 1
LOW_HZ, HIGH_HZ, MUSIC_HZ = 440.0, 1000.0, 700.0
TONES = [LOW_HZ, HIGH_HZ, MUSIC_HZ]


@pytest.fixture
def core() -> Iterator[MediaCore]:
    allow_loopback()
    core = MediaCore(
        workers=1,
        bind_ip="127.0.0.1",
        public_ip=None,
        rtp_ports=(47_000, 47_100),
        webrtc_port=0,
        clock_offset_ns=0,
    )
    yield core
    core.close()


async def wait_for(core: MediaCore, wanted: Callable[[CoreEvent], bool]) -> list[CoreEvent]:
    """Return the events up to the wanted one."""
    seen: list[CoreEvent] = []
    async with asyncio.timeout(10):
        while not any(map(wanted, seen)):
            await asyncio.sleep(0.01)
            seen += core.drain_events()
    return seen


@pytest.mark.parametrize("codec", ["opus", "PCMU"])
async def test_two_peers_hear_exactly_each_other_also_across_codecs(core: MediaCore, codec: str) -> None:
    low = await CorePeer(core, LOW_HZ, picture=False).call(SESSION, ["opus"])
    high = await CorePeer(core, HIGH_HZ, picture=False).call(SESSION, [codec])
    core.connect(low.tracks["audio"], high.port)
    core.connect(high.tracks["audio"], low.port)
    heard = await asyncio.gather(low.hear(1), high.hear(1))
    assert [tones_heard(samples, rate, TONES) for samples, rate in heard] == [{HIGH_HZ}, {LOW_HZ}]
    await low.close()
    await high.close()


async def test_listener_hears_relay_then_music_then_both_on_one_stream(core: MediaCore) -> None:
    low = await CorePeer(core, LOW_HZ, picture=False).call(SESSION, ["opus"])
    high = await CorePeer(core, HIGH_HZ, picture=False).call(SESSION, ["opus"])
    player = core.open_player(SESSION)
    core.play(player.port, [_core.PlayTone([MUSIC_HZ], 1000, -10.0)], loop=True)
    voice = low.tracks["audio"]

    core.connect(voice, high.port)
    assert tones_heard(*await high.hear(0.5), TONES) == {LOW_HZ}
    core.disconnect(voice, high.port)
    core.connect(player.track, high.port)
    assert tones_heard(*await high.hear(0.5), TONES) == {MUSIC_HZ}
    core.connect(voice, high.port)
    assert tones_heard(*await high.hear(0.5), TONES) == {LOW_HZ, MUSIC_HZ}

    assert [lost for _, lost in await high.inbound("audio")] == [0], "one source, and no number was left out"
    await low.close()
    await high.close()


async def test_picture_moves_and_changes_to_another_camera_at_its_key_frame(core: MediaCore) -> None:
    low = await CorePeer(core, LOW_HZ, picture=True).call(SESSION, ["opus"])
    high = await CorePeer(core, HIGH_HZ, picture=True).call(SESSION, ["opus"])
    core.connect(low.tracks["camera"], high.port)
    first = await high.see()
    assert first.shape[2] == 3
    core.connect(high.tracks["camera"], high.port)
    await asyncio.gather(*(high.see() for _ in range(10)))
    assert [lost for _, lost in await high.inbound("video")] == [0], "one source, and no number was left out"
    sent = [stats for stats in core.stats(high.port) if stats.kind == "camera" and stats.direction == "out"]
    assert sent[0].packets > 10
    await low.close()
    await high.close()


async def test_words_pass_both_ways_and_a_peer_that_leaves_is_told(core: MediaCore) -> None:
    peer = await CorePeer(core, LOW_HZ, picture=False).call(SESSION, ["opus"])
    core.send_data(peer.port, "from the core")
    assert await asyncio.wait_for(peer.words.get(), 10) == "from the core"
    peer.channel.send("from the peer")
    seen = await wait_for(core, lambda event: isinstance(event, _core.DataMessage))
    message = seen[-1]
    assert isinstance(message, _core.DataMessage)
    assert (message.port, message.label, message.text) == (peer.port, "words", "from the peer")
    await peer.close()
    await wait_for(core, lambda event: isinstance(event, _core.PortGone) and event.port == peer.port)
    core.close_port(peer.port)
    async with asyncio.timeout(5):
        while core.counters().ports:
            await asyncio.sleep(0.01)


async def test_every_recorded_track_is_as_long_as_the_session(core: MediaCore, tmp_path: Path) -> None:
    epoch = core.now_ns()
    recorder = core.open_recorder(SESSION, str(tmp_path), epoch_ns=epoch)
    peer = await CorePeer(core, LOW_HZ, picture=True).call(SESSION, ["opus"])
    player = core.open_player(SESSION)
    for track in [*peer.tracks.values(), player.track]:
        core.connect(track, recorder)
    core.play(player.port, [_core.PlayTone([MUSIC_HZ], 300, -10.0)])
    await asyncio.sleep(2)
    await peer.close()
    end = core.now_ns()
    core.close_port(recorder, end_ns=end)
    seen = await wait_for(core, lambda event: isinstance(event, _core.RecorderClosed))
    segments = [event for event in seen if isinstance(event, _core.SegmentClosed)]
    assert sorted(segment.codec for segment in segments) == ["L16", "VP8", "opus"]
    for segment in segments:
        assert (segment.start_ns, segment.end_ns) == (epoch, end)
        assert abs(duration_s(tmp_path / segment.file) - (end - epoch) / 1e9) < 0.02, segment
    assert core.counters().open_files == 0


def duration_s(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json", str(path)]
    return float(json.loads(subprocess.check_output(command))["format"]["duration"])


def test_an_offer_that_cannot_be_answered_is_refused_in_words(core: MediaCore) -> None:
    plain_rtp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
    for offer in ["", "v=0\r\n", "nonsense", plain_rtp]:
        with pytest.raises(_core.BadOffer, match=r"\w+ \w+"):
            core.open_webrtc(SESSION, offer, audio_codecs=["opus"])
    assert core.counters().ports == 0
