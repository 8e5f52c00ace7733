"""One end of a WebRTC audio call in code (aiortc): it plays a WAV and, if asked, records what it hears."""

import asyncio
from pathlib import Path
from typing import Any

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole, MediaPlayer, MediaRecorder


def allow_loopback() -> None:
    """Let this process's peers meet a server on 127.0.0.1, an address that aioice leaves out."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Peer:
    """Makes the offer, takes the answer; `connected` tells when sound can flow, `closed` when it is over."""

    def __init__(self, speech: Path, *, record: Path | None = None) -> None:
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self._connection = RTCPeerConnection()
        self._player = MediaPlayer(str(speech), loop=True)
        if self._player.audio is None:
            raise ValueError(f"{speech} has no audio")
        self._sink = MediaBlackhole() if record is None else MediaRecorder(str(record))
        self._connection.addTrack(self._player.audio)
        self._connection.on("track", self._take_track)
        self._connection.on("connectionstatechange", self._state_changed)

    async def offer(self) -> str:
        """Return the SDP offer with all candidates."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return str(self._connection.localDescription.sdp)

    async def take_answer(self, sdp: str) -> None:
        """Begin to connect."""
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await self._sink.start()

    async def close(self) -> None:
        """Leave; the recording is finished then."""
        await self._connection.close()
        await self._sink.stop()
        self.closed.set()

    def _take_track(self, track: Any) -> None:
        if track.kind == "audio":
            self._sink.addTrack(track)

    def _state_changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self.connected.set()
        elif state in ("failed", "closed"):
            self.closed.set()
