"""A baresip process: a foreign SIP phone, ordered by a TCP socket. It plays a file and records what it hears."""

import asyncio
import contextlib
import json
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

MODULES = Path("/usr/lib/baresip/modules")


def free_tcp_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Baresip:
    """A running phone."""

    process: Process
    folder: Path
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: list[str] = field(default_factory=list)

    def order(self, command: str, params: str = "") -> None:
        """Give an order, as a netstring of JSON."""
        data = json.dumps({"command": command, "params": params})
        self.writer.write(f"{len(data)}:{data},".encode())

    async def event(self, kind: str, *, timeout_s: float = 15) -> dict[str, object]:
        """Wait for an event of a type."""
        async with asyncio.timeout(timeout_s):
            while True:
                length = await self.reader.readuntil(b":")
                data = await self.reader.readexactly(int(length[:-1]) + 1)
                event: dict[str, object] = json.loads(data[:-1])
                self.seen.append(str(event.get("type")))
                if event.get("type") == kind:
                    return event

    def heard(self) -> list[Path]:
        """What it heard in each call so far, the earliest first; a file is whole when its call is over."""
        return sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime_ns)


@contextlib.asynccontextmanager
async def baresip(
    folder: Path,
    *,
    user: str,
    password: str,
    registrar: int,
    voice: Path,
    secured: bool = False,
    ice: bool = False,
    rtcp_mux: bool = False,
) -> AsyncIterator[Baresip]:
    """A phone with an account at 127.0.0.1, which answers by itself. Its library gives up at a challenge with SHA-256.

    voice: 8 kHz mono. secured: its media is under keys of a DTLS handshake.
    """
    folder.mkdir()
    control = free_tcp_port()
    modules = ["g711", "aufile", "aubridge", "sndfile", "srtp", "dtls_srtp", "ice"]
    lines = [
        "sip_listen 127.0.0.1:0",
        "net_interface 127.0.0.1",
        f"audio_source aufile,{voice}",
        "audio_player aubridge,x",
        f"rtcp_mux {'yes' if rtcp_mux else 'no'}",
        f"snd_path {folder}",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in modules),
        "module_app account.so",
        "module_app menu.so",
        "module_app ctrl_tcp.so",
        f"ctrl_tcp_listen 127.0.0.1:{control}",
    ]
    (folder / "config").write_text("".join(f"{line}\n" for line in lines))
    account = [
        f"<sip:{user}@127.0.0.1:{registrar}>",
        f"auth_user={user}",
        f"auth_pass={password}",
        "answermode=auto",
        "audio_codecs=PCMU/8000/1",
        *(["mediaenc=dtls_srtp"] if secured else []),
        *(["medianat=ice"] if ice else []),
    ]
    (folder / "accounts").write_text(";".join(account) + "\n")
    (folder / "contacts").write_text("")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec("baresip", "-f", str(folder), stdin=PIPE, stdout=log, stderr=log)
    try:
        yield await _control(process, folder, control)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)


async def _control(process: Process, folder: Path, port: int) -> Baresip:
    async with asyncio.timeout(10):
        while True:
            try:
                return Baresip(process, folder, *await asyncio.open_connection("127.0.0.1", port))
            except ConnectionError:
                await asyncio.sleep(0.05)
