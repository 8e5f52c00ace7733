"""The baseline: calls through the real server beside a bare UDP forwarder. Prints a table, writes results/latest.json.

`make bench` runs every case, `make bench CASE=relay` one. The generator (Rust, generator/) places the calls.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.support.server import RunningSwitch
from tests.support.sipp import free_udp_port

ROOT = Path(__file__).parents[1]
GENERATOR = ROOT / "target" / "release" / "load-generator"
RESULTS = Path(__file__).parent / "results" / "latest.json"
Row = dict[str, Any]

SETTINGS = """
[sip]
accept_unknown = true

[recording]
enabled = false

[[trunks]]
name = "bench"
addresses = ["127.0.0.1"]
port = {port}

[[numbers]]
number = "2000"
bridge = "sip:bench@127.0.0.1:{port}"
record = false
"""


async def relay(calls: int, seconds: int) -> Row:
    """SIP to SIP, G.711 both sides, 50 packets a second each way, not recorded."""
    port = free_udp_port()
    with tempfile.TemporaryDirectory() as folder:
        async with await RunningSwitch.start(Path(folder), settings=SETTINGS.format(port=port)) as switch:
            options = {
                "server": switch.sip_address,
                "pid": switch.pid,
                "called-port": port,
                "calls": calls,
                "seconds": seconds,
            }
            words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
            generator = await asyncio.create_subprocess_exec(GENERATOR, "relay", *words, stdout=subprocess.PIPE)
            output, _ = await generator.communicate()
            if generator.returncode != 0:
                raise SystemExit(f"relay of {calls} calls failed; the log ends:\n{switch.log()[-2000:]}")
            return dict(json.loads(output))


CASES: dict[str, Callable[[int, int], Coroutine[Any, Any, Row]]] = {"relay": relay}


def show(rows: list[Row]) -> None:
    """Print the table."""
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; CPU in % of one core a call")
    print(f"{'case':8}{'calls':>6}{'switch %':>10}{'floor %':>9}{'ratio':>7}{'p50 us':>8}{'p99 us':>8}{'loss':>10}")
    for row in rows:
        print(
            f"{row['case']:8}{row['n']:>6}{row['cpu_percent_per_call']:>10.3f}{row['floor_cpu_percent_per_call']:>9.3f}"
            f"{row['ratio']:>7.2f}{row['p50_us']:>8.0f}{row['p99_us']:>8.0f}{row['loss']:>10.6f}"
        )


def main() -> None:
    """Run the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=["all", *CASES])
    parser.add_argument("--calls", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "-p", "load-generator"], cwd=ROOT, check=True)
    rows = []
    for name, case in CASES.items():
        if given.case not in ("all", name):
            continue
        for calls in given.calls:
            print(f"{name}: {calls} calls, {given.seconds} s through the switch, then the floor", file=sys.stderr)
            rows.append(asyncio.run(case(calls, given.seconds)))
    show(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
