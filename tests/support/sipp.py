"""SIPp as the foreign peer: scenario files run with a deadline, and what came of them."""

import asyncio
import re
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).parent.parent / "interop" / "scenarios"


@dataclass(frozen=True, slots=True)
class SippRun:
    """How a run ended. Exit code 0: every call went as the scenario says."""

    exit_code: int
    transcript: str
    log: str
    successful: int
    failed: int


def free_udp_port() -> int:
    """Return an even UDP port on 127.0.0.1 that was free a moment ago."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port % 2 == 0 and port < 60000:
            return port


class Sipp:
    """One sipp process, its files in a folder of the test's own."""

    def __init__(
        self, folder: Path, scenario: str, *, target: str | None = None, calls: int = 1, port: int | None = None
    ) -> None:
        self.port = free_udp_port() if port is None else port
        self.media_port = free_udp_port()
        self._folder = folder
        self._name = f"{Path(scenario).stem}-{self.port}"
        self.log_path = folder / f"{self._name}.log"
        self._command = [
            "sipp",
            *([target] if target else []),
            *("-sf", str(SCENARIOS / scenario), "-m", str(calls), "-nostdin"),
            *("-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1", "-mp", str(self.media_port)),
            *("-trace_logs", "-log_file", str(self.log_path)),
            *("-trace_err", "-error_file", str(folder / f"{self._name}.errors")),
            *("-trace_msg", "-message_file", str(folder / f"{self._name}.messages")),
        ]
        self._process: asyncio.subprocess.Process | None = None

    def option(self, *words: str) -> "Sipp":
        """Add words to the command line."""
        self._command += words
        return self

    def keys(self, keys: Mapping[str, object]) -> "Sipp":
        """Give values to the scenario's `[name]`s."""
        for name, value in keys.items():
            self._command += ["-key", name, str(value)]
        return self

    def rows(self, rows: Iterable[Iterable[object]]) -> "Sipp":
        """Give each call its own `[field0]`, `[field1]`..."""
        path = self._folder / f"{self._name}.csv"
        path.write_text("SEQUENTIAL\n" + "".join(";".join(map(str, row)) + "\n" for row in rows))
        self._command += ["-inf", str(path)]
        return self

    async def start(self) -> "Sipp":
        """Start it, and return at once."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=self._folder, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        return self

    async def finish(self, *, timeout_s: float = 30) -> SippRun:
        """Wait for the end; after the deadline it is killed, which counts as a failure (exit code -9)."""
        assert self._process is not None
        try:
            screen, _ = await asyncio.wait_for(self._process.communicate(), timeout_s)
        except TimeoutError:
            screen = b""
            await self.kill()
        return self._result(screen.decode(errors="replace"))

    async def run(self, *, timeout_s: float = 30) -> SippRun:
        """Start and finish."""
        await self.start()
        return await self.finish(timeout_s=timeout_s)

    async def kill(self) -> None:
        """Vanish, as a phone that lost its power does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def logged(self, pattern: str, *, count: int = 1, timeout_s: float = 10) -> list[re.Match[str]]:
        """Wait until the scenario's <log> actions have written so many lines that match, and return them."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = list(re.finditer(pattern, self.log()))
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)

    def log(self) -> str:
        """Return what the scenario's <log> actions have written so far."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def _result(self, screen: str) -> SippRun:
        assert self._process is not None
        errors = self._folder / f"{self._name}.errors"
        messages = self._folder / f"{self._name}.messages"
        parts = [path.read_text(errors="replace") for path in (errors, messages) if path.exists()]

        def total(label: str) -> int:
            counts = re.findall(label + r"\s+\|\s+\d+\s+\|\s+(\d+)", screen)
            return int(counts[-1]) if counts else 0

        exit_code = self._process.returncode if self._process.returncode is not None else -1
        return SippRun(exit_code, "\n".join(parts)[-8000:], self.log(), total("Successful call"), total("Failed call"))
