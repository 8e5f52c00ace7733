"""Who waits, in which order, and who is chosen for whom."""

from hypothesis import given
from hypothesis import strategies as st

from mediaswitch.ids import AgentId, QueueName, SessionId, TenantId
from mediaswitch.services import AgentState
from routing.agents import Agent
from routing.plan import AgentProfile, QueuePlan
from routing.queues import Queue, Waiting
from routing.strategy import longest_idle


def waiting(session: str, *, since: int, priority: int = 0) -> Waiting:
    return Waiting(session=SessionId(session), priority=priority, since=since)


def queue(name: str, *line: Waiting, tenant: str = "default") -> Queue:
    made = Queue(plan=QueuePlan(name=QueueName(name), tenant=TenantId(tenant), label={}))
    for each in line:
        made = made.join(each)
    return made


def agent(name: str, *queues: str, idle_since: int = 0, tenant: str = "default") -> Agent:
    profile = AgentProfile(id=AgentId(name), name=name, queues=tuple(map(QueueName, queues)), tenant=TenantId(tenant))
    return Agent(profile=profile, state=AgentState.AVAILABLE, desks=1, idle_since=idle_since)


def pairs(queues: list[Queue], agents: list[Agent]) -> list[tuple[str, str]]:
    return [(waiting.session, agent.profile.id) for _, waiting, agent in longest_idle(queues, agents)]


def test_session_keeps_its_place_while_offered_and_after() -> None:
    line = queue("sales", waiting("first", since=1), waiting("second", since=2))
    offered = line.offer(SessionId("first"), AgentId("amy"))
    assert [each.session for each in offered.line] == ["first", "second"]
    assert offered.line[0].offered_to == "amy"
    assert offered.offer(SessionId("first"), None) == line


def test_higher_priority_goes_first_whenever_it_came() -> None:
    line = queue("sales", waiting("early", since=1), waiting("lost", since=9, priority=100))
    assert [each.session for each in line.line] == ["lost", "early"]
    assert line.oldest_since == 1


def test_session_that_joins_again_waits_once() -> None:
    line = queue("sales", waiting("s", since=1), waiting("s", since=5, priority=100))
    assert len(line.line) == 1


def test_longest_waiting_session_goes_to_the_longest_idle_agent() -> None:
    sales = queue("sales", waiting("a", since=1), waiting("b", since=2))
    agents = [agent("new", "sales", idle_since=9), agent("old", "sales", idle_since=3)]
    assert pairs([sales], agents) == [("a", "old"), ("b", "new")]


def test_agent_of_two_queues_takes_who_has_waited_longest_in_either() -> None:
    queues = [queue("sales", waiting("a", since=5)), queue("support", waiting("b", since=2))]
    assert pairs(queues, [agent("amy", "sales", "support")]) == [("b", "amy")]


def test_agent_is_never_given_a_session_of_another_queue_or_tenant() -> None:
    queues = [queue("sales", waiting("a", since=1)), queue("support", waiting("b", since=2), tenant="other")]
    assert pairs(queues, [agent("bob", "support")]) == []


def test_session_on_offer_is_not_offered_again() -> None:
    sales = queue("sales", waiting("a", since=1)).offer(SessionId("a"), AgentId("amy"))
    assert pairs([sales], [agent("bob", "sales")]) == []


@given(
    waits=st.lists(st.tuples(st.sampled_from(["x", "y"]), st.integers(0, 3), st.integers(0, 20)), max_size=12),
    crew=st.lists(st.tuples(st.sets(st.sampled_from(["x", "y"])), st.integers(0, 20)), max_size=8),
)
def test_choice_leaves_no_pair_that_could_have_been_made_and_uses_nobody_twice(
    waits: list[tuple[str, int, int]], crew: list[tuple[set[str], int]]
) -> None:
    queues = {name: queue(name) for name in "xy"}
    for number, (name, priority, since) in enumerate(waits):
        queues[name] = queues[name].join(waiting(f"s{number}", since=since, priority=priority))
    agents = [agent(f"a{number}", *sorted(serving), idle_since=idle) for number, (serving, idle) in enumerate(crew)]
    made = list(longest_idle(queues.values(), agents))
    sessions = [each.session for _, each, _ in made]
    chosen = [each.profile.id for _, _, each in made]
    assert len(set(sessions)) == len(sessions)
    assert len(set(chosen)) == len(chosen)
    for name, line in queues.items():
        taken = [each.session in sessions for each in line.line]
        assert taken == sorted(taken, reverse=True), "nobody is overtaken within a queue"
        if not all(taken):
            assert all(each.profile.id in chosen for each in agents if name in each.profile.queues)
