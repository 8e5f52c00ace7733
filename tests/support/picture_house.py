"""Browsers that send and watch cameras through the media core alone, each behind a network of its own.

A page uses the SDK's peer connection; the house answers its offer from the core and moves the answer's candidates to
the page's path. What a page shows is noted frame by frame.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from playwright.async_api import Browser

from mediaswitch._core import MediaCore
from tests.support.chromium import open_context
from tests.support.narrow import Line, NarrowPath

SDK = Path(__file__).parents[2] / "webclient" / "dist" / "sdk.js"
SESSION = 1

PAGE = """<!doctype html><meta charset="utf-8"><title>picture house</title>
<video autoplay muted playsinline style="width:WIDTHpx;height:HEIGHTpx"></video>
<script type="module">
import { PeerLink, openCamera } from "/sdk.js";
const video = document.querySelector("video"), canvas = document.createElement("canvas");
canvas.width = 64; canvas.height = 36;
const pen = canvas.getContext("2d", {willReadFrequently: true});
const wall = () => performance.timeOrigin + performance.now();
window.frames_ = []; let before = null;
function note() {
  pen.drawImage(video, 0, 0, 64, 36);
  const data = pen.getImageData(0, 0, 64, 36).data;
  let red = 0, blue = 0, moved = 0;
  for (let i = 0; i < data.length; i += 4) {
    red += data[i]; blue += data[i + 2];
    if (before) moved += Math.abs(data[i] - before[i]);
  }
  const n = data.length / 4;
  window.frames_.push([wall(), video.videoHeight, red > blue ? "red" : "blue", before ? moved / n : 0]);
  before = data;
  next();
}
const next = () => video.requestVideoFrameCallback ? video.requestVideoFrameCallback(note) : setTimeout(note, 30);
video.addEventListener("playing", next, {once: true});
window.camera = async () => { window.track = await openCamera(); };
window.join = async (name) => {
  const link = window.link = new PeerLink();
  if (window.track) await link.send("camera", window.track);
  video.srcObject = link.remote("camera");
  const began = wall();
  const answer = await fetch("/offer/" + name, {method: "POST", body: await link.offer()});
  await link.answer(await answer.text());
  return began;
};
window.ready = true;
</script>"""


@dataclass(frozen=True, slots=True)
class Size:
    """What a camera gives, in pixels and frames a second."""

    width: int
    height: int
    rate: int


FULL = Size(1280, 720, 15)
SMALL = Size(640, 360, 12)
"Which Chromium sends in two layers, of 180 and 90 lines: a busy machine of two cores carries cameras of that size."


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that a page showed."""

    at: float
    "Seconds, wall clock."
    height: int
    colour: str
    moved: float
    "Mean change of the red channel against the frame before, on a picture of 64 by 36."


MOVING = 0.02
"Above this a frame differs from the one before it."


def moving(frames: list[Frame], colour: str, since: float) -> float | None:
    """Seconds from `since` to the first frame that differs from one of the same colour before it; None if none came."""
    for before, frame in pairwise(frame for frame in frames if frame.at > since):
        if before.colour == frame.colour == colour and frame.moved > MOVING:
            return frame.at - since
    return None


def longest_pause(frames: list[Frame], since: float, until: float) -> float:
    """The longest time in seconds for which the picture stood still."""
    times = [since, *(frame.at for frame in frames if since < frame.at < until and frame.moved > MOVING), until]
    return max(later - earlier for earlier, later in pairwise(times))


@dataclass(slots=True)
class Viewer:
    """One page in one browser; `evaluate` runs a script in it."""

    name: str
    evaluate: Callable[..., Any]
    house: "PictureHouse"
    joined_at: float = 0.0

    async def join(self) -> None:
        """Connect through this viewer's path; `joined_at` is when it began."""
        self.joined_at = await self.evaluate("(name) => window.join(name)", self.name) / 1000

    @property
    def port(self) -> int:
        port: int = self.house.ports[self.name].port
        return port

    @property
    def camera(self) -> int:
        """The id of the track that this page sends."""
        return self.house.camera(self.name)

    async def frames(self) -> list[Frame]:
        """All frames shown so far."""
        rows = await self.evaluate("() => window.frames_")
        return [Frame(at / 1000, height, colour, moved) for at, height, colour, moved in rows]

    async def wait_moving(self, colour: str, since: float, *, timeout_s: float = 10) -> float:
        """Seconds from `since` until this picture moves. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while (after := moving(await self.frames(), colour, since)) is None:
                await asyncio.sleep(0.1)
        return after

    async def wait_height(self, height: int, *, timeout_s: float = 30) -> None:
        """Until the picture has this height. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while (frames := await self.frames())[-1:] == [] or frames[-1].height != height:
                await asyncio.sleep(0.1)


