"""Whole calls between two of our user agents in virtual time."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from signaling.sip.errors import CallStateError, UnknownCall
from signaling.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallRef,
    CallRinging,
    EndCause,
    Event,
    IncomingCall,
    ReinviteAnswered,
    ReinviteArrived,
    ReinviteDue,
    ReinviteFailed,
)
from signaling.sip.message import Request, Response
from tests.unit.signaling.sip.network import ANSWER, OFFER, SECOND, Network, Phone


def pair(**options: object) -> tuple[Network, Phone, Phone]:
    network = Network(**options)  # type: ignore[arg-type]
    return network, network.phone("alice", "10.0.0.1"), network.phone("bob", "10.0.0.2")


def answered(network: Network, alice: Phone, bob: Phone) -> tuple[CallRef, CallRef]:
    ours = network.invite(alice, bob)
    network.run(1)
    theirs = bob.call(IncomingCall)
    bob.agent.answer(theirs, ANSWER, now=network.now)
    network.run(1)
    return ours, theirs


def assert_nothing_left(network: Network) -> None:
    network.run(70)
    for phone in network.phones.values():
        assert phone.agent.call_count == 0, phone.name
        assert phone.agent.transaction_count == 0, phone.name
        assert phone.agent.next_timeout is None, phone.name


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_caller_when_answered_and_hanging_up_ends_both_sides(transport: str) -> None:
    network, alice, bob = pair(transport=transport)
    call = network.invite(alice, bob)
    network.run(0.5)
    incoming = bob.the(IncomingCall)
    assert isinstance(incoming, IncomingCall)
    assert incoming.offer == OFFER
    bob.agent.ring(incoming.call, now=network.now)
    network.run(0.5)
    assert alice.call(CallRinging) == call
    bob.agent.answer(incoming.call, ANSWER, now=network.now)
    network.run(1)
    answer = alice.the(CallAnswered)
    assert isinstance(answer, CallAnswered)
    assert answer.answer == ANSWER
    assert bob.call(CallConfirmed) == incoming.call
    alice.agent.bye(call, now=network.now)
    network.run(1)
    ended = bob.the(CallEnded)
    assert isinstance(ended, CallEnded)
    assert ended.cause is EndCause.BYE
    assert alice.sent_methods() == ["INVITE", "ACK", "BYE"]
    assert bob.sent_methods() == ["100", "180", "200", "200"]
    assert_nothing_left(network)


def test_callee_hanging_up_before_the_ack_says_bye_only_after_it() -> None:
    """RFC 3261 §15: the callee must not send BYE before the ACK or its time-out."""
    network, alice, bob = pair()
    network.invite(alice, bob)
    network.run(1)
    call = bob.call(IncomingCall)
    bob.agent.answer(call, ANSWER, now=network.now)
    bob.agent.bye(call, now=network.now)
    network.run(0.03)
    assert "BYE" not in bob.sent_methods()
    network.run(1)
    assert bob.sent_methods()[-1] == "BYE"
    assert isinstance(alice.the(CallEnded), CallEnded)
    assert_nothing_left(network)


def test_both_hanging_up_at_once_get_200_each() -> None:
    """RFC 5407 §3.2: the dialog lasts until the BYE is answered."""
    network, alice, bob = pair()
    ours, theirs = answered(network, alice, bob)
    alice.agent.bye(ours, now=network.now)
    bob.agent.bye(theirs, now=network.now)
    network.run(1)
    assert alice.sent_methods()[-2:] == bob.sent_methods()[-2:] == ["BYE", "200"]
    assert not alice.of(CallEnded)
    assert not bob.of(CallEnded)
    assert_nothing_left(network)


def test_peer_that_never_answers_our_bye_is_forgotten() -> None:
    network, alice, bob = pair()
    ours, _ = answered(network, alice, bob)
    network.drop = lambda sender, message: sender == "bob"
    alice.agent.bye(ours, now=network.now)
    with pytest.raises(CallStateError):
        alice.agent.bye(ours, now=network.now)
    assert_nothing_left(network)


def test_callee_rejecting_fails_the_call_and_the_ack_stops_the_repeats() -> None:
    network, alice, bob = pair()
    call = network.invite(alice, bob)
    network.run(1)
    bob.agent.reject(bob.call(IncomingCall), 486, now=network.now, extra=(("retry-after", "30"),))
    network.run(1)
    failed = alice.the(CallFailed)
    assert failed == CallFailed(call=call, status=486, reason="Busy Here", retry_after_s=30)
    assert bob.sent_methods() == ["100", "486"]
    with pytest.raises(UnknownCall):
        alice.agent.bye(call, now=network.now)
    assert_nothing_left(network)


def test_caller_cancelling_while_it_rings_gets_487_and_no_call_is_left() -> None:
    network, alice, bob = pair()
    call = network.invite(alice, bob)
    network.run(1)
    bob.agent.ring(bob.call(IncomingCall), now=network.now)
    network.run(1)
    alice.agent.cancel(call, now=network.now)
    network.run(1)
    bob.the(CallCancelled)
    assert bob.sent_methods() == ["100", "180", "200", "487"]
    assert alice.sent_methods() == ["INVITE", "CANCEL", "ACK"]
    assert not alice.of(CallFailed)
    assert_nothing_left(network)


def test_caller_cancelling_before_any_response_waits_for_one() -> None:
    """§9.1: no CANCEL before a provisional response."""
    network, alice, bob = pair()
    network.drop = lambda sender, message: sender == "bob" and network.now < start + 2 * SECOND
    start = network.now
    call = network.invite(alice, bob)
    network.run(0.1)
    alice.agent.cancel(call, now=network.now)
    network.run(0.2)
    assert alice.sent_methods() == ["INVITE"]
    network.run(5)
    bob.the(CallCancelled)
    assert_nothing_left(network)


def test_a_2xx_that_crosses_the_cancel_is_acknowledged_and_ended_with_bye() -> None:
    network, alice, bob = pair()
    call = network.invite(alice, bob)
    network.run(1)
    bob.agent.answer(bob.call(IncomingCall), ANSWER, now=network.now)
    alice.agent.cancel(call, now=network.now)
    network.run(1)
    assert not alice.of(CallAnswered)
    assert [m for m in alice.sent_methods() if m in ("ACK", "BYE")] == ["ACK", "BYE"]
    bob.the(CallEnded)
    assert_nothing_left(network)


def test_callee_that_never_answers_is_cancelled_at_the_ring_limit() -> None:
    network, alice, bob = pair()
    network.invite(alice, bob)
    network.run(200)
    failed = alice.the(CallFailed)
    assert isinstance(failed, CallFailed)
    assert failed.status == 408
    bob.the(CallCancelled)
    assert_nothing_left(network)


def test_callee_repeats_its_provisional_each_minute() -> None:
    """§13.3.1.1."""
    network, alice, bob = pair()
    network.invite(alice, bob)
    network.run(1)
    bob.agent.ring(bob.call(IncomingCall), now=network.now)
    network.run(125)
    assert bob.sent_methods().count("180") == 3


def test_callee_that_is_away_fails_the_call_after_timer_b() -> None:
    network, alice, _ = pair()
    network.drop = lambda sender, message: True
    network.invite(alice, network.phones[alice.hop])
    network.run(31.9)
    assert not alice.of(CallFailed)
    network.run(0.2)
    failed = alice.the(CallFailed)
    assert isinstance(failed, CallFailed)
    assert failed.status == 408
    assert alice.sent_methods() == ["INVITE"] * 7  # at 0, .5, 1.5, 3.5, 7.5, 15.5 and 31.5 s
    assert_nothing_left(network)


def test_2xx_without_ack_is_repeated_and_then_ended_with_bye() -> None:
    """§13.3.1.4: T1 doubling to T2 for 64*T1, then BYE."""
    network, alice, bob = pair()
    network.drop = lambda sender, message: isinstance(message, Request) and message.method == "ACK"
    answered(network, alice, bob)
    network.run(33)
    ended = bob.the(CallEnded)
    assert isinstance(ended, CallEnded)
    assert ended.cause is EndCause.NO_ACK
    assert bob.sent_methods().count("200") == 11  # at 0 .5 1.5 3.5 7.5 11.5 ... 31.5 s
    assert "BYE" in bob.sent_methods()
    alice.the(CallEnded)
    assert_nothing_left(network)


def test_lost_ack_is_sent_again_for_each_repeated_2xx() -> None:
    network, alice, bob = pair()
    lost: list[object] = []

    def drop(sender: str, message: Request | Response) -> bool:
        if isinstance(message, Request) and message.method == "ACK" and len(lost) < 2:
            lost.append(message)
            return True
        return False

    network.drop = drop
    answered(network, alice, bob)
    network.run(5)
    bob.the(CallConfirmed)
    assert alice.sent_methods().count("ACK") == 3
    acks = [m for m in alice.sent if isinstance(m, Request) and m.method == "ACK"]
    assert len({ack.via.branch for ack in acks}) == 1


def test_late_offer_gets_our_offer_in_the_2xx_and_the_answer_in_the_ack() -> None:
    network, alice, bob = pair()
    invite = (
        b"INVITE sip:b@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKlate\r\nFrom: <sip:x@x>;tag=1\r\n"
        b"To: <sip:b@10.0.0.2>\r\nCall-ID: late\r\nCSeq: 1 INVITE\r\nContact: <sip:x@10.0.0.9>\r\n\r\n"
    )
    bob.agent.receive(invite, alice.hop, now=network.now)
    network.settle()
    incoming = bob.the(IncomingCall)
    assert isinstance(incoming, IncomingCall)
    assert incoming.offer is None
    bob.agent.answer(incoming.call, OFFER, now=network.now)
    network.settle()
    ok = bob.sent[-1]
    tag = ok.to.tag
    ack = (
        b"ACK sip:b@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKlate2\r\nFrom: <sip:x@x>;tag=1\r\n"
        b"To: <sip:b@10.0.0.2>;tag=" + tag.encode() + b"\r\nCall-ID: late\r\nCSeq: 1 ACK\r\n"
        b"Content-Type: application/sdp\r\nContent-Length: " + str(len(ANSWER)).encode() + b"\r\n\r\n" + ANSWER
    )
    bob.agent.receive(ack, alice.hop, now=network.now)
    network.settle()
    assert bob.the(CallConfirmed) == CallConfirmed(call=incoming.call, answer=ANSWER)


def test_reinvite_is_answered_and_refreshes_the_session() -> None:
    network, alice, bob = pair()
    ours, theirs = answered(network, alice, bob)
    alice.agent.reinvite(ours, OFFER, now=network.now)
    with pytest.raises(CallStateError):
        alice.agent.reinvite(ours, OFFER, now=network.now)
    network.run(0.1)
    assert bob.the(ReinviteArrived) == ReinviteArrived(call=theirs, offer=OFFER)
    bob.agent.answer_reinvite(theirs, ANSWER, now=network.now)
    network.run(0.1)
    assert alice.the(ReinviteAnswered) == ReinviteAnswered(call=ours, answer=ANSWER)
    assert alice.agent.can_reinvite(ours)
    assert bob.agent.can_reinvite(theirs)


def test_reinvite_that_is_refused_leaves_the_call_as_it_was() -> None:
    network, alice, bob = pair()
    ours, theirs = answered(network, alice, bob)
    alice.agent.reinvite(ours, OFFER, now=network.now)
    network.run(0.1)
    bob.agent.reject_reinvite(theirs, 488, now=network.now)
    network.run(0.1)
    assert alice.the(ReinviteFailed) == ReinviteFailed(call=ours, status=488)
    alice.agent.bye(ours, now=network.now)
    network.run(1)
    bob.the(CallEnded)
    assert_nothing_left(network)


def test_reinvites_that_cross_get_491_and_both_may_try_again_later() -> None:
    """§14.1: the caller waits 2.1-4 s, the callee 0-2 s."""
    network, alice, bob = pair()
    ours, theirs = answered(network, alice, bob)
    alice.agent.reinvite(ours, OFFER, now=network.now)
    bob.agent.reinvite(theirs, OFFER, now=network.now)
    network.run(0.1)
    assert alice.sent_methods().count("491") == bob.sent_methods().count("491") == 1
    network.run(2)
    bob.the(ReinviteDue)
    assert not alice.of(ReinviteDue)
    network.run(2)
    alice.the(ReinviteDue)


def test_peer_that_forgot_the_dialog_ends_our_call_on_the_next_ping() -> None:
    network, alice, bob = pair()
    ours, _ = answered(network, alice, bob)
    network.phones[bob.hop] = stranger = network.phone("bob", "10.0.0.2")
    alice.agent.ping(ours, now=network.now)
    network.run(1)
    assert "481" in stranger.sent_methods()
    ended = alice.the(CallEnded)
    assert isinstance(ended, CallEnded)
    assert ended.cause is EndCause.LOST
    assert_nothing_left(network)


def test_peer_that_vanished_ends_our_call_when_the_ping_times_out() -> None:
    network, alice, bob = pair()
    ours, _ = answered(network, alice, bob)
    network.drop = lambda sender, message: True
    alice.agent.ping(ours, now=network.now)
    network.run(33)
    alice.the(CallEnded)
    with pytest.raises(UnknownCall):
        alice.agent.ping(ours, now=network.now)


def test_only_the_first_fork_to_answer_is_kept() -> None:
    """§13.2.2.4: every 2xx is acknowledged; the second is ended with BYE."""
    network, alice, bob = pair()
    answered(network, alice, bob)
    ok = next(m for m in bob.sent if isinstance(m, Response) and m.status == 200)
    other = ok.to_bytes().replace(ok.to.tag.encode(), b"otherfork")
    alice.agent.receive(other, bob.hop, now=network.now)
    network.settle()
    assert alice.sent_methods()[-2:] == ["ACK", "BYE"]
    bye = alice.sent[-1]
    assert bye.to.tag == "otherfork"
    assert len(alice.of(CallAnswered)) == 1
    assert alice.agent.call_count == 1


def test_commands_that_the_state_forbids_raise() -> None:
    network, alice, bob = pair()
    call = network.invite(alice, bob)
    network.run(1)
    theirs = bob.call(IncomingCall)
    with pytest.raises(CallStateError):
        bob.agent.bye(theirs, now=network.now)
    with pytest.raises(CallStateError):
        bob.agent.answer_reinvite(theirs, ANSWER, now=network.now)
    with pytest.raises(CallStateError):
        alice.agent.answer(call, ANSWER, now=network.now)


@pytest.mark.parametrize("seed", range(60))
def test_calls_over_a_bad_network_always_end_clean(seed: int) -> None:
    """20 % loss, 20 % doubled, up to 600 ms of disorder: one call at most, and nothing is left afterwards."""
    network, alice, bob = pair(seed=seed)
    network.loss, network.duplication, network.jitter = 0.2, 0.2, 600_000_000
    play_at_random(network, alice, bob)
    for phone in (alice, bob):
        assert len(phone.of(IncomingCall)) <= 1
        assert len(phone.of(CallAnswered)) + len(phone.of(CallFailed)) <= 1
        assert len(phone.of(CallEnded)) <= 1
        assert len(phone.of(CallConfirmed)) <= 1
    network.run(200)
    assert_nothing_left(network)


def play_at_random(network: Network, alice: Phone, bob: Phone) -> None:
    """Both sides do what the states allow, in an order drawn by the seed."""
    random = network.random
    ours = network.invite(alice, bob)

    def react(event: Event) -> None:
        if isinstance(event, ReinviteArrived):
            bob.agent.answer_reinvite(event.call, ANSWER, now=network.now)

    bob.on_event = react
    for _ in range(random.randrange(2, 8)):
        network.run(random.random() * 3)
        actions: list[Callable[[], None]] = [
            lambda: alice.agent.cancel(ours, now=network.now),
            lambda: alice.agent.bye(ours, now=network.now),
            lambda: alice.agent.reinvite(ours, OFFER, now=network.now),
        ]
        if bob.of(IncomingCall):
            theirs = bob.call(IncomingCall)
            actions += [
                partial(bob.agent.ring, theirs, now=network.now),
                partial(bob.agent.answer, theirs, ANSWER, now=network.now),
                partial(bob.agent.answer, theirs, ANSWER, now=network.now),
                partial(bob.agent.reject, theirs, 486, now=network.now),
                partial(bob.agent.bye, theirs, now=network.now),
            ]
        try:
            random.choice(actions)()
        except (CallStateError, UnknownCall):
            continue
    network.run(40)
    calls = [(alice, ours)] + ([(bob, bob.call(IncomingCall))] if bob.of(IncomingCall) else [])
    for phone, ref in calls:
        for end in (phone.agent.cancel, phone.agent.bye, partial(phone.agent.reject, status=480)):
            with suppress(CallStateError, UnknownCall):
                end(ref, now=network.now)
