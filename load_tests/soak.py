"""Two hundred legs of every kind, coming and going for half an hour: what they cost must not grow.

Calls that are relayed, transcoded or recorded and WebRTC sessions come in rounds of about a minute, each kind on its
own, so that they overlap in ever other ways. `make soak` prints the figures and writes results/soak.json; it fails when
CPU a leg or memory grew, a tick was late without the host's doing, or anything is left at the end.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from load_tests.bench import commit, machine
from load_tests.case import SERVER_CORE, Load, Row, pinned, result_of, start_generator
from load_tests.cases import webrtc
from load_tests.voices import OPUS, PCMU, voice
from load_tests.witness import witness
from tests.support.resources import at_rest, back_to
from tests.support.server import RunningSwitch
from tests.support.sipp import free_udp_port

RESULTS = Path(__file__).parent / "results" / "soak.json"
RELAYED, TRANSCODED, RECORDED, SESSIONS = 35, 10, 30, 25
"Calls of two legs each: 200 legs."
ROUND_S = {"relayed": 40, "transcoded": 35, "recorded": 50, "webrtc": 45}
SAMPLE_S = 5.0
GROWTH = 1.1
"Of the last third of the time against the middle one: the first warms up."

SETTINGS = """
[server]
demo = true

[sip]
accept_unknown = true

[[trunks]]
name = "bench"
addresses = ["127.0.0.1"]
port = {relayed}

[[numbers]]
number = "2000"
bridge = "sip:bench@127.0.0.1:{relayed}"
record = false

[[numbers]]
number = "2002"
bridge = "sip:bench@127.0.0.1:{transcoded}"
record = false

