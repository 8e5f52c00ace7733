"""Debian's Chromium by Playwright, with sound and picture from files, and proof of what it hears and sees."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from tests.support.tone import Samples

EXECUTABLE = "/usr/bin/chromium"
"Never a downloaded browser."

FLAGS = (
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Media elements of the page, also those inside shadow roots, whose stream has a live track of the kind.
FIND = """
const elements = (root) => [...root.querySelectorAll('*')].flatMap(
  (e) => [e, ...(e.shadowRoot ? elements(e.shadowRoot) : [])]);
const playing = (kind, nth = 0) => elements(document).filter((e) => e instanceof HTMLMediaElement && !e.muted
  && e.srcObject?.getTracks().some((t) => t.kind === kind && t.readyState === 'live'))[nth];
"""

# Pages keep their peer connections to themselves; the tests want to ask them for statistics.
REMEMBER_CONNECTIONS = """
window.connectionsForTests = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connectionsForTests.push(this); }
};
"""

POSITION = """async () => {
  const connection = window.connectionsForTests.findLast((c) => c.connectionState === 'connected');
  const receiver = connection.getReceivers().find((r) => r.track.kind === 'audio');
  const [source] = receiver.getSynchronizationSources();
  const report = await receiver.getStats();
  const inbound = [...report.values()].find((s) => s.type === 'inbound-rtp');
  const codec = report.get(inbound.codecId);
  return {ssrc: inbound.ssrc, received: inbound.packetsReceived, lost: inbound.packetsLost, codec: codec.mimeType,
    clock_rate: codec.clockRate, timestamp: source.rtpTimestamp, at_ms: source.timestamp};
}"""

LOUDEST = (
    "async () => {"
    + FIND
    + """
  const element = playing('audio');
  if (!element) return [0, -120];
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192; analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(element.srcObject).connect(analyser);
  await new Promise((r) => setTimeout(r, 400));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const top = bins.indexOf(Math.max(...bins)), hz = top * context.sampleRate / analyser.fftSize;
  await context.close();
  return [hz, bins[top]];
}"""
)

# Samples as they leave the decoder: a script processor is old but needs no module of its own under a strict CSP.
RECORD = (
    "async (seconds) => {"
    + FIND
    + """
  const element = playing('audio');
  if (!element) return '';
  const context = new AudioContext({sampleRate: 48000}), tap = context.createScriptProcessor(4096, 1, 1), parts = [];
  tap.onaudioprocess = (e) => parts.push(e.inputBuffer.getChannelData(0).slice());
  context.createMediaStreamSource(element.srcObject).connect(tap);
  tap.connect(context.destination);
  await new Promise((r) => setTimeout(r, seconds * 1000));
  await context.close();
  const all = new Int16Array(parts.length * 4096);
  parts.forEach((p, i) => p.forEach((v, j) => { all[i * 4096 + j] = Math.max(-1, Math.min(1, v)) * 32767; }));
  const bytes = new Uint8Array(all.buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}"""
)

# Runs from before the click that it measures from; 2048 samples tell tones 50 Hz apart within 43 ms.
HEARD_AFTER_CLICK = (
    "async (hz) => {"
    + FIND
    + """
  let clicked = 0;
  document.addEventListener('click', () => { clicked = performance.now(); }, {capture: true});
  const pause = () => new Promise((r) => setTimeout(r, 10));
  while (!clicked || !playing('audio')) await pause();
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 2048; analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(playing('audio').srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount), width = context.sampleRate / analyser.fftSize;
  for (;;) {
    analyser.getFloatFrequencyData(bins);
    const top = bins.indexOf(Math.max(...bins));
    if (bins[top] > -50 && Math.abs(top * width - hz) < 2 * width) break;
    await pause();
  }
  const after = performance.now() - clicked;
  await context.close();
  return after / 1000;
}"""
)

MOVED = (
    "async ([selector, nth]) => {"
    + FIND
    + """
  const videos = selector ? elements(document).filter((e) => e instanceof HTMLVideoElement && e.matches(selector))
    : elements(document).filter((e) => e instanceof HTMLVideoElement && e.videoWidth > 0);
  const video = videos[nth];
  if (!video || !video.videoWidth) return 0;
  const canvas = document.createElement('canvas'); canvas.width = 160; canvas.height = 120;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const grab = () => (pen.drawImage(video, 0, 0, 160, 120), pen.getImageData(0, 0, 160, 120).data);
  const before = grab();
  await new Promise((r) => setTimeout(r, 400));
  const after = grab();
  let sum = 0;
  for (let i = 0; i < after.length; i += 4) sum += Math.abs(after[i] - before[i]);
  return sum / (after.length / 4);
}"""
)


@asynccontextmanager
async def chromium(*, audio: Path | None = None, video: Path | None = None) -> AsyncIterator[Browser]:
    """Run one browser; its microphone loops the WAV and its camera the Y4M or MJPEG, else Chromium's own signals.

    One file a process: start another browser for another voice.
    """
    flags = list(FLAGS)
    if audio is not None:
        flags.append(f"--use-file-for-fake-audio-capture={audio.resolve()}")
    if video is not None:
        flags.append(f"--use-file-for-fake-video-capture={video.resolve()}")
    async with async_playwright() as playwright:
        browser = await _launch(playwright, flags)
        try:
            yield browser
        finally:
            await browser.close()


async def _launch(playwright: Playwright, flags: list[str]) -> Browser:
    return await playwright.chromium.launch(executable_path=EXECUTABLE, headless=True, args=flags)


async def open_context(browser: Browser, *, language: str = "en-US") -> BrowserContext:
    """Open a context (cookies and storage of its own) that takes our self-signed certificate and gives microphone."""
    context = await browser.new_context(
        ignore_https_errors=True,
        permissions=["microphone", "camera"],
        locale=language,
        viewport={"width": 1440, "height": 900},
    )
    await context.add_init_script(REMEMBER_CONNECTIONS)
    return context


@dataclass(frozen=True, slots=True)
class Position:
    """Where the SRTP stream that a page hears is now: the last packet played, and what came of those before it."""

    ssrc: int
    received: int
    lost: int
    codec: str
    clock_rate: int
    timestamp: int
    at_ms: float

    def leads_to(self, later: "Position", *, within_ms: float = 150) -> bool:
        """Return whether `later` continues this stream: same SSRC, no sequence number missing, and a timestamp that
        ran on with the clock. A leap in either would be a gap or a time warp to the listener."""
        ran_ms = ((later.timestamp - self.timestamp) & 0xFFFFFFFF) / self.clock_rate * 1000
        in_step = abs(ran_ms - (later.at_ms - self.at_ms)) < within_ms
        return later.ssrc == self.ssrc and later.lost == self.lost and in_step


async def position(page: Page) -> Position:
    """Return the position of the audio that the page's connection receives."""
    return Position(**await page.evaluate(POSITION))


async def loudest_hz(page: Page) -> tuple[float, float]:
    """Return frequency (±6 Hz) and level in dB of the loudest tone in the remote audio; above -50 dB it is heard."""
    hz, level = await page.evaluate(LOUDEST)
    return float(hz), float(level)


async def heard_after_click(page: Page, hz: float) -> float:
    """Return the seconds from the next click in the page until this tone is the loudest in its remote audio."""
    return float(await page.evaluate(HEARD_AFTER_CLICK, hz))


async def record_heard(page: Page, seconds: float) -> tuple[Samples, int]:
    """Return what the page's remote audio played in the next seconds, and its rate (48000); empty if there is none."""
    pcm = base64.b64decode(await page.evaluate(RECORD, seconds))
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768, 48000


async def moved(page: Page, selector: str = "", nth: int = 0) -> float:
    """Return how much a video's picture changed in 0.4 s (mean of the red channel); above 0.5 it moves."""
    return float(await page.evaluate(MOVED, [selector, nth]))
