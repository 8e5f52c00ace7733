"""Piper: natural voices by a small neural network, for the languages one has a voice file of."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from ivr.actions import Words
from ivr.errors import SpeechFailed
from ivr.speech import run_engine

PROGRAM = "piper"
USUAL_WPM = 165
"The pace of Piper's voices at length scale 1."


def is_installed() -> bool:
    """Whether Piper's program is found."""
    return shutil.which(PROGRAM) is not None


class Piper:
    """A SpeechEngine by the program `piper`. It loads its voice for every prompt; the cache makes that bearable."""

    def __init__(self, *, voices: Mapping[str, Path], speed_wpm: int) -> None:
        """voices: the .onnx file of each language's voice, its .onnx.json beside it."""
        self._voices = voices
        self._length_scale = f"{USUAL_WPM / speed_wpm:.2f}"

    def fingerprint(self, language: str) -> str:
        voice = self._voices.get(language)
        return f"piper {voice and voice.name} {self._length_scale}"

    async def speak(self, words: Words, to: Path) -> None:
        voice = self._voices.get(words.language)
        if voice is None:
            raise SpeechFailed(f"no voice for language {words.language!r}")
        arguments = ("--length-scale", self._length_scale, "--output-file", str(to))
        await run_engine(PROGRAM, "--model", str(voice), *arguments, text=words.text)
