"""REGISTER with digest (RFC 3261 §10.3, RFC 8760), and our own answers to challenges."""

from hashlib import md5, sha256
from random import Random

import pytest

from signaling.sip.agent import AgentConfig, OutgoingCall, UserAgent
from signaling.sip.auth import NONCE_LIFETIME_NS, Credentials, DigestServer, answer_challenge, parse_digest
from signaling.sip.events import CallAnswered, CallFailed, IncomingCall, RegisterArrived
from signaling.sip.grammar import find_param
from signaling.sip.headers import NameAddr
from signaling.sip.hop import Hop
from signaling.sip.message import Request, Response, parse_message
from signaling.sip.registrar import MemoryBindings, Registrar
from signaling.sip.uri import Uri
from tests.unit.signaling.sip.network import ANSWER, OFFER, SECOND, START, Network, Phone

PHONE = Hop("udp", "192.0.2.9", 5070)
PASSWORD = Credentials("alice", "wonderland")


class Office:
    """A registrar with one phone user, and the phone."""

    def __init__(self) -> None:
        self.agent = UserAgent(random=Random(1), config=AgentConfig(registers=True))
        passwords = {"alice": "wonderland", "bob": "builder99"}
        self.digest = DigestServer(realm="office", key=b"k" * 32, passwords=passwords.get, random=Random(2))
        self.registrar = Registrar(self.agent, self.digest, passwords, MemoryBindings())
        self.now = START
        self.cseq = 0
        self.credentials = PASSWORD

    def register(self, **changes: str) -> Response:
        """Send a REGISTER from PHONE, answer its challenge, and return the last response."""
        return self.register_from(PHONE, **changes)

    def register_from(self, source: Hop, **changes: str) -> Response:
        """The same from elsewhere."""
        challenge = self.send(None, source, changes)
        if challenge.status != 401:
            return challenge
        header = answer_challenge(challenge, "REGISTER", "sip:office", self.credentials, Random(self.cseq))
        assert header is not None
        return self.send(header[1], source, changes)

    def send(self, authorization: str | None, source: Hop, changes: dict[str, str]) -> Response:
        """Send one REGISTER."""
        self.cseq += 1
        headers = {
            "via": f"SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bKr{self.cseq}",
            "from": "<sip:alice@office>;tag=a",
            "to": "<sip:alice@office>",
            "call-id": "reg",
            "cseq": f"{self.cseq} REGISTER",
            "contact": "<sip:alice@192.0.2.9:5070>",
        } | changes
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        lines += f"authorization: {authorization}\r\n" if authorization else ""
        self.agent.receive(f"REGISTER sip:office SIP/2.0\r\n{lines}\r\n".encode(), source, now=self.now)
        for event in self.agent.events:
            assert isinstance(event, RegisterArrived)
            self.registrar.handle(event, now=self.now)
        self.agent.events.clear()
        response = parse_message(self.agent.outbox.pop().data)
        self.agent.outbox.clear()
        assert isinstance(response, Response)
        return response

    def contacts(self, user: str = "alice") -> list[str]:
        """Where the user is reached now."""
        return [str(binding.contact.uri) for binding in self.registrar.find(user, now=self.now)]


def test_phone_with_the_right_password_is_bound_until_it_expires() -> None:
    office = Office()
    response = office.register(expires="120")
    assert response.status == 200
    assert response.headers.get("contact") == "<sip:alice@192.0.2.9:5070>;expires=120"
    assert office.contacts() == ["sip:alice@192.0.2.9:5070"]
    assert office.registrar.user_at(PHONE, now=office.now) == "alice"
    office.now += 121 * SECOND
    assert office.contacts() == []
    assert office.registrar.user_at(PHONE, now=office.now) is None


def test_challenge_offers_sha_256_before_md5() -> None:
    """RFC 8760 §2.4."""
    values = Office().send(None, PHONE, {}).headers.all("www-authenticate")
    challenges = [parse_digest(value) or () for value in values]
    assert [find_param(params, "algorithm") for params in challenges] == ["SHA-256", "MD5"]
    assert {find_param(params, "qop") for params in challenges} == {"auth"}


