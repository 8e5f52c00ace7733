"""What the user agent answers to requests that are new, wrong, repeated or too many (RFC 3261 §8.2, §9.2, §12.2.2)."""

from random import Random

import pytest

from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.events import CallEnded, IncomingCall, ReinviteArrived
from signaling.sip.hop import Hop
from signaling.sip.limits import Limits
from signaling.sip.message import Request, Response, parse_message
from tests.unit.signaling.sip.network import ANSWER, OFFER, SECOND, START

PEER = Hop("udp", "192.0.2.9", 5070)


class Desk:
    """One agent, a peer written out by hand, and a clock."""

    def __init__(self, **options: object) -> None:
        self.agent = UserAgent(random=Random(1), config=AgentConfig(**options))  # type: ignore[arg-type]
        self.agent.listen(Hop("udp", "192.0.2.1", 5060))
        self.now = START
        self.sent: list[Request | Response] = []
        self.hops: list[Hop] = []

    def send(self, method: str = "INVITE", **changes: str) -> list[int | str]:
        """Send a request from PEER and return the status codes and methods that come back."""
        return self.send_from(PEER, method, **changes)

    def send_from(self, source: Hop, method: str, **changes: str) -> list[int | str]:
        """Send a request from elsewhere."""
        self.agent.receive(request(method, **changes), source, now=self.now)
        return self.collect()

    def later(self, seconds: float) -> list[int | str]:
        """Let time pass."""
        end = self.now + int(seconds * SECOND)
        seen: list[int | str] = []
        while (at := self.agent.next_timeout) is not None and at <= end:
            self.now = max(self.now, at)
            self.agent.handle_timeout(now=self.now)
            seen += self.collect()
        self.now = end
        return seen

    def collect(self) -> list[int | str]:
        """Take what the agent has to send."""
        fresh = [parse_message(outgoing.data) for outgoing in self.agent.outbox]
        self.hops += [outgoing.hop for outgoing in self.agent.outbox]
        self.agent.outbox.clear()
        self.sent += fresh
        return [message.method if isinstance(message, Request) else message.status for message in fresh]

    def header(self, name: str) -> str | None:
        """A header of the last message."""
        return self.sent[-1].headers.get(name)

    def answered(self, **changes: str) -> str:
        """Let a call come in and answer it; returns our tag."""
        self.send(**changes)
        incoming = [event for event in self.agent.events if isinstance(event, IncomingCall)][-1]
        self.agent.answer(incoming.call, ANSWER, now=self.now)
        self.collect()
        return self.sent[-1].to.tag


def request(method: str, *, tag: str = "", **changes: str) -> bytes:
    """Build a request; keywords replace headers, `drop` names one to leave out."""
    headers = {
        "via": "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK" + changes.pop("branch", "one"),
        "max-forwards": "70",
        "from": "<sip:a@192.0.2.9>;tag=a",
        "to": "<sip:b@192.0.2.1>" + (f";tag={tag}" if tag else ""),
        "call-id": "call",
        "cseq": f"{changes.pop('number', '1')} {method}",
        "contact": "<sip:a@192.0.2.9:5070>",
    }
    uri = changes.pop("uri", "sip:b@192.0.2.1")
    body = changes.pop("body", OFFER.decode() if method == "INVITE" else "").encode()
    if body:
        headers["content-type"] = "application/sdp"
    headers.pop(changes.pop("drop", ""), None)
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {uri} SIP/2.0\r\n{lines}\r\n".encode() + body


