"""The whisper proof: random operations on a session of customer, two agents and supervisor, all with tones.

Each operation is asked of the real session model and, in virtual time, of the real media worker; the oracle says which
tones each party, tap and recording may then contain. They must contain exactly these; and while a change takes effect,
none that was forbidden before it and is forbidden after it. A failing seed prints what led to it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from mediaswitch import commands as c
from mediaswitch.clock import SECOND
from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import AgentId, PortId
from mediaswitch.timeline import EndReason, MonitorMode
from tests.support.hearing_oracle import CUSTOMER, MUSIC, Oracle, Seat
from tests.support.party_line import SUPPORT, PartyLine
from tests.support.virtual_core import Heard, Script

ANN, BOB, SUE = "ann", "bob", "sue"
AGENTS = (ANN, BOB)
TONES = {CUSTOMER: 400, ANN: 600, BOB: 1050, SUE: 1700, MUSIC: 2050}
"In Hz: whole periods in 20 ms, none a harmonic of another, none near a digit's."
NAMES = {float(hz): name for name, hz in TONES.items()}
CHANGE_MS, AFTER_MS = 260, 160
"How long a change may take (a new listener's jitter buffer has to fill), and how long is listened after it."
HEARD_DB, SILENT_DB = -32.0, -45.0
"The tones are sent at -18 dBFS. Between the two a tone is neither heard nor absent: a fault."
TAPPED = (None, CUSTOMER, ANN, SUE)
"Whom a tap may be of; None: the conversation."


@dataclass
class Check:
    """What must be heard after an operation, by ear, and what was allowed before it."""

    operations: list[str]
    before: dict[str, set[str]]
    after: dict[str, set[str]]
    customers_side: set[str]
    "Where the supervisor must not be heard now."
    at_no_time: set[str]
    "And neither while the change took effect."

    def faults(self, heard: Heard) -> Iterator[str]:
        """How what was heard differs."""
        for ear in sorted(self.after.keys() | heard.keys()):
            change, settled = heard.get(ear, ({}, {}))
            wanted = self.after.get(ear, set())
            sounding = {NAMES[hz] for hz, db in settled.items() if db > HEARD_DB}
            unclear = {NAMES[hz] for hz, db in settled.items() if SILENT_DB < db <= HEARD_DB}
            if sounding != wanted or unclear:
                yield f"{ear} hears {_words(sounding)} (unclear: {_words(unclear)}), not {_words(wanted)}: {settled}"
            passing = {NAMES[hz] for hz, db in change.items() if db > SILENT_DB}
            if leaked := passing - wanted - self.before.get(ear, set()):
                yield f"{ear} hears {_words(leaked)} for a moment: {change}"
            whispered = SUE in sounding | unclear and ear in self.customers_side
            if whispered or (SUE in passing and ear in self.at_no_time):
                yield f"THE CUSTOMER'S SIDE HEARS THE WHISPER: {ear}"


def _words(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


@dataclass
class Sequence:
    """One session, from the call to its end or to enough operations."""

    seed: int
    count: int
    checks: list[Check] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        codecs = {
            CUSTOMER: self._random.choice(["PCMU", "PCMA"]),
            ANN: self._random.choice(["PCMU", "PCMA", "G722", "opus"]),
            BOB: self._random.choice(["PCMU", "PCMU", "G722"]),
            SUE: self._random.choice(["PCMU", "PCMA", "opus"]),
        }
        self.script = Script(TONES, codecs)
        self._line = PartyLine(self.script)
        self._oracle = Oracle()
        self._taps: dict[PortId, str | None] = {}
        self._operations: list[str] = [f"codecs {codecs}"]
        self._ears: dict[str, set[str]] = {}
        self._customers_side: set[str] = set()

    def run(self) -> "Sequence":
        """Ask for all of it; nothing is played yet."""
        self._line.call()
        self._note("call")
        while len(self.checks) < self.count and not self._oracle.over:
            self._random_operation()
        return self

    # --- one operation -------------------------------------------------------------------------------------

    def _random_operation(self) -> None:
        if not self._oracle.talking and self._random.random() < 0.5:
            self._route()
            return
        operations: list[Callable[[], None]] = [
            self._hold, self._hold, self._mute, self._mute, self._supervise, self._supervise, self._supervise,
            self._consult, self._consult, self._settle, self._settle, self._settle, self._tap, self._leave,
            self._transfer,
        ]  # fmt: skip
        self._random.choice(operations)()

    def _try(self, words: str, allowed: bool, command: c.Command, then: Callable[[], None]) -> bool:
        """Ask the model; it must allow what the oracle allows, and refuse the rest without any change."""
        done = self._asked(words, allowed, lambda: self._line.do(command))
        if done:
            then()
            self._note(words)
        return done

    def _asked(self, words: str, allowed: bool, ask: Callable[[], object]) -> bool:
        before = self._line.session
        refusal = None
        try:
            ask()
        except (WrongState, NotFound) as error:
            refusal = error
            self.refused += 1
        told = f"seed {self.seed}: {words}: {refusal or 'is not refused'}\n{self.told()}"
        assert (refusal is None) == allowed, told
        assert allowed or self._line.session == before, told
        return allowed

    def told(self) -> str:
        """The operations so far."""
        return "\n".join(self._operations)

    def _anybody(self) -> str:
        return self._random.choice([*self._oracle.there])

    def _hold(self) -> None:
        name = self._anybody()
        holding = not self._oracle.there[name].holding
        kind = c.Hold if holding else c.Resume
        if not holding and not self._oracle.talking:
            return
        self._try(
            f"{name} {'holds' if holding else 'resumes'}",
            self._oracle.may_hold(name),
            kind(participant=self._line.who(name)),
            lambda: setattr(self._oracle.there[name], "holding", holding),
        )

    def _mute(self) -> None:
        name = self._anybody()
        muted = not self._oracle.there[name].muted
        self._try(
            f"{name} is {'muted' if muted else 'unmuted'}",
            True,
            c.Mute(participant=self._line.who(name), muted=muted),
            lambda: setattr(self._oracle.there[name], "muted", muted),
        )

    def _supervise(self) -> None:
        mode = self._random.choice(list(MonitorMode))
        if SUE not in self._oracle.there:
            self._join(mode)
        elif self._random.random() < 0.15:
            self._line.leave(SUE)
            del self._oracle.there[SUE]
            self._note("sue leaves")
        else:
            self._try(
                f"sue: {mode}",
                True,
                c.ChooseMonitorMode(participant=self._line.who(SUE), mode=mode),
                lambda: setattr(self._oracle.there[SUE], "mode", str(mode)),
            )

    def _join(self, mode: MonitorMode) -> None:
        words, allowed = f"sue joins: {mode}", self._oracle.may_monitor(SUE)
        if self._asked(words, allowed, lambda: self._line.monitor(SUE, mode)):
            self._oracle.there[SUE] = Seat("supervisor", mode=str(mode))
            self._note(words)

    def _consult(self) -> None:
        if self._oracle.rings:
            self._ringing()
            return
        if not self._oracle.agents:
            return
        by, colleague = self._random.choice(self._oracle.agents), self._random.choice(AGENTS)
        asked = c.Consult(
            participant=self._line.who(by),
            agent=AgentId(colleague),
            name=colleague,
            expires_at=self._line.now + 60 * SECOND,
        )
        allowed = self._oracle.may_consult(by, colleague)
        self._try(f"{by} consults {colleague}", allowed, asked, lambda: self._oracle.consult(by, colleague))

    def _ringing(self) -> None:
        colleague, oracle = AgentId(self._oracle.colleague), self._oracle
        chance = self._random.random()
        if chance < 0.7:
            self._line.accept()
            oracle.answer()
            self._note(f"{colleague} answers")
        elif chance < 0.85:
            self._try(f"{colleague} declines", True, c.Decline(agent=colleague), oracle.back_to_one_table)
        else:
            self._try(f"{colleague} lets it ring", True, c.ExpireOffer(agent=colleague), oracle.back_to_one_table)

    def _settle(self) -> None:
        """End or turn a consultation, mostly by the one who began it."""
        if not self._oracle.agents:
            return
        by = self._random.choice([self._oracle.consulting or self._oracle.agents[0]] * 3 + self._oracle.agents)
        who, oracle = self._line.who(by), self._oracle
        what = self._random.choice(["swap", "swap", "swap", "merge", "complete", "cancel"])
        if what == "swap":
            self._try(f"{by} swaps", oracle.may_settle(by), c.SwapConsult(participant=who), lambda: oracle.swap(by))
        elif what == "merge":
            merge = c.MergeConsult(participant=who)
            self._try(f"{by} merges", oracle.may_settle(by), merge, oracle.back_to_one_table)
        elif what == "complete":
            complete = c.CompleteConsult(participant=who)
            self._try(f"{by} completes", oracle.may_settle(by), complete, lambda: oracle.complete(by))
        else:
            self._try(f"{by} cancels", oracle.may_cancel(by), c.CancelConsult(participant=who), oracle.cancel)

    def _transfer(self) -> None:
        if not self._oracle.agents:
            return
        by = self._random.choice(self._oracle.agents)
        allowed, who = self._oracle.may_transfer(by), self._line.who(by)

        def gone(to: str) -> None:
            del self._oracle.there[by]
            self._oracle.to_queue()
            self._oracle.offered = to

        if self._random.random() < 0.5:
            command = c.TransferToQueue(participant=who, queue=SUPPORT)
            self._try(f"{by} transfers to the queue", allowed, command, lambda: gone(""))
        else:
            to = ANN if by == BOB else BOB
            expires_at = self._line.now + 60 * SECOND
            passed = c.TransferToAgent(participant=who, agent=AgentId(to), name=to, expires_at=expires_at)
            self._try(f"{by} transfers to {to}", allowed, passed, lambda: gone(to))

    def _route(self) -> None:
        """What becomes of a session that waits."""
        oracle = self._oracle
        if oracle.offered and self._random.random() < 0.3:
            command = c.Decline(agent=AgentId(oracle.offered))
            self._try(f"{oracle.offered} declines", True, command, lambda: setattr(oracle, "offered", ""))
            return
        agent = oracle.offered or self._random.choice(AGENTS)
        if not oracle.offered:
            self._line.offer(agent)
        self._line.accept()
        oracle.routed_to(agent)
        self._note(f"{agent} accepts")

    def _leave(self) -> None:
        """Somebody hangs up or is lost. That a session ends is rarer: it ends the sequence too."""
        oracle = self._oracle
        name = self._random.choice([CUSTOMER, *oracle.agents])
        lost = self._random.random() < 0.5
        last = name == CUSTOMER or (oracle.agents == [name] and not lost)
        if last and self._random.random() < 0.9:
            return
        self._line.leave(name, EndReason.CONNECTION_LOST if lost else EndReason.HANGUP)
        if name == CUSTOMER:
            oracle.end()
        else:
            oracle.agent_leaves(name, lost=lost)
        self._note(f"{name} {'is lost' if lost else 'hangs up'}")

    def _tap(self) -> None:
        if self._taps and self._random.random() < 0.4:
            port = self._random.choice([*self._taps])
            of = self._taps.pop(port)
            self._try(f"the tap of {of or 'the conversation'} closes", True, c.CloseTap(port=port), lambda: None)
            return
        of = self._random.choice([of for of in TAPPED if of is None or of in self._oracle.there])
        if len(self._taps) >= 3:
            return
        port = self._line.next_port()
        self.script.open_tap(port, self._random.choice([8_000, 16_000]))
        self._taps[port] = of
        participant = None if of is None else self._line.who(of)
        self._try(
            f"a tap of {of or 'the conversation'}", True, c.OpenTap(port=port, participant=participant), lambda: None
        )

    # --- what must be heard then ---------------------------------------------------------------------------

    def _note(self, words: str) -> None:
        self._operations.append(words)
        self._forget_taps_of_those_gone()
        customers_side = self._on_customers_side()
        self.script.measure(CHANGE_MS, AFTER_MS)
        ears = self._expected()
        at_no_time = customers_side & self._customers_side
        self.checks.append(Check(list(self._operations), self._ears, ears, customers_side, at_no_time))
        self._ears, self._customers_side = ears, customers_side

    def _forget_taps_of_those_gone(self) -> None:
        """Who comes again is another participant: a tap of the one before stays silent."""
        for port, of in self._taps.items():
            if of is not None and of not in self._oracle.there:
                self._taps[port] = "nobody"
        if self._oracle.over:
            self._taps.clear()

    def _expected(self) -> dict[str, set[str]]:
        oracle, line = self._oracle, self._line
        ears = {f"p{line.port(name)}": oracle.heard_by(name) for name in oracle.there}
        live = {line.track(name): name for name in oracle.there}
        for track, name in line.tracks.items():
            kept = oracle.recorded_of(name) if track in live else set()
            if name == MUSIC and oracle.music_plays():
                kept = {MUSIC}
            ears[f"r{track}"] = kept
        return ears | {f"t{port}": oracle.tapped(of) for port, of in self._taps.items()}

    def _on_customers_side(self) -> set[str]:
        """Where the supervisor may not be heard: all that the customer hears, says and is told of."""
        if not self._oracle.whispers_unheard(SUE) or CUSTOMER not in self._oracle.there:
            return set()
        line = self._line
        taps = {f"t{port}" for port, of in self._taps.items() if of in (None, CUSTOMER)}
        return taps | {f"p{line.port(CUSTOMER)}", f"r{line.track(CUSTOMER)}"}


def sequences(first_seed: int, operations: int, *, each: int = 100) -> Iterator[Sequence]:
    """Sequences of so many operations in all."""
    seed = first_seed
    while operations > 0:
        sequence = Sequence(seed, min(each, operations)).run()
        operations -= len(sequence.checks)
        seed += 1
        yield sequence


def faults(done: Iterable[Sequence], heard: list[Heard]) -> Iterator[str]:
    """What was heard wrongly: the first fault of each sequence, with what led to it."""
    answers = iter(heard)
    for sequence in done:
        found: list[str] = []
        for number, check in enumerate(sequence.checks, start=1):
            wrong = list(check.faults(next(answers)))
            if wrong and not found:
                told = "\n  ".join(check.operations)
                found.append(f"seed {sequence.seed}, operation {number}:\n  {told}\n" + "\n".join(wrong))
        yield from found
