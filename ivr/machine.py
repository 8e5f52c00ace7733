"""FlowMachine: walks one caller through a flow. No I/O and no clock; what happens comes in, what to do goes out."""

from collections import deque
from functools import singledispatchmethod
from pathlib import Path

from ivr import actions as a
from ivr import events as e
from ivr.flow import Flow
from ivr.verbs.step import Activity, Step


class FlowMachine:
    """After each `handle`: perform the actions returned, in order, and arm `next_timeout`.

    `next_timeout` is when a TimeOut event is due (ns on the one clock), None for never. What follows `handle` below is
    for the verbs.
    """

    def __init__(self, flow: Flow, *, language: str, folder: Path) -> None:
        self.language: str = language if language in flow.languages else flow.languages[0]
        self.folder = folder
        "What file names in the flow are relative to."
        self.typed: deque[str] = deque()
        "Digits pressed and not yet taken by a gather."
        self.now = 0
        self.next_timeout: int | None = None
        self.is_over = False
        self._flow = flow
        self._activity = Activity(self)
        self._next: str | None = None
        self._speech = 0
        self._speaking = False
        self._actions: list[a.Action] = []

    def handle(self, event: e.Event, *, now: int) -> list[a.Action]:
        """Take one event at `now` (ns on the one clock); returns what to do. After the end nothing is done any more."""
        if self.is_over:
            return []
        self.now = now
        self._on(event)
        self._walk()
        done, self._actions = self._actions, []
        return done

    def _walk(self) -> None:
        """Enter the next step, and those after it as long as each leads on at once."""
        entered = 0
        while self._next is not None and not self.is_over:
            entered += 1
            if entered > len(self._flow.steps):
                self.typed.clear()  # a circle that skips itself for a digit nothing in it takes
            step = self._flow.steps[self._next]
            self._next = self.next_timeout = None
            self._activity = step.begin(self)
            self._activity.start()

    @singledispatchmethod
    def _on(self, event: e.Event) -> None:
        raise TypeError(f"no rule for {type(event).__name__}")

    @_on.register
    def _(self, event: e.Begun) -> None:
        self.go(self._flow.first)

    @_on.register
    def _(self, event: e.Digit) -> None:
        self.typed.append(event.digit)
        self._activity.typed()

    @_on.register
    def _(self, event: e.Said) -> None:
        if self._speaking and event.number == self._speech:
            self._speaking = False
            self._activity.said()

    @_on.register
    def _(self, event: e.TimeOut) -> None:
        if self.next_timeout is not None and self.now >= self.next_timeout:
            self.next_timeout = None
            self._activity.timed_out()

    @_on.register
    def _(self, event: e.Position) -> None:
        self._activity.moved(event.position)

    @_on.register
    def _(self, event: e.Offering) -> None:
        self._activity.offering(event.ringing)

    @_on.register
    def _(self, event: e.QueueLeft) -> None:
        self._activity.queue_left()

    @_on.register
    def _(self, event: e.Unanswered) -> None:
        self._activity.unanswered()

    # --- for the verbs -------------------------------------------------------------------------------------

    def do(self, action: a.Action) -> None:
        """Ask for an action."""
        self._actions.append(action)

    def say(self, parts: tuple[a.Part, ...]) -> None:
        """Say this in place of what is playing; the activity's `said` follows."""
        self._speech += 1
        self._speaking = True
        self.wake_at(None)
        self.do(a.Say(number=self._speech, parts=parts))

    def hush(self) -> None:
        """Stop what is playing. What was being said counts as not heard."""
        self._speaking = False
        self.do(a.Hush())

    def play_music(self, file: Path | None) -> None:
        """Loop music in place of what is playing."""
        self._speaking = False
        self.do(a.PlayMusic(file=None if file is None else self.folder / file))

    def wake_at(self, at: int | None) -> None:
        """Call the activity's `timed_out` then; None: no longer."""
        self.next_timeout = at

    def wake_in(self, ns: int) -> None:
        """Call the activity's `timed_out` after so many nanoseconds."""
        self.wake_at(self.now + ns)

    def choose_language(self, language: str) -> None:
        """Speak this from here on."""
        self.language = language
        self.do(a.ChooseLanguage(language=language))

    def go(self, step: str) -> None:
        """Make a step current, once the present one has returned."""
        self._next = step

    def go_on(self, step: Step, otherwise: str | None = None) -> None:
        """Leave a step for `otherwise`, or else for what follows it; nothing follows: the call ends."""
        target = otherwise or self._flow.after(step)
        if target is None:
            self.finish()
        else:
            self.go(target)

    def finish(self) -> None:
        """The flow is over."""
        self.is_over = True
        self.next_timeout = None
        self.do(a.HangUp())
