"""baresip with DTLS-SRTP (OpenSSL, an RSA certificate) talks through the switch with a plain pjsua2."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch.config import Config, PhoneTable, ServerTable, SipTable
from mediaswitch.demo.phone import Phone
from mediaswitch.numbers import Route
from tests.loopback.sip.house import House, house, until
from tests.support.baresip import Baresip, baresip
from tests.support.talk import heard_by_phone
from tests.support.tone import read_wav, tone, tones_heard, write_wav

pytestmark = pytest.mark.interop

PASSWORD = "correct-horse"
ANN_HZ, BEN_HZ = 440.0, 1000.0
TONES = (ANN_HZ, BEN_HZ)
DEADLINE_S = 15.0


@pytest.fixture
async def switch(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """Ben must encrypt, by DTLS and, as the parameter says, with ICE; Ann must not."""
    phones = (
        PhoneTable(user="ann", password=PASSWORD, srtp="off"),
        PhoneTable(user="ben", password=PASSWORD, srtp="required", srtp_keying="dtls", ice=request.param),
    )
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=SipTable(port=0, digest=("MD5",)), phones=phones)
    routes = [Route(number="2000", bridge="sip:ben@phones"), Route(number="3000", bridge="sip:ann@phones")]
    async with house(tmp_path, config, routes) as running:
        yield running


async def by_ann(ann: Phone, path: Path) -> bool:
    """Whether Ann hears Ben and nobody else, within the deadline: a handshake may need a second try."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            samples, rate = read_wav(await heard_by_phone(ann, path, 0.7))
            if tones_heard(samples[rate // 4 :], rate, TONES) == {BEN_HZ}:
                return True


def by_ben(ben: Baresip) -> set[float]:
    """Whom Ben heard in the last half of a second of his last call."""
    samples, rate = read_wav(ben.heard()[-1])
    return tones_heard(samples[-rate // 2 :], rate, TONES)


@pytest.mark.parametrize(("switch", "ice"), [(False, False), (True, True)], indirect=["switch"])
async def test_dtls_phone_and_plain_phone_hear_each_other_whoever_calls_and_after_hold(
    switch: House, tmp_path: Path, ice: bool
) -> None:
    """His calls make us the client of the handshake, ours the server; without ICE RTCP has its own port and keys."""
    ann_voice = write_wav(tmp_path / "ann.wav", tone(ANN_HZ, 2))
    ben_voice = write_wav(tmp_path / "ben.wav", tone(BEN_HZ, 60))
    registrar = f"127.0.0.1:{switch.port}"
    async with (
        await Phone.start(user="ann", registrar=registrar, password=PASSWORD, auto_answer=True) as ann,
        baresip(
            tmp_path / "ben", user="ben", password=PASSWORD, registrar=switch.port, voice=ben_voice,
            secured=True, ice=ice, rtcp_mux=ice,
        ) as ben,
    ):  # fmt: skip
        assert (await ann.wait("registration"))["code"] == 200
        ann.play(ann_voice)
        await until(lambda: switch.sip.registrar.find("ben", now=switch.core.now_ns()), deadline_s=DEADLINE_S)

        await ann.call(f"sip:2000@{registrar}")
        await ben.event("CALL_ESTABLISHED")
        assert await by_ann(ann, tmp_path / "first.wav")
        await ann.hold()
        await asyncio.sleep(0.3)
        await ann.resume()
        assert await by_ann(ann, tmp_path / "resumed.wav")
        await ann.hang_up()
        await ben.event("CALL_CLOSED")
        assert by_ben(ben) == {ANN_HZ}
        await until(switch.is_empty)

        ben.order("dial", f"sip:3000@{registrar}")
        await ben.event("CALL_ESTABLISHED")
        assert await by_ann(ann, tmp_path / "second.wav")
        ben.order("hold")
        await asyncio.sleep(0.5)
        ben.order("resume")
        await asyncio.sleep(0.5)
        assert await by_ann(ann, tmp_path / "taken_back.wav")
        ben.order("hangup")
        await ben.event("CALL_CLOSED")
        assert by_ben(ben) == {ANN_HZ}
        log = (ben.folder / "log").read_text(errors="replace")
        assert log.count("DTLS-SRTP complete") == (2 if ice else 4)
        assert log.count("connectivity check is complete") == (2 if ice else 0)
        await until(switch.is_empty)
