"""FlowRunner: takes over the sessions whose number leads to a flow or straight to a queue."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from functools import singledispatchmethod
from pathlib import Path

from ivr import events as e
from ivr.actions import Part, Sound, Words
from ivr.flow import Flow, queue_flow
from ivr.machine import FlowMachine
from ivr.prompts import Prompts
from ivr.run import Run
from ivr.spoken import position_words
from mediaswitch import timeline as t
from mediaswitch.bus import Bus
from mediaswitch.clock import Clock
from mediaswitch.errors import NotFound
from mediaswitch.exchange import Exchange, PlayDone, SessionArrived
from mediaswitch.ids import SessionId
from mediaswitch.numbers import QUEUE_PREFIX, Route
from mediaswitch.timeline import EndReason, Entry, Event
from mediaswitch.timers import Timers

log = logging.getLogger(__name__)

_WARM_POSITIONS = 10
"Positions whose announcements are made at the start; longer queues make theirs when they are needed."


class FlowRunner:
    """Call `start` when the event loop runs, `close` at the end."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        bus: Bus,
        clock: Clock,
        timers: Timers,
        prompts: Prompts,
        flows: Mapping[str, Flow],
        queues: Mapping[str, float],
        folder: Path,
        hold_music: Path,
    ) -> None:
        """queues: how often each one's position is said, in seconds. folder: what flows' file names are relative to."""
        self._exchange = exchange
        self._bus = bus
        self._clock = clock
        self._timers = timers
        self._prompts = prompts
        self._flows = {**flows, **{QUEUE_PREFIX + name: _queue_flow(name, queues) for name in queues}}
        self._folder = folder
        self._hold_music = hold_music
        self._runs: dict[SessionId, Run] = {}
        self._warming: asyncio.Task[None] | None = None
        bus.subscribe(SessionArrived, self._on_arrival)
        bus.subscribe(Entry, self._on_entry)
        bus.subscribe(PlayDone, self._on_play_done)

    def start(self) -> None:
        """Make all prompts that are known beforehand, in the background."""
        self._warming = asyncio.create_task(self._prompts.warm(self._known_parts()))

    async def close(self) -> None:
        """Let go of all sessions; they are not ended by it."""
        for run in self._runs.values():
            run.close()
        self._runs.clear()
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._prompts.close()

    def _known_parts(self) -> Iterator[Part]:
        for flow in self._flows.values():
            yield from flow.words()
            yield from (Sound(self._folder / path) for step in flow.steps.values() for path in step.sounds().values())
        for language in {language for flow in self._flows.values() for language in flow.languages}:
            for position in range(1, _WARM_POSITIONS + 1):
                yield Words(position_words(position, language), language)

    # --- on the bus ----------------------------------------------------------------------------------------

    def _on_arrival(self, arrived: SessionArrived) -> None:
        name = _flow_name(arrived.route)
        flow = self._flows.get(name)
        if flow is None:
            log.error("session %s: there is no flow %s", arrived.session, name)
            self._exchange.hang_up(arrived.session, EndReason.FAILED)
            return
        self._runs[arrived.session] = self._run(arrived.session, flow)
        self._exchange.start_flow(arrived.session, name)

    def _run(self, session_id: SessionId, flow: Flow) -> Run:
        session = self._exchange.session(session_id)
        return Run(
            session_id,
            session.legs[0],
            FlowMachine(flow, language=session.language, folder=self._folder),
            exchange=self._exchange,
            bus=self._bus,
            clock=self._clock,
            timers=self._timers,
            prompts=self._prompts,
            hold_music=self._hold_music,
        )

    def _on_play_done(self, done: PlayDone) -> None:
        if run := self._runs.get(done.session):
            run.play_done(done)

    def _on_entry(self, entry: Entry) -> None:
        if isinstance(entry.event, t.Queued) and entry.session not in self._runs:
            self._wait_again(entry.session, entry.event)
        run = self._runs.get(entry.session)
        if run and (isinstance(entry.event, t.Ended) or not self._is_over(entry.session)):
            self._on(entry.event, entry, run)

    def _wait_again(self, session: SessionId, queued: t.Queued) -> None:
        """The agent was lost: until the next one answers, the caller is told the position as before."""
        flow = self._flows.get(QUEUE_PREFIX + queued.queue)
        if flow is not None and not self._is_over(session):
            run = self._runs[session] = self._run(session, flow)
            run.begin()

    def _is_over(self, session: SessionId) -> bool:
        """Whether only the end is still to come: a flow must not go on because it took its caller out of the queue."""
        try:
            return self._exchange.session(session).is_over
        except NotFound:
            return True

    @singledispatchmethod
    def _on(self, event: Event, entry: Entry, run: Run) -> None:
        """Most of the timeline is none of a flow's business."""

    @_on.register
    def _(self, event: t.LegAnswered, entry: Entry, run: Run) -> None:
        if event.leg == run.leg.id:
            run.answered()

    @_on.register
    def _(self, event: t.MediaStarted, entry: Entry, run: Run) -> None:
        if any(track.id == event.track for track in run.leg.tracks):
            run.heard()

    @_on.register
    def _(self, event: t.DigitPressed, entry: Entry, run: Run) -> None:
        if event.participant == run.leg.participant:
            run.feed(e.Digit(digit=event.digit))

    @_on.register
    def _(self, event: t.QueuePosition, entry: Entry, run: Run) -> None:
        run.feed(e.Position(position=event.position))

    @_on.register
    def _(self, event: t.Offered, entry: Entry, run: Run) -> None:
        run.feed(e.Offering(ringing=True))

    @_on.register(t.OfferDeclined)
    @_on.register(t.OfferExpired)
    @_on.register(t.OfferWithdrawn)
    def _(self, event: Event, entry: Entry, run: Run) -> None:
        run.feed(e.Offering(ringing=False))

    @_on.register
    def _(self, event: t.Dequeued, entry: Entry, run: Run) -> None:
        run.feed(e.QueueLeft())

    @_on.register
    def _(self, event: t.LegEnded, entry: Entry, run: Run) -> None:
        run.leg_ended(event.leg)

    @_on.register(t.Talking)
    @_on.register(t.Ended)
    def _(self, event: Event, entry: Entry, run: Run) -> None:
        del self._runs[entry.session]
        run.close()


def _flow_name(route: Route) -> str:
    return f"{QUEUE_PREFIX}{route.queue}" if route.flow is None else route.flow


def _queue_flow(name: str, queues: Mapping[str, float]) -> Flow:
    return queue_flow(name, position_every_s=queues[name])
