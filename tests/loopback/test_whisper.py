"""Who hears whom, by ear: random operations on a whole session (`make proof` plays 10,000; here is a part of it)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mediaswitch import hearing
from mediaswitch.session import Participant, Session
from mediaswitch.timeline import MonitorMode, Role
from tests.support import virtual_core, whisper_proof
from tests.support.virtual_core import Script

pytestmark = pytest.mark.loopback

Rule = Callable[[Session, Participant, Participant], bool]


@pytest.fixture(scope="module")
def program() -> Path:
    return virtual_core.build()


def faults(program: Path, operations: int, *, without: str = "no such line") -> list[str]:
    """What is wrong in sequences of so many operations; lines that begin with a word may be kept from the core."""
    done = list(whisper_proof.sequences(1, operations))
    lines = [line for each in done for line in each.script.lines if not line.startswith(without)]
    return list(whisper_proof.faults(done, virtual_core.play(program, lines)))


def test_each_party_tap_and_recording_holds_exactly_the_tones_it_may_hear(program: Path) -> None:
    found = faults(program, 500)
    assert not found, found[0]


# --- and the proof can fail -----------------------------------------------------------------------------------


def test_whisper_that_reached_the_customer_would_be_heard(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule: Rule = hearing.may_hear

    def leaky(session: Session, listener: Participant, talker: Participant) -> bool:
        leak = talker.mode is MonitorMode.WHISPER and listener.role is Role.CUSTOMER and session.in_conversation
        return leak or rule(session, listener, talker)

    monkeypatch.setattr(hearing, "may_hear", leaky)
    assert any("THE CUSTOMER'S SIDE HEARS THE WHISPER" in fault for fault in faults(program, 60))


def test_recording_of_a_listening_supervisor_would_be_heard(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "is_recorded", lambda participant: True)
    assert any("r" in fault and "not nobody" in fault for fault in faults(program, 60))


def test_colleague_who_consults_within_the_customers_hearing_would_be_heard(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_apart", lambda session, party: False)
    assert faults(program, 100)


@pytest.mark.parametrize("forgotten", ["disconnect", "connect", "play", "stop", "close"])
def test_core_that_forgot_what_it_is_asked_would_be_heard(program: Path, forgotten: str) -> None:
    assert faults(program, 100, without=forgotten)


def test_one_tone_too_many_or_too_few_is_a_fault_at_each_ear() -> None:
    check = whisper_proof.Check(["call"], {}, {"p1": {whisper_proof.ANN}}, {"p1"}, {"p1"})
    ann, sue = float(whisper_proof.TONES[whisper_proof.ANN]), float(whisper_proof.TONES[whisper_proof.SUE])
    assert not list(check.faults({"p1": ({ann: -20.0}, {ann: -20.0})}))
    assert "hears nobody" in next(check.faults({}))
    assert "unclear: ann" in next(check.faults({"p1": ({}, {ann: -40.0})}))
    assert "unclear: sue" in next(check.faults({"p1": ({}, {ann: -20.0, sue: -40.0})}))
    passing = list(check.faults({"p1": ({ann: -20.0, sue: -44.0}, {ann: -20.0})}))
    assert ["for a moment" in passing[0], "WHISPER" in passing[1]] == [True, True]
    assert "not nobody" in next(check.faults({"p1": ({}, {ann: -20.0}), "p9": ({}, {ann: -20.0})}))


def test_script_is_played_by_the_real_worker_and_nonsense_is_refused(program: Path) -> None:
    script = Script(whisper_proof.TONES, {"ann": "PCMU"})
    script.lines += ["player 1 2 2050", "rtp 3 4 PCMU 600", "connect 2 3", "play 1"]
    script.measure(200, 200)
    (heard,) = virtual_core.play(program, script.lines)
    assert heard["p3"][1][2050.0] > whisper_proof.HEARD_DB
    with pytest.raises(Exception, match="non-zero"):
        virtual_core.play(program, ["sing"])
