"""Who sends what: a tone and a coloured moving picture for each party, so that nobody can be taken for another."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.tone import tone, write_wav

CUSTOMER_HZ, DESK_HZ = 600.0, 1000.0
RATE = 48000


@dataclass(frozen=True, slots=True)
class Party:
    """What one browser's microphone hears and camera sees."""

    voice: Path
    picture: Path


@dataclass(frozen=True, slots=True)
class Signals:
    """The customer sends 600 Hz and a red picture, the desk 1000 Hz and a blue one."""

    customer: Party
    desk: Party


def make_signals(folder: Path) -> Signals:
    """Write all files. Raises CalledProcessError when FFmpeg fails."""
    return Signals(
        customer=_party(folder, "customer", CUSTOMER_HZ, "0xc03030"), desk=_party(folder, "desk", DESK_HZ, "0x3030c0")
    )


def _party(folder: Path, name: str, hz: float, colour: str) -> Party:
    voice = write_wav(folder / f"{name}.wav", tone(hz, 2, rate=RATE), rate=RATE)
    picture = folder / f"{name}.y4m"
    # A bright box runs over the coloured ground: the colour tells whose picture it is, the box that it moves.
    ground, box = f"color=c={colour}:s=640x360:r=15:d=4", "color=c=0xe0e0e0:s=80x80:r=15:d=4"
    graph = f"{ground}[ground];{box}[box];[ground][box]overlay=x='mod(t*160,560)':y=140"
    command = ["ffmpeg", "-v", "error", "-y", "-filter_complex", graph, "-t", "4", "-pix_fmt", "yuv420p", str(picture)]
    subprocess.run(command, check=True, timeout=60)
    return Party(voice, picture)
