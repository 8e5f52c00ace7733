"""Speech on a bad network: our playout beside Chromium's (libwebrtc), given the same packets at the same times.

`make sound` makes a trace for every cell (codec, loss, jitter), plays it in made-up time through our playout and in
real time to Chromium, and judges both by PESQ against the original. Prints a table, writes results/sound.json.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pesq import NoUtterancesError, pesq

from load_tests.sound_chromium import hear_in_chromium
from tests.support.speech import HUMAN_VOICE, ROOM_NOISE, best_alignment
from tests.support.tone import Samples, read_wav, resample, write_wav

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "target" / "quick" / "examples" / "sound"
RESULTS = Path(__file__).parent / "results" / "sound.json"
WIDE_VOICE = HUMAN_VOICE.with_suffix(".g722")
"Debian's asterisk-core-sounds-en-g722: the same person, 16 kHz."

SLICES = 3
SLICE_S = 8.0
LEAD_S = 0.5
SEED = 20
LOSSES = [("random", 0.0), *product(("random", "bursty"), (0.01, 0.05, 0.10, 0.20))]
JITTERS_MS = (0, 30, 60, 100)
AT_ONCE = 18
"Cells that one browser hears at the same time."
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One network: `loss` is the share of packets lost, each for itself or in bursts of three on average."""

    codec: str
    model: str
    loss: float
    jitter_ms: int

    @property
    def name(self) -> str:
        return f"{self.codec}-{self.model}-{self.loss:.2f}-{self.jitter_ms}"


def cells(only: str) -> list[Cell]:
    every = [Cell(codec, *loss, jitter) for codec in ("PCMU", "opus") for jitter in JITTERS_MS for loss in LOSSES]
    return [cell for cell in every if only in cell.name]


def spoken(folder: Path, codec: str) -> Path:
    """Write what is said: 24 s in a quiet room, at 8 kHz for G.711, at 16 kHz for Opus."""
    path = folder / f"{codec}.wav"
    if path.exists():
        return path
    source, rate = HUMAN_VOICE, 8000
    if codec == "opus":
        source, rate = folder / "wide.wav", 16000
        command = ["ffmpeg", "-v", "error", "-y", "-f", "g722", "-i", str(WIDE_VOICE), str(source)]
        subprocess.run(command, check=True)
    voice, rate = read_wav(source)
    samples = np.concatenate([np.zeros(round(LEAD_S * rate)), 0.7 * voice])[: round((SLICES * SLICE_S + LEAD_S) * rate)]
    samples += np.random.default_rng(1).normal(0, ROOM_NOISE, len(samples))
    return write_wav(path, samples, rate=rate)


def make_trace(folder: Path, cell: Cell) -> Path:
    """Write the packets that arrive in this cell and when (crates/engine/examples/sound.rs tells the format)."""
    path = folder / f"{cell.name}.trace"
    words = [cell.codec, spoken(folder, cell.codec), path, cell.model, cell.loss, cell.jitter_ms, SEED]
    subprocess.run([EXAMPLE, "trace", *map(str, words)], check=True)
    return path


def play(folder: Path, cell: Cell) -> Row:
    """Play a trace through our playout; leaves what was heard beside it."""
    words = [folder / f"{cell.name}.trace", folder / f"{cell.name}.ours.wav"]
    told = subprocess.run([EXAMPLE, "play", *words], check=True, capture_output=True, text=True)
    row: Row = json.loads(told.stdout)
    return row


def judge(spoken_wav: Path, heard_wav: Path) -> float:
    """Return the mean MOS-LQO of the slices: ITU-T P.862 for 8 kHz speech, P.862.2 (wideband) for 16 kHz."""
    reference, rate = read_wav(spoken_wav)
    heard = best_alignment(reference, resample(*read_wav(heard_wav), rate), rate)
    return float(np.mean([judge_slice(reference, heard, rate, n) for n in range(SLICES)]))


def judge_slice(reference: Samples, heard: Samples, rate: int, n: int) -> float:
    part = slice(round((LEAD_S + n * SLICE_S) * rate), round((LEAD_S + (n + 1) * SLICE_S) * rate))
    heard = np.pad(heard, (0, max(0, len(reference) - len(heard))))
    try:
        return float(pesq(rate, reference[part], heard[part], "wb" if rate == 16000 else "nb"))
    except NoUtterancesError:
        return 1.0


def measure(folder: Path, cell: Cell) -> Row:
    """Judge our playout in one cell; times in milliseconds, shares of the samples heard."""
    make_trace(folder, cell)
    told = play(folder, cell)
    return told | {"mos": judge(spoken(folder, cell.codec), folder / f"{cell.name}.ours.wav")}


def measure_chromium(folder: Path, cell: Cell) -> Row:
    """Judge what Chromium played in one cell, and tell its own figures."""
    figures: Row = json.loads((folder / f"{cell.name}.chromium.json").read_text())
    return figures | {"mos": judge(spoken(folder, cell.codec), folder / f"{cell.name}.chromium.wav")}


