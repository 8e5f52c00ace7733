"""Every error of a flow is found before anybody calls, and said with its line."""

from pathlib import Path

import pytest

from ivr.errors import FlowErrors
from ivr.flow import check_flows
from mediaswitch.settings_file import SAMPLE, line_of, load_settings
from tests.support.flows import QUEUES, flows_of


def problems(toml: str, folder: Path = Path("/")) -> list[tuple[int, str]]:
    """(line, reason) of each error."""
    with pytest.raises(FlowErrors) as caught:
        flows_of(toml, folder)
    return [(line_of(toml, place), reason) for place, reason in caught.value.wrong]


@pytest.mark.parametrize(
    ("step", "line", "reason"),
    [
        ('verb = "sing"', 2, "Input tag 'sing' found using 'verb' does not match"),
        ('verb = "say"', 2, "Field required"),
        ('verb = "say"\ntext = { zh = "你好" }', 4, "no words in 'en', which this flow speaks"),
        ('verb = "say"\ntext = { zh = "你好", fr = "salut" }', 4, "Input should be 'zh' or 'en'"),
        ('verb = "goto"\nstep = "nowhere"', 4, "there is no step 'nowhere'"),
        ('verb = "goto"\nstep = "s"', 4, "goes in a circle"),
        ('verb = "queue"\nqueue = "nobody"', 4, "there is no queue 'nobody'"),
        ('verb = "queue"\nqueue = "sales"\nmusik = "a.wav"', 5, "Extra inputs are not permitted"),
        ('verb = "queue"\nqueue = "sales"\nmusic = "a.wav"', 5, "there is no file /a.wav"),
        ('verb = "bridge"\nto = "0123"', 4, "String should match pattern"),
        ('verb = "hang_up"\nnext = "nowhere"', 4, "there is no step 'nowhere'"),
    ],
)
def test_error_is_found_at_its_line(step: str, line: int, reason: str) -> None:
    found = problems(f"[flows.f]\n[flows.f.steps.s]\n{step}\n")
    assert len(found) == 1
    assert found[0][0] == line
    assert found[0][1].startswith(reason)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ('branches = { 1 = "nowhere" }', "there is no step 'nowhere'"),
        ('branches = { 12 = "s" }', "Value error, branch '12' is longer than digits = 1"),
        ('branches = { x = "s" }', "String should match pattern"),
        ("branches = {}", "Dictionary should have at least 1 item"),
        ('branches = { 1 = "s" }\notherwise = "nowhere"', "there is no step 'nowhere'"),
        ('branches = { 1 = "s" }\nattempts = 0', "Input should be greater than or equal to 1"),
    ],
)
def test_error_of_a_menu_is_found(key: str, reason: str) -> None:
    found = problems(f'[flows.f.steps.s]\nverb = "gather"\ntext = {{ zh = "问", en = "ask" }}\n{key}\n')
    assert [each[1][: len(reason)] for each in found] == [reason]


def test_every_error_of_every_flow_is_named() -> None:
    toml = '[flows.a.steps.s]\nverb = "goto"\nstep = "x"\n[flows.b.steps.s]\nverb = "queue"\nqueue = "y"\n[flows.c]\n'
    assert [line for line, _ in problems(toml)] == [3, 6, 7]


def test_language_chosen_must_be_one_the_flow_speaks() -> None:
    toml = '[flows.f]\nlanguages = ["zh"]\n[flows.f.steps.s]\nverb = "goto"\nstep = "e"\nlanguage = "en"\n'
    assert problems(toml + '[flows.f.steps.e]\nverb = "hang_up"\n') == [(6, "'en' is not among the flow's languages")]


def test_queue_step_takes_its_interval_from_the_queue_unless_it_has_its_own() -> None:
    steps = flows_of(
        '[flows.f.steps.a]\nverb = "queue"\nqueue = "sales"\n'
        '[flows.f.steps.b]\nverb = "queue"\nqueue = "sales"\nposition_every_s = 7\n'
    )["f"].steps
    assert [getattr(step, "position_every_s", None) for step in steps.values()] == [QUEUES["sales"], 7.0]


def test_flow_of_the_sample_settings_is_without_errors() -> None:
    tables = load_settings(SAMPLE, {}).flows
    flow = check_flows(tables, queues=QUEUES, folder=SAMPLE.parent)["welcome"]
    assert {words.language for words in flow.words()} == {"zh", "en"}
