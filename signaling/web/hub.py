"""Hub: brings what happens on the bus to the live sockets that may and want to know it."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mediaswitch import timeline as t
from mediaswitch.bus import Bus
from mediaswitch.clock import SECOND, Clock, iso_time
from mediaswitch.errors import NotFound
from mediaswitch.exchange import Exchange, SessionChanged, SpeakerChanged
from mediaswitch.ids import AgentId, SessionId
from mediaswitch.services import AgentChanged, Agents, AgentView, QueueChanged, UserRole
from mediaswitch.session import Session, SessionState
from mediaswitch.telling import told_entry
from mediaswitch.timeline import Entry
from signaling.web.audience import Audience
from signaling.web.parts import as_known_to, is_shown
from signaling.web.principal import Caller, Principal, Staff
from signaling.web.subscriber import Frame, Subscriber, Topic, encode
from signaling.web.views import agent_answer, principal_json, queue_answer, session_answer

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """A session that still makes events, as it last was."""

    session: Session
    parties: set[Subscriber] = field(default_factory=set)
    "Who was told as one who is in it; each is told once more when no longer so."
    recorder_closed: bool = False

    @property
    def is_done(self) -> bool:
        recorded = self.recorder_closed or self.session.recorder_port is None
        return self.session.state is SessionState.ENDED and recorded


class Hub:
    """See the module's docstring. All of it runs on the event loop and waits for nobody."""

    def __init__(self, exchange: Exchange, agents: Agents, clock: Clock) -> None:
        self._exchange = exchange
        self._agents = agents
        self._clock = clock
        self._audience = Audience()
        self._known: dict[SessionId, _Known] = {}
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self, bus: Bus) -> None:
        self._unsubscribe = [
            bus.subscribe(Entry, self._on_entry),
            bus.subscribe(SessionChanged, self._on_session),
            bus.subscribe(SpeakerChanged, self._on_speaker),
            bus.subscribe(AgentChanged, self._on_agent),
            bus.subscribe(QueueChanged, self._on_queue),
        ]

    def stop(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    @property
    def size(self) -> int:
        """How many sockets are live."""
        return len(self._audience)

    # --- coming and going ----------------------------------------------------------------------------------

    def join(self, subscriber: Subscriber) -> None:
        """Welcome a socket with all that concerns it now, and keep it up to date from here on."""
        self._open_desk(subscriber)
        self._audience.add(subscriber)
        mine = [session for session in self._exchange.sessions() if subscriber in self._audience.parties(session)]
        for session in mine:
            self._known.setdefault(session.id, _Known(session)).parties.add(subscriber)
        subscriber.send(self._welcome(subscriber.who, mine))
        if subscriber.is_desk and isinstance(subscriber.who, Staff):
            self._repeat_offer(subscriber, subscriber.who.agent)

    def leave(self, subscriber: Subscriber) -> None:
        """Of one that has left already, nothing more is taken away."""
        if subscriber not in self._audience:
            return
        self._audience.remove(subscriber)
        for known in self._known.values():
            known.parties.discard(subscriber)
        if subscriber.is_desk and isinstance(subscriber.who, Staff):
            self._agents.disconnected(subscriber.who.agent)

    def follow(self, subscriber: Subscriber, topics: frozenset[Topic]) -> None:
        """Replace the topics that a socket follows."""
        self._audience.follow(subscriber, topics | {Topic.ME})

    def _open_desk(self, subscriber: Subscriber) -> None:
        who = subscriber.who
        if not isinstance(who, Staff) or who.role is not UserRole.AGENT:
            return
        try:
            self._agents.connected(who.agent)
            subscriber.is_desk = True
        except NotFound:
            log.warning("%s has the role of an agent, but routing does not know her", who.id)

    def _welcome(self, who: Principal, mine: list[Session]) -> Frame:
        agent = self._agent_of(who)
        return {
            "type": "welcome",
            "user": principal_json(who),
            "agent": None if agent is None else agent_answer(agent).model_dump(mode="json"),
            "sessions": [session_answer(as_known_to(session, who)).model_dump(mode="json") for session in mine],
        }

    def _agent_of(self, who: Principal) -> AgentView | None:
        if not isinstance(who, Staff) or who.role is not UserRole.AGENT:
            return None
        try:
            return self._agents.get(who.agent)
        except NotFound:
            return None

    def _repeat_offer(self, subscriber: Subscriber, agent: AgentId) -> None:
        for session in self._exchange.sessions():
            if session.offer is not None and session.offer.agent == agent:
                subscriber.send(self._offer(session, session.offer.expires_at))

    # --- from the bus --------------------------------------------------------------------------------------

    def _on_session(self, changed: SessionChanged) -> None:
        session = changed.session
        known = self._known.setdefault(session.id, _Known(session))
        known.session = session
        parties = self._audience.parties(session)
        told = parties | known.parties | self._audience.of_topic(Topic.SESSIONS, session.tenant)
        known.parties = parties
        customers = {each for each in told if isinstance(each.who, Caller)}
        for some in (customers, told - customers):
            if some:
                known_session = as_known_to(session, next(iter(some)).who)
                _send(some, {"type": "session", "session": session_answer(known_session).model_dump(mode="json")})
        self._forget_if_done(session.id)

    def _on_entry(self, entry: Entry) -> None:
        session = self._latest(entry)
        if session is None:
            return
        followers = self._audience.parties(session) | self._audience.of_topic(Topic.SESSIONS, session.tenant)
        if told := [each for each in followers if is_shown(entry.event, session, each.who)]:
            event = told_entry(entry, started_at=session.started_at)
            _send(told, {"type": "event", "session_id": session.id, "event": event})
        self._tell_offer(entry, session)
        if isinstance(entry.event, t.RecordingClosed) and entry.session in self._known:
            self._known[entry.session].recorder_closed = True
            self._forget_if_done(entry.session)

    def _latest(self, entry: Entry) -> Session | None:
        """The session as the Exchange has it, which may be ahead of this entry; or as it last was."""
        try:
            return self._exchange.session(entry.session)
        except NotFound:
            known = self._known.get(entry.session)
            return None if known is None else known.session

    def _forget_if_done(self, session: SessionId) -> None:
        if session in self._known and self._known[session].is_done:
            del self._known[session]

    def _tell_offer(self, entry: Entry, session: Session) -> None:
        event = entry.event
        if isinstance(event, t.Offered):
            _send(self._audience.desks(event.agent, session.tenant), self._offer(session, event.expires_at))
        elif isinstance(event, t.OfferExpired | t.OfferDeclined | t.OfferWithdrawn | t.Accepted):
            frame = {"type": "offer_withdrawn", "session_id": session.id, "reason": _why(event)}
            _send(self._audience.desks(event.agent, session.tenant), frame)

    def _offer(self, session: Session, expires_at: int) -> Frame:
        left_s = max(0.0, (expires_at - self._clock.now()) / SECOND)
        told = session_answer(session).model_dump(mode="json")
        return {"type": "offer", "session": told, "expires_at": iso_time(expires_at), "timeout_s": round(left_s, 3)}

    def _on_speaker(self, changed: SpeakerChanged) -> None:
        """Staff alone is told: a customer does not know of everybody who may speak in his session."""
        if (known := self._known.get(changed.session)) is None:
            return
        session = known.session
        followers = self._audience.parties(session) | self._audience.of_topic(Topic.SESSIONS, session.tenant)
        speaker = {"session_id": session.id, "participant": changed.participant, "level_dbov": changed.level_dbov}
        _send((each for each in followers if isinstance(each.who, Staff)), {"type": "speaker"} | speaker)

    def _on_agent(self, changed: AgentChanged) -> None:
        agent = changed.agent
        told = self._audience.desks(agent.id, agent.tenant) | self._audience.of_topic(Topic.AGENTS, agent.tenant)
        _send(told, {"type": "agent", "agent": agent_answer(agent).model_dump(mode="json")})

    def _on_queue(self, changed: QueueChanged) -> None:
        queue = changed.queue
        told = queue_answer(queue, now=self._clock.now()).model_dump(mode="json")
        _send(self._audience.of_topic(Topic.QUEUES, queue.tenant), {"type": "queue", "queue": told})


def _send(subscribers: Iterable[Subscriber], frame: Frame) -> None:
    """Encoded once for all."""
    text = encode(frame)
    for subscriber in subscribers:
        subscriber.send_text(text)


def _why(event: t.OfferExpired | t.OfferDeclined | t.OfferWithdrawn | t.Accepted) -> str:
    """Why a desk stops ringing. One that has just accepted is told so too; it knows that it was itself."""
    if isinstance(event, t.OfferWithdrawn):  # routing cancels the offer of an agent who went away
        return "declined" if event.reason is t.EndReason.CANCELLED else "caller_gone"
    return _WITHDRAWN[type(event)]


_WITHDRAWN: dict[type[t.Event], str] = {
    t.OfferExpired: "timeout",
    t.OfferDeclined: "declined",
    t.Accepted: "accepted_elsewhere",
}
