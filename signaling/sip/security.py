"""How media is protected: by SDES, keys of SRTP in `a=crypto` lines (RFC 4568), or by a DTLS handshake (dtls.py).

Either goes with its own protocol in the `m=` line or, opportunistically, with RTP/AVP (RFC 8643).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from signaling.sip import dtls
from signaling.sip.dtls import DTLS_PROTOCOLS, DtlsAgreement, Fingerprint
from signaling.sip.errors import SdpError
from signaling.sip.sdp import Attributes, Media

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


class Keying(StrEnum):
    """How keys come about in what we offer; of what is offered to us either is taken."""

    SDES = "sdes"
    DTLS = "dtls"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPolicy:
    """How media goes with one peer."""

    srtp: SrtpPolicy = SrtpPolicy.OPTIONAL
    keying: Keying = Keying.SDES
    ice: bool = False
    "Whether our offers have ICE."


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
    keying: Keying = Keying.SDES
    new_key: Callable[[int], bytes] | None = field(default=None, repr=False)
    "Random bytes, so many."
    fingerprint: Fingerprint | None = None
    "Of our certificate; None: no DTLS."

    def is_acceptable(self, media: Media) -> bool:
        """Whether a stream is offered in a way that the policy allows."""
        keyed = bool(_lines(media)) or self.takes_dtls(media)
        if media.protocol == PLAIN:
            return self.policy is not SrtpPolicy.REQUIRED or keyed
        return media.protocol in (SECURE, *DTLS_PROTOCOLS) and self.policy is not SrtpPolicy.OFF and keyed

    def takes_dtls(self, media: Media) -> bool:
        """Whether the stream's keys come by a handshake; who offers both ways gets that of our own offers."""
        if self.policy is SrtpPolicy.OFF or self.fingerprint is None or Fingerprint.of(media) is None:
            return False
        return self.keying is Keying.DTLS or not _lines(media)

    def answer_dtls(self, media: Media, agreed: DtlsAgreement | None) -> DtlsAgreement | None:
        """Take an acceptable offer of a handshake; None where there is none to be made."""
        if self.fingerprint is None or not self.takes_dtls(media):
            return None
        return dtls.answer(media, self.fingerprint, agreed)

    def accept_dtls(self, media: Media, agreed: DtlsAgreement | None) -> DtlsAgreement | None:
        """Take the answer to our offer of a handshake; None where none was offered or taken."""
        if self.fingerprint is None or not (self.offers_dtls or agreed):
            return None
        return dtls.accept(media, self.fingerprint, agreed)

    @property
    def offers_dtls(self) -> bool:
        """Whether a first offer of ours is of a handshake."""
        wanted = self.policy is not SrtpPolicy.OFF and self.keying is Keying.DTLS
        return wanted and self.fingerprint is not None

    def dtls_lines(self) -> Attributes:
        """Return what a first offer says of a handshake."""
        return dtls.offered(self.fingerprint) if self.fingerprint is not None and self.offers_dtls else ()

    def answer(self, media: Media, agreed: SrtpAgreement | None) -> SrtpAgreement | None:
        """Choose from an acceptable offer. A key of ours changes when, and only when, that of the peer does.

        Who has a new key may be another than before, and does not know how far our roll-over counter got.
        """
        lines = _lines(media)
        if self.policy is SrtpPolicy.OFF or self.takes_dtls(media) or not lines:
            return None
        if agreed is not None:
            kept = next((line for line in lines if _is_same(line, agreed.theirs)), None)
            if kept is not None:
                return SrtpAgreement(ours=Crypto(kept.tag, kept.suite, agreed.ours.key), theirs=kept)
        theirs = min(lines, key=lambda line: list(SUITES).index(line.suite))
        return SrtpAgreement(ours=self._new(theirs.tag, theirs.suite), theirs=theirs)

    def offer(self) -> tuple[Crypto, ...]:
        """Return the lines of a first offer, each with a key of its own."""
        if self.policy is SrtpPolicy.OFF or self.offers_dtls:
            return ()
        return tuple(self._new(str(tag), suite) for tag, suite in enumerate(OFFERED, start=1))

    def protocol(self, agreed: str | None) -> str:
        """Return the protocol to offer: that of the last exchange if there was one."""
        secure = DTLS_PROTOCOLS[0] if self.offers_dtls else SECURE
        return agreed or (secure if self.policy is SrtpPolicy.REQUIRED else PLAIN)

    def accept(self, media: Media, offered: Sequence[Crypto]) -> SrtpAgreement | None:
        """Take the answer to our lines; None where it chose none of them."""
        for theirs in _lines(media):
            ours = next((line for line in offered if (line.tag, line.suite) == (theirs.tag, theirs.suite)), None)
            if ours is not None:
                return SrtpAgreement(ours=ours, theirs=theirs)
        return None

    def check(self, media: Media, *, protected: bool) -> None:
        """Raise SdpError, status 488, for an answer that leaves in the clear what must not be."""
        if not protected and (self.policy is SrtpPolicy.REQUIRED or media.protocol != PLAIN):
            raise SdpError("SDP: no SRTP in the answer", status=488)

    def _new(self, tag: str, suite: str) -> Crypto:
        if self.new_key is None:
            raise ValueError("a policy other than off needs a source of keys")
        return Crypto(tag, suite, self.new_key(SUITES[suite]))


def _lines(media: Media) -> list[Crypto]:
    if media.protocol in DTLS_PROTOCOLS:
        return []
    values = [value for name, value in media.attributes if name == "crypto" and value][:MAX_LINES]
    return [line for line in map(Crypto.parse, values) if line is not None]


def _is_same(line: Crypto, known: Crypto) -> bool:
    return (line.suite, line.key) == (known.suite, known.key)