@pytest.mark.parametrize(("algorithm", "digest"), [("MD5", md5), ("SHA-256", sha256)])
def test_phone_may_answer_in_either_algorithm(algorithm: str, digest: type) -> None:
    """The digest is computed here by the formula of RFC 7616 §3.4.1, not by our own client."""
    office = Office()
    value = next(v for v in office.send(None, PHONE, {}).headers.all("www-authenticate") if algorithm in v)
    nonce = find_param(parse_digest(value) or (), "nonce")

    def h(text: str) -> str:
        return str(digest(text.encode()).hexdigest())

    ha1, ha2 = h("alice:office:wonderland"), h("REGISTER:sip:office")
    response = h(f"{ha1}:{nonce}:00000001:0a4f113b:auth:{ha2}")
    header = (
        f'Digest username="alice", realm="office", nonce="{nonce}", uri="sip:office", qop=auth, nc=00000001,'
        f' cnonce="0a4f113b", response="{response}", algorithm={algorithm}'
    )
    assert office.send(header, PHONE, {}).status == 200
    assert office.send(header, PHONE, {}).status == 401  # the same nonce count again is a replay


@pytest.mark.parametrize(
    ("credentials", "changes", "status"),
    [
        (Credentials("alice", "wrong"), {}, 401),
        (Credentials("mallory", "wonderland"), {}, 401),
        (Credentials("bob", "builder99"), {}, 403),
        (PASSWORD, {"expires": "30"}, 423),
        (PASSWORD, {"contact": "<sip:alice@192.0.2.9>;expires=5"}, 423),
        (PASSWORD, {"contact": "*"}, 400),
        (PASSWORD, {"contact": "*, <sip:a@b>", "expires": "0"}, 400),
        (PASSWORD, {"contact": "<sip:alice@192.0.2.9;transport=sctp>"}, 400),
        (PASSWORD, {"expires": "never"}, 400),
    ],
)
def test_register_that_is_not_right_binds_nothing(
    credentials: Credentials, changes: dict[str, str], status: int
) -> None:
    office = Office()
    office.credentials = credentials
    response = office.register(**changes)
    assert response.status == status
    assert office.contacts() == office.contacts("bob") == []
    if status == 423:
        assert response.headers.get("min-expires") == "60"


def test_nonce_that_is_too_old_is_stale_and_one_we_never_made_is_wrong() -> None:
    office = Office()
    challenge = office.send(None, PHONE, {})
    header = answer_challenge(challenge, "REGISTER", "sip:office", PASSWORD, Random(1))
    assert header is not None
    office.now += NONCE_LIFETIME_NS + 1
    late = office.send(header[1], PHONE, {})
    assert late.status == 401
    assert all("stale=true" in value for value in late.headers.all("www-authenticate"))
    forged = challenge.to_bytes().replace(b'nonce="', b'nonce="AAAA')
    response = parse_message(forged)
    assert isinstance(response, Response)
    header = answer_challenge(response, "REGISTER", "sip:office", PASSWORD, Random(1))
    assert header is not None
    refused = office.send(header[1], PHONE, {})
    assert refused.status == 401
    assert not any("stale" in value for value in refused.headers.all("www-authenticate"))


def test_several_contacts_are_kept_and_star_removes_all() -> None:
    office = Office()
    office.register(contact="<sip:alice@192.0.2.9>, <sip:alice@192.0.2.10>;expires=300", expires="120")
    assert office.contacts() == ["sip:alice@192.0.2.10", "sip:alice@192.0.2.9"]
    listed = office.register(contact="")
    assert [value.partition(">")[2] for value in listed.headers.all("contact")] == [";expires=300", ";expires=120"]
    office.register(contact="<sip:alice@192.0.2.10>", expires="0")
    assert office.contacts() == ["sip:alice@192.0.2.9"]
    assert office.register(contact="*", expires="0").status == 200
    assert office.contacts() == []


def test_older_register_does_not_undo_a_newer_one() -> None:
    """§10.3 point 7."""
    office = Office()
    office.register(expires="120")
    office.now += 40 * SECOND
    office.agent.handle_timeout(now=office.now)  # or the numbers used again would be repeats, and absorbed
    office.cseq = 0
    assert office.register(expires="0").status == 500
    assert office.contacts() == ["sip:alice@192.0.2.9:5070"]


