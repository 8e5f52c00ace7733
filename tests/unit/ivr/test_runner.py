"""A flow drives a session through the real Exchange; the core moves no packet and time is moved by hand."""

import asyncio
from pathlib import Path

import pytest

from ivr.run import FAILED_SAY_NS, PATIENCE_NS, RINGING
from ivr.runner import FlowRunner
from mediaswitch import _core
from mediaswitch.clock import SECOND
from mediaswitch.errors import NotFound
from mediaswitch.exchange import PlayDone
from mediaswitch.ids import AgentId, LegId, QueueName, SessionId
from mediaswitch.numbers import Route
from mediaswitch.services import LegDriver
from mediaswitch.session import SessionState
from mediaswitch.timeline import Ended, EndReason, FlowStarted, PromptPlayed, Queued
from tests.support.flows import QUEUES, flows_of
from tests.support.quiet_core import Desk, House, open_house
from tests.support.speakers import AtOnce

FLOWS = """
[flows.main.steps.greeting]
verb = "say"
text = { en = "hello", zh = "你好" }
speak_in = ["en", "zh"]
[flows.main.steps.menu]
verb = "gather"
text = { en = "menu", zh = "菜单" }
branches = { 1 = { goto = "wait", language = "zh" }, 2 = "out" }
[flows.main.steps.bye]
verb = "hang_up"
[flows.main.steps.wait]
verb = "queue"
queue = "sales"
max_wait_s = 60
next = "sorry"
[flows.main.steps.out]
verb = "bridge"
to = "sip:office@carrier"
[flows.main.steps.sorry]
verb = "say"
text = { en = "sorry", zh = "抱歉" }
"""
ROUTES = (
    Route(number="1000", flow="main"),
    Route(number="2000", queue=QueueName("support")),
    Route(number="3000", flow="gone"),
)


class Trunk:
    """A dialer to which nobody answers before the test says so."""

    def __init__(self, house: House, *, knows_target: bool = True) -> None:
        self._house = house
        self._knows_target = knows_target
        self.drivers: list[Desk] = []

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> LegDriver:
        if not self._knows_target:
            raise NotFound(f"no trunk for {target}")
        driver = Desk(self._house.exchange)
        driver.leg = (session, leg)
        self.drivers.append(driver)
        return driver


class Line:
    """A caller to a House in which flows run."""

    def __init__(self, prompts: AtOnce) -> None:
        self.house = open_house(*ROUTES, queues=tuple(QUEUES))
        self.runner = FlowRunner(
            exchange=self.house.exchange,
            bus=self.house.bus,
            clock=self.house.clock,
            timers=self.house.clock,
            prompts=prompts,
            flows=flows_of(FLOWS),
            queues=QUEUES,
            folder=Path("/"),
            hold_music=Path("/music.wav"),
        )

    def call(self, number: str = "1000", *, begins: bool = True) -> SessionId:
        self.session = self.house.call(number)
        if begins:
            self.house.clock.advance(PATIENCE_NS / SECOND)
        return self.session

    def playing(self) -> list[str]:
        play = self.house.player(self.session)
        return [] if play is None else play.files

    def hears_to_the_end(self, outcome: str = "finished") -> None:
        play = self.house.player(self.session)
        assert play is not None
        self.house.bus.publish(PlayDone(session=self.session, play=play.id, outcome=outcome))

    def press(self, digit: str) -> None:
        leg = self.house.exchange.session(self.session).legs[0].id
        self.house.exchange.digit(self.session, leg, digit, duration_ms=100)

    @property
    def state(self) -> SessionState:
        return self.house.exchange.session(self.session).state

    def prompts(self) -> list[str]:
        return [event.prompt for event in self.house.events(self.session) if isinstance(event, PromptPlayed)]

    @property
    def is_over(self) -> bool:
        return self.session not in {session.id for session in self.house.exchange.sessions()}


@pytest.fixture
async def line() -> Line:
    return Line(AtOnce())


async def test_caller_is_answered_and_walks_through_the_flow_into_the_queue(line: Line) -> None:
    line.call()
    assert FlowStarted(flow="main") in line.house.events(line.session)
    assert line.playing() == ["hello", "你好"]
    line.hears_to_the_end()
    assert line.playing() == ["menu"]
    line.press("1")
    assert line.state is SessionState.QUEUED
    assert line.house.exchange.session(line.session).language == "zh"
    assert line.playing() == ["music.wav"]
    line.house.exchange.note_position(line.session, 2)
    assert line.playing() == ["您现在排在第二位，请稍候。"]
    line.hears_to_the_end()
    music = line.house.player(line.session)
    assert music is not None
    assert music.loop
    assert line.prompts() == ["hello 你好", "menu", "您现在排在第二位，请稍候。"]


async def test_flow_begins_with_the_callers_first_packet_not_before_it(line: Line) -> None:
    line.call(begins=False)
    assert line.playing() == []
    track = line.house.exchange.session(line.session).legs[0].tracks[0].id
    line.house.exchange.handle_core_event(_core.MediaStarted(track=track, at_ns=0))
    assert line.playing() == ["hello", "你好"]
    line.house.clock.advance(5)
    assert len(line.house.core.plays) == 1, "begun once"


async def test_accepted_caller_has_left_the_flow_and_its_alarms_are_gone(line: Line) -> None:
    line.call()
    line.press("1")
    exchange, agent = line.house.exchange, AgentId("amy")
    exchange.offer(line.session, agent, "Amy", expires_at=0)
    exchange.accept(line.session, agent, "offer", Desk(exchange))
    assert line.state is SessionState.TALKING
    assert line.playing() == []
    assert line.house.clock.alarms == 0
    line.press("1")
    line.house.clock.advance(100)
    assert line.playing() == []


