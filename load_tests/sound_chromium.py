"""Chromium as a listener: traces of packets are sent to it as WebRTC in real time, and what it plays is recorded.

One page holds a peer connection for each trace; aiortc answers them, and the packets go out through its SRTP untouched,
lost and reordered as in the trace. An audio worklet takes the samples as they leave each connection's receiver.
"""

import asyncio
import base64
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioice.ice
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from playwright.async_api import Browser, Page

from tests.support.chromium import chromium
from tests.support.tone import Samples

RATE = 48000
TAIL_S = 1.0
LEAD_S = 1.0
"From the first moment of recording to the first packet."

RECORDER = """
registerProcessor('recorder', class extends AudioWorkletProcessor {
  process(inputs) {
    const block = new Int16Array(inputs.length * 128);
    inputs.forEach((input, i) => (input[0] ?? []).forEach((v, j) => {
      block[i * 128 + j] = Math.max(-1, Math.min(1, v)) * 32767; }));
    this.port.postMessage(block, [block.buffer]);
    return true;
  }
});
"""

LISTEN = """async ([count, codec, recorder]) => {
  window.peers = [];
  window.blocks = [];
  window.audio = new AudioContext({sampleRate: 48000});
  const url = URL.createObjectURL(new Blob([recorder], {type: 'text/javascript'}));
  await window.audio.audioWorklet.addModule(url);
  const node = new AudioWorkletNode(window.audio, 'recorder', {numberOfInputs: count});
  node.port.onmessage = (e) => window.blocks.push(e.data);
  node.connect(window.audio.destination);
  const offers = [];
  for (let i = 0; i < count; i++) {
    const peer = new RTCPeerConnection();
    window.peers.push(peer);
    const transceiver = peer.addTransceiver('audio', {direction: 'recvonly'});
    const wanted = ({mimeType}) => mimeType.toLowerCase() === 'audio/' + codec[i].toLowerCase();
    transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities('audio').codecs.filter(wanted));
    peer.ontrack = ({track}) => {
      const stream = new MediaStream([track]), element = new Audio();
      element.srcObject = stream; element.muted = true; element.play();
      window.audio.createMediaStreamSource(stream).connect(node, 0, i);
    };
    await peer.setLocalDescription();
    if (peer.iceGatheringState !== 'complete') await new Promise((done) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done(); });
    offers.push(peer.localDescription.sdp);
  }
  return offers;
}"""

TAKE_ANSWERS = """async (answers) => {
  await Promise.all(answers.map((sdp, i) => window.peers[i].setRemoteDescription({type: 'answer', sdp})));
  const connected = (peer) => new Promise((done) => {
    const look = () => peer.connectionState === 'connected' ? done() : setTimeout(look, 20); look(); });
  await Promise.all(window.peers.map(connected));
}"""

FIGURES = """async () => Promise.all(window.peers.map(async (peer) => {
  const report = await peer.getReceivers()[0].getStats();
  return [...report.values()].find((s) => s.type === 'inbound-rtp');
}))"""

