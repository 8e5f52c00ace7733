"""Offer and answer (RFC 3264) for one audio stream; every other stream is refused with port 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from signaling.sip.dtls import DtlsAgreement
from signaling.sip.errors import SdpError
from signaling.sip.ice import LITE, IceAgreement, IceCredentials, IceSide
from signaling.sip.sdp import Attributes, Media, Origin, RtpMap, SessionDescription
from signaling.sip.security import PLAIN, Crypto, Security, SrtpAgreement

UNREACHABLE = ("0.0.0.0", "::")
"The hold of RFC 2543, RFC 3264 §8.4."
DEFAULT_PTIME_MS = 20
PTIMES_MS = (10, 20, 30, 40, 50, 60)


class Codec(NamedTuple):
    """An audio codec that we accept, and the payload type under which we offer it."""

    name: str
    clock_rate: int
    channels: int
    payload_type: int
    fmtp: str = ""
    offered: bool = True
    "False: accepted where the other side offers it."


PCMU = Codec("PCMU", 8000, 1, 0)
PCMA = Codec("PCMA", 8000, 1, 8)
G722 = Codec("G722", 8000, 1, 9)
"16 kHz audio by a clock of 8000 Hz (RFC 3551 §4.5.2)."
L16 = Codec("L16", 16000, 1, 97, offered=False)
OPUS = Codec("opus", 48000, 2, 96, "useinbandfec=1")
TELEPHONE_EVENT = "telephone-event"
EVENT_PAYLOAD_TYPES = {8000: 101, 48000: 102}
EVENT_FMTP = "0-15"
"RFC 4733 §3.2: the digits, * # A-D."
VOIP_METRICS = "voip-metrics"
"RFC 3611 §5.1: the report block that a peer may ask for."


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioAgreement:
    """What an exchange of offer and answer settled for the audio stream."""

    remote_ip: str
    remote_port: int
    codec: RtpMap
    "The payload type is that which the peer wants to receive."
    events: RtpMap | None
    "telephone-event (RFC 4733), if both speak it."
    ptime_ms: int
    "Of what we send."
    send: bool
    receive: bool
    protocol: str = "RTP/AVP"
    srtp: SrtpAgreement | None = None
    "None: keys come by DTLS, or plain RTP."
    dtls: DtlsAgreement | None = None
    ice: IceAgreement | None = None
    rtcp_mux: bool = False
    "RTCP on the port of RTP (RFC 5761)."
    voip_metrics: bool = False
    "The peer wants our reports to say how it sounds (RFC 3611 §5.1)."

    def protection(self) -> Attributes:
        """Return our lines about keys."""
        if self.srtp is not None:
            return (("crypto", self.srtp.ours.render()),)
        return self.dtls.attributes() if self.dtls is not None else ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What our side wants now: sendonly is our hold with music, inactive our hold without."""

    send: bool = True
    receive: bool = True

    @property
    def direction(self) -> str:
        """The attribute that says so in an offer."""
        return _direction(self.send, self.receive)


class Saved(NamedTuple):
    """What was agreed at one time."""

    sent: SessionDescription | None
    wish: Wish
    agreement: AudioAgreement | None


