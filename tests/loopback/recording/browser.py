"""A browser stood in for by aiortc: a voice, a camera and a second video line for the screen."""

import asyncio
import fractions
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aioice.ice
import numpy as np
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from av import AudioFrame, VideoFrame

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # which aioice leaves out

RATE = 48_000
SIZE = (320, 240)


class Voice(AudioStreamTrack):
    """A steady tone."""

    def __init__(self, hz: float) -> None:
        super().__init__()
        self._hz = hz
        self._sent = 0
        self._begun: float | None = None

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._begun = loop.time() if self._begun is None else self._begun
        await asyncio.sleep(max(0.0, self._begun + self._sent / RATE - loop.time()))
        at = np.arange(self._sent, self._sent + RATE // 50)
        samples = (6500 * np.sin(2 * np.pi * self._hz * at / RATE)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += len(samples)
        return frame


class Camera(VideoStreamTrack):
    """A bright bar that moves over a dark ground, 30 pictures a second."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        picture = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
        left = self._shown * 5 % (SIZE[0] - 40)
        picture[:, left : left + 40] = 220
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        self._shown += 1
        return frame


class Browser:
    """Makes the offer and takes the answer."""

    def __init__(self, hz: float) -> None:
        self._connection = RTCPeerConnection()
        self._connection.addTrack(Voice(hz))
        self._connection.addTransceiver(Camera(), direction="sendrecv")
        self._connection.addTransceiver("video", direction="sendrecv")

    async def offer(self) -> str:
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return str(self._connection.localDescription.sdp)

    async def take_answer(self, sdp: str) -> None:
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def close(self) -> None:
        await self._connection.close()


@asynccontextmanager
async def browser(hz: float) -> AsyncIterator[Browser]:
    it = Browser(hz)
    try:
        yield it
    finally:
        await it.close()
