"""Consultation, transfer, three-way and listening in, on the session model alone: who is connected to whom."""

from dataclasses import replace

import pytest

from mediaswitch import commands as c
from mediaswitch import decide as d
from mediaswitch import timeline as t
from mediaswitch.errors import WrongState
from mediaswitch.ids import AgentId, PortId, QueueName, SessionId, TenantId, TrackId
from mediaswitch.replay import apply
from mediaswitch.session import Session, SessionState
from mediaswitch.timeline import EndReason, MonitorMode
from tests.support.party_line import CUSTOMER, SUPPORT, NotedCore, PartyLine

ANN, BOB, SUE, MUSIC = "ann", "bob", "sue", "music"


class Line(PartyLine):
    """A party line whose crosspoints can be read."""

    def __init__(self) -> None:
        self.noted = NotedCore()
        super().__init__(self.noted)

    def hears(self, name: str) -> set[str]:
        return self.heard_in(self.port(name))

    def recorded(self) -> set[str]:
        return self.heard_in(self.recorder)

    def heard_in(self, port: PortId) -> set[str]:
        return {self.tracks[x.source] for x in self.noted.wired if x.destination == port}

    def types(self) -> list[str]:
        return [entry.event.type for entry in self.entries]

    def consulting(self) -> None:
        """Ann asks bob, who has answered."""
        self.talk(ANN)
        self.consult(ANN, BOB)
        self.accept()


@pytest.fixture
def line() -> Line:
    return Line()


# --- supervisors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "customer", "agent", "recorded"),
    [
        (MonitorMode.LISTEN, {ANN}, {CUSTOMER}, {CUSTOMER, ANN, MUSIC}),
        (MonitorMode.WHISPER, {ANN}, {CUSTOMER, SUE}, {CUSTOMER, ANN, SUE, MUSIC}),
        (MonitorMode.BARGE, {ANN, SUE}, {CUSTOMER, SUE}, {CUSTOMER, ANN, SUE, MUSIC}),
    ],
)
def test_supervisor_is_heard_by_those_her_mode_allows(
    line: Line, mode: MonitorMode, customer: set[str], agent: set[str], recorded: set[str]
) -> None:
    line.talk(ANN)
    line.monitor(SUE, MonitorMode.LISTEN)
    line.do(c.ChooseMonitorMode(participant=line.who(SUE), mode=mode))
    assert line.hears(SUE) == {CUSTOMER, ANN}
    assert (line.hears(CUSTOMER), line.hears(ANN), line.recorded()) == (customer, agent, recorded)


def test_supervisor_keeps_nobody_company_unless_she_barges_in(line: Line) -> None:
    line.talk(ANN)
    line.monitor(SUE, MonitorMode.WHISPER)
    line.do(c.Hold(participant=line.who(ANN)))
    assert line.hears(CUSTOMER) == {MUSIC}
    assert line.hears(ANN) == {SUE}
    assert line.hears(SUE) == {ANN}, "who holds may ask her; the waiting customer is not overheard"
    line.do(c.ChooseMonitorMode(participant=line.who(SUE), mode=MonitorMode.BARGE))
    assert (line.hears(CUSTOMER), line.hears(SUE), line.hears(ANN)) == ({SUE}, {CUSTOMER}, set())
    assert not line.noted.playing


def test_supervisor_who_leaves_ends_nothing_and_may_come_again(line: Line) -> None:
    line.talk(ANN)
    line.monitor(SUE, MonitorMode.BARGE)
    line.leave(SUE)
    assert line.hears(CUSTOMER) == {ANN}
    line.monitor(SUE, MonitorMode.LISTEN)
    with pytest.raises(WrongState, match="already"):
        line.monitor(SUE, MonitorMode.LISTEN)
    line.leave(CUSTOMER)
    assert line.session.state is SessionState.WRAP_UP
    assert line.present() == []


def test_supervisor_neither_joins_before_anybody_talks_nor_puts_on_hold(line: Line) -> None:
    line.call()
    with pytest.raises(WrongState):
        line.monitor(SUE, MonitorMode.LISTEN)
    line.offer(ANN)
    line.accept()
    line.monitor(SUE, MonitorMode.BARGE)
    with pytest.raises(WrongState, match="nobody on hold"):
        line.do(c.Hold(participant=line.who(SUE)))
    with pytest.raises(WrongState, match="no supervisor"):
        line.do(c.ChooseMonitorMode(participant=line.who(ANN), mode=MonitorMode.LISTEN))


def test_muted_whisperer_is_heard_and_recorded_by_nobody(line: Line) -> None:
    line.talk(ANN)
    line.monitor(SUE, MonitorMode.WHISPER)
    line.do(c.Mute(participant=line.who(SUE), muted=True))
    assert line.hears(ANN) == {CUSTOMER}
    assert line.recorded() == {CUSTOMER, ANN, MUSIC}


