"""Offer and answer (RFC 3264) for one audio stream; every other stream is refused with port 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from signaling.sip.errors import SdpError
from signaling.sip.sdp import Attributes, Media, Origin, RtpMap, SessionDescription
from signaling.sip.security import SECURE, Crypto, Security, SrtpAgreement

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
    "None: plain RTP."
    rtcp_mux: bool = False
    "RTCP on the port of RTP (RFC 5761)."


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
        self, *, ip: str, port: int, session_id: int, codecs: Sequence[Codec], security: Security | None = None
    ) -> None:
        """ip, port: where we receive RTP. codecs: those that we accept, the preferred first, in offers and answers."""
        self._ip, self._port, self._codecs = ip, port, tuple(codecs)
        self._security = security or Security()
        self._crypto: tuple[Crypto, ...] = ()
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
        self._offer = self._versioned(media)
        return self._offer.to_bytes()

    def _offered_section(self, wish: Wish) -> Media:
        agreed = self.agreement
        if agreed is None:
            self._crypto = self._security.offer()
        else:  # keys change only when the peer's do, so that the roll-over counters go on
            self._crypto = (agreed.srtp.ours,) if agreed.srtp else ()
        maps = self._offered()
        return Media(
            kind="audio",
            port=self._port,
            protocol=self._security.protocol(agreed.protocol if agreed else None),
            formats=tuple(str(rtpmap.payload_type) for rtpmap in maps),
            attributes=_attributes(maps, wish.direction, self._crypto, rtcp_mux=agreed.rtcp_mux if agreed else True),
        )

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
        srtp = self._security.accept(media, self._crypto)
        agreement = self._agree(answer, media, self._wish, srtp)
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
        acceptable = [index for index, media in enumerate(offer.media) if self._is_acceptable(media)]
        if not acceptable:
            raise SdpError("SDP: no audio in a codec and a protection of ours", status=488)
        # Who offers the same stream with and without SRTP (RFC 8643 §1) gets it with.
        chosen = min(acceptable, key=lambda index: offer.media[index].protocol != SECURE)
        media = offer.media[chosen]
        srtp = self._security.answer(media, self.agreement.srtp if self.agreement else None)
        agreement = self._agree(offer, media, wish, srtp)
        sections = tuple(
            self._answer_section(media, agreement) if index == chosen else _refusal(media)
            for index, media in enumerate(offer.media)
        )
        self._sent = self._versioned(sections, offer.timing)
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

    def _versioned(self, media: tuple[Media, ...], timing: str = "0 0") -> SessionDescription:
        """§8: the version grows by one when, and only when, the description differs from the last one."""
        last = self._offer or self._sent
        description = SessionDescription(origin=self._origin, address=self._ip, timing=timing, media=media)
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

    def _is_acceptable(self, media: Media) -> bool:
        is_rtp_audio = media.kind == "audio" and media.port != 0 and self._security.is_acceptable(media)
        return is_rtp_audio and self._find_codec(media) is not None

    def _agree(
        self, remote: SessionDescription, media: Media, wish: Wish, srtp: SrtpAgreement | None
    ) -> AudioAgreement:
        codec = self._find_codec(media)
        if codec is None:
            raise SdpError("SDP: no codec of ours", status=488)
        address = remote.address_of(media)
        direction = remote.direction_of(media)
        is_unreachable = address in ("0.0.0.0", "::")  # the hold of RFC 2543, RFC 3264 §8.4
        return AudioAgreement(
            remote_ip=address,
            remote_port=media.port,
            codec=codec,
            events=_find_events(media, codec.clock_rate),
            ptime_ms=_choose_ptime(media),
            send=wish.send and direction in ("sendrecv", "recvonly") and not is_unreachable,
            receive=wish.receive and direction in ("sendrecv", "sendonly"),
            protocol=media.protocol,
            srtp=srtp,
            rtcp_mux=media.attribute("rtcp-mux") is not None,
        )

    def _answer_section(self, offered: Media, agreement: AudioAgreement) -> Media:
        maps = _agreed_maps(agreement)
        crypto = (agreement.srtp.ours,) if agreement.srtp else ()
        direction = _direction(agreement.send, agreement.receive)
        attributes = _attributes(maps, direction, crypto, rtcp_mux=agreement.rtcp_mux)
        formats = tuple(str(m.payload_type) for m in maps)
        return Media(kind="audio", port=self._port, protocol=offered.protocol, formats=formats, attributes=attributes)


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


def _attributes(maps: Sequence[RtpMap], direction: str, crypto: Sequence[Crypto], *, rtcp_mux: bool) -> Attributes:
    attributes: list[tuple[str, str | None]] = []
    for rtpmap in maps:
        channels = f"/{rtpmap.channels}" if rtpmap.channels > 1 else ""
        attributes.append(("rtpmap", f"{rtpmap.payload_type} {rtpmap.name}/{rtpmap.clock_rate}{channels}"))
        if rtpmap.fmtp:
            attributes.append(("fmtp", f"{rtpmap.payload_type} {rtpmap.fmtp}"))
    attributes += [("crypto", line.render()) for line in crypto]
    if rtcp_mux:
        attributes.append(("rtcp-mux", None))
    return (*attributes, ("ptime", str(DEFAULT_PTIME_MS)), (direction, None))
