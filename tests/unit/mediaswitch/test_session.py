"""The session's rules, without sockets, core or clock: commands in, entries and actions out."""

from dataclasses import replace

import pytest

from mediaswitch import commands as c
from mediaswitch import decide as d
from mediaswitch import timeline as t
from mediaswitch.clock import SECOND
from mediaswitch.errors import NotFound, WrongState
from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId, TenantId, TrackId
from mediaswitch.matrix import Crosspoint, crosspoints
from mediaswitch.replay import apply
from mediaswitch.session import Session, SessionState
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind, MediaKind, Track

PLAYER, PLAYER_TRACK, RECORDER = PortId(1), TrackId(1), PortId(2)
PHONE, PHONE_AUDIO = PortId(3), TrackId(3)
DESK, DESK_AUDIO, DESK_SCREEN = PortId(4), TrackId(4), TrackId(5)
ALICE = AgentId("alice")
SUPPORT = QueueName("support")


class Conversation:
    """Drives one session and keeps what it led to; the timeline must always rebuild the very same session."""

    def __init__(self) -> None:
        self.session = Session(id=SessionId("s-1"), tenant=TenantId("default"))
        self.entries: list[t.Entry] = []
        self.wired: set[Crosspoint] = set()
        self.now = 0

    def do(self, command: c.Command) -> d.Outcome:
        self.now += SECOND
        outcome = d.handle(self.session, command, now=self.now)
        for action in outcome.actions:
            if isinstance(action, d.ConnectAction):
                self.wired.add(action.crosspoint)
            elif isinstance(action, d.DisconnectAction):
                self.wired.remove(action.crosspoint)
            elif isinstance(action, d.HangUpLegAction):
                port = outcome.session.leg(action.leg).port
                tracks = {track.id for track in outcome.session.leg(action.leg).tracks}
                self.wired = {x for x in self.wired if x.destination != port and x.source not in tracks}
        self.session = outcome.session
        self.entries += outcome.entries
        return outcome

    def events(self) -> list[str]:
        return [entry.event.type for entry in self.entries]

    def hears(self, port: PortId) -> set[TrackId]:
        return {crosspoint.source for crosspoint in self.wired if crosspoint.destination == port}

    def start(self) -> None:
        self.do(
            c.Start(
                channel=Channel.PHONE,
                customer=Customer(number="4001"),
                called="1000",
                language="en",
                leg_kind=LegKind.SIP,
                player_port=PLAYER,
                player_track=PLAYER_TRACK,
                recorder_port=RECORDER,
                recording_folder="default/2026/s-1",
            )
        )
        self.do(c.OpenLeg(leg=self.phone, port=PHONE, tracks=(Track(id=PHONE_AUDIO, kind=MediaKind.AUDIO),)))

    @property
    def phone(self) -> LegId:
        return self.session.legs[0].id

    @property
    def desk(self) -> LegId:
        return self.session.legs[1].id

    def queue_up(self) -> None:
        self.start()
        self.do(c.StartFlow(flow="welcome"))
        self.do(c.AnswerLeg(leg=self.phone))
        self.do(c.Enqueue(queue=SUPPORT, priority=0))

    def talk(self) -> None:
        self.queue_up()
        self.do(c.Offer(agent=ALICE, name="Alice", expires_at=self.now + 20 * SECOND))
        self.do(c.Accept(agent=ALICE, leg_kind=LegKind.WEBRTC))
        tracks = (Track(id=DESK_AUDIO, kind=MediaKind.AUDIO), Track(id=DESK_SCREEN, kind=MediaKind.SCREEN))
        self.do(c.OpenLeg(leg=self.desk, port=DESK, tracks=tracks))
        self.do(c.AnswerLeg(leg=self.desk))


def rebuilt(entries: list[t.Entry], start: Session) -> Session:
    for entry in entries:
        start = apply(start, entry)
    return start


