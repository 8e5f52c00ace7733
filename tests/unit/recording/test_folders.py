"""Folders are found by the day they began on, and marked until they are complete."""

from pathlib import Path

from mediaswitch.ids import SessionId, TenantId
from recording.folders import Folders
from tests.unit.recording.made import SESSION, START, TENANT


def test_folder_lies_by_tenant_and_utc_day(tmp_path: Path) -> None:
    folder = Folders(tmp_path).folder_for(SESSION, TENANT, at=START)
    assert folder == tmp_path / "default" / "2025" / "10" / "09" / SESSION
    assert folder.is_dir()


def test_recording_switched_off_makes_no_folder(tmp_path: Path) -> None:
    assert Folders(tmp_path, enabled=False).folder_for(SESSION, TENANT, at=START) is None
    assert not list(tmp_path.iterdir())


def test_folder_is_incomplete_until_it_is_said_to_be_complete(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    first = folders.folder_for(SESSION, TENANT, at=START)
    second = folders.folder_for(SessionId("s-2"), TenantId("other"), at=START)
    assert Folders(tmp_path).incomplete() == {SESSION: first, "s-2": second}
    folders.complete(SESSION)
    folders.complete(SESSION)
    assert folders.incomplete() == {"s-2": second}


def test_root_that_does_not_exist_has_nothing_incomplete(tmp_path: Path) -> None:
    assert Folders(tmp_path / "new").incomplete() == {}
