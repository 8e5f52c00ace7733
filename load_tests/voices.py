"""A person's voice in packets of 20 ms, encoded by FFmpeg, for the generator to send."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from tests.support.speech import speech
from tests.support.tone import read_wav

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Codec:
    """How a codec is on the wire, and what FFmpeg calls it."""

    payload_type: int
    rtpmap: str
    encoder: str
    sample_rate: int

    @property
    def clock_rate(self) -> int:
        """Of RTP timestamps, in Hz."""
        return int(self.rtpmap.split("/")[1])


PCMU = Codec(0, "PCMU/8000", "pcm_mulaw", 8_000)
G722 = Codec(9, "G722/8000", "g722", 16_000)
OPUS = Codec(96, "opus/48000/2", "libopus", 48_000)


def voice(folder: Path, codec: Codec) -> str:
    """Write eight seconds of speech and return the words that name it to the generator."""
    samples, _ = read_wav(speech(folder / f"{codec.encoder}.wav", rate=codec.sample_rate))
    target = folder / f"{codec.encoder}.voice"
    with target.open("wb") as file:
        for payload in packets(codec, (np.clip(samples, -1, 1) * 32_767).astype(np.int16)):
            file.write(len(payload).to_bytes(2, "big") + payload)
    return f"{codec.payload_type}:{codec.clock_rate}:{target}"


def packets(codec: Codec, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> list[bytes]:
    """Encode 16-bit mono samples; what is less than a frame at the end is dropped."""
    context = av.CodecContext.create(codec.encoder, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = codec.sample_rate, "mono", "s16"
    if codec is OPUS:
        context.bit_rate = 32_000  # as browsers send a voice
        context.options = {"application": "voip", "frame_duration": str(FRAME_MS)}
    size = codec.sample_rate * FRAME_MS // 1_000
    payloads = []
    for start in range(0, len(samples) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(samples[start : start + size].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = codec.sample_rate, start
        payloads += [bytes(packet) for packet in context.encode(frame)]
    return payloads
