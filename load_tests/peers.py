"""Media servers beside us, when their Debian packages are installed: the same packets through them."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence

from load_tests.case import SERVER_CORE, Load, Row, pinned, through_peer
from tests.support.sipp import free_udp_port

Bencoded = str | Sequence["Bencoded"] | dict[str, "Bencoded"]
START_TIMEOUT_S = 5.0


async def peers(load: Load) -> Row:
    """Return the field `peers`: percent of a core a call by name; without any installed, no field."""
    found = {"rtpengine": await rtpengine(load)} if shutil.which("rtpengine") else {}
    return {"peers": found} if found else {}


async def rtpengine(load: Load) -> float:
    """Relay in userspace (no kernel table), one media thread on the server's core."""
    control = free_udp_port()
    words = (
        *pinned([SERVER_CORE]),
        *("rtpengine", "--foreground", "--log-stderr", "--log-level=2", "--table=-1", "--num-threads=1"),
        *("--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{control}", "--port-min=33000", "--port-max=39999"),
    )
    process = await asyncio.create_subprocess_exec(*words, stdout=DEVNULL, stderr=DEVNULL)
    try:
        client = await NgClient.connect(control)
        measured = await through_peer(load, process.pid, lambda ports: place_calls(client, ports))
    finally:
        process.terminate()
        await process.wait()
    return float(measured["cpu_percent_per_call"])


async def place_calls(client: "NgClient", ports: list[int]) -> list[int]:
    """Make a call between each pair of ports; return where each of them sends."""
    targets = []
    for n, (caller, called) in enumerate(zip(ports[::2], ports[1::2], strict=True)):
        names: dict[str, Bencoded] = {"call-id": f"bench-{n}", "from-tag": "a", "ICE": "remove"}
        to_called = await client.ask(names | {"command": "offer", "sdp": sdp(caller)})
        to_caller = await client.ask(names | {"command": "answer", "to-tag": "b", "sdp": sdp(called)})
        targets += [media_port(to_caller), media_port(to_called)]
    return targets


def sdp(port: int) -> str:
    """Return an offer or answer of G.711 at this port."""
    lines = (
        *("v=0", "o=load 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"),
        *(f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv"),
    )
    return "".join(f"{line}\r\n" for line in lines)


def media_port(answer: bytes) -> int:
    """Return the port of the first audio line."""
    return int(answer.split(b"m=audio ")[1].split()[0])


def bencode(value: Bencoded) -> bytes:
    """Serialise as ng does (BEP 3): strings, lists and dictionaries."""
    if isinstance(value, str):
        return f"{len(value)}:{value}".encode()
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"
    return b"l" + b"".join(bencode(item) for item in value) + b"e"


class NgClient(asyncio.DatagramProtocol):
    """One question at a time in the ng protocol: a cookie, a space, a bencoded dictionary."""

    def __init__(self) -> None:
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._asked = 0
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def connect(cls, port: int) -> "NgClient":
        """Return a client once rtpengine answers. Raises TimeoutError if it does not."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                transport, client = await loop.create_datagram_endpoint(cls, remote_addr=("127.0.0.1", port))
                client._transport = transport
                try:
                    await client.ask({"command": "ping"})
                    return client
                except TimeoutError:
                    continue  # not listening yet

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._answers.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        pass  # nobody listens yet: the question is asked again

    async def ask(self, question: dict[str, Bencoded]) -> bytes:
        """Return the answer as it came. Raises TimeoutError after half a second."""
        assert self._transport is not None
        self._asked += 1
        self._transport.sendto(f"{self._asked} ".encode() + bencode(question))
        async with asyncio.timeout(0.5):
            return await self._answers.get()
