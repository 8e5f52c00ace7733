"""Phones (our user agent over real sockets) call a switch with the real Exchange and media core."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaswitch import timeline as t
from mediaswitch.config import Config, PhoneTable, ServerTable, SipTable, TrunkTable
from mediaswitch.numbers import Route
from signaling.sip import events as ev
from signaling.sip import gateway
from signaling.sip.auth import Credentials
from signaling.sip.reply import make_response
from signaling.sip.sdp import SessionDescription
from tests.loopback.sip.house import House, Phone, house, offer_at, until
from tests.loopback.sip.raw import RawPeer

pytestmark = pytest.mark.loopback

SIP = SipTable(port=0, accept_unknown=True)
SERVER = ServerTable(bind_ip="127.0.0.1")


@pytest.fixture
async def callee() -> AsyncIterator[Phone]:
    phone = await Phone.open()
    phone.answers = offer_at(31_000)
    yield phone
    await phone.transport.close()


@pytest.fixture
async def caller() -> AsyncIterator[Phone]:
    phone = await Phone.open()
    yield phone
    await phone.transport.close()


@pytest.fixture
async def switch(callee: Phone, tmp_path: Path) -> AsyncIterator[House]:
    trunk = TrunkTable(name="out", addresses=("127.0.0.1",), port=callee.transport.port)
    routes = [
        Route(number="1000", flow="test"),
        Route(number="2000", bridge="sip:42@out", record=False),
        Route(number="3000", bridge="sip:42@nowhere"),
        Route(number="4000", bridge="sip:desk@phones"),
    ]
    phones = (PhoneTable(user="desk", password="secret-secret"),)
    config = Config(server=SERVER, sip=SIP, trunks=(trunk,), phones=phones)
    async with house(tmp_path, config, routes) as running:
        yield running
    assert running.is_empty()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_caller_of_a_flow_is_answered_with_media_and_hanging_up_frees_all(
    switch: House, caller: Phone, transport: str
) -> None:
    call = caller.call(switch.port, "1000", offer_at(30_000), transport=transport)
    answered = await caller.wait(ev.CallAnswered)
    assert isinstance(answered, ev.CallAnswered)
    assert answered.answer is not None
    answer = SessionDescription.parse(answered.answer)
    assert 32_000 <= answer.media[0].port <= 32_999
    started = switch.of(t.SessionStarted)[0]
    assert isinstance(started, t.SessionStarted)
    assert started.customer == t.Customer(number="5551234", name="Ann")
    caller.bye(call)
    await until(switch.is_empty)
    ended = switch.of(t.Ended)[0]
    assert isinstance(ended, t.Ended)
    assert ended.reason is t.EndReason.HANGUP


async def test_caller_of_a_bridge_is_joined_to_the_trunk_and_its_end_ends_both(
    switch: House, caller: Phone, callee: Phone
) -> None:
    caller.call(switch.port, "2000", offer_at(30_000))
    await caller.wait(ev.CallAnswered)
    incoming = await callee.wait(ev.IncomingCall)
    assert isinstance(incoming, ev.IncomingCall)
    assert incoming.request.from_.uri.user == "5551234"
    assert incoming.request.headers.get("max-forwards") == "69"
    await callee.wait(ev.CallConfirmed)
    assert switch.of(t.Talking)
    callee.bye(incoming.call)
    await caller.wait(ev.CallEnded)
    await until(switch.is_empty)


async def test_caller_gets_the_callees_refusal(switch: House, caller: Phone, callee: Phone) -> None:
    callee.answers = None
    caller.call(switch.port, "2000", offer_at(30_000))
    incoming = await callee.wait(ev.IncomingCall)
    assert isinstance(incoming, ev.IncomingCall)
    await caller.wait(ev.CallRinging)
    callee.agent.reject(incoming.call, 486, now=time.time_ns())
    callee.transport.flush()
    failed = await caller.wait(ev.CallFailed)
    assert isinstance(failed, ev.CallFailed)
    assert failed.status == 486
    await until(switch.is_empty)


async def test_caller_giving_up_cancels_the_callee(switch: House, caller: Phone, callee: Phone) -> None:
    callee.answers = None
    call = caller.call(switch.port, "2000", offer_at(30_000))
    await callee.wait(ev.IncomingCall)
    await caller.wait(ev.CallRinging)
    caller.agent.cancel(call, now=time.time_ns())
    caller.transport.flush()
    await callee.wait(ev.CallCancelled)
    await until(switch.is_empty)


@pytest.mark.parametrize(
    ("number", "offer", "status"),
    [
        ("9", offer_at(30_000), 404),
        ("3000", offer_at(30_000), 480),
        ("4000", offer_at(30_000), 480),
        ("1000", offer_at(30_000).replace(b"RTP/AVP 0 101", b"RTP/SAVP 0 101"), 488),
        ("1000", offer_at(30_000).replace(b"RTP/AVP 0 101", b"RTP/AVP 3"), 488),
        ("1000", offer_at(30_000, ip="no-such-host.invalid"), 488),
        ("1000", b"hello", 400),
    ],
)
async def test_caller_that_cannot_be_served_is_told_why_and_leaves_nothing(
    switch: House, caller: Phone, number: str, offer: bytes, status: int
) -> None:
    caller.call(switch.port, number, offer)
    failed = await caller.wait(ev.CallFailed)
    assert isinstance(failed, ev.CallFailed)
    assert failed.status == status
    await until(switch.is_empty)


async def test_stranger_is_refused_unless_the_settings_say_otherwise(caller: Phone, tmp_path: Path) -> None:
    config = Config(server=SERVER, sip=SipTable(port=0))
    async with house(tmp_path, config, [Route(number="1000", flow="test")]) as switch:
        caller.call(switch.port, "1000", offer_at(30_000))
        failed = await caller.wait(ev.CallFailed)
        assert isinstance(failed, ev.CallFailed)
        assert failed.status == 403
        assert not switch.entries


async def test_phone_of_ours_that_calls_from_elsewhere_must_prove_who_it_is(caller: Phone, tmp_path: Path) -> None:
    """§22.2; also where strangers are let in, nobody may call in a phone's name."""
    phones = (PhoneTable(user="desk", password="secret-secret"), PhoneTable(user="other", password="secret-secret"))
    config = Config(server=SERVER, sip=SIP, phones=phones)
    async with house(tmp_path, config, [Route(number="1000", flow="test")]) as switch:
        offer = offer_at(30_000)
        attempts = [(None, 401), (Credentials("desk", "guess"), 401), (Credentials("other", "secret-secret"), 403)]
        for count, (credentials, status) in enumerate(attempts, start=1):
            caller.call(switch.port, "1000", offer, user="desk", credentials=credentials)
            failed = await caller.wait(ev.CallFailed, count)
            assert isinstance(failed, ev.CallFailed)
            assert failed.status == status
        assert not switch.entries
        call = caller.call(switch.port, "1000", offer, user="desk", credentials=Credentials("desk", "secret-secret"))
        await caller.wait(ev.CallAnswered)
        caller.bye(call)
        await until(switch.is_empty)


