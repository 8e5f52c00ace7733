"""Run: one caller in a flow. Feeds the machine what happens to the session and carries out what it asks for."""

import asyncio
import logging
from functools import singledispatchmethod
from pathlib import Path

from ivr import actions as a
from ivr import events as e
from ivr.actions import Part, Words
from ivr.errors import SpeechFailed
from ivr.machine import FlowMachine
from ivr.prompts import Prompts
from mediaswitch import _core, tones
from mediaswitch.bus import Bus
from mediaswitch.clock import SECOND, Clock
from mediaswitch.errors import SwitchError
from mediaswitch.exchange import Exchange, PlayDone
from mediaswitch.ids import LegId, SessionId
from mediaswitch.media import PlayItem
from mediaswitch.session import Leg, SessionState
from mediaswitch.timeline import EndReason
from mediaswitch.timers import Alarm, Timers

log = logging.getLogger(__name__)

PATIENCE_NS = SECOND
"How long we wait, once the leg is answered, for the caller's first packet: the sign that he can hear us."
FAILED_SAY_NS = SECOND
"What stands in for a prompt that cannot be played, so that a broken one does not make a flow spin."
BETWEEN_PARTS_MS = 250

RINGING: dict[str, tuple[PlayItem, ...]] = {
    "zh": tones.items("CN", tones.Signal.RING_BACK),
    "en": tones.items("US", tones.Signal.RING_BACK),
}
"Ringing tone as callers know it."


