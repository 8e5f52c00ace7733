"""Flow: what the settings say a caller shall meet, checked as far as it can be before anybody calls."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ivr.actions import Words
from ivr.errors import FlowErrors, Place
from ivr.verbs.bridge import Bridge
from ivr.verbs.digits import Mask, Press
from ivr.verbs.gather import Gather
from ivr.verbs.jump import Goto, HangUp
from ivr.verbs.play import Play
from ivr.verbs.queue import Queue
from ivr.verbs.say import Say
from ivr.verbs.step import Language, Settings, Step, StepName

AnyStep = Annotated[Say | Play | Gather | Queue | Bridge | Press | Mask | Goto | HangUp, Field(discriminator="verb")]


class Flow(Settings):
    """A flow's steps, in the order in which they are written; the first is where it starts."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("zh", "en")
    "What it can speak; a caller of another language hears the first."
    steps: Annotated[dict[StepName, AnyStep], Field(min_length=1)]

    @property
    def first(self) -> str:
        """The step it starts with."""
        return next(iter(self.steps))

    def after(self, step: Step) -> str | None:
        """The step that follows by `next` or else by the order of writing; None: the flow ends."""
        if step.next is not None:
            return step.next
        return next((below for (_, above), (below, _) in pairwise(self.steps.items()) if above is step), None)

    def words(self) -> Iterator[Words]:
        """Everything it may say that is known beforehand."""
        for step in self.steps.values():
            for text in step.texts().values():
                yield from (Words(words, language) for language, words in text.items())


def queue_flow(queue: str, *, position_every_s: float) -> Flow:
    """The built-in flow of a number that leads straight to a queue."""
    step = Queue(verb="queue", queue=queue, position_every_s=position_every_s)
    return Flow(steps={"wait": step})


def check_flows(
    tables: Mapping[str, Mapping[str, Any]], *, queues: Mapping[str, float], folder: Path
) -> dict[str, Flow]:
    """The flows of the settings' `flows` table. Raises FlowErrors with the place and reason of every error.

    queues: each queue's name and how often its position is said, in seconds. folder: what file names are relative to.
    """
    flows: dict[str, Flow] = {}
    wrong: list[tuple[Place, str]] = []
    for name, table in tables.items():
        try:
            flow = Flow.model_validate(table)
        except ValidationError as invalid:
            wrong += [(("flows", name, *_without_tag(error["loc"])), error["msg"]) for error in invalid.errors()]
            continue
        found = [(("flows", name, *place), reason) for place, reason in _dangling(flow, queues, folder)]
        wrong += found
        flows[name] = flow if found else _with_defaults(flow, queues)
    if wrong:
        raise FlowErrors(wrong)
    return flows


def _without_tag(place: Place) -> Place:
    """Pydantic names the verb between a step and its keys; the settings do not."""
    return place[:2] + place[3:] if place[:1] == ("steps",) and len(place) > 2 else place


def _dangling(flow: Flow, queues: Mapping[str, float], folder: Path) -> Iterator[tuple[Place, str]]:
    for name, step in flow.steps.items():
        for place, reason in (*_unknown_names(flow, step, queues), *_missing_prompts(flow, step, folder)):
            yield ("steps", name, *place), reason
        if _goes_in_a_circle(flow, name):
            yield ("steps", name, "step"), "goes in a circle"


def _unknown_names(flow: Flow, step: Step, queues: Mapping[str, float]) -> Iterator[tuple[Place, str]]:
    for place, target in step.targets().items():
        if target not in flow.steps:
            yield place, f"there is no step {target!r}"
    for place, language in step.languages().items():
        if language not in flow.languages:
            yield place, f"{language!r} is not among the flow's languages"
    if isinstance(step, Queue) and step.queue not in queues:
        yield ("queue",), f"there is no queue {step.queue!r}"


def _missing_prompts(flow: Flow, step: Step, folder: Path) -> Iterator[tuple[Place, str]]:
    for key, text in step.texts().items():
        for language in flow.languages:
            if language not in text:
                yield (key,), f"no words in {language!r}, which this flow speaks"
    for place, path in step.sounds().items():
        if not (folder / path).is_file():
            yield place, f"there is no file {folder / path}"


def _goes_in_a_circle(flow: Flow, name: str) -> bool:
    seen: set[str] = set()
    while isinstance(step := flow.steps.get(name), Goto):
        if name in seen:
            return True
        seen.add(name)
        name = step.step
    return False


def _with_defaults(flow: Flow, queues: Mapping[str, float]) -> Flow:
    """Queue steps that leave the interval of the position open take the queue's own."""
    steps = {
        name: step.model_copy(update={"position_every_s": queues[step.queue]})
        if isinstance(step, Queue) and step.position_every_s is None
        else step
        for name, step in flow.steps.items()
    }
    return flow.model_copy(update={"steps": steps})