def test_caller_in_the_menu_hears_the_player_and_is_recorded_with_it() -> None:
    call = Conversation()
    call.queue_up()
    assert call.hears(PHONE) == {PLAYER_TRACK}
    assert call.hears(RECORDER) == {PLAYER_TRACK, PHONE_AUDIO}


def test_caller_and_agent_after_accept_hear_each_other_and_nothing_else() -> None:
    call = Conversation()
    call.talk()
    assert call.hears(PHONE) == {DESK_AUDIO, DESK_SCREEN}
    assert call.hears(DESK) == {PHONE_AUDIO}
    assert call.hears(RECORDER) == {PLAYER_TRACK, PHONE_AUDIO, DESK_AUDIO, DESK_SCREEN}
    assert call.session.state is SessionState.TALKING
    assert call.session.answered_at == call.now


@pytest.mark.parametrize(("holder", "waiting"), [("agent-2", PHONE), ("customer-1", DESK)])
def test_hold_by_either_side_gives_the_other_music_and_the_holder_silence(holder: str, waiting: PortId) -> None:
    call = Conversation()
    call.talk()
    before = set(call.wired)
    outcome = call.do(c.Hold(participant=ParticipantId(holder)))
    assert d.PlayHoldMusicAction() in outcome.actions
    assert call.hears(waiting) == {PLAYER_TRACK}
    assert call.hears(DESK if waiting == PHONE else PHONE) == set()
    call.do(c.Resume(participant=ParticipantId(holder)))
    assert call.wired == before


def test_both_holding_end_hold_only_when_both_resume() -> None:
    call = Conversation()
    call.talk()
    call.do(c.Hold(participant=ParticipantId("agent-2")))
    call.do(c.Hold(participant=ParticipantId("customer-1")))
    assert call.hears(PHONE) == call.hears(DESK) == set()
    call.do(c.Resume(participant=ParticipantId("agent-2")))
    assert call.hears(DESK) == {PLAYER_TRACK}
    call.do(c.Resume(participant=ParticipantId("customer-1")))
    assert call.hears(DESK) == {PHONE_AUDIO}


def test_muted_agent_is_not_heard_but_is_still_seen() -> None:
    call = Conversation()
    call.talk()
    call.do(c.Mute(participant=ParticipantId("agent-2"), muted=True))
    assert call.hears(PHONE) == {DESK_SCREEN}
    call.do(c.Mute(participant=ParticipantId("agent-2"), muted=False))
    assert call.hears(PHONE) == {DESK_AUDIO, DESK_SCREEN}


def test_caller_hanging_up_while_talking_ends_all_and_starts_the_wrap_up() -> None:
    call = Conversation()
    call.talk()
    outcome = call.do(c.EndLeg(leg=call.phone, reason=EndReason.HANGUP))
    hung_up = [action.leg for action in outcome.actions if isinstance(action, d.HangUpLegAction)]
    assert hung_up == [call.phone, call.desk]
    assert d.CloseMediaAction(end_ns=call.now) in outcome.actions
    assert call.session.state is SessionState.WRAP_UP
    assert call.session.ended_at == call.now
    assert crosspoints(call.session) == frozenset()
    call.do(c.EndWrapUp(agent=ALICE))
    assert call.session.state.value == "ended"


def test_agent_whose_connection_is_lost_sends_the_customer_to_the_head_of_the_queue() -> None:
    call = Conversation()
    call.talk()
    outcome = call.do(c.EndLeg(leg=call.desk, reason=EndReason.CONNECTION_LOST))
    assert call.session.state is SessionState.QUEUED
    assert call.entries[-1].event == t.Queued(queue=SUPPORT, priority=d.REQUEUE_PRIORITY)
    assert call.session.agent is None
    assert d.PlayHoldMusicAction() in outcome.actions
    assert call.hears(PHONE) == {PLAYER_TRACK}