@pytest.mark.parametrize(
    ("method", "changes", "status", "header"),
    [
        ("OPTIONS", {}, 200, ("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")),
        ("OPTIONS", {"max_forwards": "0"}, 200, ("accept", "application/sdp")),
        ("REGISTER", {}, 405, ("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")),
        ("SUBSCRIBE", {}, 405, ("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")),
        ("FROBNICATE", {}, 501, ("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")),
        ("BYE", {}, 481, None),
        ("BYE", {"tag": "unknown"}, 481, None),
        ("INFO", {"tag": "unknown"}, 481, None),
        ("INVITE", {"tag": "unknown"}, 481, None),
        ("CANCEL", {}, 481, None),
        ("INVITE", {"max_forwards": "0"}, 483, None),
        ("INVITE", {"require": "100rel, timer"}, 420, ("unsupported", "100rel, timer")),
        ("INVITE", {"uri": "mailto:x@y"}, 416, None),
        ("INVITE", {"uri": "sips:b@192.0.2.1"}, 416, None),
        ("INVITE", {"uri": "sip:b@[zz]"}, 400, None),
        ("INVITE", {"content_type": "text/plain"}, 415, ("accept", "application/sdp")),
        ("INVITE", {"content_encoding": "gzip"}, 415, ("accept-encoding", "identity")),
        ("INVITE", {"drop": "contact"}, 400, None),
        ("INVITE", {"contact": "<sip:x@y>, <sip:z@y>"}, 400, None),
        ("INVITE", {"expires": "soon"}, 400, None),
        ("INVITE", {"contact": "<tel:+123>"}, 400, None),
        ("INVITE", {"record_route": "<tel:+123>"}, 400, None),
    ],
)
def test_request_that_cannot_be_served_gets_the_status_of_the_rfc(
    method: str, changes: dict[str, str], status: int, header: tuple[str, str] | None
) -> None:
    desk = Desk()
    assert desk.send(method, **changes) == [status]
    assert desk.sent[-1].to.tag
    if header is not None:
        assert desk.header(header[0]) == header[1]
    assert desk.agent.call_count == 0
    desk.later(40)
    assert desk.agent.transaction_count == 0


def test_invite_that_is_repeated_is_absorbed_and_gets_the_last_response_again() -> None:
    desk = Desk()
    assert desk.send() == [100]
    assert desk.send() == [100]
    assert len(desk.agent.events) == 1


def test_invite_that_comes_again_by_another_path_is_merged() -> None:
    """§8.2.2.2."""
    desk = Desk()
    desk.send()
    assert desk.send(branch="two") == [482]
    assert len(desk.agent.events) == 1


def test_invite_of_an_rfc_2543_caller_is_matched_without_branch() -> None:
    desk = Desk()
    via = "SIP/2.0/UDP 192.0.2.9:5070"
    assert desk.send(via=via) == [100]
    assert desk.send(via=via) == [100]
    assert len(desk.agent.events) == 1
    assert desk.send("CANCEL", via=via) == [200, 487]


def test_invite_that_expires_unanswered_ends_with_487() -> None:
    """§13.3.1."""
    desk = Desk()
    desk.send(expires="5")
    assert desk.later(4.9) == []
    assert desk.later(0.2) == [487]


def test_non_2xx_is_repeated_until_its_ack_comes() -> None:
    """Timers G and H (§17.2.1)."""
    desk = Desk()
    desk.send()
    (incoming,) = desk.agent.events
    assert isinstance(incoming, IncomingCall)
    desk.agent.reject(incoming.call, 486, now=desk.now)
    assert desk.collect() == [486]
    assert desk.later(8) == [486] * 4  # at 0.5, 1.5, 3.5 and 7.5 s
    tag = desk.sent[-1].to.tag
    assert desk.send("ACK", tag=tag) == []
    assert desk.later(40) == []
    assert desk.agent.transaction_count == 0


def test_response_goes_back_the_way_the_request_came() -> None:
    """§18.2.2, RFC 3581 §4: sent-by's port, or the source port if rport asks for it."""
    desk = Desk()
    odd = Hop("udp", "198.51.100.7", 40000)
    desk.send_from(odd, "OPTIONS", branch="a")
    desk.send_from(odd, "OPTIONS", via="SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bKb")
    desk.send_from(odd, "OPTIONS", via="SIP/2.0/UDP 192.0.2.9;maddr=203.0.113.5;branch=z9hG4bKc")
    assert desk.hops == [Hop("udp", "198.51.100.7", 5070), odd, Hop("udp", "203.0.113.5", 5060)]
    assert desk.sent[1].via.param("received") == "198.51.100.7"