def test_tap_of_the_conversation_hears_the_customers_room_and_never_a_whisper(line: Line) -> None:
    line.consulting()
    line.monitor(SUE, MonitorMode.WHISPER)
    conversation, whispers = line.next_port(), line.next_port()
    line.do(c.OpenTap(port=conversation, participant=None))
    line.do(c.OpenTap(port=whispers, participant=line.who(SUE)))
    assert (line.heard_in(conversation), line.heard_in(whispers)) == ({CUSTOMER}, {SUE})
    line.do(c.MergeConsult(participant=line.who(ANN)))
    assert line.heard_in(conversation) == {CUSTOMER, ANN, BOB}
    line.do(c.ChooseMonitorMode(participant=line.who(SUE), mode=MonitorMode.BARGE))
    assert line.heard_in(conversation) == {CUSTOMER, ANN, BOB, SUE}
    closed = line.do(c.CloseTap(port=whispers))
    assert d.CloseTapAction(port=whispers) in closed.actions
    ended = line.do(c.HangUp(reason=EndReason.HANGUP))
    assert d.CloseTapAction(port=conversation) in ended.actions
    assert line.session.taps == ()


# --- consulting ----------------------------------------------------------------------------------------------


def test_consulting_agent_and_customer_wait_with_music_while_the_colleague_rings(line: Line) -> None:
    line.talk(ANN)
    line.do(c.Hold(participant=line.who(ANN)))
    line.consult(ANN, BOB)
    assert line.session.state is SessionState.TALKING
    assert line.hears(CUSTOMER) == line.hears(ANN) == {MUSIC}
    assert line.noted.playing


def test_consultation_swap_and_merge_connect_those_who_talk(line: Line) -> None:
    line.consulting()
    assert (line.hears(CUSTOMER), line.hears(ANN), line.hears(BOB)) == ({MUSIC}, {BOB}, {ANN})
    line.do(c.SwapConsult(participant=line.who(ANN)))
    assert (line.hears(CUSTOMER), line.hears(ANN), line.hears(BOB)) == ({ANN}, {CUSTOMER}, {MUSIC})
    line.do(c.MergeConsult(participant=line.who(ANN)))
    assert (line.hears(CUSTOMER), line.hears(ANN), line.hears(BOB)) == ({ANN, BOB}, {CUSTOMER, BOB}, {CUSTOMER, ANN})
    assert not line.noted.playing


def test_attended_transfer_leaves_the_customer_with_the_colleague_whose_work_it_is_then(line: Line) -> None:
    line.consulting()
    line.do(c.CompleteConsult(participant=line.who(ANN)))
    assert (line.hears(CUSTOMER), line.hears(BOB)) == ({BOB}, {CUSTOMER})
    assert line.session.agent == BOB
    assert line.types()[-3:] == ["transferred", "leg_ended", "agent_left"]
    line.leave(CUSTOMER)
    assert line.entries[-1].event == t.WrapUpStarted(agent=AgentId(BOB))


def test_cancelled_consultation_gives_the_call_back(line: Line) -> None:
    line.consulting()
    line.do(c.CancelConsult(participant=line.who(ANN)))
    assert (line.present(), line.hears(CUSTOMER), line.hears(ANN)) == ([CUSTOMER, ANN], {ANN}, {CUSTOMER})
    line.consult(ANN, BOB)
    line.do(c.CancelConsult(participant=line.who(ANN)))
    assert line.session.offer is None
    assert line.hears(CUSTOMER) == {ANN}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (c.Decline(agent=AgentId(BOB)), EndReason.REJECTED),
        (c.ExpireOffer(agent=AgentId(BOB)), EndReason.NO_ANSWER),
        (c.WithdrawOffer(agent=AgentId(BOB), reason=EndReason.BUSY), EndReason.BUSY),
    ],
)
def test_colleague_who_does_not_answer_gives_the_call_back(line: Line, answer: c.Command, reason: EndReason) -> None:
    line.talk(ANN)
    line.consult(ANN, BOB)
    line.do(answer)
    assert line.hears(CUSTOMER) == {ANN}
    assert line.entries[-1].event == t.ConsultEnded(participant=line.who(ANN), reason=reason)


def test_whoever_is_left_has_the_customer(line: Line) -> None:
    line.consulting()
    line.leave(BOB)
    assert (line.hears(CUSTOMER), line.session.agent) == ({ANN}, ANN)
    line.consult(ANN, BOB)
    line.accept()
    line.leave(ANN, EndReason.CONNECTION_LOST)
    assert (line.hears(CUSTOMER), line.session.agent) == ({BOB}, BOB)
    line.consult(BOB, ANN)
    line.accept()
    line.do(c.MergeConsult(participant=line.who(BOB)))
    line.leave(BOB)
    assert (line.hears(CUSTOMER), line.session.agent) == ({ANN}, ANN)