def test_caller_gone_while_offered_withdraws_the_offer() -> None:
    call = Conversation()
    call.queue_up()
    call.do(c.Offer(agent=ALICE, name="Alice", expires_at=call.now + SECOND))
    call.do(c.EndLeg(leg=call.phone, reason=EndReason.HANGUP))
    assert "offer_withdrawn" in call.events()
    assert "dequeued" in call.events()
    assert call.session.state is SessionState.ENDED


@pytest.mark.parametrize(
    "give_back",
    [c.Decline(agent=ALICE), c.ExpireOffer(agent=ALICE), c.WithdrawOffer(agent=ALICE, reason=EndReason.BUSY)],
)
def test_unaccepted_offer_returns_the_session_to_its_queue(give_back: c.Command) -> None:
    call = Conversation()
    call.queue_up()
    call.do(c.Offer(agent=ALICE, name="Alice", expires_at=call.now + SECOND))
    call.do(give_back)
    assert call.session.state is SessionState.QUEUED
    assert call.session.offer is None


def test_offer_accepted_by_another_agent_is_refused_and_changes_nothing() -> None:
    call = Conversation()
    call.queue_up()
    call.do(c.Offer(agent=ALICE, name="Alice", expires_at=call.now + SECOND))
    before = call.session
    with pytest.raises(WrongState, match="not offered to bob"):
        call.do(c.Accept(agent=AgentId("bob"), leg_kind=LegKind.WEBRTC))
    assert call.session == before


def test_dialled_party_that_answers_is_connected_and_the_caller_is_answered() -> None:
    call = Conversation()
    call.start()
    ring = call.do(c.Dial(target="sip:bench@192.0.2.1", name="bench"))
    assert d.RingLegAction(leg=call.phone) in ring.actions
    call.do(c.OpenLeg(leg=call.desk, port=DESK, tracks=(Track(id=DESK_AUDIO, kind=MediaKind.AUDIO),)))
    answered = call.do(c.AnswerLeg(leg=call.desk))
    assert d.AnswerLegAction(leg=call.phone) in answered.actions
    call.do(c.AnswerLeg(leg=call.phone))
    assert call.hears(PHONE) == {DESK_AUDIO}
    assert call.hears(DESK) == {PHONE_AUDIO}


def test_dialled_party_that_refuses_leaves_the_caller_to_the_flow() -> None:
    call = Conversation()
    call.start()
    call.do(c.Dial(target="sip:bench@192.0.2.1", name="bench"))
    call.do(c.EndLeg(leg=call.desk, reason=EndReason.BUSY))
    assert not call.session.is_over
    assert call.session.state is SessionState.IVR


def test_commands_after_the_end_are_refused_and_end_again_is_fine() -> None:
    call = Conversation()
    call.talk()
    call.do(c.HangUp(reason=EndReason.HANGUP, by=ParticipantId("agent-2")))
    with pytest.raises(WrongState):
        call.do(c.Hold(participant=ParticipantId("agent-2")))
    with pytest.raises(WrongState):
        call.do(c.Chat(participant=ParticipantId("agent-2"), text="hello"))
    with pytest.raises(NotFound):
        call.do(c.EndLeg(leg=LegId("nobody"), reason=EndReason.HANGUP))
    assert call.do(c.HangUp(reason=EndReason.HANGUP)).entries == ()
    assert call.do(c.EndLeg(leg=call.phone, reason=EndReason.HANGUP)).entries == ()


def test_timeline_alone_rebuilds_the_session() -> None:
    call = Conversation()
    start = call.session
    call.talk()
    call.do(c.Share(participant=ParticipantId("agent-2"), kind=MediaKind.SCREEN, active=True))
    call.do(c.PressDigit(leg=call.phone, digit="5", duration_ms=120))
    call.do(c.HangUp(reason=EndReason.HANGUP))
    own_ports = replace(
        start,
        player_port=PLAYER,
        player_track=PLAYER_TRACK,
        recorder_port=RECORDER,
        recording_folder="default/2026/s-1",
    )
    assert rebuilt(call.entries, own_ports) == call.session
    assert [entry.seq for entry in call.entries] == list(range(1, len(call.entries) + 1))
