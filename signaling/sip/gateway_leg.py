"""One SIP leg: the driver by which the Exchange moves it, and what it agreed on about media."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from mediaswitch.exchange import DtlsMedia, Exchange, IceMedia, RtpMedia, SrtpMedia
from mediaswitch.ids import LegId, SessionId
from mediaswitch.timeline import EndReason
from signaling.sip.agent import UserAgent
from signaling.sip.dtls import DtlsAgreement
from signaling.sip.errors import CallStateError, UnknownCall
from signaling.sip.events import CallRef, EndCause
from signaling.sip.ice import IceAgreement
from signaling.sip.offer_answer import AudioAgreement, AudioNegotiation, Wish
from signaling.sip.security import SrtpAgreement

log = logging.getLogger(__name__)

REJECT_STATUS = {
    EndReason.BUSY: 486,
    EndReason.REJECTED: 603,
    EndReason.NO_ANSWER: 480,
    EndReason.SHUTDOWN: 503,
}
"What a caller who was never answered is told; 480 for every other reason."

END_REASON = {
    EndCause.BYE: EndReason.HANGUP,
    EndCause.NO_ACK: EndReason.FAILED,
    EndCause.LOST: EndReason.CONNECTION_LOST,
}


@dataclass
class Surroundings:
    """What every leg works with."""

    exchange: Exchange
    agent: UserAgent
    now: Callable[[], int]
    flush: Callable[[], None]
    "Sends what the agent has to send."
    forget: Callable[[CallRef], None]
    "Called for a leg that is over."


@dataclass
class SipLeg:
    """A LegDriver (mediaswitch.services). It is `over` as soon as either side ended it; later calls do nothing."""

    around: Surroundings
    call: CallRef
    is_incoming: bool
    max_forwards: int = 70
    session: SessionId = field(default=SessionId(""))
    leg: LegId = field(default=LegId(""))
    negotiation: AudioNegotiation | None = None
    wish: Wish = field(default_factory=Wish)
    sdp: bytes = b""
    "What our 2xx will carry: an answer, or our offer when the caller made none."
    is_answered: bool = False
    is_held: bool = False
    "By the peer."
    over: bool = False
    reject_status: int | None = None
    "Overrides what the end reason would say."

    def ring(self) -> None:
        """Send 180."""
        if self.is_incoming and not self.is_answered:
            self._command(lambda: self.around.agent.ring(self.call, now=self.around.now()))
            self.around.flush()

    def answer(self) -> None:
        """Tell the Exchange and send 200; a caller that has just gone is told by its own event.

        The crosspoints are set before the 200 leaves, so that the caller's first packet finds them.
        """
        if self.over or self.is_answered or not self.is_incoming:
            return
        self.is_answered = True
        if not self._command(lambda: self.around.agent.answer(self.call, self.sdp, now=self.around.now())):
            return
        try:
            self.around.exchange.leg_answered(self.session, self.leg)
        finally:
            self.around.flush()

    def hang_up(self, reason: EndReason) -> None:
        """Send what the state asks for: a final response, CANCEL or BYE."""
        if self.over:
            return
        self._end()
        agent, now = self.around.agent, self.around.now()
        if self.is_answered:
            self._command(lambda: agent.bye(self.call, now=now), even_if_over=True)
        elif self.is_incoming:
            status = self.reject_status or REJECT_STATUS.get(reason, 480)
            extra = (("retry-after", "10"),) if status == 503 else ()
            self._command(lambda: agent.reject(self.call, status, now=now, extra=extra), even_if_over=True)
        else:
            self._command(lambda: agent.cancel(self.call, now=now), even_if_over=True)
        self.around.flush()

    def ended_by_peer(self, reason: EndReason) -> None:
        """The peer ended it, or it failed: tell the Exchange."""
        if not self.over:
            self._end()
            self.around.exchange.leg_ended(self.session, self.leg, reason)

    def _end(self) -> None:
        self.over = True
        self.around.forget(self.call)

    def apply(self, agreement: AudioAgreement) -> None:
        """Configure the port as agreed. Raises Refused for what the core cannot use.

        While the peer holds we take nothing in: our own music plays, and its silence is no sign of a lost phone.
        """
        held = self._is_hold(agreement)
        self.around.exchange.configure_rtp(
            self.session,
            self.leg,
            RtpMedia(
                remote_ip=agreement.remote_ip,
                remote_port=agreement.remote_port,
                codec=agreement.codec.name,
                payload_type=agreement.codec.payload_type,
                clock_rate=agreement.codec.clock_rate,
                telephone_event_payload_type=agreement.events.payload_type if agreement.events else None,
                ptime_ms=agreement.ptime_ms,
                send=agreement.send,
                receive=agreement.receive and not held,
                srtp=_keys(agreement.srtp) if agreement.srtp else None,
                dtls=_handshake(agreement.dtls) if agreement.dtls else None,
                ice=_checks(agreement.ice) if agreement.ice else None,
                rtcp_mux=agreement.rtcp_mux,
                voip_metrics=agreement.voip_metrics,
            ),
        )

    def report_hold(self) -> None:
        """Tell the Exchange if the peer has put us on hold, or taken us back, since the last time."""
        agreement = self.negotiation.agreement if self.negotiation else None
        if agreement is None or not self.is_answered or self._is_hold(agreement) == self.is_held:
            return
        self.is_held = not self.is_held
        self.around.exchange.leg_held(self.session, self.leg, held=self.is_held)

    def _is_hold(self, agreement: AudioAgreement) -> bool:
        """RFC 3264 §8.4: sendonly or inactive from the peer, or the address 0.0.0.0."""
        return self.wish.send and not agreement.send

    def _command(self, command: Callable[[], None], *, even_if_over: bool = False) -> bool:
        """Run an agent's command; False if the call had just ended."""
        if self.over and not even_if_over:
            return False
        done = False
        with suppress(UnknownCall, CallStateError):
            command()
            done = True
        if not done:
            log.info("session %s leg %s: the call had ended before our command", self.session, self.leg)
        return done


def _keys(agreement: SrtpAgreement) -> SrtpMedia:
    return SrtpMedia(profile=agreement.ours.suite, send=agreement.ours.key, receive=agreement.theirs.key)


def _handshake(agreement: DtlsAgreement) -> DtlsMedia:
    return DtlsMedia(hash=agreement.theirs.hash, digest=agreement.theirs.digest, active=agreement.active)


def _checks(agreement: IceAgreement) -> IceMedia:
    ours = agreement.ours
    return IceMedia(local_ufrag=ours.ufrag, local_password=ours.password, remote_ufrag=agreement.theirs.ufrag)
