"""DTLS-SRTP in SDP (RFC 5763): the fingerprint of a certificate (RFC 8122) and who begins the handshake (RFC 4145)."""

from dataclasses import dataclass

from signaling.sip.sdp import Attributes, Media

DTLS_PROTOCOLS = ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
"RFC 5764 §8. RTP/AVP with a fingerprint is the opportunistic form (RFC 8643 §3)."
HASHES = {"sha-512": 64, "sha-384": 48, "sha-256": 32, "sha-1": 20}
"The strongest first, with the bytes of each digest. MD5 and MD2 must not be taken (RFC 8122 §5)."
MAX_FINGERPRINTS = 8
"Lines of one stream that are looked at."


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest."""

    hash: str
    "A key of HASHES."
    digest: bytes

    @classmethod
    def parse(cls, value: str) -> "Fingerprint | None":
        """Return what an `a=fingerprint` line says; None for one that is malformed or of another hash function."""
        name, _, text = value.strip().partition(" ")
        parts = text.strip().split(":")
        name = name.lower()
        if len(parts) != HASHES.get(name) or any(len(part) != 2 for part in parts):
            return None
        try:
            return cls(name, bytes.fromhex("".join(parts)))
        except ValueError:
            return None

    @classmethod
    def of(cls, media: Media) -> "Fingerprint | None":
        """Return the strongest of a section's fingerprints (§5), or None."""
        values = [value for name, value in media.attributes if name == "fingerprint" and value][:MAX_FINGERPRINTS]
        known = [found for found in map(cls.parse, values) if found is not None]
        return min(known, key=lambda found: list(HASHES).index(found.hash), default=None)

    def render(self) -> str:
        """Return the value of the attribute."""
        return f"{self.hash} {self.digest.hex(':').upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsAgreement:
    """The ends of a handshake."""

    ours: Fingerprint
    theirs: Fingerprint
    active: bool
    "We are the client."

    def attributes(self) -> Attributes:
        """Return the lines that say so, in an answer or in an offer that keeps the association (RFC 8842 §5)."""
        return offered(self.ours, "active" if self.active else "passive")


def offered(ours: Fingerprint, setup: str = "actpass") -> Attributes:
    """Return the lines of an offer that leaves the roles to the peer (RFC 5763 §5)."""
    return (("fingerprint", ours.render()), ("setup", setup))


def answer(media: Media, ours: Fingerprint, agreed: DtlsAgreement | None) -> DtlsAgreement | None:
    """Take an offer with a fingerprint; None without.

    An association goes on as long as the ends are the same. A new one is begun by us where the offer leaves it open:
    the handshake then needs no answer of ours to arrive first (§5).
    """
    theirs = Fingerprint.of(media)
    if theirs is None:
        return None
    setup = media.attribute("setup") or "active"
    goes_on = agreed is not None and agreed.theirs == theirs
    if goes_on and agreed is not None and setup in ("actpass", "passive" if agreed.active else "active"):
        return DtlsAgreement(ours=ours, theirs=theirs, active=agreed.active)
    return DtlsAgreement(ours=ours, theirs=theirs, active=setup in ("actpass", "passive"))


def accept(media: Media, ours: Fingerprint, agreed: DtlsAgreement | None) -> DtlsAgreement | None:
    """Take the answer to our offer; None where it has no fingerprint."""
    theirs = Fingerprint.of(media)
    if theirs is None:
        return None
    if agreed is not None and agreed.theirs == theirs:
        return DtlsAgreement(ours=ours, theirs=theirs, active=agreed.active)
    return DtlsAgreement(ours=ours, theirs=theirs, active=(media.attribute("setup") or "passive") == "passive")
