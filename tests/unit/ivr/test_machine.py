"""What a caller meets in a flow, verb by verb."""

from pathlib import Path

from ivr import actions as a
from ivr import events as e
from mediaswitch.ids import QueueName
from tests.support.flows import Walk, words

MENU = """
[flows.f.steps.greeting]
verb = "say"
text = { en = "hello", zh = "你好" }
[flows.f.steps.menu]
verb = "gather"
text = { en = "one or two", zh = "一或二" }
invalid = { en = "no such thing", zh = "没有" }
timeout_s = 5
attempts = 3
branches = { 1 = "sales", 2 = { goto = "bye", language = "zh" } }
otherwise = "bye"
[flows.f.steps.sales]
verb = "queue"
queue = "sales"
max_wait_s = 50
otherwise = "bye"
[flows.f.steps.bye]
verb = "say"
text = { en = "goodbye", zh = "再见" }
"""


def test_caller_hears_greeting_and_menu_and_a_digit_branches() -> None:
    walk = Walk(MENU)
    assert words(walk.begin()) == ["hello"]
    assert words(walk.heard()) == ["one or two"]
    walk.heard()
    assert a.EnterQueue(queue=QueueName("sales"), priority=0) in walk.press("1")


def test_digit_interrupts_the_greeting_and_answers_the_menu_after_it() -> None:
    walk = Walk(MENU)
    walk.begin()
    done = walk.press("1")
    assert done[0] == a.Hush()
    assert words(done) == [], "the menu is not asked of who has answered it"
    assert a.EnterQueue(queue=QueueName("sales"), priority=0) in done


def test_digits_typed_before_the_caller_is_greeted_are_kept() -> None:
    walk = Walk(MENU)
    assert walk.press("2") == []
    done = walk.begin()
    assert a.ChooseLanguage(language="zh") in done
    assert words(done) == ["再见"]


def test_branch_may_change_the_language_spoken_from_there_on() -> None:
    walk = Walk(MENU)
    walk.begin()
    assert words(walk.press("2")) == ["再见"]


def test_wrong_digit_is_named_and_asked_again_until_the_attempts_run_out() -> None:
    walk = Walk(MENU)
    walk.begin()
    assert words(walk.press("9")) == ["no such thing", "one or two"]
    assert words(walk.press("8")) == ["no such thing", "one or two"]
    assert words(walk.press("7")) == ["goodbye"]


def test_silence_repeats_the_question_only_and_counts_as_an_attempt() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.heard()
    assert walk.wait(60) == [], "the clock runs from the end of the question"
    walk.heard()
    assert words(walk.wait(4.9)) == []
    assert words(walk.wait(0.1)) == ["one or two"]
    walk.heard()
    walk.wait(5)
    walk.heard()
    assert words(walk.wait(5)) == ["goodbye"]


def test_call_is_hung_up_after_the_last_step() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.press("9", "9", "9")
    assert walk.heard() == [a.HangUp()]
    assert walk.machine.is_over
    assert walk.press("1") == walk.begin() == []


def test_end_of_a_prompt_that_was_cut_short_means_nothing() -> None:
    walk = Walk(MENU)
    walk.begin()
    greeting = walk.saying
    walk.press("9")
    assert walk.happens(e.Said(number=greeting)) == []
    assert walk.wait(60) == [], "the menu is still being said"


def test_digits_typed_after_a_wrong_one_are_forgotten_with_it() -> None:
    walk = Walk(MENU)
    walk.press("9", "1")
    assert words(walk.begin()) == ["no such thing", "one or two"]
    assert a.ChooseLanguage(language="zh") in walk.press("2")


def test_waiting_caller_hears_music_and_the_position_now_and_then() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.press("1")
    assert words(walk.happens(e.Position(position=3))) == ["You are number three in line. Please hold."]
    assert walk.happens(e.Position(position=2)) == [], "told at its time, not at every change"
    assert walk.heard() == [a.PlayMusic(file=None)]
    assert words(walk.wait(19.9)) == []
    assert words(walk.wait(0.1)) == ["You are number two in line. Please hold."]