async def test_hold_and_resume_by_reinvite_are_answered_and_noted(switch: House, caller: Phone, callee: Phone) -> None:
    """RFC 3264 §8.4: sendonly and inactive, and the 0.0.0.0 of RFC 2543."""
    call = caller.call(switch.port, "2000", offer_at(30_000))
    await caller.wait(ev.CallAnswered)
    await callee.wait(ev.CallConfirmed)
    holds = [
        (offer_at(30_000, direction="sendonly", version=2), "recvonly"),
        (offer_at(30_000, direction="inactive", version=4), "inactive"),
        (offer_at(30_000, ip="0.0.0.0", version=6), "recvonly"),
    ]
    for index, (offer, direction) in enumerate(holds):
        for sdp, wanted in ((offer, direction), (offer_at(30_000, version=9 + index), "sendrecv")):
            before = len(caller.events)
            caller.reinvite(call, sdp)
            await until(lambda seen=before: len(caller.events) > seen)
            answered = caller.events[-1]
            assert isinstance(answered, ev.ReinviteAnswered)
            answer = SessionDescription.parse(answered.answer or b"")
            assert answer.direction_of(answer.media[0]) == wanted
        assert len(switch.of(t.Held)) == len(switch.of(t.Resumed)) == index + 1
    versions = [e.answer for e in caller.events if isinstance(e, ev.CallAnswered | ev.ReinviteAnswered)]
    numbers = [SessionDescription.parse(answer or b"").origin.version for answer in versions]
    assert numbers == list(range(numbers[0], numbers[0] + 7))
    caller.bye(call)
    await callee.wait(ev.CallEnded)
    await until(switch.is_empty)