[[numbers]]
number = "2001"
bridge = "sip:bench@127.0.0.1:{recorded}"
record = true
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The server in one interval of SAMPLE_S."""

    at: float
    "CLOCK_MONOTONIC, seconds."
    cpu_s: float
    rss_kib: int
    legs: int
    late_ticks: int


@dataclass
class Soak:
    """What was seen so far."""

    switch: RunningSwitch
    until: float
    samples: list[Sample] = field(default_factory=list)
    rounds: dict[str, int] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)

    async def repeat(self, kind: str, once: Callable[[int], Awaitable[Row]]) -> None:
        """Run rounds of one kind until the time is over."""
        while time.monotonic() < self.until:
            row = await once(ROUND_S[kind])
            self.rounds[kind] = self.rounds.get(kind, 0) + 1
            self.losses.append(float(row["loss"]))

    async def sip(self, number: str, port: int, calls: int, seconds: int) -> Row:
        """One round of SIP calls to a number that is bridged to the generator's `port`."""
        options = {"server": self.switch.sip_address, "pid": self.switch.pid, "called_port": port, "number": number}
        return await result_of(await start_generator("relay", options | {"calls": calls, "seconds": seconds}))

    async def transcoded(self, port: int, folder: Path, seconds: int) -> Row:
        """One round of G.711 callers whose called party speaks Opus alone."""
        options = {"server": self.switch.sip_address, "pid": self.switch.pid, "called_port": port, "number": "2002"}
        voices: dict[str, object] = {"caller": voice(folder, PCMU), "called": voice(folder, OPUS)}
        load = {"calls": TRANSCODED, "seconds": seconds, "rtpmap": OPUS.rtpmap}
        return await result_of(await start_generator("transcode", options | load | voices))

    async def webrtc(self, seconds: int) -> Row:
        """One round of sessions of two browsers."""
        return await webrtc.sessions_through(self.switch, Load(SESSIONS, seconds), video=False)

    async def sample(self) -> None:
        """Note the server's state each SAMPLE_S, until cancelled."""
        while True:
            figures = await self.switch.metrics()
            pid = self.switch.pid
            legs = int(figures["mediaswitch_media_rtp_ports"] + figures["mediaswitch_media_webrtc_ports"])
            late = int(figures["mediaswitch_media_late_ticks_total"])
            self.samples.append(Sample(time.monotonic(), cpu_seconds(pid), self.switch.resident_kib(), legs, late))
            await asyncio.sleep(SAMPLE_S)

    def growth(self) -> Row:
        """CPU a leg and memory of the last third of the time against the middle third."""
        middle, last = (self.samples[n * len(self.samples) // 3 : (n + 1) * len(self.samples) // 3] for n in (1, 2))
        rss = [max(sample.rss_kib for sample in part) for part in (middle, last)]
        cpu = [cpu_percent_a_leg(part) for part in (middle, last)]
        return {
            "cpu_percent_per_leg": round(cpu[1], 4),
            "cpu_growth": round(cpu[1] / cpu[0], 3),
            "rss_mb": round(rss[1] / 1024, 1),
            "rss_growth": round(rss[1] / rss[0], 3),
            "mean_legs": round(sum(sample.legs for sample in self.samples) / len(self.samples)),
        }

    def late_ticks(self, delays: list[tuple[float, float]]) -> tuple[int, int]:
        """Return how many ticks were over 10 ms late: while the witness was on time, and while it was late as well."""
        ours = stolen = 0
        for before, after in itertools.pairwise(self.samples):
            late = after.late_ticks - before.late_ticks
            excused = any(before.at - 0.1 < began + length and began < after.at for began, length in delays)
            ours, stolen = (ours, stolen + late) if excused else (ours + late, stolen)
        return ours, stolen


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_percent_a_leg(samples: list[Sample]) -> float:
    """Return the CPU that the server spent, in % of a core for each leg that was open meanwhile."""
    leg_seconds = sum(before.legs * (after.at - before.at) for before, after in itertools.pairwise(samples))
    return 100 * (samples[-1].cpu_s - samples[0].cpu_s) / leg_seconds


async def soak(minutes: float) -> Row:
    """Run it, and return the row."""
    relayed, transcoded, recorded = free_udp_port(), free_udp_port(), free_udp_port()
    settings = SETTINGS.format(relayed=relayed, transcoded=transcoded, recorded=recorded) + webrtc.desks(SESSIONS)
    calls = RELAYED + TRANSCODED + RECORDED
    with TemporaryDirectory() as folder:
        started = RunningSwitch.start(
            Path(folder), settings=settings, media_ports=4 * calls + 300, prefix=pinned([SERVER_CORE])
        )
        async with await started as switch, witness(SERVER_CORE) as delays:
            before = await at_rest(switch)
            seen = Soak(switch, time.monotonic() + 60 * minutes)
            sampling = asyncio.create_task(seen.sample())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(seen.repeat("relayed", partial(seen.sip, "2000", relayed, RELAYED)))
                tasks.create_task(seen.repeat("transcoded", partial(seen.transcoded, transcoded, Path(folder))))
                tasks.create_task(seen.repeat("recorded", partial(seen.sip, "2001", recorded, RECORDED)))
                tasks.create_task(seen.repeat("webrtc", seen.webrtc))
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
            left = await back_to(before, switch, timeout_s=60)
            ours, stolen = seen.late_ticks(delays)
            return seen.growth() | {
                "minutes": minutes,
                "rounds": seen.rounds,
                "worst_loss": max(seen.losses),
                "late_ticks": ours,
                "late_ticks_of_the_host": stolen,
                "left": left,
            }


def faults(row: Row) -> list[str]:
    """Return what must not have happened."""
    return [
        *(f"{name} {row[name]}" for name in ("cpu_growth", "rss_growth") if row[name] > GROWTH),
        *([f"{row['late_ticks']} ticks late by more than 10 ms"] if row["late_ticks"] else []),
        *([f"left at the end: {row['left']}"] if row["left"] else []),
    ]


def main() -> None:
    """Run it as long as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args()
    row = asyncio.run(soak(given.minutes))
    row |= {"machine": machine(), "date": datetime.now(UTC).isoformat(timespec="minutes"), "commit": commit()}
    print(json.dumps(row, indent=1))
    RESULTS.write_text(json.dumps(row, indent=1) + "\n")
    if found := faults(row):
        sys.exit("soak: " + "; ".join(found))


if __name__ == "__main__":
    main()
