"""Cameras in layers between browsers through the media core, with loss and a thin line. `make video` measures it."""

from pathlib import Path

import pytest

from tests.support.chromium import chromium
from tests.support.narrow import Line
from tests.support.picture_house import PictureHouse, camera_film, longest_pause

pytestmark = pytest.mark.browser

LOSSY = Line(loss=0.05)
THIN = Line(loss=0.05, bits_per_second=600_000)
SOON_S = 3
"A second on a machine of one's own (`make video`); tests share theirs."


async def test_viewers_of_one_camera_see_it_move_each_in_the_layer_that_his_line_carries(tmp_path: Path) -> None:
    red, blue = camera_film(tmp_path / "red.y4m", "0xa04040"), camera_film(tmp_path / "blue.y4m", "0x4040a0")
    async with (
        PictureHouse.open() as house,
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
        await bob.wait_height(720)
        assert (await slow.frames())[-1].height < 720

        switched = house.show(bob, slow)
        assert await slow.wait_moving("blue", switched) < SOON_S
        switched = house.show(ann, slow)
        assert await slow.wait_moving("red", switched) < SOON_S
        frames = await slow.frames()
        assert max(frame.height for frame in frames) < 720
        assert longest_pause(frames, frames[0].at, frames[-1].at) < SOON_S
