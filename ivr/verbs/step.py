"""Step and Activity: what all verbs have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.actions import Part, Words
from ivr.errors import Place

if TYPE_CHECKING:  # the machine knows the verbs' steps, a verb only the machine's face
    from ivr.machine import FlowMachine

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

    def begin(self, call: "FlowMachine") -> "Activity":
        """What this step does for one caller."""
        raise NotImplementedError


class Activity:
    """A step at work for one caller. It answers what happens by asking `call`; the rest does not concern it."""

    def __init__(self, call: "FlowMachine") -> None:
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
