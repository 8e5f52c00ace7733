"""Who may log in: the users of the settings. In a demo they share one random password, kept in the data folder."""

import os
import secrets
from pathlib import Path

from argon2 import PasswordHasher

from mediaswitch.config import Config, UserTable
from mediaswitch.ids import TenantId
from mediaswitch.services import User, UserRole

DEMO_PASSWORD_FILE = "demo-password.txt"


class UserDirectory:
    """Implements `services.Users` from the settings."""

    def __init__(self, config: Config, *, demo_hash: str | None) -> None:
        self._users = {(user.tenant, user.name): _user(user, demo_hash) for user in config.users}

    async def find(self, tenant: TenantId, username: str) -> User | None:
        return self._users.get((tenant, username))


def _user(user: UserTable, demo_hash: str | None) -> User:
    password_hash = user.password_hash or demo_hash
    if password_hash is None:
        raise ValueError(f"user {user.name!r} has no password")  # the settings are checked before
    return User(
        id=user.name,
        name=user.display_name,
        role=UserRole(user.role),
        tenant=TenantId(user.tenant),
        language=user.language,
        password_hash=password_hash,
    )


def hash_password(password: str) -> str:
    """An argon2id hash with its parameters (RFC 9106), for `password_hash` in the settings."""
    return PasswordHasher().hash(password)


def demo_password(data_dir: Path) -> str:
    """The demo's password: MEDIASWITCH_DEMO_PASSWORD, else the one in the data folder, made at the first start."""
    if given := os.environ.get("MEDIASWITCH_DEMO_PASSWORD"):
        return given
    file = data_dir / DEMO_PASSWORD_FILE
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(9))
    return file.read_text().strip()
