"""SpeechEngine: whoever can turn words into sound."""

import asyncio
from pathlib import Path
from typing import Protocol

from ivr.actions import Words
from ivr.errors import SpeechFailed

LONGEST_S = 30.0
"A text takes an engine a fraction of this; beyond it the engine hangs."


class SpeechEngine(Protocol):
    """A text-to-speech engine."""

    def fingerprint(self, language: str) -> str:
        """All that shapes the sound but the words: prompts spoken with another fingerprint are spoken anew."""
        ...

    async def speak(self, words: Words, to: Path) -> None:
        """Write the words as a WAV file of any rate. Raises SpeechFailed."""
        ...


async def run_engine(*command: str, text: str) -> None:
    """Run an engine's program with the text on its standard input. Raises SpeechFailed with what it complained of."""
    try:
        program = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise SpeechFailed(f"{command[0]}: {error}") from error
    try:
        async with asyncio.timeout(LONGEST_S):
            _, complaint = await program.communicate(text.encode())
    except TimeoutError:
        raise SpeechFailed(f"{command[0]} took longer than {LONGEST_S} s") from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode != 0:
        raise SpeechFailed(
            f"{command[0]} ended with {program.returncode}: {complaint.decode(errors='replace').strip()}"
        )
