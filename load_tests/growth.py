"""What a process holds while a load runs: memory, descriptors and threads, read from /proc at intervals."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Held:
    """What the process held at one instant."""

    resident_kb: int
    descriptors: int
    threads: int


def held_by(pid: int) -> Held:
    """Return what a running process holds now. Raises FileNotFoundError when it has ended."""
    proc = Path(f"/proc/{pid}")
    status = (proc / "status").read_text()
    found = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE))
    return Held(int(found["VmRSS"]), len(os.listdir(proc / "fd")), int(found["Threads"]))


@asynccontextmanager
async def watched(pid: int, *, every_s: float) -> AsyncIterator[list[Held]]:
    """Collect what the process holds into the list, at once and then at this interval, until the block ends."""
    held: list[Held] = []

    async def watch() -> None:
        while True:
            held.append(held_by(pid))
            await asyncio.sleep(every_s)

    watching = asyncio.create_task(watch())
    try:
        yield held
    finally:
        watching.cancel()
    held.append(held_by(pid))
