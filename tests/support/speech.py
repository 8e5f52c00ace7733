"""Speech to send and the judgement of what arrived (PESQ, ITU-T P.862)."""

from pathlib import Path

import numpy as np
from pesq import NoUtterancesError, pesq

from tests.support.tone import Samples, read_wav, resample, write_wav

HUMAN_VOICE = Path("/usr/share/asterisk/sounds/en_US_f_Allison/demo-instruct.wav")
"Debian's asterisk-core-sounds-en-wav: a person speaking, 8 kHz."

ROOM_NOISE = 1e-3
"""RMS of the quiet room added to it. Studio silence is digital zero, which no telephone sends, and PESQ takes half a
point from plain G.711 for what it makes of it (4.16 without the room, 4.44 with it)."""


SPEECH_S = 8.0
"As short as PESQ judges well: each slip of a simulated sound card spoils one hearing."


def speech(path: Path, *, rate: int = 8000, seconds: float = SPEECH_S, lead_s: float = 0.5) -> Path:
    """Write so many seconds of a person speaking in a quiet room, after half a second of the room alone."""
    samples, from_rate = read_wav(HUMAN_VOICE)
    spoken = np.concatenate([np.zeros(round(lead_s * from_rate)), 0.7 * samples])[: round(seconds * from_rate)]
    spoken += np.random.default_rng(1).normal(0, ROOM_NOISE, len(spoken))
    return write_wav(path, resample(spoken, from_rate, rate), rate=rate)


def pesq_nb(reference: Samples, reference_rate: int, heard: Samples, heard_rate: int) -> float:
    """Return the narrowband MOS-LQO (1.0 to 4.5); 1.0 when nothing like speech was heard."""
    try:
        return float(pesq(8000, resample(reference, reference_rate, 8000), resample(heard, heard_rate, 8000), "nb"))
    except NoUtterancesError:
        return 1.0


def best_alignment(reference: Samples, heard: Samples, rate: int) -> Samples:
    """Return that part of a longer or looped recording which matches the reference best, of the reference's length."""
    size = len(reference) + len(heard)
    correlation = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size)), size)
    latest = max(1, len(heard) - len(reference) + rate // 10)
    shift = int(np.argmax(correlation[:latest]))
    return heard[shift : shift + len(reference)]