def test_phone_behind_nat_is_reached_the_way_it_came() -> None:
    office = Office()
    seen = Hop("udp", "198.51.100.1", 40001)
    office.register_from(seen, contact="<sip:alice@10.0.0.5:5060>")
    (binding,) = office.registrar.find("alice", now=office.now)
    assert binding.route() == (seen, None)


def test_phone_that_collects_contacts_keeps_the_newest_ten() -> None:
    office = Office()
    for port in range(6000, 6015):
        office.register(contact=f"<sip:alice@192.0.2.9:{port}>")
    assert len(office.contacts()) == 10
    assert "sip:alice@192.0.2.9:6014" in office.contacts()


def challenge_first(network: Network, bob: Phone, status: int, server: DigestServer) -> None:
    """Let a phone challenge each INVITE without credentials and answer the others."""

    def react(event: object) -> None:
        if not isinstance(event, IncomingCall):
            return
        if any(key in ("authorization", "proxy-authorization") for key, _ in event.request.headers):
            bob.agent.answer(event.call, ANSWER, now=network.now)
            return
        name = "proxy-authenticate" if status == 407 else "www-authenticate"
        extra = tuple((name, value) for value in server.challenges(now=network.now))
        bob.agent.reject(event.call, status, now=network.now, extra=extra)

    bob.on_event = react


@pytest.mark.parametrize("status", [401, 407])
def test_caller_answers_the_challenge_of_a_trunk_once(status: int) -> None:
    """§22.2, §22.3: the next CSeq, the same Call-ID, a fresh branch."""
    network = Network()
    alice, bob = network.phone("alice", "10.0.0.1"), network.phone("bob", "10.0.0.2")
    server = DigestServer(realm="trunk", key=b"x", passwords={"acme": "secret"}.get, random=Random(3))
    challenge_first(network, bob, status, server)
    target = Uri.for_user("b", "10.0.0.2", 5060)
    caller = NameAddr(uri=Uri.for_user("a", "10.0.0.1"))
    call = OutgoingCall(target=target, caller=caller, offer=OFFER, credentials=Credentials("acme", "secret"))
    alice.agent.invite(call, now=network.now)
    network.run(2)
    alice.the(CallAnswered)
    first, second = [m for m in alice.sent if isinstance(m, Request) and m.method == "INVITE"]
    assert second.cseq.number == first.cseq.number + 1
    assert second.call_id == first.call_id
    assert second.via.branch != first.via.branch
    acks = [m for m in alice.sent if isinstance(m, Request) and m.method == "ACK"]
    name = "proxy-authorization" if status == 407 else "authorization"
    assert acks[-1].headers.get(name) == second.headers.get(name)  # §13.2.2.4
    if status == 401:
        verdict, user = server.check(second, now=network.now)
        assert (verdict.value, user) == ("accepted", "acme")


def test_caller_whose_credentials_are_refused_gives_up() -> None:
    network = Network()
    alice, bob = network.phone("alice", "10.0.0.1"), network.phone("bob", "10.0.0.2")
    server = DigestServer(realm="trunk", key=b"x", passwords=lambda user: None, random=Random(3))

    def refuse(event: object) -> None:
        if isinstance(event, IncomingCall):
            extra = tuple(("www-authenticate", value) for value in server.challenges(now=network.now))
            bob.agent.reject(event.call, 401, now=network.now, extra=extra)

    bob.on_event = refuse
    caller = NameAddr(uri=Uri.for_user("a", "10.0.0.1"))
    target = Uri.for_user("b", "10.0.0.2", 5060)
    call = OutgoingCall(target=target, caller=caller, offer=OFFER, credentials=Credentials("acme", "wrong"))
    alice.agent.invite(call, now=network.now)
    network.run(40)
    failed = alice.the(CallFailed)
    assert isinstance(failed, CallFailed)
    assert failed.status == 401
    assert alice.sent_methods().count("INVITE") == 2
