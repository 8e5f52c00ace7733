"""Passwords: argon2id (RFC 9106), checked off the event loop so that no call waits for a login."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from mediaswitch.users import hash_password

_HASHER = PasswordHasher()
LONGEST_PASSWORD = 256
"Characters; hashing more would only serve an attacker."


class PasswordChecker:
    """Compares passwords with hashes, a few at a time: each costs tens of milliseconds and 64 MiB."""

    def __init__(self, *, at_once: int = 2) -> None:
        self._slots = asyncio.Semaphore(at_once)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is right. No hash (no such user) takes as long and is never right."""
        async with self._slots:
            right = await asyncio.to_thread(_verify, password_hash or _hash_of_nobody(), password)
        return right and password_hash is not None


@cache
def _hash_of_nobody() -> str:
    """Compared with where there is no user, so that the time taken does not tell."""
    return hash_password("nobody has this password")


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False
