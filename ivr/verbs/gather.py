"""gather: ask, collect digits, branch. Digits typed ahead are taken first; any digit cuts the question short."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from ivr.errors import Place
from ivr.verbs.step import Activity, Branch, Call, Language, Seconds, Step, StepName, Text, in_language
from mediaswitch.clock import SECOND

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,16}$")]


class Gather(Step):
    """Ask for digits."""

    verb: Literal["gather"]
    text: Text
    speak_in: tuple[Language, ...] = ()
    "Languages to ask in, one after another; empty: the session's own."
    digits: Annotated[int, Field(ge=1, le=16)] = 1
    "The most to collect. `#` ends a shorter entry unless a branch uses it."
    timeout_s: Seconds = 5.0
    "How long to wait for the first digit after the question."
    digit_timeout_s: Seconds = 3.0
    "How long to wait for each further digit."
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    branches: Annotated[dict[Digits, Branch], Field(min_length=1)]
    invalid: Text | None = None
    "Said before asking again after digits that lead nowhere."
    otherwise: StepName | None = None
    "After the last attempt; None: the next step."

    @field_validator("branches", mode="before")
    @classmethod
    def _bare_names(cls, branches: Any) -> Any:
        """`1 = "sales"` is short for `1 = { goto = "sales" }`."""
        if not isinstance(branches, dict):
            return branches
        return {key: {"goto": target} if isinstance(target, str) else target for key, target in branches.items()}

    @model_validator(mode="after")
    def _reachable(self) -> "Gather":
        if too_long := [key for key in self.branches if len(key) > self.digits]:
            raise ValueError(f"branch {too_long[0]!r} is longer than digits = {self.digits}")
        return self

    def targets(self) -> dict[Place, str]:
        found = super().targets() | {("branches", key): branch.goto for key, branch in self.branches.items()}
        return found if self.otherwise is None else found | {("otherwise",): self.otherwise}

    def texts(self) -> dict[str, Text]:
        return {"text": self.text} | ({} if self.invalid is None else {"invalid": self.invalid})

    def languages(self) -> dict[Place, Language]:
        chosen: dict[Place, Language] = {
            ("branches", key): branch.language for key, branch in self.branches.items() if branch.language
        }
        return chosen | {("speak_in", index): language for index, language in enumerate(self.speak_in)}

    def begin(self, call: Call) -> Activity:
        return _Gathering(call, self)

    def is_complete(self, collected: str) -> bool:
        """Whether no further digit could matter."""
        longer = any(key.startswith(collected) and key != collected for key in self.branches)
        return len(collected) == self.digits or (collected in self.branches and not longer)


class _Gathering(Activity):
    def __init__(self, call: Call, step: Gather) -> None:
        super().__init__(call)
        self._step = step
        self._attempt = 1
        self._collected = ""

    @property
    def _languages(self) -> tuple[str, ...]:
        return self._step.speak_in or (self.call.language,)

    def start(self) -> None:
        if self.call.typed:
            self.typed()
        else:
            self.call.say(in_language(self._step.text, self._languages))

    def typed(self) -> None:
        self.call.hush()
        while self.call.typed:
            digit = self.call.typed.popleft()
            if digit == "#" and self._collected and not any("#" in key for key in self._step.branches):
                return self._resolve()
            self._collected += digit
            if self._step.is_complete(self._collected):
                return self._resolve()
        self.call.wake_in(int(self._step.digit_timeout_s * SECOND))
        return None

    def said(self) -> None:
        self.call.wake_in(int(self._step.timeout_s * SECOND))

    def timed_out(self) -> None:
        self._resolve()

    def _resolve(self) -> None:
        if branch := self._step.branches.get(self._collected):
            if branch.language is not None:
                self.call.choose_language(branch.language)
            self.call.go(branch.goto)
        elif self._attempt < self._step.attempts:
            self._ask_again()
        else:
            self.call.go_on(self._step, self._step.otherwise)

    def _ask_again(self) -> None:
        wrong = self._step.invalid if self._collected else None
        self._attempt += 1
        self._collected = ""
        self.call.typed.clear()  # typed for an answer that was not taken
        again = in_language(self._step.text, self._languages)
        self.call.say(again if wrong is None else in_language(wrong, self._languages) + again)
