"""One row of the bench: a number of calls through the real server, and the same packets through a bare forwarder.

The server under test runs on the first core alone, the generator (and whoever else plays a caller) on the others.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.server import RunningSwitch
from tests.support.sipp import free_udp_port

ROOT = Path(__file__).parents[1]
GENERATOR = ROOT / "target" / "release" / "load-generator"
SERVER_CORE = 0
OTHER_CORES = sorted(os.sched_getaffinity(0) - {SERVER_CORE}) or [SERVER_CORE]
Row = dict[str, Any]

SETTINGS = """
[sip]
accept_unknown = true

[recording]
enabled = {record}

[[trunks]]
name = "bench"
addresses = ["127.0.0.1"]
port = {port}

[[numbers]]
number = "2000"
bridge = "sip:bench@127.0.0.1:{port}"
record = {record}
"""
"Number 2000 leads to the generator's called parties."


class CaseError(Exception):
    """A case could not be measured."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one row is measured with."""

    n: int
    "Calls (members, sessions) at once."
    seconds: int
    "How long the window is open, after two seconds of warming up."


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of row. `run` returns its fields; the bench adds case, n, ratio, machine, date and commit.

    `run` returns at least cpu_percent_per_call; with floor_cpu_percent_per_call among its fields the row gets a ratio.
    """

    name: str
    summary: str
    counts: tuple[int, ...]
    "The n that `make bench` takes."
    run: Callable[[Load], Coroutine[Any, Any, Row]]


@asynccontextmanager
async def running_switch(*, called_port: int, calls: int, record: bool = False) -> AsyncIterator[RunningSwitch]:
    """A server on its own core, whose number 2000 rings at `called_port`, with RTP ports for so many calls."""
    settings = SETTINGS.format(port=called_port, record=str(record).lower())
    with TemporaryDirectory() as folder:
        started = RunningSwitch.start(
            Path(folder), settings=settings, media_ports=4 * calls + 50, prefix=pinned([SERVER_CORE])
        )
        async with await started as switch:
            yield switch


def pinned(cores: list[int]) -> tuple[str, ...]:
    """Return the words before a command that keep it on these cores."""
    return ("taskset", "-c", ",".join(map(str, cores)))


async def start_generator(command: str, options: dict[str, object], cores: list[int] = OTHER_CORES) -> Process:
    """Start the load generator; the option `called_port` becomes `--called-port`."""
    words = [str(word) for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return await asyncio.create_subprocess_exec(
        *pinned(cores), GENERATOR, command, *words, stdin=PIPE, stdout=PIPE, limit=2**20
    )


async def result_of(process: Process) -> Row:
    """Return the JSON object on the generator's last line. Raises CaseError if it failed."""
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # the row was given up
            process.kill()
    if process.returncode != 0:
        raise CaseError(f"the generator ended with {process.returncode}")
    return dict(json.loads(output.splitlines()[-1]))


async def through_switch(load: Load, *, command: str = "relay", record: bool = False, **options: object) -> Row:
    """Place calls with the generator's command and return what it measured."""
    port = free_udp_port()
    async with running_switch(called_port=port, calls=load.n, record=record) as switch:
        measured = {"server": switch.sip_address, "pid": switch.pid, "called_port": port}
        generator = await start_generator(command, measured | {"calls": load.n, "seconds": load.seconds} | options)
        try:
            return await result_of(generator)
        except CaseError as error:
            raise CaseError(f"{error}; the server's log ends:\n{switch.log()[-2000:]}") from error


async def through_floor(load: Load, *, woken: bool = False) -> Row:
    """Return the same of a bare UDP forwarder on the server's core, polled each millisecond or woken by packets."""
    options = {"sockets": 2 * load.n, "woken": str(woken).lower()}
    forwarder = await start_generator("forward", options, [SERVER_CORE])
    try:
        return await through_peer(load, forwarder.pid, lambda ports: exchange_ports(forwarder, ports))
    finally:
        forwarder.kill()
        await forwarder.wait()


async def through_peer(load: Load, pid: int, targets: Callable[[list[int]], Awaitable[list[int]]]) -> Row:
    """Return what the process `pid` spends on the streams; `targets` learns their ports and says where each sends.

    Streams 2k and 2k+1 are the two ends of call k.
    """
    generator = await start_generator("streams", {"pid": pid, "calls": load.n, "seconds": load.seconds})
    ports = await read_ports(generator)
    await write_addresses(generator, await targets(ports))
    return await result_of(generator)


async def exchange_ports(forwarder: Process, ports: list[int]) -> list[int]:
    """Tell a forwarder where its sockets send and return their ports."""
    await write_addresses(forwarder, ports)
    return await read_ports(forwarder)


async def read_ports(process: Process) -> list[int]:
    """Return the numbers on the next line that the process prints."""
    assert process.stdout is not None
    return [int(port) for port in (await process.stdout.readline()).split()]


async def write_addresses(process: Process, ports: list[int]) -> None:
    """Write an address a line to the process."""
    assert process.stdin is not None
    process.stdin.write("".join(f"127.0.0.1:{port}\n" for port in ports).encode())
    await process.stdin.drain()


def beside(row: Row, floor: Row) -> Row:
    """Return the row with the floor's fields, named floor_*."""
    fields = ("cpu_percent_per_call", "p50_us", "p99_us", "loss")
    return row | {f"floor_{name}": floor[name] for name in fields}
