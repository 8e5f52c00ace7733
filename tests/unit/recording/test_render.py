"""What the reviewer's browser gets of a track: as long as the session, the sound where it was."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recording.render import CANNOT, PEAKS_PER_SECOND, main
from tests.support.tone import read_wav, tone_db

DURATION_MS = 6000.0


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def probe(file: Path, entries: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", str(file)]
    parsed: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return parsed


def recorded_sound(folder: Path, *codec: str) -> Path:
    """440 Hz from second 2 to 4 of six seconds."""
    file = folder / "7.mka"
    silence = "aevalsrc=if(between(t\\,2\\,4)\\,0.5*sin(2*PI*440*t)\\,0):d=6:s=48000"
    ffmpeg("-f", "lavfi", "-i", silence, *codec, file)
    return file


def rendered(source: Path) -> tuple[Path, Path]:
    media, peaks = source.with_suffix(".webm.new"), source.with_suffix(".json.new")
    assert main([str(source), str(media), str(peaks), str(DURATION_MS)]) == 0
    return media, peaks


CODECS = [
    ("-ar", "8000", "-c:a", "pcm_mulaw"),
    ("-ar", "8000", "-c:a", "pcm_alaw"),
    ("-ar", "16000", "-c:a", "pcm_s16le"),
    ("-c:a", "libopus"),
    ("-ac", "2", "-c:a", "libopus"),
]


@pytest.mark.parametrize("codec", CODECS, ids=" ".join)
def test_sound_is_opus_as_long_as_the_session_with_the_tone_in_its_seconds(
    tmp_path: Path, codec: Sequence[str]
) -> None:
    media, _ = rendered(recorded_sound(tmp_path, *codec))
    facts = probe(media, "format=duration,format_name:stream=codec_name")
    assert facts["streams"][0]["codec_name"] == "opus"
    assert float(facts["format"]["duration"]) == pytest.approx(6, abs=0.02)
    wav = tmp_path / "heard.wav"
    ffmpeg("-i", media, "-ac", "1", "-ar", "16000", wav)
    heard, rate = read_wav(wav)
    assert len(heard) / rate == pytest.approx(6, abs=0.02)
    seconds = [tone_db(heard[int(at * rate) : int((at + 0.9) * rate)], rate, 440) for at in (0.5, 2.05, 3.05, 4.2, 5)]
    assert [level > -12 for level in seconds] == [False, True, True, False, False]
    assert max(seconds[0], *seconds[3:]) < -50


@pytest.mark.parametrize("codec", CODECS, ids=" ".join)
def test_peaks_tell_where_it_was_loud(tmp_path: Path, codec: Sequence[str]) -> None:
    _, file = rendered(recorded_sound(tmp_path, *codec))
    told = json.loads(file.read_text())
    peaks = np.array(told["peaks"])
    assert told["per_second"] == PEAKS_PER_SECOND
    assert len(peaks) == pytest.approx(6 * PEAKS_PER_SECOND, abs=1)
    second = PEAKS_PER_SECOND
    assert np.all(peaks[: 2 * second - 1] < 0.02)
    assert np.all(peaks[2 * second + 1 : 4 * second - 1] > 0.3)
    assert np.all(peaks[4 * second + 2 :] < 0.02)


@pytest.mark.parametrize("seconds", [1.994, 2.0, 2.0135])
def test_sound_whose_last_frame_is_hardly_needed_makes_the_file_no_longer(tmp_path: Path, seconds: float) -> None:
    """Encoders give whole frames, and begin with a lead of their own: here the last has a ms of sound, or 13."""
    source = tmp_path / "7.mka"
    ffmpeg("-f", "lavfi", "-i", f"sine=d={seconds}:r=16000", "-c:a", "pcm_s16le", source)
    media, peaks = tmp_path / "m", tmp_path / "p"
    assert main([str(source), str(media), str(peaks), str(seconds * 1000)]) == 0
    lead = 0.0065
    assert float(probe(media, "format=duration")["format"]["duration"]) == pytest.approx(seconds + lead, abs=0.002)
    wav = tmp_path / "heard.wav"
    ffmpeg("-i", media, wav)
    heard, rate = read_wav(wav)
    assert len(heard) / rate == pytest.approx(seconds, abs=0.001)


def test_picture_is_copied_black_before_its_first_frame_and_lasts_the_session(tmp_path: Path) -> None:
    source = tmp_path / "8.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc=size=322x240:rate=25:duration=2", "-c:v", "libvpx", "-g", "25")
    ffmpeg(*picture, "-output_ts_offset", "3", source)
    media, peaks = rendered(source)
    assert not peaks.exists()
    assert float(probe(media, "format=duration")["format"]["duration"]) == pytest.approx(6, abs=0.02)
    packets = probe(media, "packet=pts_time,flags")["packets"]
    assert [float(packet["pts_time"]) for packet in packets[:3]] == [0, 3, 3.04]
    assert packets[0]["flags"].startswith("K")
    assert len(packets) == 51
    frame = tmp_path / "frame.gray"
    ffmpeg("-i", media, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", frame)
    assert max(frame.read_bytes()) < 20


def test_index_stands_before_the_media_so_that_seeking_is_one_request(tmp_path: Path) -> None:
    media, _ = rendered(recorded_sound(tmp_path, "-ar", "8000", "-c:a", "pcm_mulaw"))
    content = media.read_bytes()
    assert 0 < content.find(b"\x1c\x53\xbb\x6b") < content.find(b"\x1f\x43\xb6\x75"), (
        "Cues come before the first Cluster"
    )


def test_track_without_a_picture_is_refused_with_the_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "8.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1", "-c:v", "libvpx", "-frames:v", "0", source)
    empty_cluster = b"\x1f\x43\xb6\x75\x83\xe7\x81\x00"
    source.write_bytes(source.read_bytes() + empty_cluster)
    assert main([str(source), str(tmp_path / "m"), str(tmp_path / "p"), "1000"]) == CANNOT
    assert "no picture" in capfd.readouterr().err


def test_file_that_is_no_media_is_refused_with_the_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "9.mka"
    source.write_bytes(b"\0" * 1000)
    assert main([str(source), str(tmp_path / "m"), str(tmp_path / "p"), "1000"]) == CANNOT
    assert "Invalid data" in capfd.readouterr().err
