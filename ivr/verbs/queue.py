"""queue: wait for an agent, with music and the position said now and then."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ivr.actions import EnterQueue, LeaveQueue, Words
from ivr.errors import Place
from ivr.spoken import position_words
from ivr.verbs.step import Activity, Call, Seconds, Step, StepName
from mediaswitch.clock import SECOND
from mediaswitch.ids import QueueName


class Queue(Step):
    """Wait for an agent."""

    verb: Literal["queue"]
    queue: str
    priority: Annotated[int, Field(ge=0, le=99)] = 0
    "The higher goes first."
    music: Path | None = None
    "Looped while waiting; None: the server's music on hold."
    position_every_s: Seconds | None = None
    "How often the position is said; None: as the queue's settings say."
    max_wait_s: Seconds | None = None
    "Give up after so long; None: never."
    otherwise: StepName | None = None
    "After the longest wait; None: the next step."

    def targets(self) -> dict[Place, str]:
        return super().targets() | ({} if self.otherwise is None else {("otherwise",): self.otherwise})

    def sounds(self) -> dict[Place, Path]:
        return {} if self.music is None else {("music",): self.music}

    def begin(self, call: Call) -> Activity:
        return _Waiting(call, self)


class _Waiting(Activity):
    def __init__(self, call: Call, step: Queue) -> None:
        super().__init__(call)
        self._step = step
        self._every = None if step.position_every_s is None else int(step.position_every_s * SECOND)
        self._give_up_at = None if step.max_wait_s is None else call.now + int(step.max_wait_s * SECOND)
        self._say_at: int | None = None
        self._position: int | None = None
        self._ringing = False

    def start(self) -> None:
        self.call.play_music(self._step.music)
        self.call.do(EnterQueue(queue=QueueName(self._step.queue), priority=self._step.priority))
        self._arm()

    def typed(self) -> None:
        self.call.typed.clear()  # nothing to choose here, and nothing to remember for later

    def moved(self, position: int) -> None:
        first, self._position = self._position is None, position
        if first:
            self._say_position()

    def said(self) -> None:
        self.call.play_music(self._step.music)
        self._say_at = None if self._every is None else self.call.now + self._every
        self._arm()

    def offering(self, ringing: bool) -> None:
        self._ringing = ringing
        self._arm()

    def timed_out(self) -> None:
        if self._give_up_at is not None and self.call.now >= self._give_up_at and not self._ringing:
            self._give_up_at = self._say_at = None
            self.call.do(LeaveQueue())
        elif self._say_at is not None and self.call.now >= self._say_at:
            self._say_position()
        else:
            self._arm()

    def queue_left(self) -> None:
        self.call.hush()
        self.call.go_on(self._step, self._step.otherwise)

    def _say_position(self) -> None:
        self._say_at = None
        if self._position is not None:
            language = self.call.language
            self.call.say((Words(position_words(self._position, language), language),))
        self._arm()

    def _arm(self) -> None:
        give_up_at = None if self._ringing else self._give_up_at  # nobody is turned away while a desk rings for him
        instants = [at for at in (self._say_at, give_up_at) if at is not None]
        self.call.wake_at(min(instants, default=None))