@dataclass(slots=True)
class PictureHouse:
    """The core and the pages' way to it. `show` lets viewers watch one sender."""

    core: MediaCore
    size: Size
    url: str = ""
    ports: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, NarrowPath] = field(default_factory=dict)
    lines: dict[str, tuple[Line, Line | None]] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    "At which address of this machine a page reaches its path, if not 127.0.0.1."
    watched: dict[str, str] = field(default_factory=dict)
    "Who watches whom from the moment he joins."

    @asynccontextmanager
    async def page(self, browser: Browser, name: str, *, camera: bool = False) -> AsyncIterator[Viewer]:
        """A page of that name in this Chromium; it has not joined yet."""
        context = await open_context(browser)
        try:
            page = await context.new_page()
            await page.goto(self.url)
            await page.wait_for_function("window.ready")
            if camera:
                await page.evaluate("window.camera()")
            yield Viewer(name, page.evaluate, self)
        finally:
            await context.close()

    def leave(self, viewer: Viewer) -> None:
        """Close the port of a page that goes."""
        self.core.close_port(viewer.port)

    @classmethod
    @asynccontextmanager
    async def open(cls, size: Size = FULL) -> AsyncIterator[Self]:
        """Pages show pictures in this size."""
        core = MediaCore(
            workers=1, bind_ip="127.0.0.1", public_ip=None, rtp_ports=(48_000, 48_100), webrtc_port=0, clock_offset_ns=0
        )
        house = cls(core, size)
        app = web.Application()
        app.router.add_get("/", house._page)
        app.router.add_get("/sdk.js", _sdk)
        app.router.add_post("/offer/{name}", house._offer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        house.url = f"http://localhost:{runner.addresses[0][1]}/"
        try:
            yield house
        finally:
            await runner.cleanup()
            for path in house.paths.values():
                path.close()
            core.close()

    def place(
        self, name: str, line: Line, *, up: Line | None = None, watches: str | None = None, host: str | None = None
    ) -> None:
        """Say which network the page of that name is behind, where it reaches it, and whom it watches when it joins."""
        self.lines[name] = (line, up)
        if host is not None:
            self.hosts[name] = host
        if watches is not None:
            self.watched[name] = watches

    def show(self, sender: Viewer, *viewers: Viewer) -> float:
        """Let the viewers watch this sender instead of another; the wall-clock time of it."""
        for viewer in viewers:
            before = self.watched.get(viewer.name)
            if before is not None and before != sender.name:
                self.core.disconnect(self.camera(before), viewer.port)
            self.core.connect(sender.camera, viewer.port)
            self.watched[viewer.name] = sender.name
        return time.time()

    def camera(self, name: str) -> int:
        """The id of the track that the page of that name sends."""
        camera: int = next(track.track for track in self.ports[name].tracks if track.kind == "camera")
        return camera

    async def _page(self, _: web.Request) -> web.StreamResponse:
        page = PAGE.replace("WIDTH", str(self.size.width)).replace("HEIGHT", str(self.size.height))
        return web.Response(text=page, content_type="text/html")

    async def _offer(self, request: web.Request) -> web.Response:
        name, offer = request.match_info["name"], await request.text()
        port = self.ports[name] = self.core.open_webrtc(SESSION, offer, audio_codecs=["opus"])
        line, up = self.lines[name]
        server = int(port.answer.split(" typ host")[0].rsplit(" ", 1)[1])
        seed = 100 * len(self.paths)
        path = self.paths[name] = await NarrowPath.open(
            ("127.0.0.1", server), line, seed=seed, up=up, host=self.hosts.get(name, "127.0.0.1")
        )
        if name in self.watched:
            self.core.connect(self.camera(self.watched[name]), port.port)
        return web.Response(text=path.through(port.answer))


async def _sdk(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(SDK)


def camera_film(file: Path, colour: str, size: Size = FULL, *, seconds: int = 3) -> Path:
    """Write a film of grain on a coloured ground, over which a bright box runs.

    The grain is what a sensor gives, so an encoder needs the bits that it would need for a camera.
    """
    side, way = size.height // 3, size.width - size.height // 3
    ground = f"color=c={colour}:s={size.width}x{size.height}:r={size.rate}:d={seconds},noise=alls=14:allf=t"
    box = f"color=c=0xe0e0e0:s={side}x{side}:r={size.rate}:d={seconds}"
    graph = f"{ground}[ground];{box}[box];[ground][box]overlay=x='mod(t*{way / 2.6:.0f},{way})':y={side}"
    command = ["ffmpeg", "-v", "error", "-y", "-filter_complex", graph, "-t", str(seconds)]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(file)], check=True, timeout=60)
    return file