def show(rows: list[Row]) -> None:
    """Print a line a cell."""
    print(
        f"{'cell':28} {'MOS':>5} {'delay':>6} {'hidden':>6}   {'Chromium':>8} {'delay':>6} {'hidden':>6}   difference"
    )
    for row in rows:
        ours, theirs = row["ours"], row.get("chromium")
        name = f"{row['codec']} {row['model']} {row['loss']:.0%} {row['jitter_ms']} ms"
        line = f"{name:28} {ours['mos']:5.2f} {ours.get('delay_ms', 0):6.1f} {ours.get('concealed', 0):6.1%}"
        if theirs:
            line += f"   {theirs['mos']:8.2f} {theirs['delay_ms']:6.1f} {theirs['concealed']:6.1%}"
            line += f"   {row['mos_difference']:+.2f} MOS {row['delay_difference_ms']:+.1f} ms"
            line += "" if row["holds"] else "  <- does not hold"
        print(line)


def compare(row: Row, theirs: Row) -> Row:
    """Add Chromium's figures and whether ours hold against them."""
    mos = row["ours"]["mos"] - theirs["mos"]
    delay = row["ours"]["delay_ms"] - theirs["delay_ms"]
    holds = mos >= -0.1 and delay <= 20
    return row | {"chromium": theirs, "mos_difference": mos, "delay_difference_ms": delay, "holds": holds}


def digest(folder: Path, cell: Cell) -> str:
    return hashlib.sha256((folder / f"{cell.name}.trace").read_bytes()).hexdigest()


def is_heard(folder: Path, cell: Cell) -> bool:
    """Return whether Chromium has heard this very trace before."""
    told = folder / f"{cell.name}.chromium.json"
    return told.exists() and json.loads(told.read_text())["trace"] == digest(folder, cell)


def hear_all(folder: Path, chosen: list[Cell]) -> None:
    """Let Chromium hear every cell that it has not heard yet, so many at once; leaves sound and figures."""
    missing = [cell for cell in chosen if not is_heard(folder, cell)]
    for first in range(0, len(missing), AT_ONCE):
        batch = missing[first : first + AT_ONCE]
        hearings = asyncio.run(hear_in_chromium([folder / f"{cell.name}.trace" for cell in batch]))
        for cell, hearing in zip(batch, hearings, strict=True):
            write_wav(folder / f"{cell.name}.chromium.wav", hearing.samples, rate=hearing.rate)
            told = hearing.figures | {"trace": digest(folder, cell)}
            (folder / f"{cell.name}.chromium.json").write_text(json.dumps(told))


def drift(folder: Path, codec: str, ppm: int) -> Row:
    """Play half an hour from a clock that is not ours: the largest step between samples against the speech's own."""
    source = spoken(folder, codec)
    if codec == "opus":
        samples, rate = read_wav(source)
        source = write_wav(folder / "opus48.wav", resample(samples, rate, 48000), rate=48000)
    told = subprocess.run([EXAMPLE, "drift", codec, source, str(ppm), "30"], check=True, capture_output=True, text=True)
    row: Row = json.loads(told.stdout)
    holds = row["largest_step"] <= row["own_step"] and row["worst_minute_ms"] < 60 and row["concealed"] == 0
    return {"codec": codec} | row | {"holds": holds}


def run(folder: Path, *, only: str, chromium: bool) -> list[Row]:
    """Measure the chosen cells."""
    chosen = cells(only)
    for codec in {cell.codec for cell in chosen}:
        spoken(folder, codec)
    with ProcessPoolExecutor(2) as pool:
        ours = list(pool.map(measure, [folder] * len(chosen), chosen))
    rows = [
        {"codec": c.codec, "model": c.model, "loss": c.loss, "jitter_ms": c.jitter_ms, "ours": row}
        for c, row in zip(chosen, ours, strict=True)
    ]
    if not chromium:
        return rows
    hear_all(folder, chosen)
    with ProcessPoolExecutor(2) as pool:
        theirs = pool.map(measure_chromium, [folder] * len(chosen), chosen)
        return [compare(row, their) for row, their in zip(rows, theirs, strict=True)]


def main() -> None:
    """Measure, print, and keep the result if it is whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="cells whose name holds this, as opus-bursty")
    parser.add_argument("--ours", action="store_true", help="without Chromium: quick")
    parser.add_argument("--keep", type=Path, help="folder for traces and sound; what Chromium heard is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = run(folder, only=options.only, chromium=not options.ours)
        drifts = [drift(folder, codec, ppm) for codec in ("PCMU", "opus") for ppm in (-200, 200)]
    show(rows)
    for row in drifts:
        print(*(f"{name}={value}" for name, value in row.items()))
    if not options.ours and not options.only:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
        RESULTS.write_text(json.dumps({"machine": machine, "rows": rows, "drift": drifts}, indent=1) + "\n")


if __name__ == "__main__":
    main()
