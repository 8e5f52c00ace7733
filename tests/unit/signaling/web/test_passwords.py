"""Passwords are compared by argon2id, in other threads than the event loop's."""

import threading

import pytest

from mediaswitch.users import hash_password
from signaling.web import passwords
from signaling.web.passwords import PasswordChecker


async def test_right_password_matches_and_wrong_ones_do_not() -> None:
    checker, kept = PasswordChecker(), hash_password("secret")
    assert kept.startswith("$argon2id$")
    assert await checker.matches("secret", kept)
    assert not await checker.matches("Secret", kept)
    assert not await checker.matches("secret", "no hash at all")


async def test_nobody_is_compared_too_and_never_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def verify(kept: str, _given: str) -> bool:
        compared.append(kept)
        return True

    monkeypatch.setattr(passwords, "_verify", verify)
    assert not await PasswordChecker().matches("secret", None)
    assert len(compared) == 1


async def test_event_loop_does_not_do_the_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def verify(_kept: str, _given: str) -> bool:
        threads.append(threading.get_ident())
        return True

    monkeypatch.setattr(passwords, "_verify", verify)
    await PasswordChecker().matches("secret", "hash")
    assert threads != [threading.get_ident()]
