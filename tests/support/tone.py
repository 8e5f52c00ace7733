"""Tones to send and the measure of what was heard.

Samples are float64 in [-1, 1], mono. Levels are in dB against a full-scale sine (0 dB = amplitude 1).
"""

import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

HEARD_DB = -45.0
"A tone below this is not heard; the tests send theirs at about -14 dB."


def tone(hz: float, seconds: float, *, rate: int = 8000, level_db: float = -14.0) -> Samples:
    """Return a steady sine."""
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate) * 10 ** (level_db / 20)


def write_wav(path: Path, samples: Samples, *, rate: int = 8000) -> Path:
    """Write 16-bit mono PCM and return the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return the samples of the first channel and the rate in Hz of a 16-bit WAV."""
    with wave.open(str(path), "rb") as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return frames[:: file.getnchannels()].astype(np.float64) / 32768, file.getframerate()


def level_db(samples: Samples) -> float:
    """Return the level of the whole; -120 for silence."""
    if len(samples) == 0:
        return -120.0
    return max(-120.0, float(10 * np.log10(2 * np.mean(samples**2) + 1e-12)))


def tone_db(samples: Samples, rate: int, hz: float) -> float:
    """Return the level of one frequency; a Hann window keeps neighbours 30 Hz away apart in 0.2 s or more."""
    if len(samples) == 0:
        return -120.0
    window = np.hanning(len(samples))
    phasor = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    amplitude = 2 * abs(np.sum(samples * window * phasor)) / np.sum(window)
    return max(-120.0, float(20 * np.log10(amplitude + 1e-12)))


def tones_heard(samples: Samples, rate: int, candidates: Iterable[float], *, above_db: float = HEARD_DB) -> set[float]:
    """Return those of the candidates that sound in the samples, in Hz."""
    return {hz for hz in candidates if tone_db(samples, rate, hz) > above_db}


def when_heard(
    samples: Samples, rate: int, hz: float, *, above_db: float = HEARD_DB, step_s: float = 0.05
) -> list[tuple[float, float]]:
    """Return the stretches, in seconds, in which one frequency sounds; two windows of silence end a stretch."""
    step = round(step_s * rate)
    stretches: list[tuple[float, float]] = []
    for start in range(0, len(samples) - step + 1, step):
        if tone_db(samples[start : start + step], rate, hz) <= above_db:
            continue
        begin, end = start / rate, (start + step) / rate
        if stretches and begin - stretches[-1][1] < 2 * step_s:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((begin, end))
    return stretches


def gaps(
    samples: Samples, rate: int, *, below_db: float = -50.0, longer_than_s: float = 0.03
) -> list[tuple[float, float]]:
    """Return the stretches of silence, in seconds, that last longer than the given time."""
    step = rate // 200
    quiet: list[tuple[float, float]] = []
    for start in range(0, len(samples) - step + 1, step):
        if level_db(samples[start : start + step]) >= below_db:
            continue
        begin, end = start / rate, (start + step) / rate
        if quiet and abs(quiet[-1][1] - begin) < 1e-9:
            quiet[-1] = (quiet[-1][0], end)
        else:
            quiet.append((begin, end))
    return [(begin, end) for begin, end in quiet if end - begin > longer_than_s]


def resample(samples: Samples, rate: int, to_rate: int) -> Samples:
    """Return the samples at another rate, band-limited through the spectrum (fit for whole files, not for streams)."""
    if rate == to_rate:
        return samples
    wanted = round(len(samples) * to_rate / rate)
    spectrum = np.fft.rfft(samples)
    kept = spectrum[: wanted // 2 + 1]
    padded = np.zeros(wanted // 2 + 1, dtype=complex)
    padded[: len(kept)] = kept
    return np.fft.irfft(padded, wanted) * wanted / len(samples)


def mulaw(samples: Samples) -> bytes:
    """Return the samples as G.711 µ-law, one byte each (ITU-T G.711, written after its segment table)."""
    pcm = (np.clip(samples, -1, 1) * 32635).astype(np.int32)
    magnitude = np.minimum(np.abs(pcm), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(pcm < 0, 0x80, 0)
    return bytes((~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def from_mulaw(payload: bytes) -> Samples:
    """Return the samples of G.711 µ-law bytes."""
    code = ~np.frombuffer(payload, dtype=np.uint8).astype(np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude) / 32768


def concatenate(parts: Sequence[Samples]) -> Samples:
    """Return the parts one after another."""
    return np.concatenate(list(parts)) if parts else np.zeros(0)
