"""play: play a sound file. A digit cuts it short and is kept for the next gather."""

from pathlib import Path
from typing import Literal

from ivr.actions import Sound
from ivr.errors import Place
from ivr.verbs.step import Activity, Call, Language, Step


class Play(Step):
    """Play a file, one for each language or one for all."""

    verb: Literal["play"]
    file: Path | dict[Language, Path]
    interruptible: bool = True

    def sounds(self) -> dict[Place, Path]:
        if isinstance(self.file, Path):
            return {("file",): self.file}
        return {("file", language): path for language, path in self.file.items()}

    def begin(self, call: Call) -> Activity:
        return _Playing(call, self)


class _Playing(Activity):
    def __init__(self, call: Call, step: Play) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        file = self._step.file
        path = file if isinstance(file, Path) else next((file[key] for key in file if key == self.call.language), None)
        if path is None or (self._step.interruptible and self.call.typed):
            self.call.go_on(self._step)
        else:
            self.call.say((Sound(self.call.folder / path),))

    def typed(self) -> None:
        if self._step.interruptible:
            self.call.hush()
            self.call.go_on(self._step)

    def said(self) -> None:
        self.call.go_on(self._step)