def test_answer_repeats_record_route_and_names_our_contact() -> None:
    """§12.1.1; and our BYE then goes through the routes, in their order (§12.2.1.1)."""
    desk = Desk()
    desk.answered(record_route="<sip:p2@p2.example;lr>, <sip:p1@p1.example;lr>")
    assert desk.header("record-route") == "<sip:p2@p2.example;lr>, <sip:p1@p1.example;lr>"
    assert desk.header("contact") == "<sip:mediaswitch@192.0.2.1:5060>"
    desk.send("ACK", tag=desk.sent[-1].to.tag, branch="ack")
    (incoming, *_) = desk.agent.events
    assert isinstance(incoming, IncomingCall)
    desk.agent.bye(incoming.call, now=desk.now)
    assert desk.collect() == ["BYE"]
    bye = desk.sent[-1]
    assert isinstance(bye, Request)
    assert bye.uri == "sip:a@192.0.2.9:5070"
    assert bye.headers.all("route") == ["<sip:p2@p2.example;lr>", "<sip:p1@p1.example;lr>"]
    assert desk.hops[-1] == Hop("udp", "p2.example", 5060)


def test_bye_through_a_strict_router_swaps_the_uris() -> None:
    """§12.2.1.1: a first route without lr takes the Request-URI."""
    desk = Desk()
    desk.answered(record_route="<sip:p2.example>, <sip:p1.example;lr>")
    desk.send("ACK", tag=desk.sent[-1].to.tag, branch="ack")
    (incoming, *_) = desk.agent.events
    assert isinstance(incoming, IncomingCall)
    desk.agent.bye(incoming.call, now=desk.now)
    desk.collect()
    bye = desk.sent[-1]
    assert isinstance(bye, Request)
    assert bye.uri == "sip:p2.example"
    assert bye.headers.all("route") == ["<sip:p1.example;lr>", "<sip:a@192.0.2.9:5070>"]


def test_request_out_of_order_in_a_dialog_gets_500() -> None:
    """§12.2.2."""
    desk = Desk()
    tag = desk.answered()
    assert desk.send("INFO", tag=tag, number="5", branch="i") == [200]
    assert desk.send("INFO", tag=tag, number="4", branch="j") == [500]


def test_reinvite_before_the_first_is_answered_gets_500_with_retry_after() -> None:
    """§14.2."""
    desk = Desk()
    desk.send()
    tag_of_call = desk.agent._context.calls.by_invite(("z9hg4bkone", "192.0.2.9:5070", "INVITE"))
    assert tag_of_call is not None
    assert desk.send(tag=tag_of_call.local_tag, number="2", branch="re") == [500]
    assert 0 <= int(desk.header("retry-after") or "-1") <= 10


def test_reinvite_while_its_ack_is_lost_is_served() -> None:
    """RFC 5407 §3.1.5: a higher CSeq proves that the peer has our 2xx."""
    desk = Desk()
    tag = desk.answered()
    assert desk.send(tag=tag, number="2", branch="re") == [100]
    assert isinstance(desk.agent.events[-1], ReinviteArrived)


def test_reinvite_while_our_late_offer_is_open_gets_491() -> None:
    """RFC 5407 §3.1.4."""
    desk = Desk()
    tag = desk.answered(body="")
    assert desk.send(tag=tag, number="2", branch="re") == [491]


def test_reinvite_moves_the_remote_target_and_bye_follows_it() -> None:
    desk = Desk()
    tag = desk.answered()
    desk.send("ACK", tag=tag, branch="ack")
    desk.send(tag=tag, number="2", branch="re", contact="<sip:a@198.51.100.1:7000>")
    reinvited = desk.agent.events[-1]
    assert isinstance(reinvited, ReinviteArrived)
    desk.agent.answer_reinvite(reinvited.call, ANSWER, now=desk.now)
    assert desk.collect() == [200]
    desk.send("ACK", tag=tag, number="2", branch="ack2")
    desk.agent.bye(reinvited.call, now=desk.now)
    desk.collect()
    assert desk.hops[-1] == Hop("udp", "198.51.100.1", 7000)


