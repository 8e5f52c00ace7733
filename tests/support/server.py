"""The real server as a process of its own: started on free ports, asked over HTTPS, ended or killed."""

import asyncio
import os
import re
import secrets
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from mediaswitch.settings_file import SAMPLE

PASSWORD = "correct horse battery"
"Every demo user's, by MEDIASWITCH_DEMO_PASSWORD."

MEDIA_PORTS = 1200
"Enough for 250 calls through the switch: two legs each, two ports a leg."


class ServerError(Exception):
    """The server did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What one server listens on, 127.0.0.1."""

    http: int
    sip: int
    media_low: int

    media_count: int

    @property
    def media(self) -> str:
        return f"{self.media_low}-{self.media_low + self.media_count - 1}"


def free_ports(media_count: int = MEDIA_PORTS) -> Ports:
    """Return ports that were free a moment ago; the media range is drawn at random between 20000 and 31999,
    below the range from which the kernel gives ports to those who ask for any."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as http,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sip_tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip_udp,
    ):
        http.bind(("127.0.0.1", 0))
        sip_tcp.bind(("127.0.0.1", 0))
        sip_udp.bind(("127.0.0.1", sip_tcp.getsockname()[1]))
        media = 20_000 + media_count * secrets.randbelow(12_000 // media_count)
        return Ports(http.getsockname()[1], sip_tcp.getsockname()[1], media, media_count)


class RunningSwitch:
    """A server on its own ports and data folder. Use as `async with await RunningSwitch.start(folder) as switch`.

    The settings are the documented sample's with `extra` appended; `settings` replaces them whole. `prefix` is what
    starts the server in its stead, such as `("taskset", "-c", "0")`; it must become the server by exec.
    """

    def __init__(
        self,
        folder: Path,
        settings: str,
        environment: dict[str, str],
        *,
        media_ports: int = MEDIA_PORTS,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.log_path = folder / "server.log"
        self.ports = free_ports(media_ports)
        self._prefix = prefix
        self._settings_path = folder / "mediaswitch.toml"
        self._settings_path.write_text(settings)
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        extra: str = "",
        settings: str | None = None,
        environment: dict[str, str] | None = None,
        media_ports: int = MEDIA_PORTS,
        prefix: tuple[str, ...] = (),
    ) -> Self:
        """Start a server and wait until it is ready. Raises ServerError with the end of its log."""
        folder.mkdir(parents=True, exist_ok=True)
        base = SAMPLE.read_text() if settings is None else settings
        switch = cls(folder, base + "\n" + extra, environment or {}, media_ports=media_ports, prefix=prefix)
        await switch.restart()
        return switch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports.http}"

    @property
    def sip_address(self) -> str:
        return f"127.0.0.1:{self.ports.sip}"

    def sip_uri(self, number: str = "1000") -> str:
        return f"sip:{number}@{self.sip_address}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError("not started")
        return self._process.pid

    async def restart(self, *, timeout_s: float = 30) -> None:
        """Start the process on the same ports and data, and wait until /readyz says 200."""
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._prefix, sys.executable, "-m", "mediaswitch", "serve", "--config", str(self._settings_path)),
                cwd=self.folder,
                env=os.environ | self._own_environment() | self._environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.is_ready():
                    if self._process.returncode is not None:
                        raise ServerError(f"exit code {self._process.returncode}: {self.log()[-3000:]}")
                    await asyncio.sleep(0.1)
        except (TimeoutError, ServerError) as error:
            await self.stop()
            raise ServerError(f"not ready: {error} {self.log()[-3000:]}") from error

    def _own_environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "MEDIASWITCH_BIND_IP": "127.0.0.1",
            "MEDIASWITCH_PUBLIC_IP": "127.0.0.1",
            "MEDIASWITCH_DATA_DIR": str(self.data_dir),
            "MEDIASWITCH_HTTP_PORT": str(self.ports.http),
            "MEDIASWITCH_SIP_PORT": str(self.ports.sip),
            "MEDIASWITCH_MEDIA_PORTS": self.ports.media,
            "MEDIASWITCH_DEMO_PASSWORD": PASSWORD,
        }

    async def stop(self) -> int:
        """End the server as an operator does and return its exit code; after 15 s it is killed."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 15)
            except TimeoutError:
                await self.kill()
        if self._http is not None:
            await self._http.close()
            self._http = None
        return -1 if self._process is None or self._process.returncode is None else self._process.returncode

    async def kill(self) -> None:
        """SIGKILL: no word of goodbye, nothing flushed."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def log(self) -> str:
        """Return all that the server has written."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    async def is_ready(self) -> bool:
        """Return whether /readyz answers 200."""
        assert self._http is not None
        try:
            async with self._http.get(self.url + "/readyz", timeout=aiohttp.ClientTimeout(2)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def request(
        self, method: str, path: str, *, token: str | None = None, json: object = None
    ) -> tuple[int, Any]:
        """Ask the API; return status and JSON body (None if there is none)."""
        assert self._http is not None
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._http.request(method, self.url + path, json=json, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_type.endswith("json") else None

    async def download(self, path: str, to: Path, *, token: str) -> Path:
        """Fetch a file of the API. Raises ServerError unless the answer is 200."""
        assert self._http is not None
        async with self._http.get(self.url + path, headers={"Authorization": f"Bearer {token}"}) as answer:
            if answer.status != 200:
                raise ServerError(f"{path}: {answer.status} {await answer.text()}")
            to.write_bytes(await answer.read())
        return to

    async def login(self, username: str) -> str:
        """Return an access token of a demo user."""
        status, body = await self.request(
            "POST", "/api/v1/login", json={"username": username, "password": PASSWORD, "tenant": "default"}
        )
        if status != 200:
            raise ServerError(f"login of {username}: {status} {body}")
        return str(body["access_token"])

    async def metrics(self) -> dict[str, float]:
        """Return /metrics by name and labels, as written there."""
        assert self._http is not None
        async with self._http.get(self.url + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def open_files(self) -> int:
        """Return the number of file descriptors the process holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self) -> int:
        """Return its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found.group(1)) if found else 0
