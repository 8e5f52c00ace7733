"""say: speak a text. A digit cuts it short and is kept for the next gather."""

from typing import Literal

from ivr.errors import Place
from ivr.verbs.step import Activity, Call, Language, Step, Text, in_language


class Say(Step):
    """Speak a text."""

    verb: Literal["say"]
    text: Text
    speak_in: tuple[Language, ...] = ()
    "Languages to speak one after another; empty: the session's own."
    interruptible: bool = True
    "Whether a digit cuts it short."

    def texts(self) -> dict[str, Text]:
        return {"text": self.text}

    def languages(self) -> dict[Place, Language]:
        return {("speak_in", index): language for index, language in enumerate(self.speak_in)}

    def begin(self, call: Call) -> Activity:
        return _Saying(call, self)


class _Saying(Activity):
    def __init__(self, call: Call, step: Say) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        if self._step.interruptible and self.call.typed:
            self.call.go_on(self._step)  # the caller knows this by heart
        else:
            self.call.say(in_language(self._step.text, self._step.speak_in or (self.call.language,)))

    def typed(self) -> None:
        if self._step.interruptible:
            self.call.hush()
            self.call.go_on(self._step)

    def said(self) -> None:
        self.call.go_on(self._step)
