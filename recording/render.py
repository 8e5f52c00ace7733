"""Makes what a browser plays of one recorded track. Run as `python -m recording.render SOURCE MEDIA PEAKS DURATION_MS`.

A process of its own, at low priority: decoding what strangers sent neither delays nor endangers the server. Every
rendition is WebM with an index, begins at the session's start and lasts DURATION_MS. Sound is Opus; PEAKS, a JSON file
{"per_second": n, "peaks": [0..1, ...]}, is made of sound only. Exits 3, with the reason on stderr, if that cannot be.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

PEAKS_PER_SECOND = 25
SPEECH_BIT_RATE = 24_000
OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
CANNOT = 3
_S = TypeVar("_S", AudioStream, VideoStream)
_MS = Fraction(1, 1000)
_WEBM = {"cues_to_front": "1"}
"A browser that seeks needs no second look at the file's end."


def main(arguments: list[str]) -> int:
    source, media, peaks, duration_ms = arguments
    try:
        render(Path(source), Path(media), Path(peaks), float(duration_ms))
    except (av.FFmpegError, ValueError) as error:
        print(error, file=sys.stderr)
        return CANNOT
    return 0


def render(source: Path, media: Path, peaks: Path, duration_ms: float) -> None:
    """Make the files. Raises av.FFmpegError, ValueError for a track that holds no picture."""
    with av.open(str(source)) as recorded, av.open(str(media), "w", format="webm", options=_WEBM) as rendition:
        if recorded.streams.video:
            _copy_video(recorded, rendition, duration_ms)
        elif recorded.streams.audio[0].codec_context.name in ("opus", "libopus"):
            _copy_opus(recorded, rendition, duration_ms)
        else:
            _encode(recorded, rendition, duration_ms)
    with av.open(str(source)) as recorded:
        if recorded.streams.audio:
            _write_peaks(recorded, peaks)


def _copy_opus(recorded: InputContainer, rendition: OutputContainer, duration_ms: float) -> None:
    stream = recorded.streams.audio[0]
    copy = rendition.add_stream_from_template(stream)
    for packet in _until(duration_ms, recorded.demux(stream)):
        packet.stream = copy
        rendition.mux(packet)


def _encode(recorded: InputContainer, rendition: OutputContainer, duration_ms: float) -> None:
    stream = recorded.streams.audio[0]
    rate = min(rate for rate in OPUS_RATES if rate >= min(stream.rate, OPUS_RATES[-1]))
    encoder = rendition.add_stream("libopus", rate=rate, layout="mono", options={"application": "voip"})
    encoder.bit_rate = SPEECH_BIT_RATE
    for packet in _until(duration_ms, _encoded(encoder, _mono(recorded, stream, rate))):
        rendition.mux(packet)


def _encoded(encoder: AudioStream, frames: Iterable[AudioFrame]) -> "Iterator[Packet[AudioStream]]":
    """Packets that say when they are: the encoder begins with a lead of its own, before time 0."""
    at = 0
    for frame in frames:
        frame.pts, frame.time_base = at, Fraction(1, frame.sample_rate)
        at += frame.samples
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def _mono(recorded: InputContainer, stream: AudioStream, rate: int) -> Iterator[AudioFrame]:
    resampler = AudioResampler(format="s16", layout="mono", rate=rate)
    for frame in recorded.decode(stream):
        frame.pts = None  # the file has no holes: the samples alone tell the time
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _copy_video(recorded: InputContainer, rendition: OutputContainer, duration_ms: float) -> None:
    """Frames as they were sent; black until the first, so that time 0 is the session's start."""
    stream = recorded.streams.video[0]
    copy = rendition.add_stream_from_template(stream)
    begun = False
    for packet in _until(duration_ms, recorded.demux(stream)):
        if not begun and packet.pts:
            _mux(rendition, copy, _black(stream.width, stream.height), 0)
        begun = True
        packet.stream = copy
        rendition.mux(packet)
    if not begun:
        raise ValueError("the track holds no picture")


def _mux(rendition: OutputContainer, stream: VideoStream, packet: "Packet[VideoStream]", at_ms: int) -> None:
    packet.pts = packet.dts = at_ms
    packet.time_base = _MS
    packet.stream = stream
    rendition.mux(packet)


def _black(width: int, height: int) -> "Packet[VideoStream]":
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", _MS
    frame = VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
    frame.pts = 0
    return [*encoder.encode(frame), *encoder.encode(None)][0]


def _until(duration_ms: float, packets: "Iterable[Packet[_S]]") -> "Iterator[Packet[_S]]":
    """The packets that hold something; the last is told to last until the end, which makes the file as long."""
    held = None
    for packet in packets:
        if packet.pts is None or packet.size == 0:
            continue
        if held is not None:
            yield held
        held = packet
    if held is not None and held.pts is not None and held.time_base is not None:
        end = round(Fraction(duration_ms) / 1000 / held.time_base)
        held.duration = max(end - held.pts, 1)
        yield held


def _write_peaks(recorded: InputContainer, file: Path) -> None:
    stream = recorded.streams.audio[0]
    window = max(1, stream.rate // PEAKS_PER_SECOND)
    peaks = [round(float(peak), 3) for peak in _peaks(_mono(recorded, stream, stream.rate), window)]
    file.write_text(json.dumps({"per_second": PEAKS_PER_SECOND, "peaks": peaks}, separators=(",", ":")))


def _peaks(frames: Iterable[AudioFrame], window: int) -> Iterator[np.float64]:
    """The loudest sample of each `window` samples, 1 being full scale."""
    rest: NDArray[np.int16] = np.empty(0, np.int16)
    for frame in frames:
        samples = np.concatenate([rest, frame.to_ndarray().ravel()])
        whole = len(samples) // window * window
        yield from np.abs(samples[:whole].reshape(-1, window).astype(np.int32)).max(axis=1) / 32768
        rest = samples[whole:]
    if len(rest):
        yield np.abs(rest.astype(np.int32)).max() / 32768


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main(sys.argv[1:]))
