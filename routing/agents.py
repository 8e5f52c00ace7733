"""Agent: what one agent is doing, as a pure state machine. Every change is a new value."""

from dataclasses import dataclass, replace

from mediaswitch.errors import WrongState
from mediaswitch.ids import SessionId
from mediaswitch.services import AgentState, AgentView
from routing.plan import AgentProfile

WISHES = frozenset({AgentState.OFFLINE, AgentState.BREAK, AgentState.AVAILABLE})
"What an agent may ask to be; the other states come from what happens to her."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent at one instant. `now` is ns on the one clock; a change that cannot be raises WrongState."""

    profile: AgentProfile
    state: AgentState = AgentState.OFFLINE
    since: int = 0
    idle_since: int = 0
    "When she last became free. An offer taken back by the customer does not cost her place among the idle."
    session: SessionId | None = None
    "Offered to her, talked in, or being wrapped up."
    wrap_up_until: int | None = None
    desks: int = 0
    "Consoles connected."
    away: bool = False
    "Her last desk has been gone for longer than the grace time."

    @property
    def is_ready(self) -> bool:
        """A session can be offered: she is available, and has a desk that would ring."""
        return self.state is AgentState.AVAILABLE and self.desks > 0

    @property
    def view(self) -> AgentView:
        """What others see of her."""
        profile = self.profile
        return AgentView(
            id=profile.id,
            tenant=profile.tenant,
            name=profile.name,
            state=self.state,
            since=self.since,
            queues=profile.queues,
            session=self.session,
            wrap_up_until=self.wrap_up_until,
        )

    def ask(self, wish: AgentState, now: int) -> "Agent":
        """Her own wish. In an offer or a wrap-up it ends that; in a conversation it has to wait."""
        if wish not in WISHES:
            raise WrongState(f"nobody can ask to be {wish}")
        if self.state is AgentState.BUSY:
            raise WrongState(f"{self.profile.id} is in a conversation")
        if wish is self.state or (wish is AgentState.AVAILABLE and self.state is AgentState.OFFERED):
            return self
        return self._free(wish, now)

    def offer(self, session: SessionId, now: int) -> "Agent":
        """A session is offered to her: nothing else will be until she answers."""
        if not self.is_ready:
            raise WrongState(f"{self.profile.id} is {self.state}")
        return replace(self, state=AgentState.OFFERED, since=now, session=session)

    def withdraw(self, now: int) -> "Agent":
        """The offer is taken back through no act of hers."""
        self._require(AgentState.OFFERED)
        return replace(self, state=AgentState.AVAILABLE, since=now, session=None)

    def miss(self, now: int) -> "Agent":
        """She declined the offer or let it ring: she is taken to be elsewhere."""
        self._require(AgentState.OFFERED)
        return self._free(AgentState.BREAK, now)

    def accept(self, now: int) -> "Agent":
        """She takes the offered session."""
        self._require(AgentState.OFFERED)
        return replace(self, state=AgentState.BUSY, since=now)

    def lose(self, now: int) -> "Agent":
        """Her connection broke and the session waits for somebody else."""
        self._require(AgentState.BUSY)
        return self._free(AgentState.BREAK, now)

    def pass_on(self, now: int) -> "Agent":
        """She left a session that others go on with: there is nothing for her to wrap up."""
        self._require(AgentState.BUSY)
        return self._free(AgentState.OFFLINE if self.away else AgentState.AVAILABLE, now)

    def start_wrap_up(self, until: int, now: int) -> "Agent":
        """The conversation is over; work after it may last until `until`."""
        self._require(AgentState.BUSY)
        return replace(self, state=AgentState.WRAP_UP, since=now, wrap_up_until=until)

    def end_wrap_up(self, now: int) -> "Agent":
        """Free again, or gone if she left meanwhile."""
        self._require(AgentState.WRAP_UP)
        return self._free(AgentState.OFFLINE if self.away else AgentState.AVAILABLE, now)

    def open_desk(self) -> "Agent":
        """One more console."""
        return replace(self, desks=self.desks + 1, away=False)

    def close_desk(self) -> "Agent":
        """One console less."""
        return replace(self, desks=max(0, self.desks - 1))

    def leave(self, now: int) -> "Agent":
        """No desk came back within the grace time. A conversation goes on, and so does its wrap-up."""
        gone = replace(self, away=True)
        if self.state in (AgentState.BUSY, AgentState.WRAP_UP, AgentState.OFFLINE):
            return gone
        return gone._free(AgentState.OFFLINE, now)

    def _free(self, state: AgentState, now: int) -> "Agent":
        return replace(self, state=state, since=now, idle_since=now, session=None, wrap_up_until=None)

    def _require(self, state: AgentState) -> None:
        if self.state is not state:
            raise WrongState(f"{self.profile.id} is {self.state}, not {state}")
