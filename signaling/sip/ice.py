"""ICE in SDP (RFC 8839), as a lite agent: one host candidate a component; the peer makes the checks."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from signaling.sip.sdp import Attributes, Media

FRAGMENT = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)
PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}", re.ASCII)
"§5.4."
PRIORITIES = (2_130_706_431, 2_130_706_430)
"Of the host candidates of RTP and RTCP: RFC 8445 §5.1.2.1 with the highest preferences."
LITE: Attributes = (("ice-lite", None),)
"At the session's level (§5.3)."


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """One side's user fragment and password."""

    ufrag: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, media: Media) -> "IceCredentials | None":
        """Return those of a section; None without ICE, or where the peer is a lite agent too and nobody would check."""
        ufrag, password = media.attribute("ice-ufrag") or "", media.attribute("ice-pwd") or ""
        if not (FRAGMENT.fullmatch(ufrag) and PASSWORD.fullmatch(password)) or media.attribute("ice-lite") is not None:
            return None
        return cls(ufrag, password)

    @classmethod
    def new(cls, new_key: Callable[[int], bytes]) -> "IceCredentials":
        """Return fresh ones, of 48 and 144 random bits."""
        return cls(base64.b64encode(new_key(6)).decode(), base64.b64encode(new_key(18)).decode())

    def attributes(self, ip: str, port: int, *, rtcp_mux: bool) -> Attributes:
        """Return the lines of our section."""
        lines: list[tuple[str, str | None]] = [("ice-ufrag", self.ufrag), ("ice-pwd", self.password)]
        for component, priority in enumerate(PRIORITIES[: 1 if rtcp_mux else 2], start=1):
            lines.append(("candidate", f"1 {component} UDP {priority} {ip} {port + component - 1} typ host"))
        return tuple(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceAgreement:
    """The credentials of both sides."""

    ours: IceCredentials
    theirs: IceCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class IceSide:
    """Our side of ICE; it remembers nothing."""

    new_key: Callable[[int], bytes] = field(repr=False)
    "Random bytes, so many."
    offers: bool = False
    "Whether our own first offers have ICE; an offer that has it is always answered with it."

    def answer(self, media: Media, agreed: IceAgreement | None) -> IceAgreement | None:
        """Take an offer. Ours change when, and only when, the peer's do: a restart (§4.4.1.1.1)."""
        theirs = IceCredentials.of(media)
        if theirs is None:
            return None
        if agreed is not None and agreed.theirs == theirs:
            return agreed
        return IceAgreement(ours=IceCredentials.new(self.new_key), theirs=theirs)

    def offer(self) -> IceCredentials | None:
        """Return what a first offer has."""
        return IceCredentials.new(self.new_key) if self.offers else None
