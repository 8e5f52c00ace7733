"""Offers, missed offers, lost desks, wrap-ups: the router with the real Exchange, time moved by hand."""

import pytest

from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import DEFAULT_TENANT, AgentId, QueueName, SessionId
from mediaswitch.services import AgentState
from mediaswitch.session import SessionState
from mediaswitch.timeline import EndReason, Entry, Offered
from tests.support.floor import AMY, BOB, GRACE_S, OFFER_S, SALES, SUPPORT, WRAP_UP_S, Floor, open_floor


@pytest.fixture
def floor() -> Floor:
    return open_floor()


def test_waiting_session_is_offered_as_soon_as_an_agent_is_available(floor: Floor) -> None:
    session = floor.arrive()
    assert floor.position(session) == 1
    assert floor.offered_to(session) is None
    floor.sit_down(BOB)
    assert floor.offered_to(session) == BOB
    assert floor.state(BOB) is AgentState.OFFERED
    offer = next(event for event in floor.house.events(session) if isinstance(event, Offered))
    assert offer.expires_at - floor.house.clock.now() == OFFER_S * 1e9


def test_arriving_session_is_offered_to_the_longest_idle_agent(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.house.clock.advance(5)
    floor.sit_down(AMY)
    assert floor.offered_to(floor.arrive()) == BOB
    assert floor.offered_to(floor.arrive()) == AMY
    assert floor.offered_to(floor.arrive()) is None


def test_accepted_session_makes_her_busy_then_wrapping_up_then_available(floor: Floor) -> None:
    floor.sit_down(BOB)
    session = floor.arrive()
    floor.accept(session, BOB)
    assert floor.state(BOB) is AgentState.BUSY
    floor.house.hang_up(session)
    wrapping = floor.router.get(BOB)
    assert (wrapping.state, wrapping.session) == (AgentState.WRAP_UP, session)
    assert wrapping.wrap_up_until == floor.house.clock.now() + WRAP_UP_S * 1e9
    floor.house.clock.advance(WRAP_UP_S - 1)
    assert floor.state(BOB) is AgentState.WRAP_UP
    floor.house.clock.advance(1)
    assert floor.state(BOB) is AgentState.AVAILABLE
    assert floor.types(session)[-2:] == ["wrap_up_started", "wrap_up_ended"]
    with pytest.raises(NotFound):
        floor.house.exchange.session(session)


def test_agent_who_ends_her_wrap_up_gets_the_next_session_at_once(floor: Floor) -> None:
    floor.sit_down(BOB)
    first, second = floor.arrive(), floor.arrive()
    floor.accept(first, BOB)
    floor.house.hang_up(first)
    assert floor.offered_to(second) is None
    floor.router.set_state(BOB, AgentState.AVAILABLE)
    assert floor.offered_to(second) == BOB
    assert floor.types(first)[-1] == "wrap_up_ended"
    floor.house.clock.advance(WRAP_UP_S)
    assert floor.state(BOB) is AgentState.BREAK, "the offer expired; the wrap-up's alarm did not make her available"


def test_unanswered_offer_keeps_the_place_and_sends_the_agent_on_break(floor: Floor) -> None:
    floor.sit_down(BOB)
    first, second = floor.arrive(), floor.arrive()
    floor.house.clock.advance(OFFER_S)
    assert floor.state(BOB) is AgentState.BREAK
    assert "offer_expired" in floor.types(first)
    assert (floor.position(first), floor.position(second)) == (1, 2)
    floor.sit_down(AMY)
    assert floor.offered_to(first) == AMY
    assert floor.offered_to(second) is None


def test_declined_offer_goes_to_the_next_agent(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.house.clock.advance(1)
    floor.sit_down(AMY)
    session = floor.arrive()
    floor.house.exchange.decline(session, BOB)
    assert floor.state(BOB) is AgentState.BREAK
    assert floor.offered_to(session) == AMY


def test_caller_gone_while_offered_leaves_the_agent_her_place(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.house.clock.advance(1)
    floor.sit_down(AMY)
    session = floor.arrive()
    floor.house.hang_up(session)
    assert floor.state(BOB) is AgentState.AVAILABLE
    assert floor.offered_to(floor.arrive()) == BOB
    assert floor.house.clock.alarms == 1, "only the new offer's"


def test_agent_going_on_break_while_offered_passes_the_session_on(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.house.clock.advance(1)
    floor.sit_down(AMY)
    session = floor.arrive()
    assert floor.router.set_state(BOB, AgentState.BREAK).state is AgentState.BREAK
    assert floor.offered_to(session) == AMY


def test_session_whose_agent_is_lost_waits_at_the_head_and_she_is_on_break(floor: Floor) -> None:
    floor.sit_down(BOB)
    talking, behind = floor.arrive(), floor.arrive()
    floor.accept(talking, BOB)
    leg = floor.house.exchange.session(talking).legs[-1].id
    floor.house.exchange.leg_ended(talking, leg, EndReason.CONNECTION_LOST)
    assert floor.state(BOB) is AgentState.BREAK
    assert (floor.position(talking), floor.position(behind)) == (1, 2)
    floor.sit_down(AMY)
    assert floor.offered_to(talking) == AMY


def test_desk_that_returns_within_the_grace_time_is_not_missed(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.router.disconnected(BOB)
    assert floor.offered_to(floor.arrive()) is None, "an empty chair is not rung"
    floor.house.clock.advance(GRACE_S - 1)
    assert floor.state(BOB) is AgentState.AVAILABLE
    floor.router.connected(BOB)
    assert floor.state(BOB) is AgentState.OFFERED
    floor.house.clock.advance(2)
    assert floor.state(BOB) is AgentState.OFFERED


def test_desk_gone_for_good_makes_her_offline_and_frees_what_she_was_offered(floor: Floor) -> None:
    floor.sit_down(BOB)
    session = floor.arrive()
    floor.router.disconnected(BOB)
    floor.house.clock.advance(GRACE_S)
    assert floor.state(BOB) is AgentState.OFFLINE
    assert floor.house.exchange.session(session).state is SessionState.QUEUED
    floor.sit_down(AMY)
    assert floor.offered_to(session) == AMY


def test_desk_gone_in_a_conversation_ends_neither_it_nor_its_wrap_up(floor: Floor) -> None:
    floor.sit_down(BOB)
    session = floor.arrive()
    floor.accept(session, BOB)
    floor.router.disconnected(BOB)
    floor.house.clock.advance(GRACE_S)
    assert floor.state(BOB) is AgentState.BUSY
    floor.house.hang_up(session)
    assert floor.state(BOB) is AgentState.WRAP_UP
    floor.house.clock.advance(WRAP_UP_S)
    assert floor.state(BOB) is AgentState.OFFLINE


def test_second_desk_keeps_her_present(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.router.connected(BOB)
    floor.router.disconnected(BOB)
    floor.house.clock.advance(GRACE_S * 2)
    assert floor.state(BOB) is AgentState.AVAILABLE


def test_agent_available_without_any_desk_must_show_up(floor: Floor) -> None:
    floor.router.set_state(BOB, AgentState.AVAILABLE)
    assert floor.offered_to(floor.arrive()) is None
    floor.house.clock.advance(GRACE_S)
    assert floor.state(BOB) is AgentState.OFFLINE


def test_positions_move_up_when_somebody_leaves(floor: Floor) -> None:
    first, second, third = floor.arrive(), floor.arrive(), floor.arrive()
    urgent = floor.arrive(priority=5)
    assert [floor.position(each) for each in (urgent, first, second, third)] == [1, 2, 3, 4]
    floor.house.hang_up(first)
    assert [floor.position(each) for each in (urgent, second, third)] == [1, 2, 3]


def test_queue_view_counts_the_waiting_the_agents_and_the_service_level(floor: Floor) -> None:
    since = floor.house.clock.now()
    first = floor.arrive()
    floor.house.clock.advance(3)
    floor.arrive()
    floor.arrive(SALES)
    floor.sit_down(BOB)
    floor.accept(first, BOB)
    sales, support = floor.router.queues(DEFAULT_TENANT)
    assert (sales.name, sales.waiting, sales.agents_available, sales.service_level) == (SALES, 1, 0, None)
    assert (support.waiting, support.agents_busy, support.service_level) == (1, 1, 1.0)
    assert support.oldest_since == since + 3_000_000_000
    assert floor.queues_told[-1].queue in (sales, support)


def test_each_change_of_an_agent_is_told_once(floor: Floor) -> None:
    floor.sit_down(BOB)
    floor.accept(floor.arrive(), BOB)
    states = [told.agent.state for told in floor.agents_told if told.agent.id == BOB]
    assert states == [AgentState.AVAILABLE, AgentState.OFFERED, AgentState.BUSY]
    assert floor.router.list(DEFAULT_TENANT)[1] == floor.agents_told[-1].agent


def test_session_for_an_unknown_queue_goes_back_to_its_flow(floor: Floor) -> None:
    session = floor.house.call(f"queue:{SUPPORT}")
    floor.house.exchange.start_flow(session, "test")
    floor.house.exchange.enqueue(session, QueueName("nowhere"))
    assert floor.house.exchange.session(session).state is SessionState.IVR
    assert "dequeued" in floor.types(session)


def test_unknown_agents_and_impossible_wishes_are_refused(floor: Floor) -> None:
    for ask in (floor.router.get, floor.router.connected, floor.router.disconnected):
        with pytest.raises(NotFound):
            ask(AgentId("nobody"))
    floor.sit_down(BOB)
    floor.accept(floor.arrive(), BOB)
    with pytest.raises(WrongState):
        floor.router.set_state(BOB, AgentState.BREAK)


def test_session_ended_by_whoever_hears_of_its_offer_costs_nobody_anything(floor: Floor) -> None:
    first, second = floor.arrive(), floor.arrive()
    hung_up: list[SessionId] = []

    def hang_up_first(_: Entry) -> None:
        if not hung_up and floor.offered_to(first) is not None:
            hung_up.append(first)
            floor.house.hang_up(first)

    floor.house.bus.subscribe(Entry, hang_up_first)
    floor.router.connected(AMY)
    floor.router.connected(BOB)
    floor.router.set_state(AMY, AgentState.AVAILABLE)
    floor.router.set_state(BOB, AgentState.AVAILABLE)
    assert hung_up == [first]
    assert floor.offered_to(second) == AMY
    assert floor.router.get(AMY).session == second
    assert floor.state(BOB) is AgentState.AVAILABLE
