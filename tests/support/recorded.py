"""A session's recording as a reviewer gets it, and its tracks as FFmpeg reads them."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

from tests.support.server import RunningSwitch
from tests.support.tone import Samples, read_wav

RATE = 16000


async def wait_recorded(switch: RunningSwitch, token: str, *, timeout_s: float = 15) -> dict[str, Any]:
    """Wait until the newest session is recorded in full (or was repaired) and return its manifest."""
    async with asyncio.timeout(timeout_s):
        while True:
            _, body = await switch.request("GET", "/api/v1/recordings?limit=1", token=token)
            rows = body["recordings"]
            if rows and rows[0]["state"] in ("complete", "repaired"):
                status, manifest = await switch.request(
                    "GET", f"/api/v1/recordings/{rows[0]['session_id']}", token=token
                )
                assert status == 200, manifest
                return {**manifest, "state": rows[0]["state"]}
            await asyncio.sleep(0.2)


async def decoded(switch: RunningSwitch, token: str, manifest: dict[str, Any], track: str, folder: Path) -> Samples:
    """Return a track's sound, from the file as it was recorded, by FFmpeg, at RATE."""
    original = f"/api/v1/recordings/{manifest['session_id']}/tracks/{track}/original"
    source = await switch.download(original, folder / f"{track}.recorded", token=token)
    target = folder / f"{track}.wav"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", source, "-ac", "1", "-ar", str(RATE), target], check=True, timeout=60
    )
    return read_wav(target)[0]


def event_s(manifest: dict[str, Any], kind: str) -> float:
    """Return when the first such event happened, in seconds since the session's start."""
    return float(next(event["at_ms"] for event in manifest["events"] if event["type"] == kind)) / 1000


def audio_track(manifest: dict[str, Any], role: str) -> str:
    """Return the id of the audio track of the participant with this role."""
    found = [
        track["id"]
        for track in manifest["tracks"]
        if track["kind"] == "audio" and track["participant"] and track["participant"]["role"] == role
    ]
    assert len(found) == 1, manifest["tracks"]
    return str(found[0])
