"""Whatever customers, agents and clocks do: nobody is lost, doubled or overtaken."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mediaswitch.errors import SwitchError
from mediaswitch.ids import AgentId, QueueName, SessionId, TenantId
from mediaswitch.services import AgentState
from mediaswitch.session import Session, SessionState
from mediaswitch.timeline import EndReason, Offered, Queued, WrapUpEnded, WrapUpStarted
from tests.support.floor import AMY, BOB, SALES, SUPPORT, open_floor

AGENTS = st.sampled_from([AMY, BOB])
WISHES = st.sampled_from([AgentState.AVAILABLE, AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE])
QUEUES = st.sampled_from([SALES, SUPPORT])
WAITING = (SessionState.QUEUED, SessionState.OFFERED)
LOST = st.sampled_from([EndReason.HANGUP, EndReason.CONNECTION_LOST, EndReason.MEDIA_TIMEOUT])


class Shift(RuleBasedStateMachine):
    """A shift of two agents and two queues."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = open_floor()

    @initialize(queues=st.lists(QUEUES, max_size=5), seated=st.sets(AGENTS))
    def shift_begins(self, queues: list[QueueName], seated: set[AgentId]) -> None:
        for queue in queues:
            self.floor.arrive(queue)
        for agent in sorted(seated):
            self.floor.sit_down(agent)

    def sessions(self, *states: SessionState) -> list[Session]:
        return [each for each in self.floor.house.exchange.sessions() if each.state in states]

    @rule(queue=QUEUES, priority=st.integers(0, 1))
    def arrives(self, queue: QueueName, priority: int) -> None:
        self.floor.arrive(queue, priority=priority)

    @rule(pick=st.integers(0))
    def customer_hangs_up(self, pick: int) -> None:
        if live := self.sessions(*WAITING, SessionState.TALKING):
            self.floor.house.hang_up(live[pick % len(live)].id)

    @rule(agent=AGENTS, accepts=st.booleans())
    def answers(self, agent: AgentId, accepts: bool) -> None:
        session = self.floor.router.get(agent).session
        if session is not None and self.floor.state(agent) is AgentState.OFFERED:
            self.floor.accept(session, agent) if accepts else self.floor.house.exchange.decline(session, agent)

    @rule(agent=AGENTS, reason=LOST)
    def agents_leg_ends(self, agent: AgentId, reason: EndReason) -> None:
        session = self.floor.router.get(agent).session
        if session is not None and self.floor.state(agent) is AgentState.BUSY:
            leg = self.floor.house.exchange.session(session).live_legs[-1].id
            self.floor.house.exchange.leg_ended(session, leg, reason)

    @rule(agent=AGENTS, wish=WISHES)
    def wishes(self, agent: AgentId, wish: AgentState) -> None:
        try:
            self.floor.router.set_state(agent, wish)
        except SwitchError:
            assert self.floor.state(agent) is AgentState.BUSY

    @rule(agent=AGENTS)
    def sits_down(self, agent: AgentId) -> None:
        if self.floor.state(agent) in (AgentState.OFFLINE, AgentState.BREAK):
            self.floor.sit_down(agent)

    @rule(agent=AGENTS)
    def desk_comes(self, agent: AgentId) -> None:
        self.floor.router.connected(agent)

    @rule(agent=AGENTS)
    def desk_goes(self, agent: AgentId) -> None:
        self.floor.router.disconnected(agent)

    @rule(seconds=st.sampled_from([0.5, 3.0, 9.0, 19.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.floor.house.clock.advance(seconds)

    @invariant()
    def every_waiting_session_is_in_exactly_one_line(self) -> None:
        waiting = {each.id for each in self.sessions(*WAITING)}
        counted = sum(queue.waiting for queue in self.floor.router.queues(self.tenant()))
        assert counted == len(waiting)
        assert all(self.floor.position(session) is not None for session in waiting)

    def tenant(self) -> TenantId:
        return self.floor.router.get(AMY).tenant

    @invariant()
    def nobody_is_offered_twice(self) -> None:
        offers = [each.offer.agent for each in self.sessions(SessionState.OFFERED) if each.offer]
        assert max(Counter(offers).values(), default=0) <= 1
        talking = [each.agent for each in self.sessions(SessionState.TALKING)]
        assert max(Counter(talking).values(), default=0) <= 1
        assert not set(offers) & set(talking)

    @invariant()
    def agents_and_sessions_agree(self) -> None:
        for agent in (AMY, BOB):
            view = self.floor.router.get(agent)
            expected = {
                AgentState.OFFERED: SessionState.OFFERED,
                AgentState.BUSY: SessionState.TALKING,
                AgentState.WRAP_UP: SessionState.WRAP_UP,
            }.get(view.state)
            assert (view.session is None) == (expected is None)
            if view.session is not None:
                assert self.floor.house.exchange.session(view.session).state is expected

    @invariant()
    def every_offer_talk_and_wrap_up_has_its_agent(self) -> None:
        held = {self.floor.router.get(agent).session for agent in (AMY, BOB)}
        for session in self.sessions(SessionState.OFFERED, SessionState.TALKING, SessionState.WRAP_UP):
            assert session.id in held

    @invariant()
    def positions_follow_priority_and_arrival(self) -> None:
        for queue in (SALES, SUPPORT):
            line = [each for each in self.sessions(*WAITING) if each.queue == queue]
            line.sort(key=lambda each: each.queue_position or 0)
            assert [each.queue_position for each in line] == list(range(1, len(line) + 1))
            places = [self.place(each.id) for each in line]
            assert places == sorted(places)

    def place(self, session: SessionId) -> tuple[int, int]:
        entries = [entry for entry in self.floor.house.entries if entry.session == session]
        priority, at = [(entry.event.priority, entry.at) for entry in entries if isinstance(entry.event, Queued)][-1]
        return (-priority, at)

    @invariant()
    def nobody_waits_beside_a_free_agent(self) -> None:
        free = [agent for agent in (AMY, BOB) if self.is_free(agent)]
        for session in self.sessions(SessionState.QUEUED):
            assert not any(session.queue in self.floor.router.get(agent).queues for agent in free)

    def is_free(self, agent: AgentId) -> bool:
        return self.floor.router._floor.agent(agent).is_ready

    def teardown(self) -> None:
        """At the end of the shift every wrap-up ends and every offer has had an outcome."""
        for session in self.sessions(*WAITING, SessionState.TALKING):
            self.floor.house.hang_up(session.id)
        self.floor.house.clock.advance(3600)
        assert self.floor.house.exchange.sessions() == []
        assert self.floor.house.clock.alarms == 0
        assert not self.floor.house.core.open
        events = [entry.event for entry in self.floor.house.entries]
        kinds = Counter(event.type for event in events)
        outcomes = ("accepted", "offer_declined", "offer_expired", "offer_withdrawn")
        assert sum(isinstance(event, Offered) for event in events) == sum(kinds[outcome] for outcome in outcomes)
        assert kinds[WrapUpStarted.type] == kinds[WrapUpEnded.type]


Shift.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestShift = Shift.TestCase