def test_longest_wait_takes_the_caller_out_of_the_queue() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.press("1")
    assert walk.wait(49.9) == []
    assert walk.wait(0.1) == [a.LeaveQueue()]
    assert words(walk.happens(e.QueueLeft())) == ["goodbye"]


def test_caller_for_whom_a_desk_rings_is_not_turned_away() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.press("1")
    walk.wait(45)
    walk.happens(e.Position(position=1))
    walk.heard()
    walk.happens(e.Offering(ringing=True))
    assert words(walk.wait(20)) == ["You are next in line. Please hold."]
    assert a.LeaveQueue() not in walk.heard()
    assert walk.wait(19) == []
    walk.happens(e.Offering(ringing=False))
    assert walk.wait(0.1) == [a.LeaveQueue()]


def test_digits_pressed_while_waiting_are_not_kept_for_later() -> None:
    walk = Walk(MENU)
    walk.begin()
    walk.press("1")
    assert walk.press("5", "#") == []
    assert not walk.machine.typed


LONG = """
[flows.f.steps.order]
verb = "gather"
text = { en = "your order", zh = "订单号" }
digits = 4
digit_timeout_s = 2
attempts = 1
branches = { 12 = "short", 1234 = "long" }
otherwise = "wrong"
[flows.f.steps.short]
verb = "hang_up"
[flows.f.steps.long]
verb = "say"
text = { en = "long", zh = "长" }
[flows.f.steps.wrong]
verb = "say"
text = { en = "wrong", zh = "错" }
"""


def test_entry_that_could_go_on_waits_for_the_next_digit_or_for_time() -> None:
    walk = Walk(LONG)
    walk.begin()
    assert words(walk.press("1", "2")) == []
    assert walk.wait(1.9) == []
    assert walk.wait(0.1) == [a.HangUp()]
    other = Walk(LONG)
    other.begin()
    assert words(other.press("1", "2", "3", "4")) == ["long"]


def test_hash_ends_an_entry_early() -> None:
    walk = Walk(LONG)
    walk.begin()
    assert walk.press("1", "2", "#")[-1] == a.HangUp()


def test_entry_of_full_length_that_leads_nowhere_is_taken_at_once() -> None:
    walk = Walk(LONG)
    walk.begin()
    assert words(walk.press("9", "9", "9", "9")) == ["wrong"]


OUTSIDE = """
[flows.f.steps.out]
verb = "bridge"
to = "sip:office@carrier"
timeout_s = 25
otherwise = "sorry"
[flows.f.steps.end]
verb = "hang_up"
[flows.f.steps.sorry]
verb = "say"
text = { en = "nobody", zh = "无人" }
"""


def test_bridge_rings_and_goes_elsewhere_if_nobody_answers() -> None:
    walk = Walk(OUTSIDE)
    assert walk.begin() == [a.PlayRinging(language="en"), a.Dial(target="sip:office@carrier")]
    assert walk.wait(25) == [a.StopDialling()]
    assert words(walk.happens(e.Unanswered())) == ["nobody"]


LOOP = """
[flows.f.steps.first]
verb = "say"
text = { en = "again", zh = "再来" }
[flows.f.steps.back]
verb = "goto"
step = "first"
"""


def test_digit_in_a_circle_that_takes_none_does_not_spin() -> None:
    walk = Walk(LOOP)
    walk.begin()
    assert words(walk.press("5")) == ["again"]
    assert words(walk.heard()) == ["again"]


SOUNDS = """
[flows.f.steps.jingle]
verb = "play"
file = { en = "en.wav", zh = "zh.wav" }
interruptible = false
[flows.f.steps.wait]
verb = "queue"
queue = "support"
music = "music.mp3"
"""


def test_files_are_played_by_language_and_music_is_the_flows_own(tmp_path: Path) -> None:
    for name in ("en.wav", "zh.wav", "music.mp3"):
        (tmp_path / name).touch()
    walk = Walk(SOUNDS, language="zh", folder=tmp_path)
    assert words(walk.begin()) == ["zh.wav"]
    assert walk.press("1") == [], "not interruptible"
    assert walk.heard()[0] == a.PlayMusic(file=tmp_path / "music.mp3")


def test_caller_of_a_language_the_flow_lacks_hears_its_first() -> None:
    assert words(Walk(MENU, language="fr").begin()) == ["hello"]
