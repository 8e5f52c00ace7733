"""Router: listens to the timeline, offers waiting sessions to agents, and is what others ask about agents and queues.

All that changes an agent or a queue arrives here: an entry on the bus, an agent's wish, a desk that came or went, or an
alarm. Each ends in `_settle`, which offers what can be offered, tells the positions and announces the new views.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import singledispatchmethod

from mediaswitch.bus import Bus
from mediaswitch.clock import SECOND, Clock
from mediaswitch.decide import LOST
from mediaswitch.errors import NotFound, SwitchError
from mediaswitch.exchange import Exchange
from mediaswitch.ids import AgentId, SessionId, TenantId
from mediaswitch.services import AgentState, AgentView, QueueView
from mediaswitch.timeline import (
    Accepted,
    AgentLeft,
    Dequeued,
    Ended,
    EndReason,
    Entry,
    Event,
    OfferDeclined,
    Offered,
    OfferExpired,
    OfferWithdrawn,
    Queued,
    WrapUpEnded,
    WrapUpStarted,
)
from mediaswitch.timers import Alarm, Timers
from routing.agents import Agent
from routing.floor import Floor
from routing.plan import AgentProfile, QueuePlan
from routing.presence import GRACE_S, Presence
from routing.queues import Queue, Waiting
from routing.strategy import longest_idle

log = logging.getLogger(__name__)


class Router:
    """See the module's docstring. Implements `mediaswitch.services.Agents`."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        bus: Bus,
        clock: Clock,
        timers: Timers,
        queues: Iterable[QueuePlan],
        agents: Iterable[AgentProfile],
        grace_s: float = GRACE_S,
    ) -> None:
        self._exchange = exchange
        self._bus = bus
        self._clock = clock
        self._timers = timers
        self._floor = Floor(queues, agents, bus, now=clock.now())
        self._presence = Presence(clock=clock, timers=timers, grace_s=grace_s, left=self._left)
        self._alarms: dict[AgentId, Alarm] = {}
        self._positions: dict[SessionId, int] = {}
        bus.subscribe(Entry, self._on_entry)

    # --- what others ask -----------------------------------------------------------------------------------

    def get(self, agent: AgentId) -> AgentView:
        """One agent. Raises NotFound."""
        return self._floor.agent(agent).view

    def list(self, tenant: TenantId) -> Sequence[AgentView]:
        """The tenant's agents, by name."""
        return self._floor.agent_views(tenant)

    def queues(self, tenant: TenantId) -> Sequence[QueueView]:
        """The tenant's queues with their figures."""
        return self._floor.queue_views(tenant, self._clock.now())

    def set_state(self, agent: AgentId, state: AgentState) -> AgentView:
        """An agent's own wish; it ends her offer or wrap-up. Raises NotFound, and WrongState in a conversation."""
        before = self._floor.agent(agent)
        after = self._change(before.ask(state, self._clock.now()))
        if after.desks == 0 and after.state is not AgentState.OFFLINE:
            self._presence.went(agent)  # she must show up, or nobody would ever answer for her
        self._drop(before, after)
        self._settle()
        return self.get(agent)

    def connected(self, agent: AgentId) -> None:
        """One more desk of hers is connected. Raises NotFound."""
        self._change(self._floor.agent(agent).open_desk())
        self._presence.came(agent)
        self._settle()

    def disconnected(self, agent: AgentId) -> None:
        """One desk less; with none left she goes offline after the grace time. Raises NotFound."""
        if self._change(self._floor.agent(agent).close_desk()).desks == 0:
            self._presence.went(agent)

    def _left(self, agent: AgentId) -> None:
        before = self._floor.agent(agent)
        self._drop(before, self._change(before.leave(self._clock.now())))
        self._settle()

    def _drop(self, before: Agent, after: Agent) -> None:
        """Tell the Exchange what she no longer answers for."""
        if before.session is None or after.session is not None:
            return
        session, agent = before.session, before.profile.id
        if before.state is AgentState.OFFERED:
            self._try(lambda: self._exchange.withdraw_offer(session, agent, EndReason.CANCELLED))
        elif before.state is AgentState.WRAP_UP:
            self._try(lambda: self._exchange.end_wrap_up(session, agent))

    # --- what the timeline says ----------------------------------------------------------------------------

    def _on_entry(self, entry: Entry) -> None:
        self._on(entry.event, entry)

    @singledispatchmethod
    def _on(self, event: Event, entry: Entry) -> None:
        """Most of the timeline is none of routing's business."""

    @_on.register
    def _(self, event: Queued, entry: Entry) -> None:
        if (agent := self._floor.agent_in(entry.session)) and agent.state is AgentState.BUSY:
            self._change(agent.lose(entry.at))
        waiting = Waiting(session=entry.session, priority=event.priority, since=entry.at)
        try:
            self._floor.put_queue(self._floor.queue(entry.tenant, event.queue).join(waiting))
        except NotFound as error:
            log.error("session %s cannot wait: %s", entry.session, error)
            self._try(lambda: self._exchange.leave_queue(entry.session, EndReason.FAILED))
        self._settle()

    @_on.register
    def _(self, event: Dequeued, entry: Entry) -> None:
        self._leave_queue(entry)
        self._settle()

    @_on.register
    def _(self, event: Ended, entry: Entry) -> None:
        self._leave_queue(entry)
        self._settle()

    @_on.register
    def _(self, event: Offered, entry: Entry) -> None:
        """Ours are noted already; others are to a colleague who is consulted, or come with a blind transfer."""
        agent = self._floor.agent(event.agent)
        if agent.session == entry.session:
            return
        if not agent.is_ready:
            self._try(lambda: self._exchange.withdraw_offer(entry.session, event.agent, EndReason.BUSY))
            return
        self._note_offer(agent, entry.session, event.expires_at)
        self._settle()

    @_on.register
    def _(self, event: AgentLeft, entry: Entry) -> None:
        if agent := self._if_in(entry, event.agent, AgentState.BUSY):
            self._change(agent.lose(entry.at) if event.reason in LOST else agent.pass_on(entry.at))
        self._settle()

    @_on.register(OfferDeclined)
    @_on.register(OfferExpired)
    def _(self, event: OfferDeclined | OfferExpired, entry: Entry) -> None:
        self._end_offer(entry, event.agent, lambda agent: agent.miss(entry.at))

    @_on.register
    def _(self, event: OfferWithdrawn, entry: Entry) -> None:
        self._end_offer(entry, event.agent, lambda agent: agent.withdraw(entry.at))

    @_on.register
    def _(self, event: Accepted, entry: Entry) -> None:
        self._leave_queue(entry)
        if agent := self._if_in(entry, event.agent, AgentState.OFFERED):
            self._change(agent.accept(entry.at))
        self._settle()

    @_on.register
    def _(self, event: WrapUpStarted, entry: Entry) -> None:
        if agent := self._if_in(entry, event.agent, AgentState.BUSY):
            until = entry.at + self._wrap_up_ns(entry)
            self._change(agent.start_wrap_up(until, entry.at))
            self._alarms[event.agent] = self._timers.call_at(
                until, lambda: self._wrapped_up(entry.session, event.agent)
            )
        self._settle()

    @_on.register
    def _(self, event: WrapUpEnded, entry: Entry) -> None:
        if agent := self._if_in(entry, event.agent, AgentState.WRAP_UP):
            self._change(agent.end_wrap_up(entry.at))
        self._settle()

    def _if_in(self, entry: Entry, agent_id: AgentId, state: AgentState) -> Agent | None:
        """The agent, if she is in that state with the entry's session; her own wish may have come first."""
        agent = self._floor.agent(agent_id)
        return agent if agent.state is state and agent.session == entry.session else None

    def _leave_queue(self, entry: Entry) -> None:
        self._positions.pop(entry.session, None)
        if found := self._floor.waiting(entry.session):
            queue, waiting = found
            self._floor.put_queue(queue.leave(entry.session))
            self._floor.count(waiting, entry, queue)

    def _end_offer(self, entry: Entry, agent_id: AgentId, change: Callable[[Agent], Agent]) -> None:
        if found := self._floor.waiting(entry.session):
            self._floor.put_queue(found[0].offer(entry.session, None))
        if agent := self._if_in(entry, agent_id, AgentState.OFFERED):
            self._change(change(agent))
        self._settle()

    def _wrap_up_ns(self, entry: Entry) -> int:
        name = self._exchange.session(entry.session).queue
        return 0 if name is None else int(self._floor.queue(entry.tenant, name).plan.wrap_up_s * SECOND)

    # --- what follows --------------------------------------------------------------------------------------

    def _change(self, agent: Agent) -> Agent:
        """Take an agent's new value; her offer's or wrap-up's alarm ends with that state."""
        before = self._floor.agent(agent.profile.id)
        if before.state is not agent.state and (alarm := self._alarms.pop(agent.profile.id, None)):
            alarm.cancel()
        return self._floor.put_agent(agent)

    def _settle(self) -> None:
        """After any change: offer what can be offered, tell the positions, announce the views.

        The bus is held meanwhile: whoever reacts to one offer at once finds all of them made.
        """
        with self._bus.held():
            for queue, waiting, agent in list(longest_idle(self._floor.queues(), self._floor.agents())):
                self._offer(queue, waiting, agent)
            self._tell_positions()
            self._floor.announce(self._clock.now())

    def _offer(self, queue: Queue, waiting: Waiting, agent: Agent) -> None:
        """Offer one session; if it has just gone, its entry is on its way and brings us here again."""
        now, name, session = self._clock.now(), agent.profile.name, waiting.session
        expires_at = now + int(queue.plan.offer_timeout_s * SECOND)
        if not self._try(lambda: self._exchange.offer(session, agent.profile.id, name, expires_at=expires_at)):
            return
        self._note_offer(agent, session, expires_at)

    def _note_offer(self, agent: Agent, session: SessionId, expires_at: int) -> None:
        self._change(agent.offer(session, self._clock.now()))
        if found := self._floor.waiting(session):
            self._floor.put_queue(found[0].offer(session, agent.profile.id))
        self._alarms[agent.profile.id] = self._timers.call_at(
            expires_at, lambda: self._expired(session, agent.profile.id)
        )

    def _expired(self, session: SessionId, agent: AgentId) -> None:
        self._try(lambda: self._exchange.expire_offer(session, agent))

    def _wrapped_up(self, session: SessionId, agent: AgentId) -> None:
        self._try(lambda: self._exchange.end_wrap_up(session, agent))

    def _tell_positions(self) -> None:
        for queue in self._floor.queues():
            for position, waiting in enumerate(queue.line, start=1):
                if self._positions.get(waiting.session) != position:
                    self._positions[waiting.session] = position
                    self._tell_position(waiting.session, position)

    def _tell_position(self, session: SessionId, position: int) -> None:
        self._try(lambda: self._exchange.note_position(session, position))

    def _try(self, ask: Callable[[], None]) -> bool:
        """Ask the Exchange; a session that has moved on meanwhile says so in its entries."""
        try:
            ask()
        except SwitchError as error:
            log.debug("too late: %s", error)
            return False
        return True
