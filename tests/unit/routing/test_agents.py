"""What an agent can be, and what brings her from one state to another."""

import pytest

from mediaswitch.errors import WrongState
from mediaswitch.ids import AgentId, QueueName, SessionId
from mediaswitch.services import AgentState
from routing.agents import Agent
from routing.plan import AgentProfile

PROFILE = AgentProfile(id=AgentId("amy"), name="Amy", queues=(QueueName("sales"),))
SESSION = SessionId("s-1")


def at_her_desk() -> Agent:
    return Agent(profile=PROFILE).open_desk().ask(AgentState.AVAILABLE, now=1)


def test_agent_through_a_whole_conversation_is_free_again_at_its_end() -> None:
    offered = at_her_desk().offer(SESSION, now=2)
    assert (offered.state, offered.session, offered.since) == (AgentState.OFFERED, SESSION, 2)
    busy = offered.accept(now=3)
    assert (busy.state, busy.session) == (AgentState.BUSY, SESSION)
    wrapping = busy.start_wrap_up(until=9, now=4)
    assert (wrapping.state, wrapping.session, wrapping.wrap_up_until) == (AgentState.WRAP_UP, SESSION, 9)
    free = wrapping.end_wrap_up(now=5)
    assert (free.state, free.session, free.wrap_up_until, free.idle_since) == (AgentState.AVAILABLE, None, None, 5)


def test_missed_offer_sends_her_on_break_and_a_withdrawn_one_keeps_her_place_among_the_idle() -> None:
    offered = at_her_desk().offer(SESSION, now=2)
    assert offered.miss(now=3).state is AgentState.BREAK
    back = offered.withdraw(now=3)
    assert (back.state, back.since, back.idle_since) == (AgentState.AVAILABLE, 3, 1)


def test_agent_without_a_desk_is_not_ready_though_available() -> None:
    assert at_her_desk().is_ready
    assert not at_her_desk().close_desk().is_ready
    assert at_her_desk().open_desk().close_desk().is_ready


@pytest.mark.parametrize("wish", [AgentState.OFFERED, AgentState.BUSY, AgentState.WRAP_UP])
def test_wish_for_a_state_that_only_happens_is_refused(wish: AgentState) -> None:
    with pytest.raises(WrongState):
        at_her_desk().ask(wish, now=2)


@pytest.mark.parametrize("wish", [AgentState.OFFLINE, AgentState.BREAK, AgentState.AVAILABLE])
def test_wish_in_a_conversation_has_to_wait(wish: AgentState) -> None:
    with pytest.raises(WrongState, match="amy is in a conversation"):
        at_her_desk().offer(SESSION, now=2).accept(now=3).ask(wish, now=4)


def test_asking_for_the_present_state_changes_nothing() -> None:
    agent = at_her_desk()
    assert agent.ask(AgentState.AVAILABLE, now=9) is agent
    offered = agent.offer(SESSION, now=9)
    assert offered.ask(AgentState.AVAILABLE, now=10) is offered


def test_leaving_in_a_conversation_makes_her_offline_only_after_its_wrap_up() -> None:
    busy = at_her_desk().offer(SESSION, now=2).accept(now=3)
    gone = busy.close_desk().leave(now=4)
    assert gone.state is AgentState.BUSY
    assert gone.start_wrap_up(until=9, now=5).end_wrap_up(now=6).state is AgentState.OFFLINE
    assert gone.start_wrap_up(until=9, now=5).open_desk().end_wrap_up(now=6).state is AgentState.AVAILABLE


def test_events_that_cannot_be_in_a_state_are_refused() -> None:
    free = at_her_desk()
    for change in (free.accept, free.miss, free.withdraw, free.lose, free.end_wrap_up):
        with pytest.raises(WrongState):
            change(now=2)
    with pytest.raises(WrongState):
        free.ask(AgentState.BREAK, now=2).offer(SESSION, now=3)
