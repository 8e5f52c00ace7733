"""Calls through the real server beside a bare UDP forwarder. Prints a table, writes results/latest.json.

`make bench` runs every case, `make bench CASE=relay` one. The generator (Rust, generator/) places the calls.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from load_tests.case import ROOT, Case, CaseError, Load, Row
from load_tests.cases import all_cases

LIMIT_S = 240
"A row takes no longer, besides its windows (the switch's, the floor's and the peers') and placing its calls."
RESULTS = Path(__file__).parent / "results" / "latest.json"


def measure(case: Case, load: Load) -> Row:
    """Return the row of one case at one number of calls. Raises CaseError when it cannot be measured."""
    print(f"{case.name}: {load.n}, {load.seconds} s", file=sys.stderr)
    limit = LIMIT_S + 6 * load.seconds + load.n / 10
    try:
        fields = asyncio.run(asyncio.wait_for(case.run(load), limit))
    except CaseError:
        raise
    except Exception as error:  # whatever it is, the other rows are measured and this one is told of
        raise CaseError(f"{error!r}, within {limit:.0f} s") from error
    row: Row = {"case": case.name, "n": load.n, "seconds": load.seconds} | fields
    if floor := row.get("floor_cpu_percent_per_call"):
        row["ratio"] = round(row["cpu_percent_per_call"] / floor, 2)
    return row | {"machine": machine(), "date": datetime.now(UTC).isoformat(timespec="minutes"), "commit": commit()}


def machine() -> str:
    """Return processor, cores and kernel."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    processor = found.group(1) if found else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, Linux {platform.release()}"


def commit() -> str:
    """Return the commit that is measured, with + for changes on top of it."""
    words = ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def show(rows: list[Row]) -> None:
    """Print the table."""
    print(f"\n{machine()}; CPU in % of one core a call")
    print(
        f"{'case':14}{'n':>5}{'switch %':>10}{'floor %':>9}{'ratio':>7}{'p50 us':>8}{'p99 us':>8}{'loss':>10}{'KB':>8}"
    )
    for row in rows:
        numbers = (
            f"{row[name]:>{width}.{digits}f}" if name in row else " " * width
            for name, width, digits in (
                ("cpu_percent_per_call", 10, 3),
                ("floor_cpu_percent_per_call", 9, 3),
                ("ratio", 7, 2),
                ("p50_us", 8, 0),
                ("p99_us", 8, 0),
                ("loss", 10, 6),
                ("kb_per_call", 8, 0),
            )
        )
        print(f"{row['case']:14}{row['n']:>5}{''.join(numbers)}")


def keep(row: Row) -> None:
    """Put the row into the results, in place of the one it repeats."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    others = [other for other in known if (other["case"], other["n"]) != (row["case"], row["n"])]
    rows = sorted([*others, row], key=lambda row: (row["case"], row["n"]))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


def main() -> None:
    """Run the cases asked for."""
    cases = all_cases()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=["all", *cases])
    parser.add_argument("--calls", type=int, nargs="+", help="other numbers than the case's own")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--dry", action="store_true", help="do not write the results")
    given = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "-p", "load-generator"], cwd=ROOT, check=True)
    rows, failures = [], []
    for case in cases.values() if given.case == "all" else [cases[given.case]]:
        for n in given.calls or case.counts:
            try:
                row = measure(case, Load(n, given.seconds))
            except CaseError as error:
                failures.append(f"{case.name} at {n} FAILED: {error}")
                print(failures[-1], file=sys.stderr)
                continue
            rows.append(row)
            if not given.dry:
                keep(row)
    show(rows)
    if failures:
        sys.exit("\n".join(["", *failures]))


if __name__ == "__main__":
    main()