def test_agent_lost_while_the_colleague_rings_sends_the_customer_to_the_queue(line: Line) -> None:
    line.talk(ANN)
    line.consult(ANN, BOB)
    line.leave(ANN, EndReason.CONNECTION_LOST)
    assert (line.session.state, line.session.offer, line.session.consultation) == (SessionState.QUEUED, None, None)
    assert line.hears(CUSTOMER) == {MUSIC}


def test_end_of_a_three_way_call_frees_the_other_agent_without_wrap_up(line: Line) -> None:
    line.consulting()
    line.do(c.MergeConsult(participant=line.who(ANN)))
    line.leave(CUSTOMER)
    left = [entry.event for entry in line.entries if isinstance(entry.event, t.AgentLeft)]
    assert [event.agent for event in left] == [BOB]
    assert line.entries[-1].event == t.WrapUpStarted(agent=AgentId(ANN))


def test_one_of_three_who_holds_steps_out_and_the_others_talk_on(line: Line) -> None:
    line.consulting()
    line.do(c.MergeConsult(participant=line.who(ANN)))
    line.do(c.Hold(participant=line.who(ANN)))
    assert (line.hears(CUSTOMER), line.hears(BOB), line.hears(ANN)) == ({BOB}, {CUSTOMER}, set())
    line.do(c.Hold(participant=line.who(BOB)))
    assert line.hears(CUSTOMER) == {MUSIC}


@pytest.mark.parametrize(
    "command", [c.SwapConsult, c.MergeConsult, c.CompleteConsult, c.CancelConsult], ids=lambda kind: kind.__name__
)
def test_consulting_commands_of_others_or_out_of_time_are_refused(
    line: Line, command: type[c.SwapConsult | c.MergeConsult | c.CompleteConsult | c.CancelConsult]
) -> None:
    line.talk(ANN)
    with pytest.raises(WrongState):
        line.do(command(participant=line.who(ANN)))
    line.consult(ANN, BOB)
    if command is not c.CancelConsult:
        with pytest.raises(WrongState, match="not answered"):
            line.do(command(participant=line.who(ANN)))
    line.accept()
    with pytest.raises(WrongState):
        line.do(command(participant=line.who(BOB)))
    with pytest.raises(WrongState):
        line.consult(ANN, "cat")


# --- blind transfer ------------------------------------------------------------------------------------------


def test_blind_transfer_to_a_queue_leaves_the_customer_waiting_at_its_head(line: Line) -> None:
    line.talk(ANN)
    line.do(c.TransferToQueue(participant=line.who(ANN), queue=QueueName("sales")))
    assert (line.session.state, line.session.queue, line.session.agent) == (SessionState.QUEUED, "sales", None)
    assert (line.present(), line.hears(CUSTOMER)) == ([CUSTOMER], {MUSIC})
    line.offer(BOB)
    line.accept()
    assert line.hears(CUSTOMER) == {BOB}


def test_blind_transfer_to_an_agent_who_declines_falls_back_to_the_queue(line: Line) -> None:
    line.talk(ANN)
    expires_at = line.now + 10**10
    transfer = c.TransferToAgent(participant=line.who(ANN), agent=AgentId(BOB), name=BOB, expires_at=expires_at)
    line.do(transfer)
    assert line.session.state is SessionState.OFFERED
    line.do(c.Decline(agent=AgentId(BOB)))
    assert (line.session.state, line.session.queue) == (SessionState.QUEUED, SUPPORT)
    with pytest.raises(WrongState):
        line.do(transfer)


def test_blind_transfer_is_only_for_an_agent_alone_with_the_customer(line: Line) -> None:
    line.consulting()
    with pytest.raises(WrongState, match="alone"):
        line.do(c.TransferToQueue(participant=line.who(ANN), queue=SUPPORT))
    line.do(c.MergeConsult(participant=line.who(ANN)))
    with pytest.raises(WrongState, match="alone"):
        line.do(c.TransferToQueue(participant=line.who(ANN), queue=SUPPORT))


def test_timeline_of_a_handover_rebuilds_the_session(line: Line) -> None:
    line.consulting()
    line.monitor(SUE, MonitorMode.WHISPER)
    line.do(c.SwapConsult(participant=line.who(ANN)))
    rebuilt = replace(
        Session(id=SessionId("s-1"), tenant=TenantId("default")),
        player_port=PortId(1),
        player_track=TrackId(2),
        recorder_port=line.recorder,
        recording_folder="default/2026/s-1",
    )
    for entry in line.entries:
        stored = t.event_from_json(t.event_to_json(entry.event))
        rebuilt = apply(rebuilt, replace(entry, event=stored))
    assert rebuilt == line.session
