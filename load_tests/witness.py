"""A witness of the machine: it shares a core with the server, goes before all there, and notes when even it was late.

What is late while the witness is late, too, was late because the host took the core; what is late alone was our doing.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PERIOD_S = 0.002
LATE_S = 0.005
"Half of what counts as a late tick: a tick that the host delayed need not have been due when the theft began."


def watch(core: int) -> None:
    """Print the instant (CLOCK_MONOTONIC) and length of every delay, in seconds, until killed."""
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(PermissionError):  # then it waits its turn like others, and sees less
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    due = time.monotonic()
    while True:
        due += PERIOD_S
        time.sleep(max(0.0, due - time.monotonic()))
        late = time.monotonic() - due
        if late >= LATE_S:
            print(f"{due:.6f} {late:.6f}", flush=True)
            due = time.monotonic()


@asynccontextmanager
async def witness(core: int) -> AsyncIterator[list[tuple[float, float]]]:
    """The delays seen so far on `core`: when each began and how long it was."""
    seen: list[tuple[float, float]] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(core), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    reader = asyncio.create_task(_read(process.stdout, seen))
    try:
        yield seen
    finally:
        process.kill()
        await process.wait()
        await reader


async def _read(lines: asyncio.StreamReader, seen: list[tuple[float, float]]) -> None:
    async for line in lines:
        began, length = map(float, line.split())
        seen.append((began, length))


if __name__ == "__main__":
    watch(int(sys.argv[1]))