class Run:
    """From the flow's start until somebody answers or the session ends; then `close` it."""

    def __init__(
        self,
        session: SessionId,
        leg: Leg,
        machine: FlowMachine,
        *,
        exchange: Exchange,
        bus: Bus,
        clock: Clock,
        timers: Timers,
        prompts: Prompts,
        hold_music: Path,
    ) -> None:
        self.leg = leg
        "The caller's, as it was when the session arrived."
        self._session = session
        self._machine = machine
        self._exchange = exchange
        self._bus = bus
        self._clock = clock
        self._timers = timers
        self._prompts = prompts
        self._hold_music = hold_music
        self._alarm: Alarm | None = None
        self._making: asyncio.Task[None] | None = None
        self._failed: Alarm | None = None
        self._playing: tuple[int, int] | None = None
        "The core's number of the present play, and the number of the Say it is for."
        self._dialled: LegId | None = None
        self._answered = self._heard = self._begun = False

    # --- what happens --------------------------------------------------------------------------------------

    def answered(self) -> None:
        """The caller's leg is answered."""
        self._answered = True
        if self._heard:
            self.begin()
        elif self._alarm is None:
            self._alarm = self._timers.call_at(self._clock.now() + PATIENCE_NS, self.begin)

    def heard(self) -> None:
        """The caller's media flows, so ours reaches him."""
        self._heard = True
        if self._answered:
            self.begin()

    def begin(self) -> None:
        """The caller can hear us; what is said a second time changes nothing."""
        if not self._begun:
            self._begun = True
            self.feed(e.Begun())

    def feed(self, event: e.Event) -> None:
        """Let the machine take an event, and do what it asks for. Entries this causes come after all of it."""
        with self._bus.held():
            for action in self._machine.handle(event, now=self._clock.now()):
                try:
                    self._perform(action)
                except SwitchError as error:  # the session has moved on, and its entries will say so
                    log.info("session %s: %s", self._session, error)
        if self._begun:
            self._arm()

    def _arm(self) -> None:
        self._stop(self._alarm)
        at = self._machine.next_timeout
        self._alarm = None if at is None else self._timers.call_at(at, lambda: self.feed(e.TimeOut()))

    def play_done(self, done: PlayDone) -> None:
        """The player has finished something."""
        if self._playing is None or self._playing[0] != done.play:
            return
        number, self._playing = self._playing[1], None
        if done.outcome == "finished":
            self.feed(e.Said(number=number))
        elif done.outcome == "failed":
            self._say_failed(number)

    def leg_ended(self, leg: LegId) -> None:
        """A leg of the session is gone; it matters if we dialled it."""
        if leg == self._dialled:
            self._dialled = None
            self.feed(e.Unanswered())

    def close(self) -> None:
        """The flow has no more to do with the session."""
        self._drop_say()
        self._stop(self._alarm)

    @staticmethod
    def _stop(alarm: Alarm | None) -> None:
        if alarm is not None:
            alarm.cancel()

    # --- what the machine asks for -------------------------------------------------------------------------

    @singledispatchmethod
    def _perform(self, action: a.Action) -> None:
        raise TypeError(f"no way to perform {type(action).__name__}")

    @_perform.register
    def _(self, action: a.Say) -> None:
        self._drop_say()
        ready = [path for part in action.parts if (path := self._prompts.ready(part))]
        if len(ready) == len(action.parts):
            self._play_say(action, ready)
        else:
            self._making = asyncio.create_task(self._make_and_play(action))

    async def _make_and_play(self, action: a.Say) -> None:
        try:
            paths = [await self._prompts.fetch(part) for part in action.parts]
        except SpeechFailed as error:
            log.error("session %s: prompt: %s", self._session, error)
            self._say_failed(action.number)
        else:
            self._play_say(action, paths)

    def _play_say(self, action: a.Say, paths: list[Path]) -> None:
        items: list[PlayItem] = []
        for path in paths:
            items += [_core.PlayFile(str(path)), _core.PlaySilence(BETWEEN_PARTS_MS)]
        try:
            play = self._exchange.play(self._session, items, label=_label(action.parts))
        except SwitchError as error:
            log.error("session %s: prompt: %s", self._session, error)
            self._say_failed(action.number)
        else:
            self._playing = (play, action.number)

    def _say_failed(self, number: int) -> None:
        at = self._clock.now() + FAILED_SAY_NS
        self._failed = self._timers.call_at(at, lambda: self.feed(e.Said(number=number)))

    def _drop_say(self) -> None:
        """Whatever was to be said is not wanted any more."""
        self._playing = None
        self._stop(self._failed)
        if self._making is not None:
            self._making.cancel()
            self._making = None

    @_perform.register
    def _(self, action: a.Hush) -> None:
        self._drop_say()
        self._exchange.stop_playing(self._session)

    @_perform.register
    def _(self, action: a.PlayMusic) -> None:
        self._drop_say()
        path = self._hold_music if action.file is None else self._prompts.ready(a.Sound(action.file))
        self._exchange.play(self._session, [_core.PlayFile(str(path or self._hold_music))], loop=True)

    @_perform.register
    def _(self, action: a.PlayRinging) -> None:
        self._drop_say()
        self._exchange.play(self._session, RINGING[action.language], loop=True)

    @_perform.register
    def _(self, action: a.ChooseLanguage) -> None:
        self._exchange.choose_language(self._session, action.language)

    @_perform.register
    def _(self, action: a.EnterQueue) -> None:
        if self._exchange.session(self._session).state not in (SessionState.QUEUED, SessionState.OFFERED):
            self._exchange.enqueue(self._session, action.queue, priority=action.priority)

    @_perform.register
    def _(self, action: a.LeaveQueue) -> None:
        self._exchange.leave_queue(self._session, EndReason.NO_ANSWER)

    @_perform.register
    def _(self, action: a.SendDigits) -> None:
        self._exchange.send_digits(self._session, self.leg.id, action.digits, duration_ms=action.duration_ms)

    @_perform.register
    def _(self, action: a.MaskDigits) -> None:
        self._exchange.mask_digits(self._session, self.leg.id, on=action.on)

    @_perform.register
    def _(self, action: a.Dial) -> None:
        with self._bus.held():  # a target nobody serves ends its leg at once: know which leg before hearing of it
            self._dialled = self._exchange.dial(self._session, action.target, watch=action.watch)

    @_perform.register
    def _(self, action: a.StopDialling) -> None:
        if self._dialled is not None:
            self._exchange.leg_ended(self._session, self._dialled, EndReason.NO_ANSWER)

    @_perform.register
    def _(self, action: a.HangUp) -> None:
        self._exchange.hang_up(self._session, EndReason.FLOW_ENDED)


def _label(parts: tuple[Part, ...]) -> str:
    """What a reader of the timeline should know of it."""
    return " ".join(part.text if isinstance(part, Words) else part.path.name for part in parts)
