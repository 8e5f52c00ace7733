"""A journal tells again what it was told, whatever a crash does to its end."""

from pathlib import Path

import pytest

from recording import journal
from tests.unit.recording.made import VOICE, beginning, ending, entries, segment

TIMELINE = entries(*beginning("x"), *ending(1000, segment(VOICE, "7.mka", end_ms=1000)))


def test_entries_appended_one_by_one_come_back_as_they_were(tmp_path: Path) -> None:
    for entry in TIMELINE:
        journal.append(tmp_path, [entry])
    assert journal.read(tmp_path) == TIMELINE


def test_journal_torn_at_any_byte_gives_the_entries_before(tmp_path: Path) -> None:
    journal.append(tmp_path, TIMELINE)
    file = tmp_path / journal.FILE
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        whole = content[:length].count(b"\n")
        assert journal.read(tmp_path) in (TIMELINE[:whole], TIMELINE[: whole + 1])


def test_folder_without_journal_has_no_entries(tmp_path: Path) -> None:
    assert journal.read(tmp_path) == []


def test_folder_that_is_gone_cannot_be_appended_to(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        journal.append(tmp_path / "gone", TIMELINE)
