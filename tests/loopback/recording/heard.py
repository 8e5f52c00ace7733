"""What FFmpeg finds in a recorded or rendered file."""

import subprocess
from pathlib import Path

import numpy as np

from tests.support.tone import Samples, tones_heard

RATE = 8000


def samples(file: Path) -> Samples:
    """All of its sound, mono at RATE, as decoded without regard to timestamps."""
    command = ["ffmpeg", "-v", "error", "-i", str(file), "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, dtype="<i2").astype(np.float64) / 32768


def container_s(file: Path) -> float:
    """The duration that the container tells, in seconds."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(file)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def between(sound: Samples, from_ms: float, to_ms: float, candidates: tuple[float, ...]) -> set[float]:
    """The tones heard in a stretch."""
    return tones_heard(sound[round(from_ms * RATE / 1000) : round(to_ms * RATE / 1000)], RATE, candidates)
