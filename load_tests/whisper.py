"""The whisper proof in full: `make proof` plays 10,000 random operations and listens to every party, tap and recording.

Writes results/whisper.json; a fault prints its seed and what led to it, and exits 1.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from load_tests.bench import commit, machine
from tests.support import virtual_core, whisper_proof

RESULTS = Path(__file__).parent / "results" / "whisper.json"
AT_ONCE = 10
"Sequences played by one process."


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operations", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first sequence")
    asked = parser.parse_args()
    program = virtual_core.build()
    started, found = time.monotonic(), []
    done = list(whisper_proof.sequences(asked.seed, asked.operations))
    for first in range(0, len(done), AT_ONCE):
        some = done[first : first + AT_ONCE]
        heard = virtual_core.play(program, [line for each in some for line in each.script.lines])
        found += list(whisper_proof.faults(some, heard))
    result = summary(done, len(found), time.monotonic() - started) | {"first_seed": asked.seed}
    print("\n\n".join(found), file=sys.stderr)
    print(json.dumps(result, indent=1))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if found else 0


def summary(done: list[whisper_proof.Sequence], faults: int, seconds: float) -> dict[str, object]:
    """What was played and heard."""
    checks = [check for each in done for check in each.checks]
    return {
        "operations": len(checks),
        "refused_as_they_must": sum(each.refused for each in done),
        "sessions": len(done),
        "ears": sum(len(check.after) for check in checks),
        "ears_on_the_customers_side_of_a_whisper": sum(len(check.customers_side) for check in checks),
        "virtual_minutes": round(len(checks) * (whisper_proof.CHANGE_MS + whisper_proof.AFTER_MS) / 60_000),
        "faults": faults,
        "seconds": round(seconds, 1),
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
    }


if __name__ == "__main__":
    sys.exit(main())
