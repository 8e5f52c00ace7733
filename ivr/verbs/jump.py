"""goto and hang_up: where a flow goes, and how it ends."""

from typing import Literal

from ivr.errors import Place
from ivr.verbs.step import Activity, Call, Language, Step, StepName


class Goto(Step):
    """Go on at another step, perhaps in another language."""

    verb: Literal["goto"]
    step: StepName
    language: Language | None = None
    "Spoken from here on."

    def targets(self) -> dict[Place, str]:
        return super().targets() | {("step",): self.step}

    def languages(self) -> dict[Place, Language]:
        return {} if self.language is None else {("language",): self.language}

    def begin(self, call: Call) -> Activity:
        return _Jumping(call, self)


class _Jumping(Activity):
    def __init__(self, call: Call, step: Goto) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        if self._step.language is not None:
            self.call.choose_language(self._step.language)
        self.call.go(self._step.step)


class HangUp(Step):
    """End the call."""

    verb: Literal["hang_up"]

    def begin(self, call: Call) -> Activity:
        return _HangingUp(call)


class _HangingUp(Activity):
    def start(self) -> None:
        self.call.finish()
