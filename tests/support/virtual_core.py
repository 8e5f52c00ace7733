"""The real media worker in virtual time (crates/engine/examples/virtual_core.rs), as a core for a PartyLine.

What is asked is written down first and played in one go, a session of hours in a second; what was heard is read then.
"""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mediaswitch.ids import PortId, TrackId
from mediaswitch.matrix import Crosspoint

ROOT = Path(__file__).parents[2]
Heard = dict[str, tuple[dict[float, float], dict[float, float]]]
"By ear: the tones of a change and of the time after it, each with its level in dBFS."


class Script:
    """Writes down what the core is asked."""

    def __init__(self, tones: dict[str, int], codecs: dict[str, str]) -> None:
        self.lines = ["reset"]
        self._tones = tones
        self._codecs = codecs

    def open_player(self, port: PortId, track: TrackId) -> None:
        self.lines.append(f"player {port} {track} {self._tones['music']}")

    def open_leg(self, name: str, port: PortId, track: TrackId) -> None:
        self.lines.append(f"rtp {port} {track} {self._codecs[name]} {self._tones[name]}")

    def open_recorder(self, port: PortId) -> None:
        self.lines.append(f"recorder {port}")

    def open_tap(self, port: PortId, rate_hz: int) -> None:
        self.lines.append(f"tap {port} {rate_hz}")

    def connect(self, crosspoint: Crosspoint) -> None:
        self.lines.append(f"connect {crosspoint.source} {crosspoint.destination}")

    def disconnect(self, crosspoint: Crosspoint) -> None:
        self.lines.append(f"disconnect {crosspoint.source} {crosspoint.destination}")

    def close(self, port: PortId) -> None:
        self.lines.append(f"close {port}")

    def play_music(self, port: PortId, *, playing: bool) -> None:
        self.lines.append(f"{'play' if playing else 'stop'} {port}")

    def measure(self, change_ms: int, after_ms: int) -> None:
        """Let time pass and note what is heard while the change takes effect, and after it."""
        self.lines.append(f"measure {change_ms} {after_ms} {' '.join(map(str, self._tones.values()))}")


def build() -> Path:
    """The program; nothing is compiled that is up to date."""
    command = ["cargo", "build", "--quiet", "--locked", "--profile", "quick"]
    command += ["-p", "mediaswitch-engine", "--example", "virtual_core"]
    path = f"{Path.home()}/.cargo/bin:{os.environ['PATH']}"
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PATH": path})
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "quick" / "examples" / "virtual_core"


def play(program: Path, lines: Iterable[str]) -> list[Heard]:
    """Play a script; one answer for each `measure`."""
    text = "\n".join(lines) + "\n"
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True, timeout=600)
    return [
        {
            ear: ({float(hz): db for hz, db in change.items()}, {float(hz): db for hz, db in after.items()})
            for ear, (change, after) in json.loads(line).items()
        }
        for line in done.stdout.splitlines()
    ]