RECORDED = """async (i) => {
  const all = new Int16Array(window.blocks.length * 128);
  window.blocks.forEach((block, n) => all.set(block.subarray(i * 128, (i + 1) * 128), n * 128));
  const bytes = new Uint8Array(all.buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What one connection played, and Chromium's figures of it; `late_ms` is how late our sender was at worst."""

    samples: Samples
    rate: int
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet on its way to one of the connections, `at_s` after the start."""

    at_s: float
    peer: int
    sequence: int
    timestamp: int
    payload: bytes


def read_trace(path: Path, peer: int) -> tuple[str, list[Arrival]]:
    """Return the codec and the packets of a trace (crates/engine/examples/sound.rs tells the format)."""
    codec, _, rest = path.read_bytes().partition(b"\n")
    arrivals, at = [], 0
    while at < len(rest):
        arrival_ns, sequence, timestamp, length = struct.unpack_from("<QHIH", rest, at)
        payload = rest[at + 16 : at + 16 + length]
        arrivals.append(Arrival(arrival_ns / 1e9, peer, sequence, timestamp, payload))
        at += 16 + length
    return codec.decode(), arrivals


async def hear_in_chromium(traces: list[Path]) -> list[Hearing]:
    """Return what Chromium played of each trace; all are sent at the same time."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    read = [read_trace(path, peer) for peer, path in enumerate(traces)]
    codecs = [codec for codec, _ in read]
    arrivals = sorted((a for _, some in read for a in some), key=lambda a: a.at_s)
    async with chromium() as browser:
        page = await secure_page(browser)
        offers = await page.evaluate(LISTEN, [len(traces), codecs, RECORDER])
        senders = [await Sender.answer(offer) for offer in offers]
        await page.evaluate(TAKE_ANSWERS, [sender.sdp for sender in senders])
        await asyncio.sleep(LEAD_S)
        late_ms = await send_all(senders, arrivals)
        figures = await page.evaluate(FIGURES)
        await asyncio.sleep(TAIL_S)
        await page.evaluate("window.audio.suspend()")
        heard = [await page.evaluate(RECORDED, peer) for peer in range(len(traces))]
        await asyncio.gather(*(sender.peer.close() for sender in senders))
    return [
        Hearing(pcm(text), RATE, tell(told) | {"late_ms": late_ms}) for text, told in zip(heard, figures, strict=True)
    ]


async def secure_page(browser: Browser) -> Page:
    """Open an empty page of a secure origin: audio worklets exist nowhere else."""
    page = await browser.new_page()
    await page.route("http://localhost/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    await page.goto("http://localhost/")
    return page


@dataclass(slots=True)
class Sender:
    """The answering end of one connection."""

    peer: RTCPeerConnection
    rtp: RTCRtpSender
    sdp: str
    payload_type: int
    ssrc: int

    @classmethod
    async def answer(cls, offer: str) -> "Sender":
        """Answer a connection that wants to hear; aiortc itself sends no media, for it is given no track."""
        peer = RTCPeerConnection()
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        peer.getTransceivers()[0].direction = "sendonly"
        await peer.setLocalDescription(await peer.createAnswer())
        sdp = peer.localDescription.sdp
        media = next(line for line in sdp.splitlines() if line.startswith("m=audio"))
        rtp = peer.getSenders()[0]
        return cls(peer, rtp, sdp, int(media.split()[3]), rtp._ssrc)

    async def send(self, arrival: Arrival) -> None:
        """Send a packet as it is in the trace."""
        header = struct.pack("!BBHII", 0x80, self.payload_type, arrival.sequence, arrival.timestamp, self.ssrc)
        await self.rtp.transport._send_rtp(header + arrival.payload)


async def send_all(senders: list[Sender], arrivals: list[Arrival]) -> float:
    """Send each packet when it is due; returns in milliseconds how late 99 % of them were at most."""
    began = time.monotonic()
    late = []
    for arrival in arrivals:
        wait = began + arrival.at_s - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await senders[arrival.peer].send(arrival)
        late.append(time.monotonic() - began - arrival.at_s)
    return float(np.percentile(late, 99)) * 1000


def pcm(text: str) -> Samples:
    """Return the samples of base64 of 16-bit PCM."""
    return np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64) / 32768


def tell(inbound: dict[str, Any]) -> dict[str, Any]:
    """Return the figures we compare, out of the page's inbound-rtp statistics."""
    return {
        "delay_ms": 1000 * inbound["jitterBufferDelay"] / max(1, inbound["jitterBufferEmittedCount"]),
        "target_ms": 1000 * inbound["jitterBufferTargetDelay"] / max(1, inbound["jitterBufferEmittedCount"]),
        "concealed": inbound["concealedSamples"] / max(1, inbound["totalSamplesReceived"]),
        "inserted": inbound["insertedSamplesForDeceleration"] / max(1, inbound["totalSamplesReceived"]),
        "removed": inbound["removedSamplesForAcceleration"] / max(1, inbound["totalSamplesReceived"]),
        "packets": inbound["packetsReceived"],
        "discarded": inbound.get("packetsDiscarded", 0),
    }
