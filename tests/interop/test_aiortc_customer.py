"""A WebRTC customer that is no browser (aiortc) with a SIP party opposite: Opus on one leg, G.711 on the other."""

import asyncio
from pathlib import Path

import pytest

from mediaswitch.demo.customer import Customer
from mediaswitch.demo.peer import allow_loopback
from tests.support.resources import at_rest, back_to
from tests.support.rtp import RtpEndpoint, breaks
from tests.support.server import RunningSwitch
from tests.support.sipp import Sipp
from tests.support.tone import read_wav, tone, tones_heard, write_wav

pytestmark = pytest.mark.interop

CUSTOMER_HZ, CALLED_HZ = 440.0, 700.0


async def test_web_customer_and_phone_hear_exactly_each_other_across_codecs(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    allow_loopback()
    before = await at_rest(switch)
    voice = write_wav(tmp_path / "customer.wav", tone(CUSTOMER_HZ, 2, rate=48000), rate=48000)
    heard = tmp_path / "heard.wav"
    async with await RtpEndpoint.open() as phone:
        answering = await Sipp(tmp_path, "uas_call.xml", port=called_port).keys({"rtp_port": phone.port}).start()
        call = Customer.call(switch.url, to="2100", name="Li", language="zh", speech=voice, record=heard)
        async with await call as customer:
            await asyncio.wait_for(customer.peer.connected.wait(), 10)
            phone.start_sending(("127.0.0.1", int((await answering.logged(r"called (\d+)"))[0][1])), hz=CALLED_HZ)
            await customer.wait_event("talking")
            await asyncio.sleep(4)
            assert tones_heard(phone.heard(last_s=1), 8000, [CUSTOMER_HZ, CALLED_HZ]) == {CUSTOMER_HZ}
            assert breaks(phone.received) == []
        assert (ended := await answering.finish()).exit_code == 0, ended.transcript
    samples, rate = read_wav(heard)
    assert tones_heard(samples[-rate:], rate, [CUSTOMER_HZ, CALLED_HZ]) == {CALLED_HZ}
    assert await back_to(before, switch) == {}
