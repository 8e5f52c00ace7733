"""A WebRTC peer (aiortc) straight at the media core: it sends its tone, and a picture if asked, and hears the core."""

import asyncio
import time
from fractions import Fraction
from typing import Any, Self

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack, VideoStreamTrack
from av import AudioFrame

from mediaswitch._core import MediaCore
from tests.support.tone import Samples, tone

RATE = 48_000
FRAME = RATE // 50


class Tone(MediaStreamTrack):
    """A steady sine, paced by the clock."""

    kind = "audio"

    def __init__(self, hz: float) -> None:
        super().__init__()
        self._samples = (tone(hz, 1, rate=RATE) * 32767).astype(np.int16)
        self._sent = 0
        self._begun = time.monotonic()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(self._begun + self._sent / RATE - time.monotonic())
        start = self._sent % RATE
        frame = AudioFrame.from_ndarray(self._samples[None, start : start + FRAME], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class CorePeer:
    """One port of the core and the peer connected to it. `tracks`: ids of what the peer sends, by kind."""

    def __init__(self, core: MediaCore, hz: float, *, picture: bool) -> None:
        self.connection = RTCPeerConnection()
        self.connection.addTrack(Tone(hz))
        if picture:
            self.connection.addTrack(VideoStreamTrack())
        else:
            self.connection.addTransceiver("video", direction="recvonly")
        self.channel = self.connection.createDataChannel("words")
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.channel.on("message", self.words.put_nowait)
        self.connection.on("track", self._take)
        self._core = core
        self._received: dict[str, Any] = {}
        self.port = 0
        self.tracks: dict[str, int] = {}

    def _take(self, track: Any) -> None:
        self._received[track.kind] = track

    async def call(self, session: int, codecs: list[str]) -> Self:
        """Offer, take the core's answer and wait until the data channel is open."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        opened = self._core.open_webrtc(session, self.connection.localDescription.sdp, audio_codecs=codecs)
        self.port, self.tracks = opened.port, {info.kind: info.track for info in opened.tracks}
        await self.connection.setRemoteDescription(RTCSessionDescription(opened.answer, "answer"))
        async with asyncio.timeout(10):
            while self.channel.readyState != "open":
                await asyncio.sleep(0.01)
        return self

    async def hear(self, seconds: float, *, settle_s: float = 0.6) -> tuple[Samples, int]:
        """Return what arrives during `seconds`, after what was under way before has passed, and its rate in Hz."""
        parts: list[Samples] = []
        rate = RATE
        async with asyncio.timeout(10 + seconds):
            while sum(map(len, parts)) < round((settle_s + seconds) * rate):
                frame = await self._received["audio"].recv()
                rate = frame.sample_rate
                parts.append(frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0] / 32768)
        return np.concatenate(parts)[-round(seconds * rate) :], rate

    async def inbound(self, kind: str) -> list[tuple[int, int]]:
        """Return SSRC and lost packets of each source of this kind that was received."""
        receiver = next(r for r in self.connection.getReceivers() if r.track.kind == kind)
        reports = (await receiver.getStats()).values()
        return [(report.ssrc, report.packetsLost) for report in reports if report.type == "inbound-rtp"]

    async def see(self) -> Any:
        """Return the next picture, as an array of RGB."""
        async with asyncio.timeout(10):
            return (await self._received["video"].recv()).to_ndarray(format="rgb24")

    async def close(self) -> None:
        await self.connection.close()
