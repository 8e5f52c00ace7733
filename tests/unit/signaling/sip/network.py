"""A network without sockets: user agents, a clock stepped by hand, and datagrams that may be lost, doubled, late."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from signaling.sip.agent import AgentConfig, OutgoingCall, UserAgent
from signaling.sip.events import CallEvent, CallRef, Event
from signaling.sip.headers import NameAddr
from signaling.sip.hop import Hop, Outgoing
from signaling.sip.message import Request, Response, parse_message
from signaling.sip.uri import Uri

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = OFFER.replace(b"10.0.0.1", b"10.0.0.2").replace(b"4000", b"5000")


@dataclass
class Phone:
    """A user agent with an address and a diary."""

    name: str
    hop: Hop
    agent: UserAgent
    events: list[Event] = field(default_factory=list)
    sent: list[Request | Response] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def the(self, kind: type[Event]) -> Event:
        """Return the only event of a kind."""
        found = self.of(kind)
        assert len(found) == 1, (self.name, kind.__name__, self.events)
        return found[0]

    def call(self, kind: type[Event]) -> CallRef:
        """Return the call of the only event of a kind."""
        event = self.the(kind)
        assert isinstance(event, CallEvent)
        return event.call

    def sent_methods(self) -> list[str]:
        """What was sent, as methods and status codes."""
        return [message.method if isinstance(message, Request) else str(message.status) for message in self.sent]


class Network:
    """Carries datagrams between phones in virtual time. `drop` may look at each message and lose it."""

    def __init__(self, *, seed: int = 1, transport: str = "udp", config: AgentConfig | None = None) -> None:
        self.now = START
        self.random = Random(seed)
        self.loss = self.duplication = 0.0
        self.jitter = 0
        self.drop: Callable[[str, Request | Response], bool] = lambda sender, message: False
        self.transport, self.config = transport, config
        self.phones: dict[Hop, Phone] = {}
        self._flying: list[tuple[int, int, Hop, Hop, bytes]] = []
        self._count = 0

    def phone(self, name: str, host: str) -> Phone:
        """Add a phone at port 5060 of a host."""
        hop = Hop(self.transport, host, 5060)
        agent = UserAgent(random=Random(self.random.getrandbits(32)), config=self.config)
        agent.listen(hop)
        self.phones[hop] = Phone(name, hop, agent)
        return self.phones[hop]

    def invite(self, caller: Phone, callee: Phone) -> CallRef:
        """Let one phone call another."""
        target = Uri.for_user("b", callee.hop.host, 5060, transport=self.transport)
        from_ = NameAddr(uri=Uri.for_user("a", caller.hop.host), name='A "B"')
        return caller.agent.invite(OutgoingCall(target=target, caller=from_, offer=OFFER), now=self.now)

    def send(self, sender: Phone, outgoing: Outgoing) -> None:
        """Put a message on the wire, or lose it."""
        message = parse_message(outgoing.data)
        sender.sent.append(message)
        copies = 2 if self.random.random() < self.duplication else 1
        for _ in range(copies):
            if self.random.random() >= self.loss and not self.drop(sender.name, message):
                self.put(sender, outgoing)

    def put(self, sender: Phone, outgoing: Outgoing) -> None:
        """Let bytes arrive after 20 ms, or later by up to `jitter`."""
        delay = 20 * MILLISECOND + (self.random.randrange(self.jitter) if self.jitter else 0)
        self._count += 1
        heapq.heappush(self._flying, (self.now + delay, self._count, sender.hop, outgoing.hop, outgoing.data))

    def settle(self) -> None:
        """Send what waits in the agents and hand out their events."""
        busy = True
        while busy:
            busy = False
            for phone in list(self.phones.values()):
                outbox, events = phone.agent.outbox[:], phone.agent.events[:]
                phone.agent.outbox.clear()
                phone.agent.events.clear()
                for outgoing in outbox:
                    self.send(phone, outgoing)
                for event in events:
                    phone.events.append(event)
                    phone.on_event(event)
                busy = busy or bool(outbox or events)

    def run(self, seconds: float) -> None:
        """Advance the clock, delivering messages and firing timers in order."""
        end = self.now + int(seconds * SECOND)
        self.settle()
        while (at := self._next_at()) is not None and at <= end:
            assert at >= self.now, "a timer in the past"
            self.now = at
            self._deliver_due()
            for phone in self.phones.values():
                due = phone.agent.next_timeout
                if due is not None and due <= self.now:
                    phone.agent.handle_timeout(now=self.now)
                    later = phone.agent.next_timeout
                    assert later is None or later > self.now, "a timer that does not advance"
            self.settle()
        self.now = end

    def _next_at(self) -> int | None:
        instants = [phone.agent.next_timeout for phone in self.phones.values()]
        instants.append(self._flying[0][0] if self._flying else None)
        return min((at for at in instants if at is not None), default=None)

    def _deliver_due(self) -> None:
        while self._flying and self._flying[0][0] <= self.now:
            _, _, source, destination, data = heapq.heappop(self._flying)
            phone = self.phones.get(destination)
            if phone is not None:
                phone.agent.receive(data, source, now=self.now)
                self.settle()
