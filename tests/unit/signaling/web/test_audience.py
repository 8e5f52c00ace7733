"""Which sockets are told of what, without sockets."""

from mediaswitch.ids import DEFAULT_TENANT, AgentId, ParticipantId, SessionId, TenantId
from mediaswitch.services import UserRole
from mediaswitch.session import Session, SessionState
from signaling.web.audience import Audience
from signaling.web.principal import Caller, Staff
from signaling.web.subscriber import Subscriber, Topic

OTHER = TenantId("other")


def staff(name: str, role: UserRole, *topics: Topic, tenant: TenantId = DEFAULT_TENANT) -> Subscriber:
    who = Staff(id=name, name=name, role=role, tenant=tenant, language=None)
    return Subscriber(who, frozenset({Topic.ME, *topics}))


def caller(session: str) -> Subscriber:
    who = Caller(session=SessionId(session), participant=ParticipantId("customer-1"), name="", tenant=DEFAULT_TENANT)
    return Subscriber(who)


def session(*, agent: str | None = None, state: SessionState = SessionState.TALKING) -> Session:
    taken = None if agent is None else AgentId(agent)
    return Session(id=SessionId("s-1"), tenant=DEFAULT_TENANT, state=state, agent=taken)


def audience(*subscribers: Subscriber) -> Audience:
    made = Audience()
    for subscriber in subscribers:
        made.add(subscriber)
    return made


def test_parties_are_the_customer_and_every_desk_of_the_agent() -> None:
    first, second = staff("ann", UserRole.AGENT), staff("ann", UserRole.AGENT)
    bob, kim, stranger = staff("bob", UserRole.AGENT), caller("s-1"), caller("s-2")
    everybody = audience(first, second, bob, kim, stranger)
    assert everybody.parties(session(agent="ann")) == {first, second, kim}
    assert everybody.parties(session()) == {kim}


def test_ended_session_is_the_customers_alone() -> None:
    ann, kim = staff("ann", UserRole.AGENT), caller("s-1")
    assert audience(ann, kim).parties(session(agent="ann", state=SessionState.ENDED)) == {kim}


def test_namesake_in_another_tenant_or_role_is_no_desk() -> None:
    namesake = staff("ann", UserRole.AGENT, tenant=OTHER)
    supervisor = staff("ann", UserRole.SUPERVISOR)
    assert audience(namesake, supervisor).parties(session(agent="ann")) == set()


def test_topics_are_followed_within_the_tenant_until_replaced() -> None:
    sue, zoe = staff("sue", UserRole.SUPERVISOR, Topic.QUEUES), staff("zoe", UserRole.ADMIN, Topic.QUEUES, tenant=OTHER)
    everybody = audience(sue, zoe)
    assert everybody.of_topic(Topic.QUEUES, DEFAULT_TENANT) == {sue}
    everybody.follow(sue, frozenset({Topic.AGENTS}))
    assert everybody.of_topic(Topic.QUEUES, DEFAULT_TENANT) == set()
    assert everybody.of_topic(Topic.AGENTS, DEFAULT_TENANT) == {sue}


def test_nothing_is_left_of_those_who_have_gone() -> None:
    ann, kim = staff("ann", UserRole.AGENT, Topic.QUEUES), caller("s-1")
    everybody = audience(ann, kim)
    everybody.remove(ann)
    everybody.remove(kim)
    everybody.remove(kim)
    everybody.follow(ann, frozenset({Topic.AGENTS}))
    assert (len(everybody), everybody._by_interest) == (0, {})
