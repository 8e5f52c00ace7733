"""The manifest says of each track whose it is, what file holds it and how it can be checked."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from recording import closing, manifest
from tests.unit.recording.made import (
    CAMERA,
    PLAYER,
    SESSION,
    START,
    VOICE,
    Mender,
    beginning,
    ending,
    entries,
    ns,
    segment,
)

SEGMENTS = (
    segment(VOICE, "7.mka", end_ms=2500),
    segment(CAMERA, "8.mkv", end_ms=2500),
    segment(PLAYER, "5.mka", end_ms=2500, participant=None),
)


def close(folder: Path, *, files: tuple[str, ...]) -> dict[str, Any]:
    for file in files:
        (folder / file).write_bytes(file.encode())
    closing.close(folder, entries(*beginning("x"), *ending(2500, *SEGMENTS)), Mender(holds_until_ms=2000))
    written = manifest.read(folder)
    assert written is not None
    return written


def test_manifest_lists_every_track_with_its_owner_and_digest(tmp_path: Path) -> None:
    written = close(tmp_path, files=("5.mka", "7.mka", "8.mkv"))
    assert written["session"] == SESSION
    assert written["started_at"] == "2025-10-09T08:53:20.123Z"
    assert (written["start_ns"], written["end_ns"]) == (START, ns(2500))
    player, voice, camera = written["tracks"]
    assert (player["id"], player["kind"], player["participant"]) == ("5", "ivr", None)
    assert (voice["kind"], voice["participant"]["name"], voice["codec"]) == ("audio", "王小明", "PCMU")
    assert (camera["kind"], camera["width"], camera["height"]) == ("camera", 640, 480)
    assert voice["sha256"] == hashlib.sha256(b"7.mka").hexdigest()
    assert (voice["bytes"], voice["lost"], voice["repaired"]) == (5, 2, False)
    assert [event["type"] for event in written["events"]][-1] == "recording_closed"


def test_track_whose_writer_failed_is_completed_and_listed_as_repaired(tmp_path: Path) -> None:
    written = close(tmp_path, files=("5.mka", "7.mka", "8.mkv", "10.mka"))
    repaired = written["tracks"][-1]
    assert (repaired["id"], repaired["repaired"], repaired["lost"]) == ("10", True, None)
    assert repaired["end_ns"] == ns(2500)


def test_second_file_of_a_track_whose_codec_changed_is_listed_on_its_own(tmp_path: Path) -> None:
    written = close(tmp_path, files=("5.mka", "7.mka", "8.mkv", "7-2.mka"))
    assert [track["id"] for track in written["tracks"]] == ["5", "7", "7-2", "8"]
    assert written["tracks"][2]["participant"] == written["tracks"][1]["participant"]


@pytest.mark.parametrize("name", ["notes.mka", "7.mka.new", "7-.mka", "-7.mka", "7.webm", "٧.mka"])
def test_file_that_the_core_did_not_write_is_left_alone(tmp_path: Path, name: str) -> None:
    written = close(tmp_path, files=("5.mka", "7.mka", "8.mkv", name))
    assert [track["file"] for track in written["tracks"]] == ["5.mka", "7.mka", "8.mkv"]


def test_session_that_has_not_ended_gets_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not ended"):
        closing.close(tmp_path, entries(*beginning("x")), Mender(holds_until_ms=0))
    assert manifest.read(tmp_path) is None


def test_file_that_is_gone_leaves_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        close(tmp_path, files=("5.mka", "7.mka"))
    assert manifest.read(tmp_path) is None
