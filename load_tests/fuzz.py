"""Fuzz the media core, guided by coverage: each target until it has used so much CPU time. Writes results/fuzz.json.

Started by scripts/fuzz, which builds the targets. What was learnt stays in build/fuzz/; an input that crashes is left
there as TARGET-crash-*. libFuzzer counts time by the wall; here CPU time counts, so that a busy machine tests no less.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from load_tests.bench import commit, machine
from load_tests.case import ROOT

RESULTS = Path(__file__).parent / "results" / "fuzz.json"
LEARNT = ROOT / "build" / "fuzz"
SEEDS = {"offer": [ROOT / "crates" / "webrtc" / "tests" / "data"]}
AT_ONCE = 2
STUCK_S = 120
"An input that takes longer is a fault; much, for the machine may be busy with other things."
writing = threading.Lock()
Row = dict[str, Any]


def fuzz(program: Path, seconds: float) -> Row:
    """Run one target until it has used so many seconds of CPU; returns what it did."""
    name = program.name
    corpus, log = LEARNT / name, LEARNT / f"{name}.log"
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-timeout={STUCK_S}", "-rss_limit_mb=2048", "-max_len=8192", "-print_final_stats=1"]
    words: list[str | Path] = [program, corpus, *SEEDS.get(name, []), *limits, f"-artifact_prefix={LEARNT / name}-"]
    started = time.monotonic()
    with log.open("w") as told:
        running = subprocess.Popen(words, stdout=told, stderr=told, cwd=ROOT)
    while (used := cpu_seconds(running.pid)) is not None and used < seconds:
        time.sleep(0.5)
    os.kill(running.pid, signal.SIGUSR1)  # finish the input at hand, then say what was done
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = status
    row = figures(log.read_text(errors="replace"))
    row |= {"target": name, "crashed": status != 0, "cpu_seconds": round(usage.ru_utime + usage.ru_stime)}
    row |= {"wall_seconds": round(time.monotonic() - started)}
    return row | {"machine": machine(), "date": datetime.now(UTC).isoformat(timespec="minutes")}


def cpu_seconds(pid: int) -> float | None:
    """Return what a child has used so far; None when it has ended, and waits to be waited for."""
    state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return None if state == "Z" else (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")


def figures(log: str) -> Row:
    """Return executions, covered edges, features and corpus size, as the log last tells them."""
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    edges, features, corpus = map(int, covered[-1]) if covered else (0, 0, 0)
    return {
        "executions": int(executions[-1]) if executions else 0,
        "edges": edges,
        "features": features,
        "corpus": corpus,
    }


def keep(row: Row) -> None:
    """Put the row into the results, in place of the one it repeats."""
    with writing:
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        others = [other for other in known if other["target"] != row["target"]]
        RESULTS.write_text(json.dumps(sorted([*others, row], key=lambda row: row["target"]), indent=1) + "\n")


def main() -> int:
    """Fuzz what is asked for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the targets are built")
    parser.add_argument("seconds", type=float, help="of CPU time, each target")
    parser.add_argument("targets", nargs="+")
    asked = parser.parse_args()
    built = {"commit": commit()}

    def one(name: str) -> bool:
        row = fuzz(asked.folder / name, asked.seconds) | built
        keep(row)
        print(json.dumps(row), flush=True)
        if row["crashed"]:
            print("\n".join((LEARNT / f"{name}.log").read_text(errors="replace").splitlines()[-30:]), file=sys.stderr)
        return not row["crashed"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return 0 if all(list(pool.map(one, asked.targets))) else 1


if __name__ == "__main__":
    sys.exit(main())
