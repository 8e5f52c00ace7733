"""Timers, digits in INFO, trunks: the parts of a few lines."""

from random import Random

import pytest

from mediaswitch.errors import NotFound
from signaling.sip.agent import UserAgent
from signaling.sip.auth import Credentials, DigestServer
from signaling.sip.destinations import Destinations
from signaling.sip.dialog import Dialog
from signaling.sip.dtmf_info import parse_info_digit
from signaling.sip.headers import NameAddr
from signaling.sip.hop import Hop
from signaling.sip.registrar import Binding, MemoryBindings, Registrar
from signaling.sip.timers import TimerQueue
from signaling.sip.trunk import Trunk, Trunks
from signaling.sip.uri import Uri


def test_timer_that_is_set_again_fires_once_at_the_new_instant() -> None:
    timers: TimerQueue[str] = TimerQueue()
    timers.set("a", 10)
    timers.set("b", 20)
    timers.set("a", 30)
    assert timers.next_at() == 20
    assert list(timers.pop_due(25)) == ["b"]
    assert list(timers.pop_due(40)) == ["a"]
    assert timers.next_at() is None


def test_timer_that_is_disarmed_never_fires() -> None:
    timers: TimerQueue[str] = TimerQueue()
    timers.set("a", 10)
    timers.set("a", None)
    assert list(timers.pop_due(100)) == []


def test_timer_that_is_set_for_ever_again_keeps_the_heap_small() -> None:
    timers: TimerQueue[int] = TimerQueue()
    for at in range(100_000):
        timers.set(at % 3, at)
    assert len(timers._heap) <= 64 + 1
    assert len(timers) == 3


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        ("application/dtmf-relay", b"signal= * \nduration= 90", ("*", 90)),
        ("application/dtmf-relay", b"Signal=11", ("#", 160)),
        ("application/dtmf-relay", b"Signal=d\r\nDuration=x", ("D", 160)),
        ("application/dtmf-relay", b"Signal=5\r\nDuration=999999", ("5", 10_000)),
        ("application/dtmf-relay", b"Signal=55", None),
        ("application/dtmf-relay", b"\xff\xfe", None),
        ("application/dtmf", b"7", ("7", 160)),
        ("application/dtmf", b"", None),
    ],
)
def test_digit_in_info_is_read_in_both_legacy_forms(kind: str, body: bytes, found: tuple[str, int] | None) -> None:
    assert parse_info_digit(kind, body) == found


def destinations(bindings: MemoryBindings) -> Destinations:
    digest = DigestServer(realm="r", key=b"k", passwords=lambda user: None, random=Random(1))
    registrar = Registrar(UserAgent(random=Random(1)), digest, ["desk"], bindings)
    trunk = Trunk(
        name="Carrier", addresses=("192.0.2.10", "192.0.2.11"), port=5080, transport="tcp",
        credentials=Credentials("us", "secret"),
    )  # fmt: skip
    return Destinations(registrar, Trunks([trunk]))


@pytest.mark.parametrize(
    ("target", "uri", "hop"),
    [
        ("sip:+49123@carrier", "sip:+49123@192.0.2.10:5080;transport=tcp", Hop("tcp", "192.0.2.10", 5080)),
        ("sip:1@192.0.2.11", "sip:1@192.0.2.11:5080;transport=tcp", Hop("tcp", "192.0.2.11", 5080)),
        ("sip:1@192.0.2.11:5999", "sip:1@192.0.2.11:5999;transport=tcp", Hop("tcp", "192.0.2.11", 5999)),
    ],
)
def test_trunk_is_found_by_name_and_by_address(target: str, uri: str, hop: Hop) -> None:
    found = destinations(MemoryBindings()).find(target, now=0)
    assert (str(found.uri), found.hop, found.credentials) == (uri, hop, Credentials("us", "secret"))


@pytest.mark.parametrize("target", ["sip:1@elsewhere", "sip:desk@phones", "sip:nobody@phones", "http://x", "1"])
def test_target_that_nobody_serves_is_not_found(target: str) -> None:
    with pytest.raises(NotFound):
        destinations(MemoryBindings()).find(target, now=0)


def test_phone_over_tcp_is_reached_on_its_own_connection_first() -> None:
    bindings = MemoryBindings()
    contact = NameAddr(uri=Uri.for_user("desk", "192.0.2.9", 5060, transport="tcp"))
    seen = Hop("tcp", "192.0.2.9", 40_000)
    bindings.save("desk", [Binding(contact=contact, expires_at=10, call_id="c", cseq=1, source=seen)])
    found = destinations(bindings).find("sip:desk@phones", now=0)
    assert (found.hop, found.fallback) == (seen, Hop("tcp", "192.0.2.9", 5060))


@pytest.mark.parametrize(
    ("contact", "flow", "hop"),
    [
        ("sip:x@10.0.0.5:5062", Hop("udp", "8.8.4.4", 40_000), Hop("udp", "8.8.4.4", 40_000)),
        ("sip:x@10.0.0.5:5062", Hop("udp", "10.0.0.9", 5060), Hop("udp", "10.0.0.5", 5062)),
        ("sip:x@8.8.8.8", Hop("udp", "8.8.4.4", 40_000), Hop("udp", "8.8.8.8", 5060)),
        ("sip:x@host.example", Hop("udp", "8.8.4.4", 40_000), Hop("udp", "host.example", 5060)),
        ("sip:x@10.0.0.5;transport=tcp", Hop("tcp", "8.8.4.4", 40_000), Hop("tcp", "8.8.4.4", 40_000)),
    ],
)
def test_dialog_goes_to_the_contact_unless_it_is_behind_nat(contact: str, flow: Hop, hop: Hop) -> None:
    us = NameAddr(uri=Uri.for_user("us", "192.0.2.1"))
    dialog = Dialog(call_id="c", local=us, remote=us, remote_target=Uri.parse(contact), local_cseq=1, flow=flow)
    assert dialog.next_hop()[0] == hop
