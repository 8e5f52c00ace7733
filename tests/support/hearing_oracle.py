"""Who hears whom, once more: written from the rules of the house, not from the code that applies them.

The oracle keeps its own picture of a session of one customer, agents and a supervisor, by what was asked for alone. It
knows nothing of legs, ports, events or crosspoints. The rules, as one would tell them to a new agent:

- Customer, agents and a barging supervisor sit at a table. Two agents who consult have a table of their own; the one
  who consults may swap between the two tables. Whoever holds has left the tables.
- At a table each hears all others. Who sits there alone while somebody else sits or stands elsewhere hears music; in
  the queue the customer hears music and nobody else hears anything.
- A listening or whispering supervisor hears the agents wherever they are, and the others while they have company.
- A whisper is for agents, wherever they are, and for no one else. A listening supervisor is heard by none.
- What is muted nobody hears, the recording included; a listening supervisor is not recorded.
- A tap of a person hears that person as the recording does; a tap of the conversation hears the customer's table.
"""

from dataclasses import dataclass, field

MUSIC, CUSTOMER = "music", "customer"


@dataclass
class Seat:
    """What the oracle knows of somebody who is there."""

    role: str
    muted: bool = False
    holding: bool = False
    apart: bool = False
    mode: str = ""
    "Of a supervisor: listen, whisper or barge."

    @property
    def sits(self) -> bool:
        return self.role != "supervisor" or self.mode == "barge"


@dataclass
class Oracle:
    """The session as the rules have it. Its methods are what may be asked; `may_...` say whether it is allowed."""

    there: dict[str, Seat] = field(default_factory=lambda: {CUSTOMER: Seat("customer")})
    talking: bool = False
    offered: str = ""
    "To whom the waiting session was passed on, who has not answered yet."
    consulting: str = ""
    colleague: str = ""
    rings: bool = False
    over: bool = False

    # --- what is heard -------------------------------------------------------------------------------------

    def table_of(self, name: str) -> set[str]:
        """Who sits with `name`, herself included; nobody if she does not sit."""
        seat = self.there[name]
        if not seat.sits or seat.holding:
            return set()
        return {n for n, s in self.there.items() if s.sits and not s.holding and s.apart == seat.apart}

    def waits(self, name: str) -> bool:
        """Sits alone, while others are elsewhere."""
        others = [n for n, s in self.there.items() if s.sits and n != name]
        return self.table_of(name) == {name} and bool(others)

    def music_plays(self) -> bool:
        if self.over:
            return False
        return not self.talking or any(self.waits(name) for name in self.there)

    def heard_by(self, name: str) -> set[str]:
        """Whom somebody who is there hears."""
        if not self.talking:
            return {MUSIC} if name == CUSTOMER else set()
        me = self.there[name]
        if me.role == "supervisor" and not me.sits:
            audible = {n for n, s in self.there.items() if s.role == "agent" or len(self.table_of(n)) > 1}
        else:
            audible = self.table_of(name)
        if me.role == "agent":
            audible |= {n for n, s in self.there.items() if s.mode == "whisper"}
        heard = {n for n in audible - {name} if not self.there[n].muted}
        return heard | ({MUSIC} if self.waits(name) else set())

    def recorded_of(self, name: str) -> set[str]:
        """What somebody's own track holds."""
        seat = self.there.get(name)
        kept = seat is not None and not seat.muted and seat.mode != "listen"
        return {name} if kept else set()

    def tapped(self, of: str | None) -> set[str]:
        """What a tap hears: of a person, or of the conversation."""
        if of is not None:
            return self.recorded_of(of)
        table = {n for n, s in self.there.items() if s.sits and not s.holding and not s.apart}
        return {n for n in table if not self.there[n].muted}

    def whispers_unheard(self, name: str) -> bool:
        """Whether a supervisor is there whom the customer must not hear, wherever he listens."""
        return name in self.there and self.there[name].mode != "barge"

    # --- what may be asked ---------------------------------------------------------------------------------

    @property
    def agents(self) -> list[str]:
        return [name for name, seat in self.there.items() if seat.role == "agent"]

    def may_hold(self, name: str) -> bool:
        return self.talking and self.there[name].role != "supervisor"

    def may_monitor(self, name: str) -> bool:
        return self.talking and name not in self.there

    def may_consult(self, by: str, colleague: str) -> bool:
        return self.talking and by in self.agents and colleague not in self.there and not self.consulting

    def may_settle(self, by: str) -> bool:
        """Swap, merge or complete."""
        return bool(by) and self.consulting == by and not self.rings

    def may_cancel(self, by: str) -> bool:
        return bool(by) and self.consulting == by

    def may_transfer(self, by: str) -> bool:
        return self.talking and self.agents == [by] and not self.consulting

    # --- what happens then ---------------------------------------------------------------------------------

    def consult(self, by: str, colleague: str) -> None:
        self.consulting, self.colleague, self.rings = by, colleague, True
        self.there[by].apart, self.there[by].holding = True, False

    def answer(self) -> None:
        self.there[self.colleague] = Seat("agent", apart=True)
        self.rings = False

    def back_to_one_table(self) -> None:
        for seat in self.there.values():
            seat.apart = False
        self.consulting, self.colleague, self.rings = "", "", False

    def swap(self, by: str) -> None:
        self.there[by].apart = not self.there[by].apart

    def complete(self, by: str) -> None:
        del self.there[by]
        self.back_to_one_table()

    def cancel(self) -> None:
        self.there.pop(self.colleague, None)
        self.back_to_one_table()

    def agent_leaves(self, name: str, *, lost: bool) -> None:
        del self.there[name]
        if not self.agents and not lost:
            self.end()
        elif not self.agents:
            self.to_queue()
        elif name in (self.consulting, self.colleague):
            self.back_to_one_table()

    def to_queue(self) -> None:
        self.back_to_one_table()
        self.talking = False
        for seat in self.there.values():
            seat.holding = False

    def routed_to(self, agent: str) -> None:
        self.there[agent] = Seat("agent")
        self.talking, self.offered = True, ""

    def end(self) -> None:
        self.there.clear()
        self.over, self.talking = True, False