class AudioNegotiation:
    """Our end of the audio stream of one dialog: makes offers and answers, and keeps the origin's version right.

    An exchange that comes to nothing changes nothing (RFC 3264 §4): `save` before it, and `restore` then.
    """

    def __init__(
        self,
        *,
        ip: str,
        port: int,
        session_id: int,
        codecs: Sequence[Codec],
        security: Security | None = None,
        ice: IceSide | None = None,
    ) -> None:
        """ip, port: where we receive RTP. codecs: those that we accept, the preferred first, in offers and answers."""
        self._ip, self._port, self._codecs = ip, port, tuple(codecs)
        self._security, self._ice = security or Security(), ice
        self._crypto: tuple[Crypto, ...] = ()
        self._ice_offered: IceCredentials | None = None
        self._origin = Origin(username="-", session_id=str(session_id), version=session_id, address=ip)
        self._sent: SessionDescription | None = None
        self._offer: SessionDescription | None = None
        self._wish = Wish()
        self.agreement: AudioAgreement | None = None

    def make_offer(self, wish: Wish) -> bytes:
        """Return our offer; the agreement changes when `accept_answer` takes what comes back."""
        self._wish = wish
        audio = self._offered_section(wish)
        others = self._other_sections()
        index = self._audio_index() if others else 0
        media = (*others[:index], audio, *others[index:])
        self._offer = self._versioned(media, is_lite=self._ice_offered is not None)
        return self._offer.to_bytes()

    def _offered_section(self, wish: Wish) -> Media:
        agreed = self.agreement
        if agreed is None:
            self._crypto = self._security.offer()
            self._ice_offered = self._ice.offer() if self._ice else None
            protection = (*(("crypto", line.render()) for line in self._crypto), *self._security.dtls_lines())
        else:  # keys change only when the peer's do, so that the roll-over counters go on
            self._crypto = (agreed.srtp.ours,) if agreed.srtp else ()
            self._ice_offered = agreed.ice.ours if agreed.ice else None
            protection = agreed.protection()
        maps, rtcp_mux = self._offered(), agreed.rtcp_mux if agreed else True
        return Media(
            kind="audio",
            port=self._port,
            protocol=self._security.protocol(agreed.protocol if agreed else None),
            formats=tuple(str(rtpmap.payload_type) for rtpmap in maps),
            attributes=_attributes(
                maps,
                wish.direction,
                (*protection, *self._ice_lines(self._ice_offered, rtcp_mux=rtcp_mux), *_metrics_line(agreed)),
                rtcp_mux=rtcp_mux,
            ),
        )

    def _ice_lines(self, ours: IceCredentials | None, *, rtcp_mux: bool) -> Attributes:
        return ours.attributes(self._ip, self._port, rtcp_mux=rtcp_mux) if ours else ()

    def accept_answer(self, body: bytes) -> AudioAgreement:
        """Take the answer to our last offer. Raises SdpError (status 488) if it leaves no audio to speak of."""
        answer = SessionDescription.parse(body)
        if self._offer is None:
            raise SdpError("SDP: an answer without an offer")
        index = next(index for index, media in enumerate(self._offer.media) if media.kind == "audio" and media.port)
        if len(answer.media) != len(self._offer.media):
            raise SdpError("SDP: answer has another number of media than the offer")
        media = answer.media[index]
        if media.kind != "audio" or media.port == 0:
            raise SdpError("SDP: audio was refused", status=488)
        media, agreed = answer.whole(media), self.agreement
        srtp = self._security.accept(media, self._crypto)
        dtls = None if srtp else self._security.accept_dtls(media, agreed.dtls if agreed else None)
        self._security.check(media, protected=bool(srtp or dtls))
        theirs = IceCredentials.of(media) if self._ice_offered else None
        ice = IceAgreement(ours=self._ice_offered, theirs=theirs) if self._ice_offered and theirs else None
        agreement = replace(self._agree(answer, media, self._wish), srtp=srtp, dtls=dtls, ice=ice)
        self._sent, self._offer = self._offer, None
        self.agreement = agreement
        return agreement

    @property
    def has_offered(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self._offer is not None

    def save(self) -> "Saved":
        """Return what an offer and its answer change; the version is not among it, since it must only grow."""
        return Saved(self._sent, self._wish, self.agreement)

    def restore(self, saved: "Saved") -> None:
        """Go back to what was agreed before, without an open offer."""
        self._sent, self._wish, self.agreement = saved
        self._offer = None

    def answer(self, body: bytes, wish: Wish) -> bytes:
        """Answer an offer; the new agreement is in `agreement`. Raises SdpError, status 488 without common ground."""
        offer = SessionDescription.parse(body)
        self._wish = wish
        acceptable = [index for index, media in enumerate(offer.media) if self._is_acceptable(offer, media)]
        if not acceptable:
            raise SdpError("SDP: no audio in a codec and a protection of ours", status=488)
        # Who offers the same stream with and without SRTP (RFC 8643 §1) gets it with.
        chosen = min(acceptable, key=lambda index: offer.media[index].protocol == PLAIN)
        media, agreed = offer.whole(offer.media[chosen]), self.agreement
        agreement = replace(
            self._agree(offer, media, wish),
            srtp=self._security.answer(media, agreed.srtp if agreed else None),
            dtls=self._security.answer_dtls(media, agreed.dtls if agreed else None),
            ice=self._ice.answer(media, agreed.ice if agreed else None) if self._ice else None,
        )
        sections = tuple(
            self._answer_section(media, agreement) if index == chosen else _refusal(media)
            for index, media in enumerate(offer.media)
        )
        self._sent = self._versioned(sections, offer.timing, is_lite=agreement.ice is not None)
        self.agreement = agreement
        return self._sent.to_bytes()

    def _offered(self) -> list[RtpMap]:
        if self.agreement is not None:  # §8.3.2: a payload type never changes its meaning within a session
            return _agreed_maps(self.agreement)
        codecs = [codec for codec in self._codecs if codec.offered]
        audio = [RtpMap(c.payload_type, c.name, c.clock_rate, c.channels, c.fmtp) for c in codecs]
        rates = dict.fromkeys(codec.clock_rate for codec in codecs)
        events = [RtpMap(EVENT_PAYLOAD_TYPES[rate], TELEPHONE_EVENT, rate, 1, EVENT_FMTP) for rate in rates]
        return audio + events

    def _audio_index(self) -> int:
        media = self._sent.media if self._sent is not None else ()
        return next((index for index, section in enumerate(media) if section.kind == "audio" and section.port), 0)

    def _other_sections(self) -> tuple[Media, ...]:
        """§8: the sections of an earlier exchange keep their places in every later offer."""
        if self._sent is None:
            return ()
        index = self._audio_index()
        return self._sent.media[:index] + self._sent.media[index + 1 :]

    def _versioned(self, media: tuple[Media, ...], timing: str = "0 0", *, is_lite: bool = False) -> SessionDescription:
        """§8: the version grows by one when, and only when, the description differs from the last one."""
        last = self._offer or self._sent
        description = SessionDescription(
            origin=self._origin,
            address=self._ip,
            timing=timing,
            attributes=LITE if is_lite else (),
            media=media,
        )
        if last is not None and description != last:
            self._origin = replace(self._origin, version=self._origin.version + 1)
            description = replace(description, origin=self._origin)
        return description

    def _find_codec(self, media: Media) -> RtpMap | None:
        """Return the codec that we prefer among those of the other side.

        §6.1 leaves the order to us where there is a reason: legs that share a codec are relayed, not transcoded.
        """
        maps = media.rtpmaps()
        return next((found for codec in self._codecs for found in maps if _is_same(found, codec)), None)

    def _is_acceptable(self, offer: SessionDescription, media: Media) -> bool:
        if media.kind != "audio" or media.port == 0 or not self._security.is_acceptable(offer.whole(media)):
            return False
        return self._find_codec(media) is not None and self._reaches(offer.address_of(media))

    def _reaches(self, address: str) -> bool:
        """Whether a peer's address is of our port's family, or one that only says hold."""
        return address in UNREACHABLE or (":" in address) == (":" in self._ip)

    def _agree(self, remote: SessionDescription, media: Media, wish: Wish) -> AudioAgreement:
        codec = self._find_codec(media)
        if codec is None:
            raise SdpError("SDP: no codec of ours", status=488)
        address = remote.address_of(media)
        if not self._reaches(address):
            raise SdpError("SDP: an address of the other family than our port", status=488)
        direction = remote.direction_of(media)
        is_unreachable = address in UNREACHABLE
        return AudioAgreement(
            remote_ip=address,
            remote_port=media.port,
            codec=codec,
            events=_find_events(media, codec.clock_rate),
            ptime_ms=_choose_ptime(media),
            send=wish.send and direction in ("sendrecv", "recvonly") and not is_unreachable,
            receive=wish.receive and direction in ("sendrecv", "sendonly"),
            protocol=media.protocol,
            rtcp_mux=media.attribute("rtcp-mux") is not None,
            voip_metrics=VOIP_METRICS in (media.attribute("rtcp-xr") or "").split(),
        )

    def _answer_section(self, offered: Media, agreement: AudioAgreement) -> Media:
        maps = _agreed_maps(agreement)
        ours = agreement.ice.ours if agreement.ice else None
        ice = self._ice_lines(ours, rtcp_mux=agreement.rtcp_mux)
        extra = (*agreement.protection(), *ice, *_metrics_line(agreement))
        direction = _direction(agreement.send, agreement.receive)
        attributes = _attributes(maps, direction, extra, rtcp_mux=agreement.rtcp_mux)
        formats = tuple(str(m.payload_type) for m in maps)
        return Media(kind="audio", port=self._port, protocol=offered.protocol, formats=formats, attributes=attributes)


def wants_ipv6(offer: bytes) -> bool:
    """Whether the first stream of an offer that has an address of its own is of IPv6. Raises SdpError."""
    description = SessionDescription.parse(offer)
    addresses = [description.address_of(media) for media in description.media if media.kind == "audio" and media.port]
    return next((":" in address for address in addresses if address not in UNREACHABLE), False)


def _is_same(rtpmap: RtpMap, codec: Codec) -> bool:
    return (
        rtpmap.name.lower() == codec.name.lower()
        and rtpmap.clock_rate == codec.clock_rate
        and rtpmap.channels == codec.channels
    )


def _agreed_maps(agreement: AudioAgreement) -> list[RtpMap]:
    maps = [agreement.codec] if agreement.events is None else [agreement.codec, agreement.events]
    return [replace(rtpmap, fmtp=_our_fmtp(rtpmap)) for rtpmap in maps]


def _our_fmtp(rtpmap: RtpMap) -> str:
    if rtpmap.name.lower() == TELEPHONE_EVENT:
        return EVENT_FMTP
    return OPUS.fmtp if rtpmap.name.lower() == OPUS.name else ""


def _find_events(media: Media, clock_rate: int) -> RtpMap | None:
    """Return telephone-event, at the codec's clock rate (RFC 4733 §2.3) if it is there."""
    events = [rtpmap for rtpmap in media.rtpmaps() if rtpmap.name.lower() == TELEPHONE_EVENT]
    events.sort(key=lambda rtpmap: rtpmap.clock_rate != clock_rate)
    return events[0] if events else None


def _choose_ptime(media: Media) -> int:
    """Return the packet length to send: what the peer asked for, if we can make it, within its maxptime."""
    wanted = media.number("ptime")
    ptime = wanted if wanted in PTIMES_MS else DEFAULT_PTIME_MS
    longest = media.number("maxptime")
    return ptime if longest is None or longest < PTIMES_MS[0] else min(ptime, longest // 10 * 10)


def _refusal(media: Media) -> Media:
    """§6: a refused stream keeps its place, kind and protocol, with port 0."""
    return Media(kind=media.kind, port=0, protocol=media.protocol, formats=media.formats[:1])


def _direction(send: bool, receive: bool) -> str:
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def _metrics_line(agreed: AudioAgreement | None) -> Attributes:
    return (("rtcp-xr", VOIP_METRICS),) if agreed and agreed.voip_metrics else ()


def _attributes(maps: Sequence[RtpMap], direction: str, extra: Attributes, *, rtcp_mux: bool) -> Attributes:
    attributes: list[tuple[str, str | None]] = []
    for rtpmap in maps:
        channels = f"/{rtpmap.channels}" if rtpmap.channels > 1 else ""
        attributes.append(("rtpmap", f"{rtpmap.payload_type} {rtpmap.name}/{rtpmap.clock_rate}{channels}"))
        if rtpmap.fmtp:
            attributes.append(("fmtp", f"{rtpmap.payload_type} {rtpmap.fmtp}"))
    attributes += extra
    if rtcp_mux:
        attributes.append(("rtcp-mux", None))
    return (*attributes, ("ptime", str(DEFAULT_PTIME_MS)), (direction, None))
