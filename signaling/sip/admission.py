"""Who may call in: a trunk by its address, a registered phone, or anybody where the settings say so."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from signaling.sip.hop import Hop
from signaling.sip.registrar import Registrar
from signaling.sip.trunk import Trunks


class Caller(Enum):
    """As what a caller is admitted."""

    TRUNK = "trunk"
    PHONE = "phone"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Decides by where an INVITE came from."""

    trunks: Trunks
    registrar: Registrar
    accept_unknown: bool
    now: Callable[[], int]

    def admit(self, source: Hop) -> Caller | None:
        """Return as what the caller is let in; None for 403."""
        if self.trunks.at(source) is not None:
            return Caller.TRUNK
        if self.registrar.user_at(source, now=self.now()) is not None:
            return Caller.PHONE
        return Caller.STRANGER if self.accept_unknown else None
