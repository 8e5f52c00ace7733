"""Cameras in layers between browsers through the media core, with loss and a thin line.

The same in 720 lines and three layers is measured by `make video`: its encoders need a machine of their own.
"""

from pathlib import Path

import pytest

from tests.support.chromium import chromium
from tests.support.narrow import Line
from tests.support.picture_house import SMALL, PictureHouse, camera_film, longest_pause

pytestmark = pytest.mark.browser

LOSSY = Line(loss=0.05)
THIN = Line(loss=0.05, bits_per_second=300_000)
TOP, LOWER = 180, 90
"Lines of the two layers, which come with 450 and 150 kbit/s."
SOON_S = 5
"A second on a machine of one's own (`make video`); tests share theirs."


async def test_viewers_of_one_camera_see_it_move_each_in_the_layer_that_his_line_carries(tmp_path: Path) -> None:
    red, blue = (camera_film(tmp_path / f"{code}.y4m", code, SMALL) for code in ("0xa04040", "0x4040a0"))
    async with (
        PictureHouse.open(SMALL) as house,
        chromium(video=red) as one,
        chromium(video=blue) as two,
        house.page(one, "ann", camera=True) as ann,
        house.page(two, "bob", camera=True) as bob,
        house.page(two, "slow") as slow,
    ):
        house.place("ann", LOSSY)
        house.place("bob", LOSSY, watches="ann")
        house.place("slow", THIN, watches="ann")
        await ann.join()
        for viewer in (bob, slow):
            await viewer.join()
            assert await viewer.wait_moving("red", viewer.joined_at) < SOON_S
        await bob.wait_height(TOP)
        await slow.wait_height(LOWER)

        switched = house.show(bob, slow)
        assert await slow.wait_moving("blue", switched) < SOON_S
        switched = house.show(ann, slow)
        assert await slow.wait_moving("red", switched) < SOON_S
        await slow.wait_height(LOWER)
        frames = await slow.frames()
        assert longest_pause(frames, frames[0].at, frames[-1].at) < SOON_S
