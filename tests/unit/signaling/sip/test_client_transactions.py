"""Retransmission and end of our own requests, by the tables of RFC 3261 §17.1 and RFC 6026."""

import pytest

from signaling.sip.headers import Headers
from signaling.sip.message import Request, Response, parse_message
from signaling.sip.reply import make_response
from signaling.sip.timers import SECOND, SipTimers
from signaling.sip.transaction.invite_client import InviteClientTransaction
from signaling.sip.transaction.non_invite_client import NonInviteClientTransaction
from signaling.sip.transaction.state import State

TIMERS = SipTimers()
Client = InviteClientTransaction | NonInviteClientTransaction


def request(method: str) -> Request:
    headers = Headers([("via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("from", "<sip:a@b>;tag=1"), ("to", "<sip:c@d>")])
    for name, value in (("call-id", "i"), ("cseq", f"7 {method}"), ("route", "<sip:p;lr>"), ("max-forwards", "70")):
        headers.add(name, value)
    return Request(method, "sip:c@d", headers)


def response(of: Request, status: int) -> Response:
    return make_response(of, status, to_tag="" if status == 100 else "t")


def start(method: str, *, reliable: bool = False) -> Client:
    kind = InviteClientTransaction if method == "INVITE" else NonInviteClientTransaction
    return kind(request(method), now=0, reliable=reliable, timers=TIMERS)


def sent_at(transaction: Client, until: float) -> list[float]:
    """Run the timers and return when something was sent, in seconds."""
    times = [0.0] * len(transaction.outbox)
    transaction.outbox.clear()
    while (at := transaction.next_timeout) is not None and at <= until * SECOND:
        transaction.handle_timeout(now=at)
        times += [at / SECOND] * len(transaction.outbox)
        transaction.outbox.clear()
    return times


def test_invite_over_udp_doubles_its_interval_and_gives_up_after_64_t1() -> None:
    """Timers A and B."""
    transaction = start("INVITE")
    assert sent_at(transaction, 40) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert transaction.timed_out
    assert transaction.state is State.TERMINATED


def test_other_request_over_udp_doubles_its_interval_up_to_t2() -> None:
    """Timers E and F."""
    transaction = start("OPTIONS")
    assert sent_at(transaction, 40) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.timed_out


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_request_over_tcp_is_sent_once(method: str) -> None:
    transaction = start(method, reliable=True)
    assert sent_at(transaction, 40) == [0]
    assert transaction.timed_out


def test_other_request_after_a_provisional_is_repeated_every_t2() -> None:
    transaction = start("OPTIONS")
    transaction.receive(response(transaction.request, 100), now=0)
    assert sent_at(transaction, 10) == [0, 0.5, 4.5, 8.5]


def test_invite_after_a_provisional_waits_for_ever() -> None:
    transaction = start("INVITE")
    transaction.receive(response(transaction.request, 180), now=SECOND // 10)
    assert transaction.next_timeout is None


def test_failure_of_an_invite_is_acknowledged_each_time_and_handed_up_once() -> None:
    """§17.1.1.3: same branch, the response's To, the INVITE's Route; Timer D keeps it 32 s."""
    transaction = start("INVITE")
    transaction.outbox.clear()
    busy = response(transaction.request, 486)
    transaction.receive(busy, now=SECOND)
    transaction.receive(busy, now=2 * SECOND)
    assert len(transaction.outbox) == 2
    assert len(transaction.responses) == 1
    ack = parse_message(transaction.outbox[0])
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, str(ack.cseq), ack.via.branch) == ("ACK", "sip:c@d", "7 ACK", "z9hG4bKx")
    assert (ack.to.tag, ack.headers.get("route")) == ("t", "<sip:p;lr>")
    transaction.outbox.clear()
    assert transaction.next_timeout == 33 * SECOND
    assert sent_at(transaction, 60) == []
    assert transaction.state is State.TERMINATED
    assert not transaction.timed_out


def test_failure_of_an_invite_over_tcp_ends_at_once() -> None:
    transaction = start("INVITE", reliable=True)
    assert isinstance(transaction, InviteClientTransaction)
    transaction.receive(response(transaction.request, 486), now=SECOND)
    transaction.handle_timeout(now=SECOND)
    assert transaction.state is State.TERMINATED


def test_success_of_an_invite_hands_up_every_2xx_for_64_t1() -> None:
    """RFC 6026 §7.2: also those of other forks; a failure after it is dropped."""
    transaction = start("INVITE")
    ok = response(transaction.request, 200)
    for _ in range(3):
        transaction.receive(ok, now=SECOND)
    transaction.receive(response(transaction.request, 486), now=SECOND)
    assert [each.status for each in transaction.responses] == [200, 200, 200]
    assert transaction.next_timeout == 33 * SECOND


def test_final_response_to_another_request_is_handed_up_once() -> None:
    """Timer K absorbs repeats for T4."""
    transaction = start("OPTIONS")
    ok = response(transaction.request, 200)
    transaction.receive(ok, now=SECOND)
    transaction.receive(ok, now=2 * SECOND)
    assert len(transaction.responses) == 1
    assert transaction.next_timeout == 6 * SECOND