async def test_caller_without_an_offer_gets_ours_and_answers_in_the_ack(switch: House) -> None:
    """RFC 3261 §13.2.1: the late offer, from a peer written out by hand."""
    async with RawPeer.open(switch.port) as peer:
        peer.send_invite("1000", body=b"")
        ok = await peer.final()
        offer = SessionDescription.parse(ok.body)
        assert [m.name for m in offer.media[0].rtpmaps()][:2] == ["PCMU", "PCMA"]
        peer.send_ack(ok, body=offer_at(30_000))
        await until(lambda: switch.sip.agent.call_count == 1)
        peer.send_bye(ok)
        assert (await peer.final()).status == 200
        await until(switch.is_empty)


async def test_late_offer_left_unanswered_in_the_ack_ends_the_call(switch: House) -> None:
    async with RawPeer.open(switch.port) as peer:
        peer.send_invite("1000", body=b"")
        ok = await peer.final()
        peer.send_ack(ok, body=b"")
        bye = await peer.request()
        assert bye.method == "BYE"
        peer.accept(bye)
        await until(switch.is_empty)


async def test_digits_in_info_reach_the_timeline_and_other_infos_are_refused(switch: House) -> None:
    async with RawPeer.open(switch.port) as peer:
        peer.send_invite("1000", body=offer_at(30_000))
        ok = await peer.final()
        peer.send_ack(ok)
        peer.send_within(ok, "INFO", b"Signal=5\r\nDuration=240\r\n", "application/dtmf-relay")
        assert (await peer.final()).status == 200
        peer.send_within(ok, "INFO", b"*", "application/dtmf")
        assert (await peer.final()).status == 200
        peer.send_within(ok, "INFO", b"<x/>", "text/xml")
        refused = await peer.final()
        assert (refused.status, refused.headers.get("accept")) == (415, "application/dtmf-relay, application/dtmf")
        digits = [(e.digit, e.duration_ms) for e in switch.of(t.DigitPressed) if isinstance(e, t.DigitPressed)]
        assert digits == [("5", 240), ("*", 160)]
        peer.send_bye(ok)
        await until(switch.is_empty)


async def test_phone_on_hold_may_be_silent_but_is_asked_whether_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold sends no media for as long as it likes; a phone that has forgotten the call says 481 (§12.2.1.2)."""
    monkeypatch.setattr(gateway, "PING_INTERVAL_S", 0.2)
    config = Config(server=SERVER, sip=SIP)
    async with house(tmp_path, config, [Route(number="1000", flow="test")], media_timeout_ms=400) as switch:
        async with RawPeer.open(switch.port) as peer:
            peer.send_invite("1000", body=offer_at(30_000))
            ok = await peer.final()
            peer.send_ack(ok)
            peer.send_within(ok, "INVITE", offer_at(30_000, direction="inactive", version=2))
            peer.send_ack(await peer.final())
            for _ in range(4):
                ping = await peer.request()
                assert ping.method == "OPTIONS"
                peer.accept(ping)
            assert switch.sip.agent.call_count == 1
            peer.send(make_response(await peer.request(), 481).to_bytes())
            await until(lambda: switch.of(t.Ended))
            reasons = [event.reason for event in switch.of(t.LegEnded) if isinstance(event, t.LegEnded)]
            assert reasons == [t.EndReason.CONNECTION_LOST]
        await until(switch.is_empty)


async def test_caller_that_vanishes_is_hung_up_when_its_media_stays_away(caller: Phone, tmp_path: Path) -> None:
    config = Config(server=SERVER, sip=SIP)
    async with house(tmp_path, config, [Route(number="1000", flow="test")], media_timeout_ms=400) as switch:
        caller.call(switch.port, "1000", offer_at(30_000))
        await caller.wait(ev.CallAnswered)
        ended = await caller.wait(ev.CallEnded)
        assert isinstance(ended, ev.CallEnded)
        assert ended.cause is ev.EndCause.BYE
        assert [e.reason for e in switch.of(t.LegEnded) if isinstance(e, t.LegEnded)] == [t.EndReason.MEDIA_TIMEOUT]
        await until(switch.is_empty)
