"""eSpeak NG: small, fast, speaks Mandarin and English; sounds like a machine."""

from collections.abc import Mapping
from pathlib import Path

from ivr.actions import Words
from ivr.errors import SpeechFailed
from ivr.speech import run_engine

PROGRAM = "espeak-ng"


class Espeak:
    """A SpeechEngine by the program `espeak-ng`."""

    def __init__(self, *, voices: Mapping[str, str], speed_wpm: int) -> None:
        """voices: eSpeak's voice for each language, for example {"zh": "cmn", "en": "en-us"}."""
        self._voices = voices
        self._speed_wpm = speed_wpm

    def fingerprint(self, language: str) -> str:
        return f"espeak {self._voices.get(language)} {self._speed_wpm}"

    async def speak(self, words: Words, to: Path) -> None:
        voice = self._voices.get(words.language)
        if voice is None:
            raise SpeechFailed(f"no voice for language {words.language!r}")
        await run_engine(PROGRAM, "-v", voice, "-s", str(self._speed_wpm), "-w", str(to), "--stdin", text=words.text)
