"""Audience: which live sockets want to know of what, found without asking each of them."""

from collections.abc import Iterable

from mediaswitch.ids import AgentId, TenantId
from mediaswitch.services import UserRole
from mediaswitch.session import Session, SessionState
from signaling.web.parts import agents_in
from signaling.web.principal import Caller, Principal
from signaling.web.subscriber import Subscriber, Topic

Interest = tuple[str, TenantId, str]
"Kind, tenant, and the id of a session or an agent; none for a topic."


class Audience:
    """All welcomed sockets by their interests."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._by_interest: dict[Interest, set[Subscriber]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, subscriber: Subscriber) -> bool:
        return subscriber in self._all

    def add(self, subscriber: Subscriber) -> None:
        self._all.add(subscriber)
        for interest in _interests(subscriber.who, subscriber.topics):
            self._by_interest.setdefault(interest, set()).add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        self._all.discard(subscriber)
        for interest in _interests(subscriber.who, subscriber.topics):
            self._forget(interest, subscriber)

    def _forget(self, interest: Interest, subscriber: Subscriber) -> None:
        interested = self._by_interest.get(interest, set())
        interested.discard(subscriber)
        if not interested:
            self._by_interest.pop(interest, None)

    def follow(self, subscriber: Subscriber, topics: frozenset[Topic]) -> None:
        """Replace the topics that a socket follows."""
        if subscriber in self._all:
            self.remove(subscriber)
            subscriber.topics = topics
            self.add(subscriber)

    def of_topic(self, topic: Topic, tenant: TenantId) -> set[Subscriber]:
        return self._having([(topic, tenant, "")])

    def desks(self, agent: AgentId, tenant: TenantId) -> set[Subscriber]:
        return self._having([("desk", tenant, agent)])

    def parties(self, session: Session) -> set[Subscriber]:
        """Whoever is in the session: its customer, and until it has ended its agents."""
        interests = [("caller", session.tenant, str(session.id))]
        if session.state is not SessionState.ENDED:
            interests += [("desk", session.tenant, agent) for agent in agents_in(session)]
        return self._having(interests)

    def _having(self, interests: Iterable[Interest]) -> set[Subscriber]:
        return set().union(*(self._by_interest.get(interest, ()) for interest in interests))


def _interests(who: Principal, topics: frozenset[Topic]) -> set[Interest]:
    if isinstance(who, Caller):
        return {("caller", who.tenant, who.session)}
    followed: set[Interest] = {(topic, who.tenant, "") for topic in topics if topic is not Topic.ME}
    return followed | ({("desk", who.tenant, who.agent)} if who.role is UserRole.AGENT else set())
