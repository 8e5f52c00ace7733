"""Phones whose media goes by IPv6, and their calls with a phone of IPv4: signaling stays where it is."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mediaswitch.config import Config, ServerTable, SipTable, TrunkTable
from mediaswitch.numbers import Route
from signaling.sip import events as ev
from signaling.sip.sdp import SessionDescription
from tests.loopback.sip.house import House, Phone, house, until

pytestmark = pytest.mark.loopback

PCMU = 0


def has_ipv6() -> bool:
    """Whether this machine has a loopback address of IPv6."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def media_socket(ip: str) -> Iterator[socket.socket]:
    """A UDP socket for RTP."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind((ip, 0))
        media.setblocking(False)
        yield media


def description(ip: str, port: int) -> bytes:
    """PCMU at an address of either family."""
    family = "IP6" if ":" in ip else "IP4"
    lines = ["v=0", f"o=- 7 1 IN {family} {ip}", "s=-", f"c=IN {family} {ip}", "t=0 0", f"m=audio {port} RTP/AVP 0"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def place_of(answer: bytes | None) -> tuple[str, int]:
    """Where the switch wants its RTP."""
    assert answer is not None
    told = SessionDescription.parse(answer)
    return told.address_of(told.media[0]), told.media[0].port


async def hears(listener: socket.socket, speaker: socket.socket, to: tuple[str, int], mark: int) -> bool:
    """Whether packets of one phone reach the other; each payload consists of a mark."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        for sequence in range(500):
            speaker.sendto(struct.pack("!BBHII", 0x80, PCMU, sequence, sequence * 160, mark) + bytes([mark]) * 160, to)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    if (await loop.sock_recv(listener, 2_048))[12:] == bytes([mark]) * 160:
                        return True
    return False


@pytest.fixture
async def switch(tmp_path: Path, carrier: Phone, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """1000 is a flow, 2000 the carrier. The parameter: whether there is IPv6."""
    trunk = TrunkTable(name="carrier", addresses=("127.0.0.1",), port=carrier.transport.port)
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=SipTable(port=0), trunks=(trunk,))
    routes = [Route(number="1000", flow="test"), Route(number="2000", bridge="sip:9@carrier")]
    async with house(tmp_path, config, routes, bind_ip6="::1" if request.param else None) as running:
        yield running


@pytest.fixture
async def carrier() -> AsyncIterator[Phone]:
    phone = await Phone.open()
    yield phone
    await phone.transport.close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
@pytest.mark.parametrize("switch", [True], indirect=True)
async def test_caller_of_ipv6_and_phone_of_ipv4_hear_each_other(switch: House, carrier: Phone) -> None:
    caller = await Phone.open()
    with media_socket("::1") as six, media_socket("127.0.0.1") as four:
        carrier.answers = description("127.0.0.1", four.getsockname()[1])
        call = caller.call(switch.port, "2000", description("::1", six.getsockname()[1]))
        answered = await caller.wait(ev.CallAnswered)
        assert isinstance(answered, ev.CallAnswered)
        called = await carrier.wait(ev.IncomingCall)
        assert isinstance(called, ev.IncomingCall)
        to_six, to_four = place_of(answered.answer), place_of(called.offer)
        assert (to_six[0], to_four[0]) == ("::1", "127.0.0.1")
        assert await hears(four, six, to_six, 6)
        assert await hears(six, four, to_four, 4)
        caller.bye(call)
        await until(switch.is_empty)
    await caller.transport.close()


@pytest.mark.parametrize("switch", [False], indirect=True)
async def test_caller_of_ipv6_is_refused_where_there_is_none_and_no_port_is_left(switch: House) -> None:
    caller = await Phone.open()
    caller.call(switch.port, "1000", description("::1", 40_000))
    failed = await caller.wait(ev.CallFailed)
    assert isinstance(failed, ev.CallFailed)
    assert failed.status == 488
    await until(switch.is_empty)
    await caller.transport.close()