async def test_caller_whose_agent_is_lost_waits_with_music_and_position_until_the_next_answers(line: Line) -> None:
    line.call()
    line.press("1")
    exchange, agent = line.house.exchange, AgentId("amy")
    exchange.offer(line.session, agent, "Amy", expires_at=0)
    leg, _ = exchange.accept(line.session, agent, "offer", Desk(exchange))
    exchange.leg_ended(line.session, leg.id, EndReason.CONNECTION_LOST)
    assert line.playing() == ["music.wav"]
    exchange.note_position(line.session, 1)
    assert line.playing() == ["您是下一位，请稍候。"]
    exchange.offer(line.session, agent, "Amy", expires_at=0)
    exchange.accept(line.session, agent, "offer", Desk(exchange))
    assert line.state is SessionState.TALKING
    assert line.playing() == []
    assert line.house.clock.alarms == 0


async def test_longest_wait_ends_the_call_by_the_flow(line: Line) -> None:
    line.call()
    line.press("1")
    line.house.clock.advance(60)
    assert line.playing() == ["抱歉"]
    line.hears_to_the_end()
    assert line.is_over
    assert Ended(reason=EndReason.FLOW_ENDED) in line.house.events(line.session)
    assert line.house.clock.alarms == 0


async def test_number_of_a_queue_leads_straight_into_it(line: Line) -> None:
    line.call("2000")
    assert Queued(queue=QueueName("support"), priority=0) in line.house.events(line.session)
    assert line.playing() == ["music.wav"]
    line.house.exchange.note_position(line.session, 1)
    line.hears_to_the_end()
    line.house.clock.advance(QUEUES["support"])
    assert line.playing() == ["You are next in line. Please hold."]


async def test_number_whose_flow_is_missing_hangs_up(line: Line) -> None:
    line.call("3000")
    assert line.is_over


async def test_caller_hanging_up_in_the_menu_leaves_nothing_behind(line: Line) -> None:
    line.call()
    line.hears_to_the_end()
    line.hears_to_the_end()
    assert line.house.clock.alarms == 1
    line.house.hang_up(line.session)
    assert line.is_over
    assert line.house.clock.alarms == 0
    assert not line.house.core.open


async def test_caller_hanging_up_in_the_queue_or_while_dialled_for_does_not_make_the_flow_go_on(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    trunk = Trunk(line.house)
    line.house.exchange.dialer = trunk
    for digit in "12":
        line.call()
        line.press(digit)
        plays = len(line.house.core.plays)
        line.house.hang_up(line.session)
        assert len(line.house.core.plays) == plays
        assert line.house.clock.alarms == 0
    assert not [record for record in caplog.records if record.name.startswith("ivr")]


async def test_prompt_still_being_made_is_played_when_done() -> None:
    prompts = AtOnce(slow=("menu",))
    line = Line(prompts)
    line.call()
    line.hears_to_the_end()
    await _settled()
    assert line.prompts() == ["hello 你好"]
    prompts.finish()
    await _settled()
    assert line.playing() == ["menu"]


async def test_prompt_no_longer_wanted_when_it_is_made_is_not_played() -> None:
    prompts = AtOnce(slow=("menu",))
    line = Line(prompts)
    line.call()
    line.hears_to_the_end()
    await _settled()
    line.press("1")
    prompts.finish()
    await _settled()
    assert line.playing() == ["music.wav"]


async def test_prompt_that_cannot_be_made_is_passed_over_after_a_second(caplog: pytest.LogCaptureFixture) -> None:
    line = Line(AtOnce(broken=("hello",)))
    line.call()
    await _settled()
    assert "the engine is hoarse" in caplog.text
    assert line.playing() == []
    line.house.clock.advance(FAILED_SAY_NS / SECOND)
    assert line.playing() == ["menu"]


async def test_play_the_core_could_not_finish_does_not_stop_the_flow(line: Line) -> None:
    line.call()
    line.hears_to_the_end("failed")
    line.house.clock.advance(FAILED_SAY_NS / SECOND)
    assert line.playing() == ["menu"]


async def test_caller_hears_ringing_while_the_office_is_dialled_and_talks_when_it_answers(line: Line) -> None:
    trunk = Trunk(line.house)
    line.house.exchange.dialer = trunk
    line.call()
    line.press("2")
    play = line.house.player(line.session)
    assert play is not None
    assert play.items == list(RINGING["en"])
    trunk.drivers[0].answer()
    assert line.state is SessionState.TALKING


async def test_office_that_does_not_answer_sends_the_caller_on(line: Line) -> None:
    trunk = Trunk(line.house)
    line.house.exchange.dialer = trunk
    line.call()
    line.press("2")
    line.house.clock.advance(30)
    assert trunk.drivers[0].ended is EndReason.NO_ANSWER
    assert line.playing() == ["sorry"]


async def test_office_that_no_trunk_reaches_sends_the_caller_on(line: Line) -> None:
    line.house.exchange.dialer = Trunk(line.house, knows_target=False)
    line.call()
    line.press("2")
    assert line.playing() == ["sorry"]


async def test_prompts_known_beforehand_are_made_at_the_start() -> None:
    prompts = AtOnce()
    line = Line(prompts)
    line.runner.start()
    await _settled()
    assert {
        "hello",
        "你好",
        "menu",
        "菜单",
        "You are next in line. Please hold.",
        "您是下一位，请稍候。",
    } <= prompts.warmed
    line.call()
    await line.runner.close()
    assert line.house.clock.alarms == 0


async def _settled() -> None:
    """Every task that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)
