"""Which engine speaks which language."""

from collections.abc import Mapping
from pathlib import Path

from ivr import piper
from ivr.actions import Words
from ivr.errors import IvrError, SpeechFailed
from ivr.espeak import Espeak
from ivr.piper import Piper
from ivr.speech import SpeechEngine

PIPER_VOICE = ".onnx"


class ByLanguage:
    """A SpeechEngine that leaves each language to its own."""

    def __init__(self, engines: Mapping[str, SpeechEngine]) -> None:
        self._engines = engines

    def fingerprint(self, language: str) -> str:
        engine = self._engines.get(language)
        return "none" if engine is None else engine.fingerprint(language)

    async def speak(self, words: Words, to: Path) -> None:
        engine = self._engines.get(words.language)
        if engine is None:
            raise SpeechFailed(f"no voice for language {words.language!r}")
        await engine.speak(words, to)


def make_engine(name: str, *, voices: Mapping[str, str], speed_wpm: int, folder: Path) -> SpeechEngine:
    """The engine of the settings. Raises IvrError if it cannot be used.

    With "piper", a voice that names an .onnx file is Piper's; other languages stay with eSpeak, so that one neural
    voice is of use before there is one for every language.
    """
    espeak = Espeak(voices=voices, speed_wpm=speed_wpm)
    if name != "piper":
        return espeak
    if not piper.is_installed():
        raise IvrError("speech engine piper is not installed")
    models = {language: folder / voice for language, voice in voices.items() if voice.endswith(PIPER_VOICE)}
    if missing := [model for model in models.values() if not model.is_file()]:
        raise IvrError(f"there is no Piper voice {missing[0]}")
    neural = Piper(voices=models, speed_wpm=speed_wpm)
    return ByLanguage({language: neural if language in models else espeak for language in voices})
