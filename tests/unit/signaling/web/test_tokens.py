"""Tokens, without a server: signature, kind and time."""

import base64
import json
import stat
from pathlib import Path

import jwt
import pytest

from mediaswitch.ids import DEFAULT_TENANT, ParticipantId, SessionId
from mediaswitch.services import User, UserRole
from signaling.web.principal import Caller, MediaGrant, Staff
from signaling.web.tokens import ACCESS_S, BadToken, Tokens, load_key
from tests.support.hand_clock import HandClock

ANN = User(id="ann", name="安", role=UserRole.AGENT, tenant=DEFAULT_TENANT, language=None, password_hash="")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock: HandClock) -> Tokens:
    return Tokens(b"k" * 32, clock)


def test_access_token_says_who_was_logged_in(tokens: Tokens) -> None:
    who = tokens.read_principal(tokens.access(ANN))
    assert who == Staff(id="ann", name="安", role=UserRole.AGENT, tenant=DEFAULT_TENANT, language=None)


def test_customer_token_is_bound_to_its_session(tokens: Tokens) -> None:
    caller = Caller(
        session=SessionId("s-1"), participant=ParticipantId("customer-1"), name="Kim", tenant=DEFAULT_TENANT
    )
    assert tokens.read_principal(tokens.customer(caller)) == caller


def test_token_ends_with_its_second(tokens: Tokens, clock: HandClock) -> None:
    token = tokens.access(ANN)
    clock.advance(ACCESS_S - 1)
    tokens.read_principal(token)
    clock.advance(1)
    with pytest.raises(BadToken, match="expired"):
        tokens.read_principal(token)


def test_token_of_another_key_is_not_ours(tokens: Tokens, clock: HandClock) -> None:
    with pytest.raises(BadToken):
        tokens.read_principal(Tokens(b"x" * 32, clock).access(ANN))


def test_unsigned_token_is_not_ours(tokens: Tokens) -> None:
    claims = jwt.decode(tokens.access(ANN), options={"verify_signature": False})
    forged = jwt.encode(claims | {"role": "admin"}, key="", algorithm="none")
    with pytest.raises(BadToken):
        tokens.read_principal(forged)


def test_changed_claims_break_the_signature(tokens: Tokens) -> None:
    head, body, signature = tokens.access(ANN).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).decode().rstrip("=")
    with pytest.raises(BadToken):
        tokens.read_principal(f"{head}.{changed}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "é.é.é", "." * 100, "e30.e30.e30"])
def test_nonsense_is_not_ours(tokens: Tokens, token: str) -> None:
    with pytest.raises(BadToken):
        tokens.read_principal(token)


def test_media_token_lasts_for_the_recording_and_an_hour(tokens: Tokens, clock: HandClock) -> None:
    grant = MediaGrant(session=SessionId("s-1"), tenant=DEFAULT_TENANT)
    token = tokens.media(grant, duration_s=7200)
    clock.advance(3 * 3600 - 1)
    assert tokens.read_media(token) == grant
    clock.advance(1)
    with pytest.raises(BadToken):
        tokens.read_media(token)


def test_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    file = tmp_path / "data" / "token.key"
    key = load_key(file)
    assert len(key) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(file) == key