def test_reinvite_whose_contact_cannot_be_a_target_is_refused() -> None:
    desk = Desk()
    tag = desk.answered()
    desk.send("ACK", tag=tag, branch="ack")
    assert desk.send(tag=tag, number="2", branch="re", contact="<tel:+123>") == [400]
    assert desk.send(tag=tag, number="3", branch="re3", contact="<sip:a@[") == [400]
    assert desk.send(tag=tag, number="4", branch="re4") == [100]


def test_bye_to_a_contact_of_a_transport_that_we_lack_goes_the_way_the_call_came() -> None:
    desk = Desk()
    desk.answered(contact="<sip:a@browser.invalid;transport=ws>")
    desk.send("ACK", tag=desk.sent[-1].to.tag, branch="ack")
    (incoming, *_) = desk.agent.events
    assert isinstance(incoming, IncomingCall)
    desk.agent.bye(incoming.call, now=desk.now)
    assert desk.collect() == ["BYE"]
    assert desk.hops[-1] == PEER


def test_cancel_of_a_reinvite_ends_only_the_reinvite() -> None:
    desk = Desk()
    tag = desk.answered()
    desk.send("ACK", tag=tag, branch="ack")
    desk.send(tag=tag, number="2", branch="re")
    assert desk.send("CANCEL", tag=tag, number="2", branch="re") == [200, 487]
    assert desk.agent.call_count == 1
    assert desk.send(tag=tag, number="3", branch="re3") == [100]


def test_cancel_after_the_answer_changes_nothing() -> None:
    """§9.2."""
    desk = Desk()
    desk.answered()
    assert desk.send("CANCEL") == [200]
    assert desk.agent.call_count == 1


def test_bye_before_the_answer_ends_the_invite_with_487() -> None:
    """§15.1.2."""
    desk = Desk()
    desk.send()
    call = desk.agent._context.calls.by_invite(("z9hg4bkone", "192.0.2.9:5070", "INVITE"))
    assert call is not None
    assert desk.send("BYE", tag=call.local_tag, number="2", branch="bye") == [200, 487]
    assert desk.agent.call_count == 0


def test_bye_that_is_repeated_gets_its_200_again() -> None:
    desk = Desk()
    tag = desk.answered()
    desk.send("ACK", tag=tag, branch="ack")
    assert desk.send("BYE", tag=tag, number="2", branch="bye") == [200]
    assert desk.send("BYE", tag=tag, number="2", branch="bye") == [200]
    assert sum(isinstance(event, CallEnded) for event in desk.agent.events) == 1


def test_source_over_its_ceiling_is_refused_and_others_are_served() -> None:
    desk = Desk(limits=Limits(transactions_per_source=3))
    for index in range(3):
        desk.send("OPTIONS", branch=f"o{index}", call_id=f"c{index}")
    assert desk.send("OPTIONS", branch="o9", call_id="c9") == [503]
    assert desk.header("retry-after") == "5"
    assert desk.agent.transaction_count == 3
    other = Hop("udp", "192.0.2.77", 5060)
    assert desk.send_from(other, "OPTIONS", branch="p", call_id="p") == [200]
    assert desk.agent.counters.refused == 1
    desk.later(40)
    assert desk.send("OPTIONS", branch="o10", call_id="c10") == [200]


def test_call_over_the_ceiling_of_calls_is_refused() -> None:
    desk = Desk(limits=Limits(calls=1))
    assert desk.send() == [100]
    assert desk.send(branch="x", call_id="other") == [503]
    assert desk.header("retry-after") == "5"


def test_ack_that_belongs_to_nothing_is_dropped() -> None:
    desk = Desk()
    assert desk.send("ACK", tag="x") == []
    assert desk.agent.transaction_count == 0


def test_stray_response_is_dropped() -> None:
    desk = Desk()
    tag = desk.answered()
    ok = desk.sent[-1].to_bytes()
    desk.agent.receive(ok, PEER, now=desk.now)
    assert desk.collect() == []
    assert tag
