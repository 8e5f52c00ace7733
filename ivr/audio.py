"""Sound files as the core's player takes them: WAV, s16, mono, 16 or 48 kHz."""

import wave
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from ivr.errors import SpeechFailed

RATE_HZ = 16_000
FULL_SCALE = 32_768.0

MAX_BYTES = 200 << 20
MAX_S = 3_600
"Longest sound that is taken: the player's own limit."

FULL_RATE_HZ = 48_000
MAX_FULL_S = 600
"Longest sound that keeps more than 8 kHz of band: the player's own limit."

Samples = NDArray[np.float32]
"Mono, full scale is 1."

SPEECH_LEVEL_DBFS = -20.0
"Mean power of what is spoken; every engine has its own idea of loudness."
PEAK_DBFS = -1.0

_QUIET_DBFS = -45.0
_MARGIN_S = 0.05


def rate_of(path: Path) -> int:
    """The rate to decode a file at: 48 kHz where that keeps more of it. Raises SpeechFailed."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            seconds = None if container.duration is None else container.duration / av.time_base
            is_full = stream.rate > RATE_HZ and seconds is not None and seconds <= MAX_FULL_S
            return FULL_RATE_HZ if is_full else RATE_HZ
    except (av.FFmpegError, IndexError, OSError) as error:
        raise SpeechFailed(f"{path}: {error or 'no sound in it'}") from error


def decode(path: Path, *, rate_hz: int = RATE_HZ) -> Samples:
    """Any format FFmpeg reads, up to MAX_BYTES and MAX_S. Raises SpeechFailed with the file and the reason."""
    frames: list[NDArray[Any]] = []
    room = MAX_S * rate_hz
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SpeechFailed(f"{path}: larger than {MAX_BYTES >> 20} MB")
        with av.open(str(path)) as container:
            resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)
            for frame in chain(container.decode(audio=0), [None]):
                made = [out.to_ndarray() for out in resampler.resample(frame)]
                frames += made
                room -= sum(out.shape[1] for out in made)
                if room < 0:
                    raise SpeechFailed(f"{path}: longer than {MAX_S} s")
    except (av.FFmpegError, IndexError, OSError) as error:
        raise SpeechFailed(f"{path}: {error or 'no sound in it'}") from error
    if not frames:
        raise SpeechFailed(f"{path}: no sound in it")
    samples: NDArray[Any] = np.concatenate(frames, axis=1)[0]
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def write(samples: Samples, path: Path, *, rate_hz: int = RATE_HZ) -> None:
    """Write the player's format, saturating; readers never see half a file."""
    scaled = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    half = path.with_name(f".{path.name}.part")
    with wave.open(str(half), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(scaled.tobytes())
    half.replace(path)


def as_speech(samples: Samples) -> Samples:
    """Speech without the silence around it, at the common level and without clipping."""
    trimmed = _trim(samples)
    power = float(np.mean(np.square(trimmed, dtype=np.float64))) if trimmed.size else 0.0
    if power == 0.0:
        return trimmed
    wanted = _gain(SPEECH_LEVEL_DBFS) / power**0.5
    loudest = _gain(PEAK_DBFS) / float(np.max(np.abs(trimmed)))
    return trimmed * np.float32(min(wanted, loudest))


def _trim(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > _gain(_QUIET_DBFS))
    if not loud.size:
        return samples[:0]
    margin = int(_MARGIN_S * RATE_HZ)
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


def _gain(dbfs: float) -> float:
    return float(10.0 ** (dbfs / 20.0))
