"""A House with a Router in it, and what the tests ask of it."""

from dataclasses import dataclass

from mediaswitch.ids import AgentId, QueueName, SessionId
from mediaswitch.services import AgentChanged, AgentState, QueueChanged
from routing.plan import AgentProfile, QueuePlan
from routing.router import Router
from tests.support.quiet_core import Desk, House, open_house

SALES, SUPPORT = QueueName("sales"), QueueName("support")
AMY, BOB = AgentId("amy"), AgentId("bob")
OFFER_S, WRAP_UP_S, GRACE_S = 20.0, 30.0, 10.0


@dataclass
class Floor:
    """Amy serves sales and support, Bob support alone."""

    house: House
    router: Router
    agents_told: list[AgentChanged]
    queues_told: list[QueueChanged]

    def arrive(self, queue: QueueName = SUPPORT, *, priority: int = 0) -> SessionId:
        """A customer calls and waits."""
        session = self.house.call(f"queue:{queue}")
        self.house.exchange.start_flow(session, "test")
        self.house.exchange.enqueue(session, queue, priority=priority)
        return session

    def sit_down(self, agent: AgentId) -> None:
        self.router.connected(agent)
        self.router.set_state(agent, AgentState.AVAILABLE)

    def accept(self, session: SessionId, agent: AgentId) -> None:
        self.house.exchange.accept(session, agent, "offer", Desk(self.house.exchange))

    def state(self, agent: AgentId) -> AgentState:
        return self.router.get(agent).state

    def offered_to(self, session: SessionId) -> AgentId | None:
        offer = self.house.exchange.session(session).offer
        return None if offer is None else offer.agent

    def position(self, session: SessionId) -> int | None:
        return self.house.exchange.session(session).queue_position

    def types(self, session: SessionId) -> list[str]:
        return [event.type for event in self.house.events(session)]


def open_floor() -> Floor:
    house = open_house(queues=(SALES, SUPPORT))
    router = Router(
        exchange=house.exchange,
        bus=house.bus,
        clock=house.clock,
        timers=house.clock,
        queues=[
            QueuePlan(name=SALES, label={"en": "Sales"}, offer_timeout_s=OFFER_S, wrap_up_s=WRAP_UP_S),
            QueuePlan(name=SUPPORT, label={"en": "Support"}, offer_timeout_s=OFFER_S, wrap_up_s=WRAP_UP_S),
        ],
        agents=[
            AgentProfile(id=AMY, name="Amy", queues=(SALES, SUPPORT)),
            AgentProfile(id=BOB, name="Bob", queues=(SUPPORT,)),
        ],
        grace_s=GRACE_S,
    )
    floor = Floor(house, router, [], [])
    house.bus.subscribe(AgentChanged, floor.agents_told.append)
    house.bus.subscribe(QueueChanged, floor.queues_told.append)
    return floor
