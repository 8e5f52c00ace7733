"""Prompts are made once, kept under what they are made of, and sound alike whoever speaks."""

import asyncio
import os
import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from ivr import audio
from ivr.actions import Sound, Words
from ivr.audio import RATE_HZ, Samples
from ivr.engines import make_engine
from ivr.errors import IvrError, SpeechFailed
from ivr.espeak import Espeak
from ivr.music import compose, hold_music
from ivr.prompts import PromptLibrary

HELLO = Words("hello", "en")


class Whistler:
    """Whistles for two seconds instead of speaking, quietly, with silence around it."""

    def __init__(self, *, tune: str = "1") -> None:
        self.tune = tune
        self.spoken: list[Words] = []
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    def fingerprint(self, language: str) -> str:
        return f"whistle {self.tune} {language}"

    async def speak(self, words: Words, to: Path) -> None:
        self.spoken.append(words)
        await self.may_finish.wait()
        if words.text == "cough":
            raise SpeechFailed("it coughed")
        audio.write(np.concatenate([silence(1), whistle(2) * 0.01, silence(1)]), to)


def whistle(seconds: float) -> Samples:
    return np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), dtype=np.float32)


def level_dbfs(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


async def test_prompt_is_what_the_player_takes_trimmed_and_at_the_common_level(tmp_path: Path) -> None:
    path = await PromptLibrary(tmp_path, Whistler()).fetch(HELLO)
    with wave.open(str(path)) as made:
        assert (made.getframerate(), made.getnchannels(), made.getsampwidth()) == (16_000, 1, 2)
        assert made.getnframes() / RATE_HZ == pytest.approx(2.1, abs=0.02)
    assert level_dbfs(audio.decode(path)) == pytest.approx(audio.SPEECH_LEVEL_DBFS, abs=0.1)


async def test_prompt_asked_for_by_many_at_once_is_made_once(tmp_path: Path) -> None:
    whistler = Whistler()
    library = PromptLibrary(tmp_path, whistler)
    assert library.ready(HELLO) is None
    paths = await asyncio.gather(*(library.fetch(HELLO) for _ in range(20)))
    assert whistler.spoken == [HELLO]
    assert {library.ready(HELLO)} == set(paths)


async def test_caller_who_gives_up_waiting_does_not_cost_others_the_prompt(tmp_path: Path) -> None:
    whistler = Whistler()
    whistler.may_finish.clear()
    library = PromptLibrary(tmp_path, whistler)
    leaver = asyncio.create_task(library.fetch(HELLO))
    stayer = asyncio.create_task(library.fetch(HELLO))
    await asyncio.sleep(0)
    leaver.cancel()
    whistler.may_finish.set()
    assert (await stayer).exists()
    assert whistler.spoken == [HELLO]


async def test_prompt_is_kept_over_a_restart_and_made_anew_for_another_voice(tmp_path: Path) -> None:
    first = await PromptLibrary(tmp_path, Whistler()).fetch(HELLO)
    same = Whistler()
    assert await PromptLibrary(tmp_path, same).fetch(HELLO) == first
    assert same.spoken == []
    assert await PromptLibrary(tmp_path, Whistler(tune="2")).fetch(HELLO) != first


async def test_failure_is_told_to_who_asks_and_tried_again_next_time(tmp_path: Path) -> None:
    whistler = Whistler()
    library = PromptLibrary(tmp_path, whistler)
    for _ in range(2):
        with pytest.raises(SpeechFailed, match="it coughed"):
            await library.fetch(Words("cough", "en"))
    assert len(whistler.spoken) == 2


async def test_failure_while_warming_up_is_logged_and_the_others_are_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = PromptLibrary(tmp_path, Whistler())
    await library.warm([Words("cough", "en"), HELLO])
    assert "it coughed" in caplog.text
    assert library.ready(HELLO) is not None


def test_a_file_too_long_too_large_or_without_sound_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.wav"
    audio.write(whistle(3), path)
    monkeypatch.setattr(audio, "MAX_S", 2)
    with pytest.raises(SpeechFailed, match=r"long\.wav: longer than 2 s"):
        audio.decode(path)
    monkeypatch.setattr(audio, "MAX_BYTES", 1_000)
    with pytest.raises(SpeechFailed, match=r"long\.wav: larger than"):
        audio.decode(path)
    text = tmp_path / "words.txt"
    text.write_text("hello")
    for bad in (text, tmp_path / "nowhere.mp3"):
        with pytest.raises(SpeechFailed, match=bad.name):
            audio.decode(bad)


async def test_sound_file_of_another_format_is_converted_and_keeps_its_level(tmp_path: Path) -> None:
    wav, flac = tmp_path / "in.wav", tmp_path / "in.flac"
    audio.write(whistle(1) * 0.5, wav)
    both_sides = ("-ar", "44100", "-af", "pan=stereo|c0=c0|c1=c0")
    ffmpeg = await asyncio.create_subprocess_exec(
        "ffmpeg", "-loglevel", "error", "-i", str(wav), *both_sides, str(flac)
    )
    assert await ffmpeg.wait() == 0
    made = audio.decode(await PromptLibrary(tmp_path / "prompts", Whistler()).fetch(Sound(flac)))
    assert made.size / RATE_HZ == pytest.approx(1.0, abs=0.01)
    assert level_dbfs(made) == pytest.approx(level_dbfs(whistle(1) * 0.5), abs=0.3)


@pytest.mark.parametrize("content", [None, b"", b"not a sound at all" * 100])
async def test_file_that_is_no_sound_is_refused_in_words(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpeechFailed, match=r"broken\.wav"):
        await PromptLibrary(tmp_path / "prompts", Whistler()).fetch(Sound(path))


@pytest.mark.parametrize(("language", "text"), [("zh", "您好，销售请按一。"), ("en", "Welcome. For sales, press one.")])
async def test_espeak_speaks_chinese_and_english(tmp_path: Path, language: str, text: str) -> None:
    engine = make_engine("espeak", voices={"zh": "cmn", "en": "en-us"}, speed_wpm=165, folder=tmp_path)
    spoken = audio.decode(await PromptLibrary(tmp_path, engine).fetch(Words(text, language)))
    assert 1.0 < spoken.size / RATE_HZ < 6.0
    assert level_dbfs(spoken) > audio.SPEECH_LEVEL_DBFS - 4


@pytest.mark.parametrize(("voice", "language"), [("xx-none", "en"), ("en-us", "zh")])
async def test_espeak_without_the_voice_fails_in_words(tmp_path: Path, voice: str, language: str) -> None:
    engine = Espeak(voices={"en": voice}, speed_wpm=165)
    with pytest.raises(SpeechFailed):
        await PromptLibrary(tmp_path, engine).fetch(Words("hello", language))


def test_piper_is_refused_where_it_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(IvrError, match="piper is not installed"):
        make_engine("piper", voices={"en": "voice.onnx"}, speed_wpm=165, folder=tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/piper")
    with pytest.raises(IvrError, match="no Piper voice"):
        make_engine("piper", voices={"en": "voice.onnx"}, speed_wpm=165, folder=tmp_path)


async def test_piper_speaks_the_language_it_has_a_voice_for_and_espeak_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program of Piper's name and arguments stands in for it: its voices are too large to install for a test."""
    (tmp_path / "piper").write_text('#!/bin/sh\ncat > spoken.txt; echo $2 > model.txt; espeak-ng -w "$6" hello\n')
    (tmp_path / "piper").chmod(0o755)
    (tmp_path / "joe.onnx").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    engine = make_engine("piper", voices={"en": "joe.onnx", "zh": "cmn"}, speed_wpm=165, folder=tmp_path)
    library = PromptLibrary(tmp_path / "prompts", engine)
    await library.fetch(Words("您好", "zh"))
    assert not (tmp_path / "spoken.txt").exists()
    await library.fetch(HELLO)
    assert (tmp_path / "spoken.txt").read_text() == "hello"
    assert (tmp_path / "model.txt").read_text().strip() == str(tmp_path / "joe.onnx")


def test_hold_music_is_below_speech_never_clips_and_loops_without_a_seam(tmp_path: Path) -> None:
    music = audio.decode(hold_music(tmp_path))
    assert music.size == 32 * RATE_HZ
    assert level_dbfs(music) == pytest.approx(-26.0, abs=0.1)
    assert float(np.max(np.abs(music))) < 0.5
    steps = np.abs(np.diff(np.concatenate([music[-100:], music[:100]])))
    assert float(np.max(steps)) <= float(np.max(np.abs(np.diff(music))))
    assert np.array_equal(compose(), compose())


@pytest.mark.parametrize(
    ("container", "codec", "rate_hz", "kept_hz"),
    [
        ("wav", "pcm_s16le", 8_000, 16_000),
        ("mp3", "libmp3lame", 44_100, 48_000),
        ("opus", "libopus", 48_000, 48_000),
        ("flac", "flac", 44_100, 48_000),
        ("m4a", "aac", 44_100, 48_000),
        ("flac", "flac", 16_000, 16_000),
    ],
)
async def test_sound_of_any_format_keeps_its_pitch_and_the_band_it_has(
    tmp_path: Path, container: str, codec: str, rate_hz: int, kept_hz: int
) -> None:
    path = tmp_path / f"tune.{container}"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        tone = (np.sin(2 * np.pi * 1_000 * np.arange(2 * rate_hz) / rate_hz) * 8_000).astype("<i2")
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        out.mux([packet for part in (frame, None) for packet in stream.encode(part)])
    made = await PromptLibrary(tmp_path / "prompts", Whistler()).fetch(Sound(path))
    with wave.open(str(made)) as file:
        assert file.getframerate() == kept_hz
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert samples.size / kept_hz == pytest.approx(2.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples[kept_hz // 2 : kept_hz * 3 // 2]))
    assert abs(int(np.argmax(spectrum)) - 1_000) <= 1


async def test_sound_that_is_none_is_named_with_the_reason(tmp_path: Path) -> None:
    noise = tmp_path / "noise.mp3"
    noise.write_bytes(b"\0" * 4_000)
    with pytest.raises(SpeechFailed, match=r"noise\.mp3: "):
        await PromptLibrary(tmp_path / "prompts", Whistler()).fetch(Sound(noise))
