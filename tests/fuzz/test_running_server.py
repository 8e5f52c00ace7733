"""Hostile input to the whole running server: it answers with a clear 4xx or not at all, and serves on."""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.resources import at_rest, back_to
from tests.support.rtp import RtpEndpoint, breaks
from tests.support.server import RunningSwitch
from tests.support.sipp import Sipp, free_udp_port

pytestmark = pytest.mark.fuzz

INVITE = b"""INVITE sip:1000@127.0.0.1 SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-fuzz\r
Max-Forwards: 70\r
From: <sip:fuzz@127.0.0.1>;tag=1\r
To: <sip:1000@127.0.0.1>\r
Call-ID: fuzz@127.0.0.1\r
CSeq: 1 INVITE\r
Contact: <sip:fuzz@127.0.0.1:9>\r
Content-Type: application/sdp\r
Content-Length: 88\r
\r
v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 9 RTP/AVP 0\r
"""
"A message to break; whole, it would be a call."

STUN = bytes.fromhex("000100002112a442") + bytes(12)
"A binding request without attributes (RFC 8489 §6)."

WRONG_BODIES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b'{"unknown": 1}',
    b'{"sdp": 5, "to": [], "muted": "x", "state": {}, "username": null}',
    b'{"sdp": "v=0", "to": "1000", "digits": "\\u0000", "kind": "x", "active": 1}',
    b"[" * 5000,
    b'{"a":' * 2000,
    b'{"sdp": "' + b"x" * 300_000 + b'"}',
    b"\xff\xfe\x00",
]


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[RunningSwitch]:
    async with await RunningSwitch.start(tmp_path / "switch") as running:
        yield running
        print(running.log()[-4000:])


def broken(random_source: random.Random, message: bytes) -> bytes:
    """Return the message with one to four injuries."""
    data = bytearray(message)
    for _ in range(random_source.randint(1, 4)):
        at = random_source.randrange(len(data) + 1)
        match random_source.randrange(6):
            case 0:
                del data[at : at + random_source.randint(1, 60)]
            case 1:
                data[at:at] = random_source.randbytes(random_source.randint(1, 60))
            case 2:
                data[at:at] = data[max(0, at - 80) : at] * random_source.randint(1, 20)
            case 3:
                data = data[:at] or bytearray(b"\r\n")
            case 4:
                data = data.replace(b"\r\n", random_source.choice([b"\n", b"\r", b"\r\n\r\n", b"\r\n \r\n"]), 3)
            case _:
                data = data.replace(
                    random_source.choice([b"88", b"SIP/2.0", b"1 INVITE", b":", b"70", b"z9hG4bK"]),
                    random_source.choice([b"", b"-1", b"99999999999999999999", b"\x00", b"%", b"\xe4\xbd\xa0"]),
                )
        data = data or bytearray(b"\x00")
    return bytes(data[:60_000])


