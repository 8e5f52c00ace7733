"""SDES: the keys of SRTP in `a=crypto` lines (RFC 4568), with RTP/SAVP or, opportunistically, RTP/AVP (RFC 8643)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from signaling.sip.errors import SdpError
from signaling.sip.sdp import Media

PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
SUITES = {
    "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44, "AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30,
}  # fmt: skip
"The preferred first: GCM costs half of what AES-CM with SHA-1 does. Bytes of each master key with its salt."
OFFERED = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
"Tags of 32 bits (RFC 3711 §9.5) are accepted, not asked for."
MAX_LINES = 16
"Crypto lines of one stream that are looked at."


class SrtpPolicy(StrEnum):
    """Whether a peer's media is encrypted."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Crypto:
    """One `a=crypto` line: a suite and the master key, salt behind it, under which its sender sends."""

    tag: str
    suite: str
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, value: str) -> "Crypto | None":
        """Return what a line says; None for one that is malformed or asks for what we do not do.

        That is a master key index, several keys, and session parameters other than a hint of the window's size
        (§6.3): a line with any of them must not be chosen (§5.1.2).
        """
        words = value.split()
        if len(words) < 3 or not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 10):
            return None
        tag, suite, parameters, *session = words
        method, _, keyed = parameters.partition(":")
        encoded, *described = keyed.split("|")
        if suite not in SUITES or method.lower() != "inline" or ";" in keyed or any(":" in each for each in described):
            return None
        if any(not each.startswith("WSH=") for each in session):
            return None
        key = _decode(encoded)
        return cls(tag, suite, key) if key is not None and len(key) == SUITES[suite] else None

    def render(self) -> str:
        """Return the value of the attribute."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def _decode(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpAgreement:
    """The keys of both directions; one suite serves both (§5.1.2)."""

    ours: Crypto
    theirs: Crypto


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What our side wants, and where its keys come from; it remembers nothing."""

    policy: SrtpPolicy = SrtpPolicy.OFF
    new_key: Callable[[int], bytes] | None = field(default=None, repr=False)
    "Random bytes, so many."

    def is_acceptable(self, media: Media) -> bool:
        """Whether a stream is offered in a way that the policy allows."""
        if media.protocol == SECURE:
            return self.policy is not SrtpPolicy.OFF and bool(_lines(media))
        if media.protocol != PLAIN:
            return False
        return self.policy is not SrtpPolicy.REQUIRED or bool(_lines(media))

    def answer(self, media: Media, agreed: SrtpAgreement | None) -> SrtpAgreement | None:
        """Choose from an acceptable offer. A key of ours changes when, and only when, that of the peer does.

        Who has a new key may be another than before, and does not know how far our roll-over counter got.
        """
        lines = _lines(media)
        if self.policy is SrtpPolicy.OFF or not lines:
            return None
        if agreed is not None:
            kept = next((line for line in lines if _is_same(line, agreed.theirs)), None)
            if kept is not None:
                return SrtpAgreement(ours=Crypto(kept.tag, kept.suite, agreed.ours.key), theirs=kept)
        theirs = min(lines, key=lambda line: list(SUITES).index(line.suite))
        return SrtpAgreement(ours=self._new(theirs.tag, theirs.suite), theirs=theirs)

    def offer(self) -> tuple[Crypto, ...]:
        """Return the lines of a first offer, each with a key of its own."""
        if self.policy is SrtpPolicy.OFF:
            return ()
        return tuple(self._new(str(tag), suite) for tag, suite in enumerate(OFFERED, start=1))

    def protocol(self, agreed: str | None) -> str:
        """Return the protocol to offer: that of the last exchange if there was one."""
        return agreed or (SECURE if self.policy is SrtpPolicy.REQUIRED else PLAIN)

    def accept(self, media: Media, offered: Sequence[Crypto]) -> SrtpAgreement | None:
        """Take the answer to our lines. Raises SdpError, status 488, where it leaves in the clear what must not be."""
        for theirs in _lines(media):
            ours = next((line for line in offered if (line.tag, line.suite) == (theirs.tag, theirs.suite)), None)
            if ours is not None:
                return SrtpAgreement(ours=ours, theirs=theirs)
        if self.policy is SrtpPolicy.REQUIRED or media.protocol == SECURE:
            raise SdpError("SDP: no SRTP in the answer", status=488)
        return None

    def _new(self, tag: str, suite: str) -> Crypto:
        if self.new_key is None:
            raise ValueError("a policy other than off needs a source of keys")
        return Crypto(tag, suite, self.new_key(SUITES[suite]))


def _lines(media: Media) -> list[Crypto]:
    values = [value for name, value in media.attributes if name == "crypto" and value][:MAX_LINES]
    return [line for line in map(Crypto.parse, values) if line is not None]


def _is_same(line: Crypto, known: Crypto) -> bool:
    return (line.suite, line.key) == (known.suite, known.key)
