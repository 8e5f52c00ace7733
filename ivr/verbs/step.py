"""Step and Activity: what all verbs have in common."""

from collections import deque
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.actions import Action, Part, Words
from ivr.errors import Place

Language = Literal["zh", "en"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
StepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[dict[Language, Annotated[str, StringConstraints(min_length=1, max_length=2000)]], Field(min_length=1)]
"What is said, by language."


class Settings(BaseModel):
    """A table of a flow: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Branch(Settings):
    """Where a digit leads. In the settings a bare step name is enough."""

    goto: StepName
    language: Language | None = None
    "Spoken from here on."


class Step(Settings):
    """One step of a flow."""

    next: StepName | None = None
    "The step after this one; None: the one written below it, and after the last the call is hung up."

    def targets(self) -> dict[Place, str]:
        """Every step this one can lead to, by its place in the step's table."""
        return {} if self.next is None else {("next",): self.next}

    def texts(self) -> dict[str, Text]:
        """Everything this step may say, by key."""
        return {}

    def languages(self) -> dict[Place, Language]:
        """Every language this step speaks or chooses, by its place in the step's table."""
        return {}

    def sounds(self) -> dict[Place, Path]:
        """Every file this step may play, by its place in the step's table."""
        return {}

    def begin(self, call: "Call") -> "Activity":
        """What this step does for one caller."""
        raise NotImplementedError


class Call(Protocol):
    """What a verb may ask of the machine that walks a caller through the flow."""

    language: str
    "Spoken now."
    folder: Path
    "What file names in the flow are relative to."
    typed: deque[str]
    "Digits pressed and not yet taken by a gather."
    now: int
    "Nanoseconds on the one clock."

    def do(self, action: Action) -> None:
        """Ask for an action."""
        ...

    def say(self, parts: tuple[Part, ...]) -> None:
        """Say this in place of what is playing; the activity's `said` follows."""
        ...

    def hush(self) -> None:
        """Stop what is playing. What was being said counts as not heard."""
        ...

    def play_music(self, file: Path | None) -> None:
        """Loop music in place of what is playing; None: the server's music on hold."""
        ...

    def wake_at(self, at: int | None) -> None:
        """Call the activity's `timed_out` then; None: no longer."""
        ...

    def wake_in(self, ns: int) -> None:
        """Call the activity's `timed_out` after so many nanoseconds."""
        ...

    def choose_language(self, language: str) -> None:
        """Speak this from here on."""
        ...

    def go(self, step: str) -> None:
        """Make a step current, once the present one has returned."""
        ...

    def go_on(self, step: Step, otherwise: str | None = None) -> None:
        """Leave a step for `otherwise`, or else for what follows it; nothing follows: the call ends."""
        ...

    def finish(self) -> None:
        """The flow is over."""
        ...


class Activity:
    """A step at work for one caller. It answers what happens by asking `call`; the rest does not concern it."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def start(self) -> None:
        """The step has become current."""

    def typed(self) -> None:
        """The caller has pressed a digit; it waits in `call.typed`."""

    def said(self) -> None:
        """What the step wanted said has been heard."""

    def timed_out(self) -> None:
        """What was asked of `call.wake_at`."""

    def moved(self, position: int) -> None:
        """The caller's place in the queue is new."""

    def offering(self, ringing: bool) -> None:
        """A desk rings for the caller, or no longer does."""

    def queue_left(self) -> None:
        """The caller waits no longer."""

    def unanswered(self) -> None:
        """Whom we dialled did not answer."""


def in_language(text: Text, languages: tuple[str, ...]) -> tuple[Part, ...]:
    """The words of a text in each of the languages, one after another."""
    return tuple(Words(words, language) for language in languages for key, words in text.items() if key == language)
