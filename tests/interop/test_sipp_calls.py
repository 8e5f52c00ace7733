"""SIPp on both sides of the switch: what a carrier sees."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.resources import at_rest, back_to, held
from tests.support.rtp import RtpEndpoint, breaks
from tests.support.server import RunningSwitch
from tests.support.sipp import Sipp
from tests.support.tone import HEARD_DB, level_db, tone_db, tones_heard

pytestmark = pytest.mark.interop

CALLER_HZ, CALLED_HZ = 440.0, 700.0


def caller(folder: Path, scenario: str, switch: RunningSwitch, rtp: RtpEndpoint, *, talk_ms: int = 1500) -> Sipp:
    """A SIPp caller of number 2000 whose sound is `rtp`."""
    sipp = Sipp(folder, scenario, target=switch.sip_address)
    return sipp.option("-s", "2000", "-d", str(talk_ms)).keys({"rtp_port": rtp.port, "caller": "5551234"})


def called(folder: Path, port: int, rtp: RtpEndpoint) -> Sipp:
    """A SIPp called party whose sound is `rtp`."""
    return Sipp(folder, "uas_call.xml", port=port).keys({"rtp_port": rtp.port})


async def target_of(sipp: Sipp, word: str) -> tuple[str, int]:
    """Wait for the SDP that the switch sent to this party and return where it wants its sound."""
    return ("127.0.0.1", int((await sipp.logged(word + r" (?:\d+ )?(\d+)"))[0][1]))


async def test_two_phones_through_the_switch_hear_exactly_each_other(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    before = await at_rest(switch)
    async with await RtpEndpoint.open() as ours, await RtpEndpoint.open() as theirs:
        answering = await called(tmp_path, called_port, theirs).start()
        calling = await caller(tmp_path, "uac_call.xml", switch, ours).start()
        ours.start_sending(await target_of(calling, "answered"), hz=CALLER_HZ)
        theirs.start_sending(await target_of(answering, "called"), hz=CALLED_HZ)
        assert (ended := await calling.finish()).exit_code == 0, ended.transcript
        assert (ended := await answering.finish()).exit_code == 0, ended.transcript
        assert tones_heard(ours.heard(), 8000, [CALLER_HZ, CALLED_HZ]) == {CALLED_HZ}
        assert tones_heard(theirs.heard(), 8000, [CALLER_HZ, CALLED_HZ]) == {CALLER_HZ}
        assert breaks(theirs.received) == []
    assert await back_to(before, switch) == {}


async def test_fifty_calls_at_once_lose_no_packet_and_leave_nothing_behind(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    """The called party echoes, so what each caller sent passes the switch twice."""
    calls, packets = 50, 250
    before = await at_rest(switch)
    answering = await Sipp(tmp_path, "uas_echo.xml", calls=calls, port=called_port).option("-rtp_echo").start()
    async with AsyncExitStack() as stack:
        voices = {v.port: v for v in [await stack.enter_async_context(await RtpEndpoint.open()) for _ in range(calls)]}
        calling = Sipp(tmp_path, "uac_many.xml", target=switch.sip_address, calls=calls).rows([p] for p in voices)
        await calling.option("-s", "2000", "-d", "9000", "-r", "25").keys({"caller": "5551234"}).start()
        for index in range(calls):
            answered = (await calling.logged(r"answered (\d+) (\d+)", count=index + 1, timeout_s=15))[index]
            voices[int(answered[1])].start_sending(("127.0.0.1", int(answered[2])), packets=packets)
        assert (await held(switch))["sessions"] == calls
        await asyncio.gather(*(voice.sent_all() for voice in voices.values()))
        ended = await calling.finish()
        assert (ended.exit_code, ended.successful) == (0, calls), ended.transcript
        assert {voice.sent for voice in voices.values()} == {packets}
        lost = {port: v.never_came_back() for port, v in voices.items()}
        assert {port: counts for port, counts in lost.items() if counts != (0, 0)} == {}
    assert (await answering.finish()).successful == calls
    assert await back_to(before, switch) == {}


async def test_caller_holding_by_reinvite_gets_no_rtp_and_the_other_hears_music(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    """RFC 3264 §6.1, §8.4: `sendonly` is answered `recvonly` and our RTP stops; after resume both talk again.
    The other side's stream is one from beginning to end."""
    async with await RtpEndpoint.open() as ours, await RtpEndpoint.open() as theirs:
        answering = await called(tmp_path, called_port, theirs).start()
        calling = await caller(tmp_path, "uac_hold_by_reinvite.xml", switch, ours, talk_ms=2000).start()
        ours.start_sending(await target_of(calling, "answered"), hz=CALLER_HZ)
        theirs.start_sending(await target_of(answering, "called"), hz=CALLED_HZ)
        await calling.logged("held")
        await ours.stop_sending()
        await asyncio.sleep(0.5)  # what was on its way when the hold was answered
        held_at = time.monotonic_ns()
        await asyncio.sleep(1.2)
        assert ours.received_since(held_at) == []
        music = theirs.heard(last_s=1.0)
        assert level_db(music) > HEARD_DB
        assert tone_db(music, 8000, CALLER_HZ) < HEARD_DB
        ours.start_sending((await target_of(calling, "resumed")), hz=CALLER_HZ)
        await asyncio.sleep(1.5)
        assert tones_heard(ours.heard(last_s=1.0), 8000, [CALLER_HZ, CALLED_HZ]) == {CALLED_HZ}
        assert tones_heard(theirs.heard(last_s=1.0), 8000, [CALLER_HZ, CALLED_HZ]) == {CALLER_HZ}
        assert (ended := await calling.finish()).exit_code == 0, ended.transcript
        assert (ended := await answering.finish()).exit_code == 0, ended.transcript
        assert breaks(theirs.received) == []
        assert len({packet.ssrc for packet in ours.received}) == 1


async def test_caller_giving_up_while_it_rings_stops_the_ringing(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    """RFC 3261 §9: CANCEL is answered 200, the INVITE 487, and the called party is cancelled in its turn."""
    before = await at_rest(switch)
    async with await RtpEndpoint.open() as ours:
        ringing = await Sipp(tmp_path, "uas_rings.xml", port=called_port).start()
        ended = await caller(tmp_path, "uac_cancel.xml", switch, ours).run(timeout_s=15)
        assert ended.exit_code == 0, ended.transcript
        assert (ended := await ringing.finish(timeout_s=15)).exit_code == 0, ended.transcript
    assert await back_to(before, switch) == {}


async def test_caller_who_vanishes_is_given_up_and_all_is_freed(
    switch: RunningSwitch, called_port: int, tmp_path: Path
) -> None:
    """The half-open call: no BYE, no RTP, no answer to ours. The called party gets its BYE."""
    before = await at_rest(switch)
    async with await RtpEndpoint.open() as ours, await RtpEndpoint.open() as theirs:
        answering = await called(tmp_path, called_port, theirs).start()
        calling = await caller(tmp_path, "uac_vanishes.xml", switch, ours).start()
        ours.start_sending(await target_of(calling, "answered"))
        theirs.start_sending(await target_of(answering, "called"))
        await asyncio.sleep(1)
        await calling.kill()
        await ours.stop_sending()
        assert (ended := await answering.finish(timeout_s=20)).exit_code == 0, ended.transcript
    # Our BYE to the vanished phone is repeated for 64*T1 (RFC 3261 §17.1.2.2, Timer F) and needs no port meanwhile.
    assert await back_to(before, switch, timeout_s=40) == {}
