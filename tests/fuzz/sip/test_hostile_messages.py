"""Spoiled messages at the parsers and at a whole user agent: refused in words, never an exception, nothing left."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.auth import DigestServer
from signaling.sip.errors import FramingError, ParseError, SdpError
from signaling.sip.events import IncomingCall, RegisterArrived, ReinviteArrived
from signaling.sip.framing import StreamFramer
from signaling.sip.hop import Hop, Outgoing
from signaling.sip.message import parse_message
from signaling.sip.offer_answer import OPUS, PCMU, AudioNegotiation, Wish
from signaling.sip.registrar import MemoryBindings, Registrar
from signaling.sip.sdp import SessionDescription
from signaling.sip.uri import Uri
from tests.fuzz.sip.samples import SDP, sample, spoil
from tests.unit.signaling.sip.network import Network, Phone
from tests.unit.signaling.sip.test_calls import play_at_random

pytestmark = pytest.mark.fuzz

ROUNDS = 2_000
START = 1_800_000_000 * 10**9


@given(st.binary(max_size=2_000))
@settings(max_examples=500, deadline=None)
def test_parsers_raise_nothing_but_their_refusal(data: bytes) -> None:
    for parse, error in ((parse_message, ParseError), (SessionDescription.parse, SdpError), (feed, FramingError)):
        with suppress(error):
            parse(data)


@given(st.text(max_size=200))
@settings(max_examples=500, deadline=None)
def test_uri_that_parses_is_the_same_after_a_round_trip(text: str) -> None:
    try:
        uri = Uri.parse("sip:" + text)
    except ParseError:
        return
    assert Uri.parse(str(uri)) == uri
    assert Uri.parse(uri.address_of_record).address_of_record == uri.address_of_record


@pytest.mark.parametrize("seed", range(10))
def test_message_that_parses_is_the_same_after_a_round_trip(seed: int) -> None:
    random = Random(seed)
    survivors = 0
    for number in range(ROUNDS):
        try:
            message = parse_message(spoil(sample(random, number), random))
        except ParseError:
            continue
        survivors += 1
        again = parse_message(message.to_bytes())
        assert list(again.headers) == list(message.headers)
        assert again.body == message.body
    assert ROUNDS // 20 < survivors < ROUNDS  # else the spoilers spoil all, or nothing


@pytest.mark.parametrize("seed", range(10))
def test_negotiation_answers_or_refuses_any_offer(seed: int) -> None:
    random = Random(seed)
    for _ in range(ROUNDS):
        ours = AudioNegotiation(ip="10.0.0.1", port=4000, session_id=1, codecs=[OPUS, PCMU])
        try:
            answer = ours.answer(spoil(SDP, random), Wish())
        except SdpError:
            assert ours.agreement is None
            continue
        assert SessionDescription.parse(answer).to_bytes() == answer


@pytest.mark.parametrize("seed", range(10))
def test_agent_serves_on_and_keeps_nothing_of_spoiled_messages(seed: int) -> None:
    random = Random(seed)
    agent = UserAgent(random=random, config=AgentConfig(registers=True))
    for transport in ("udp", "tcp"):
        agent.listen(Hop(transport, "192.0.2.2", 5060))
    digest = DigestServer(realm="r", key=b"k", passwords={"m": "p"}.get, random=random)
    registrar = Registrar(agent, digest, {"m": "p"}, MemoryBindings())
    now = START
    for number in range(ROUNDS):
        now += random.randrange(10**8)
        source = Hop(random.choice(["udp", "tcp"]), "198.51.100.1", 5999)
        agent.receive(spoil(sample(random, number), random), source, now=now)
        react(agent, registrar, random, now)
    while (at := agent.next_timeout) is not None:
        now = max(now, at)
        assert now < START + 3_600 * 10**9
        agent.handle_timeout(now=now)
        react(agent, registrar, random, now)
    assert (agent.call_count, agent.transaction_count) == (0, 0)
    assert agent.counters.received == ROUNDS
    assert agent.counters.malformed > ROUNDS // 4


class SpoilingNetwork(Network):
    """Spoils some of the messages on their way."""

    def send(self, sender: Phone, outgoing: Outgoing) -> None:
        """Put a message on the wire, whole or not."""
        if self.random.random() < 0.15:
            outgoing = Outgoing(spoil(outgoing.data, self.random), outgoing.hop)
            self.put(sender, outgoing)
        else:
            super().send(sender, outgoing)


@pytest.mark.parametrize("seed", range(100))
def test_calls_over_a_wire_that_spoils_messages_always_end_clean(seed: int) -> None:
    """Within dialogs, too, nothing raises and nothing is left."""
    network = SpoilingNetwork(seed=seed)
    alice, bob = network.phone("alice", "10.0.0.1"), network.phone("bob", "10.0.0.2")
    play_at_random(network, alice, bob)
    network.run(300)
    assert (alice.agent.call_count, bob.agent.call_count) == (0, 0)
    assert (alice.agent.transaction_count, bob.agent.transaction_count) == (0, 0)


def react(agent: UserAgent, registrar: Registrar, random: Random, now: int) -> None:
    """Do with the events what a gateway would."""
    for event in agent.events[:]:
        if isinstance(event, RegisterArrived):
            registrar.handle(event, now=now)
        elif isinstance(event, IncomingCall):
            if random.random() < 0.5:
                agent.answer(event.call, SDP, now=now)
            else:
                agent.reject(event.call, 486, now=now)
        elif isinstance(event, ReinviteArrived):
            agent.answer_reinvite(event.call, SDP, now=now)
    agent.events.clear()
    for outgoing in agent.outbox:
        try:
            parse_message(outgoing.data)
        except ParseError:  # only a refusal may repeat the fault that it refuses
            assert outgoing.data.startswith((b"SIP/2.0 4", b"SIP/2.0 505"))
    agent.outbox.clear()


def feed(data: bytes) -> None:
    """Feed a framer."""
    StreamFramer().feed(data)
