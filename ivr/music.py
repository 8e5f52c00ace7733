"""Music on hold, composed here by arithmetic, so that no licence is needed: a slow arpeggio over four chords."""

from pathlib import Path

import numpy as np

from ivr import audio
from ivr.audio import RATE_HZ, Samples

_CHORDS = ((48, 55, 60, 64, 67), (45, 52, 57, 60, 64), (41, 48, 53, 57, 60), (43, 50, 55, 59, 62))
"C, Am, F, G as MIDI notes, bass first: all within what a telephone carries by their overtones."
_ORDER = (0, 2, 3, 4, 3, 2, 4, 3)
"Which note of the chord each step plays."
_STEP_S = 0.5
_RING_S = 2.4
_ROUNDS = 2
LEVEL_DBFS = -26.0
"Below speech, so that an announcement stands out."


def hold_music(folder: Path) -> Path:
    """The file of the music on hold; made in `folder` at the first start."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hold-music-1.wav"
    if not path.exists():
        audio.write(compose(), path)
    return path


def compose() -> Samples:
    """32 s that loop without a seam: what rings on at the end sounds at the beginning."""
    steps = [chord[note] for _ in range(_ROUNDS) for chord in _CHORDS for note in _ORDER]
    length = int(len(steps) * _STEP_S * RATE_HZ)
    music: Samples = np.zeros(length, dtype=np.float32)
    for step, note in enumerate(steps):
        sound = _note(note, soft=step % len(_ORDER) != 0)
        at = (int(step * _STEP_S * RATE_HZ) + np.arange(sound.size)) % length
        music[at] += sound
    level = float(np.sqrt(np.mean(np.square(music, dtype=np.float64))))
    return music * np.float32(10 ** (LEVEL_DBFS / 20) / level)


def _note(midi: int, *, soft: bool) -> Samples:
    """A plucked note: overtones fade faster the higher they are."""
    seconds = np.arange(int(_RING_S * RATE_HZ)) / RATE_HZ
    base_hz = 440.0 * 2 ** ((midi - 69) / 12)
    sound = np.zeros(seconds.size)
    for overtone, strength in enumerate((1.0, 0.5, 0.25, 0.12), start=1):
        fade = np.exp(-seconds * (1.4 + 0.9 * overtone))
        sound += strength * fade * np.sin(2 * np.pi * base_hz * overtone * seconds)
    attack = np.minimum(1.0, seconds / 0.012)
    release = np.minimum(1.0, (_RING_S - seconds) / 0.2)
    return (sound * attack * release * (0.7 if soft else 1.0)).astype(np.float32)
