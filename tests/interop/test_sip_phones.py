"""Foreign SIP phones (pjsua2, baresip) register at the switch, call through it and are called by it."""

import asyncio
import contextlib
import json
import socket
import wave
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.config import Config, PhoneTable, ServerTable, SipTable
from mediaswitch.demo.phone import Phone
from mediaswitch.numbers import Route
from tests.loopback.sip.house import House, house, until

pytestmark = pytest.mark.interop

PASSWORD = "correct-horse"


@pytest.fixture
async def switch(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A switch for phones only: whoever has not registered is refused. Its parameter is the setting sip.digest."""
    phones = tuple(PhoneTable(user=user, password=PASSWORD) for user in ("ann", "ben"))
    sip = SipTable(port=0, digest=getattr(request, "param", ("SHA-256", "MD5")))
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=sip, phones=phones)
    routes = [Route(number="2000", bridge="sip:ben@phones"), Route(number="1000", flow="test")]
    async with house(tmp_path, config, routes) as running:
        yield running


@contextlib.asynccontextmanager
async def pjsua(switch: House, user: str, **settings: object) -> AsyncIterator[Phone]:
    """A registered pjsua2 phone."""
    options = {"user": user, "registrar": f"127.0.0.1:{switch.port}", "password": PASSWORD} | settings
    async with await Phone.start(**options) as phone:
        registration = await phone.wait("registration")
        assert registration["code"] == 200
        yield phone


def sound_in(folder: Path) -> Path:
    """A second of silence to send; without a source pjsua2 stops sending, and baresip never begins."""
    path = folder / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    return path


def free_tcp_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def hears(phone: Phone) -> None:
    """Wait until packets come, since the last re-negotiation."""
    async with asyncio.timeout(10):
        while (await phone.stats())["received"] <= 10:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_registered_phone_reaches_another_which_holds_and_resumes(
    switch: House, tmp_path: Path, transport: str
) -> None:
    async with (
        pjsua(switch, "ben", transport=transport, auto_answer=True) as ben,
        pjsua(switch, "ann", transport=transport) as ann,
    ):
        for phone in (ann, ben):
            phone.play(sound_in(tmp_path))
        suffix = ";transport=tcp" if transport == "tcp" else ""
        await ann.call(f"sip:2000@127.0.0.1:{switch.port}{suffix}")
        await ben.wait("call", lambda event: event["state"] == "CONFIRMED")
        await ben.hold()
        await until(lambda: switch.of(t.Held))
        await ben.resume()
        await until(lambda: switch.of(t.Resumed))
        await ann.hold()
        await until(lambda: len(switch.of(t.Held)) == 2)
        await ann.resume()
        await hears(ann)
        await hears(ben)
        await ann.hang_up()
        await ben.ended()
        await until(switch.is_empty)


async def test_phone_with_a_wrong_password_is_neither_bound_nor_let_in(switch: House) -> None:
    settings = {"user": "ann", "registrar": f"127.0.0.1:{switch.port}", "password": "wrong horse"}
    async with await Phone.start(**settings) as phone:
        registration = await phone.wait("registration", lambda event: event["code"] != 100)
        assert registration["code"] in (401, 403)
        assert switch.sip.registrar.find("ann", now=0) == []


async def test_phone_that_ends_takes_its_binding_away(switch: House) -> None:
    async with pjsua(switch, "ann"):
        now = switch.core.now_ns()
        assert len(switch.sip.registrar.find("ann", now=now)) == 1
    await until(lambda: not switch.sip.registrar.find("ann", now=now))


@dataclass
class Baresip:
    """A baresip process, ordered by its TCP control socket."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def order(self, command: str, params: str = "") -> None:
        """Give an order, as a netstring of JSON."""
        data = json.dumps({"command": command, "params": params})
        self.writer.write(f"{len(data)}:{data},".encode())

    async def event(self, kind: str, *, timeout_s: float = 10) -> dict[str, object]:
        """Wait for an event of a type."""
        async with asyncio.timeout(timeout_s):
            while True:
                length = await self.reader.readuntil(b":")
                data = await self.reader.readexactly(int(length[:-1]) + 1)
                event: dict[str, object] = json.loads(data[:-1])
                if event.get("type") == kind:
                    return event


@contextlib.asynccontextmanager
async def baresip(switch: House, folder: Path, user: str) -> AsyncIterator[Baresip]:
    """A baresip phone with an account at the switch. Its library gives up at a challenge with SHA-256."""
    folder.mkdir()
    control = free_tcp_port()
    modules = ["module g711.so", "module aufile.so", "module aubridge.so"]
    (folder / "config").write_text(
        "\n".join(
            [
                "sip_listen 127.0.0.1:0",
                "net_interface 127.0.0.1",
                f"audio_source aufile,{sound_in(folder)}",
                "audio_player aubridge,x",
                "module_path /usr/lib/baresip/modules",
                *modules,
                "module_app account.so",
                "module_app menu.so",
                "module_app ctrl_tcp.so",
                f"ctrl_tcp_listen 127.0.0.1:{control}",
                "",
            ]
        )
    )
    account = f"<sip:{user}@127.0.0.1:{switch.port}>;auth_user={user};auth_pass={PASSWORD};answermode=auto"
    (folder / "accounts").write_text(account + ";audio_codecs=PCMU/8000/1\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        "baresip", "-f", str(folder), stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield await _control(process, control)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)


async def _control(process: Process, port: int) -> Baresip:
    async with asyncio.timeout(10):
        while True:
            try:
                return Baresip(process, *await asyncio.open_connection("127.0.0.1", port))
            except ConnectionError:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("switch", [("MD5",)], indirect=True)
async def test_baresip_registers_and_is_called_by_pjsua(switch: House, tmp_path: Path) -> None:
    """The two stacks never meet: both talk to ours."""
    async with baresip(switch, tmp_path / "ben", "ben") as ben, pjsua(switch, "ann") as ann:
        await until(lambda: switch.sip.registrar.find("ben", now=switch.core.now_ns()), deadline_s=10)
        await ann.call(f"sip:2000@127.0.0.1:{switch.port}")
        await ben.event("CALL_ESTABLISHED")
        await hears(ann)
        ben.order("hangup")
        await ann.ended()
        await until(switch.is_empty)


@pytest.mark.parametrize("switch", [("MD5",)], indirect=True)
async def test_baresip_calls_and_is_hung_up_by_the_switch(switch: House, tmp_path: Path) -> None:
    async with baresip(switch, tmp_path / "ben", "ben") as ben:
        await until(lambda: switch.sip.registrar.find("ben", now=switch.core.now_ns()), deadline_s=10)
        ben.order("dial", f"sip:1000@127.0.0.1:{switch.port}")
        await ben.event("CALL_ESTABLISHED")
        (session,) = switch.exchange.sessions()
        switch.exchange.hang_up(session.id, t.EndReason.FLOW_ENDED)
        await ben.event("CALL_CLOSED")
        await until(switch.is_empty)