async def throw_at_sip(switch: RunningSwitch, seed: int, count: int) -> None:
    """Send so many broken datagrams, and a tenth as many broken TCP streams."""
    source = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for number in range(count):
            udp.sendto(broken(source, INVITE), ("127.0.0.1", switch.ports.sip))
            if number % 20 == 0:
                await asyncio.sleep(0.01)
    for _ in range(count // 10):
        _, writer = await asyncio.open_connection("127.0.0.1", switch.ports.sip)
        writer.write(broken(source, INVITE * source.randint(1, 3)))
        writer.close()


async def test_malformed_sip_neither_stops_the_server_nor_fills_its_memory(switch: RunningSwitch) -> None:
    before = await at_rest(switch)
    for seed in range(2):  # pools, caches and tables reach their size
        await throw_at_sip(switch, seed, 1000)
    assert await back_to(before, switch, timeout_s=60) == {}
    resident = switch.resident_kib()
    for seed in range(2, 5):
        await throw_at_sip(switch, seed, 1000)
    assert await back_to(before, switch, timeout_s=60) == {}
    assert switch.resident_kib() - resident < 4096
    assert await switch.is_ready()


async def test_malformed_media_disturbs_no_call(tmp_path: Path) -> None:
    """RTP, RTCP and STUN, cut and garbled, to every open media port while two parties talk."""
    called_port = free_udp_port()
    extra = f"""
[[trunks]]
name = "bench"
addresses = ["127.0.0.1"]
port = {called_port}

[[numbers]]
number = "2000"
bridge = "sip:bench@127.0.0.1:{called_port}"
"""
    source = random.Random(7)
    async with (
        await RunningSwitch.start(tmp_path / "switch", extra=extra) as switch,
        await RtpEndpoint.open() as ours,
        await RtpEndpoint.open() as theirs,
    ):
        answering = await Sipp(tmp_path, "uas_call.xml", port=called_port).keys({"rtp_port": theirs.port}).start()
        calling = Sipp(tmp_path, "uac_call.xml", target=switch.sip_address).option("-s", "2000", "-d", "5000")
        await calling.keys({"rtp_port": ours.port, "caller": "555"}).start()
        ours.start_sending(("127.0.0.1", int((await calling.logged(r"answered \d+ (\d+)"))[0][1])))
        theirs.start_sending(("127.0.0.1", int((await answering.logged(r"called (\d+)"))[0][1])))
        whole = bytes([0x80, 0x00]) + source.randbytes(170)
        report = bytes([0x81, 200, 0, 12]) + source.randbytes(48)
        counted = (await switch.metrics())["mediaswitch_media_malformed_total"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(3000):
                data = broken(source, source.choice([whole, report, STUN]))[:1400]
                port = switch.ports.media_low + number % 12
                stranger.sendto(data, ("127.0.0.1", port))
                if number % 30 == 0:
                    await asyncio.sleep(0.01)
        assert (await switch.metrics())["mediaswitch_media_malformed_total"] > counted
        assert (ended := await calling.finish()).exit_code == 0, ended.transcript
        assert (ended := await answering.finish()).exit_code == 0, ended.transcript
        assert len(theirs.received) > 200
        assert breaks(theirs.received) == []
        assert breaks(ours.received) == []


async def routes(switch: RunningSwitch) -> list[tuple[str, str]]:
    """Every method and path that the server describes, with identifiers that name nothing."""
    _, described = await switch.request("GET", "/api/v1/openapi.json")
    found = []
    for path, operations in described["paths"].items():
        for method in operations:
            if method in ("get", "post", "put", "delete", "patch"):
                filled = "/".join("s-0000000000000000" if part.startswith("{") else part for part in path.split("/"))
                found.append((method.upper(), filled))
    return found


async def test_wrong_json_on_every_route_gets_a_problem_document(switch: RunningSwitch) -> None:
    tokens: list[str | None] = [None, await switch.login("amy"), await switch.login("admin")]
    wrong: list[Any] = []
    paths = await routes(switch)
    assert len(paths) > 20
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as http:
        for method, path in paths:
            for body in WRONG_BODIES if method != "GET" else [b"{"]:
                for token in tokens:
                    headers = {"Content-Type": "application/json"}
                    headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
                    async with http.request(method, switch.url + path, data=body, headers=headers) as answer:
                        await answer.read()
                        if answer.status >= 500 or (answer.status >= 400 and "problem+json" not in answer.content_type):
                            wrong.append((method, path, body[:40], answer.status, answer.content_type))
    assert wrong == []
    assert await switch.is_ready()


async def test_wrong_frames_on_the_live_socket_end_it_or_are_named(switch: RunningSwitch) -> None:
    token = await switch.login("amy")
    hello = json.dumps({"type": "hello", "token": token})
    frames: list[str | bytes] = [body.decode("latin-1") for body in WRONG_BODIES]
    frames += ['{"type": "subscribe", "topics": ["x", 5]}', b"\x00\x01"]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as http:
        openings: list[list[str]] = [[], [hello]]
        for opening in openings:
            for frame in frames:
                async with http.ws_connect(switch.url + "/api/v1/ws") as live:
                    for text in opening:
                        await live.send_str(text)
                        assert (await live.receive_json(timeout=5))["type"] == "welcome"
                    await (live.send_str(frame) if isinstance(frame, str) else live.send_bytes(frame))
                    answer = await live.receive(timeout=8)
                    if answer.type is aiohttp.WSMsgType.TEXT:
                        assert answer.json()["type"] == "error", (frame[:40], answer.data)
                    else:
                        assert answer.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), frame[:40]
    assert await switch.is_ready()
