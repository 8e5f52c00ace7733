"""The gateway between SIP calls and the Exchange: it turns events of the user agent into commands, and dials out."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import singledispatchmethod

from mediaswitch.errors import NotFound, Refused, SwitchError, Unavailable
from mediaswitch.exchange import Exchange, NewSession
from mediaswitch.ids import LegId, SessionId
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind
from signaling.sip import events as ev
from signaling.sip.admission import Admission, Refusal
from signaling.sip.agent import UserAgent
from signaling.sip.client_side import OutgoingCall
from signaling.sip.destinations import Destinations
from signaling.sip.dtls import Fingerprint
from signaling.sip.dtmf_info import parse_info_digit
from signaling.sip.errors import CallStateError, ParseError, SdpError, SipError, UnknownCall
from signaling.sip.gateway_leg import END_REASON, SipLeg, Surroundings
from signaling.sip.headers import NameAddr
from signaling.sip.ice import IceSide
from signaling.sip.offer_answer import AudioNegotiation, Codec, Wish, wants_ipv6
from signaling.sip.policies import MediaPolicies
from signaling.sip.registrar import Registrar
from signaling.sip.security import MediaPolicy, Security
from signaling.sip.trunk import Trunks
from signaling.sip.uri import Uri

log = logging.getLogger(__name__)

PING_INTERVAL_S = 30.0
"How often a phone on hold, which sends no media, is asked whether it is still there."
MAX_NAME_CHARS = 64

FAILURE_REASON = {
    403: EndReason.REJECTED, 408: EndReason.NO_ANSWER, 480: EndReason.NO_ANSWER, 486: EndReason.BUSY,
    487: EndReason.CANCELLED, 600: EndReason.BUSY, 603: EndReason.REJECTED,
}  # fmt: skip
"Of calls that we dial; FAILED for every other status."


class SipGateway:
    """Owns the SIP legs. Also the Exchange's Dialer (mediaswitch.services)."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        agent: UserAgent,
        admission: Admission,
        registrar: Registrar,
        trunks: Trunks,
        codecs: Sequence[Codec],
        policies: MediaPolicies,
        now: Callable[[], int],
        flush: Callable[[], None],
    ) -> None:
        """codecs: those offered and accepted, the preferred first. flush: sends what the agent has to send."""
        self._around = Surroundings(exchange, agent, now, flush, self._forget)
        self._exchange, self._agent, self._now = exchange, agent, now
        self._admission, self._registrar = admission, registrar
        self._destinations = Destinations(registrar, trunks)
        self._codecs, self._policies = tuple(codecs), policies
        self._fingerprint = Fingerprint("sha-256", exchange.dtls_fingerprint())
        self._legs: dict[ev.CallRef, SipLeg] = {}
        self._pinger: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._legs)

    def start(self) -> None:
        """Begin to look after phones on hold."""
        self._pinger = asyncio.get_running_loop().call_later(PING_INTERVAL_S, self._ping_held)

    def stop(self) -> None:
        """Stop looking after them."""
        if self._pinger is not None:
            self._pinger.cancel()

    def handle(self, event: ev.Event) -> None:
        """Take one event of the user agent."""
        if isinstance(event, ev.RegisterArrived):
            self._registrar.handle(event, now=self._now())
        elif isinstance(event, ev.IncomingCall):
            self._open(event)
        else:
            leg = self._legs.get(event.call)
            if leg is not None and not leg.over:
                self._on(event, leg)

    # --- a call comes in --------------------------------------------------------------------------------------

    def _open(self, event: ev.IncomingCall) -> None:
        refusal = self._refusal(event)
        if refusal is not None:
            self._agent.reject(event.call, refusal.status, now=self._now(), extra=refusal.extra)
            return
        leg = SipLeg(self._around, event.call, is_incoming=True)
        leg.max_forwards = int(event.request.headers.get("max-forwards") or 70)
        self._legs[event.call] = leg
        try:
            self._start_session(event, leg)
        except (SwitchError, SdpError) as error:
            self._refuse(leg, error)
        except Exception:
            self._refuse(leg, SwitchError("a fault of ours"))
            raise

    def _refusal(self, event: ev.IncomingCall) -> Refusal | None:
        """Return what refuses the call before a session is made for it, or None."""
        try:
            refusal = self._admission.refusal(event.request, event.source, now=self._now())
            if refusal is not None:
                return refusal
            if not self._exchange.knows(_called(event)):
                return Refusal(404)
            if event.offer is not None:
                security = self._security(self._policy_of(event))
                ip = "::1" if wants_ipv6(event.offer) else "127.0.0.1"
                probe = AudioNegotiation(ip=ip, port=9, session_id=1, codecs=self._codecs, security=security)
                probe.answer(event.offer, Wish())
        except ParseError as error:
            log.info("call refused: %s", error.fault)
            return Refusal(error.status)
        return None

    def _start_session(self, event: ev.IncomingCall, leg: SipLeg) -> None:
        new = NewSession(channel=Channel.PHONE, called=_called(event), customer=_customer(event), leg_kind=LegKind.SIP)
        session, first = self._exchange.start_session(new, leg)
        leg.session, leg.leg = session.id, first.id
        ipv6 = event.offer is not None and wants_ipv6(event.offer)
        leg.negotiation = self._negotiation(leg, self._codecs, self._policy_of(event), ipv6=ipv6)
        if event.offer is None:
            leg.sdp = leg.negotiation.make_offer(leg.wish)
        else:
            leg.sdp = leg.negotiation.answer(event.offer, leg.wish)
            self._apply(leg)
        self._exchange.begin(session.id)

    def _refuse(self, leg: SipLeg, error: Exception) -> None:
        leg.reject_status = _status_of(error)
        log.warning("call refused with %d: %s", leg.reject_status, error)
        if leg.session:
            with suppress(NotFound):
                self._exchange.hang_up(leg.session, EndReason.FAILED)
        leg.hang_up(EndReason.FAILED)  # nothing more to do if the Exchange did it

    def _policy_of(self, event: ev.IncomingCall) -> MediaPolicy:
        return self._policies.of_caller(event.source, event.request.from_.uri.user, now=self._now())

    def _security(self, policy: MediaPolicy) -> Security:
        new_key = self._agent.random.randbytes
        return Security(policy=policy.srtp, keying=policy.keying, new_key=new_key, fingerprint=self._fingerprint)

    def _negotiation(
        self, leg: SipLeg, codecs: Sequence[Codec], policy: MediaPolicy, *, ipv6: bool
    ) -> AudioNegotiation:
        port = self._exchange.open_rtp(leg.session, leg.leg, ipv6=ipv6)
        random = self._agent.random
        return AudioNegotiation(
            ip=port.ip,
            port=port.udp_port,
            session_id=random.getrandbits(48),
            codecs=codecs,
            security=self._security(policy),
            ice=IceSide(new_key=random.randbytes, offers=policy.ice),
        )

    def _apply(self, leg: SipLeg) -> None:
        if leg.negotiation is not None and leg.negotiation.agreement is not None:
            leg.apply(leg.negotiation.agreement)

    # --- dialling out -----------------------------------------------------------------------------------------

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> SipLeg:
        """Start a call to a phone or trunk. Raises NotFound when none serves the target."""
        inbound = next((each for each in self._legs.values() if each.session == session), None)
        outgoing = self._route(target, caller, inbound)
        ours = SipLeg(self._around, ev.CallRef(""), is_incoming=False, session=session, leg=leg)
        try:
            policy, ipv6 = self._policies.of_called(Uri.parse(target)), self._is_ipv6(target)
            ours.negotiation = self._negotiation(ours, self._codecs_like(inbound), policy, ipv6=ipv6)
            offer = ours.negotiation.make_offer(ours.wish)
            ours.call = self._agent.invite(outgoing(offer), now=self._now())
        except (SwitchError, SipError) as error:
            log.warning("session %s: cannot dial: %s", session, error)
            asyncio.get_running_loop().call_soon(ours.ended_by_peer, EndReason.FAILED)
            return ours
        self._legs[ours.call] = ours
        self._around.flush()
        return ours

    def _is_ipv6(self, target: str) -> bool:
        """Whether who is called is reached by IPv6, and so will its media be."""
        return ":" in self._destinations.find(target, now=self._now()).hop.host

    def _codecs_like(self, inbound: SipLeg | None) -> Sequence[Codec]:
        """Prefer what the caller speaks, so that the two legs can be relayed."""
        agreement = inbound.negotiation.agreement if inbound and inbound.negotiation else None
        name = agreement.codec.name.lower() if agreement else ""
        return sorted(self._codecs, key=lambda codec: codec.name.lower() != name)

    def _route(self, target: str, caller: str | None, inbound: SipLeg | None) -> Callable[[bytes], OutgoingCall]:
        where = self._destinations.find(target, now=self._now())
        max_forwards = inbound.max_forwards - 1 if inbound else 70
        caller_host = self._agent.host_for(where.hop.transport)
        from_ = NameAddr(uri=Uri.for_user(caller or "anonymous", caller_host))
        return lambda offer: OutgoingCall(
            target=where.uri,
            caller=from_,
            offer=offer,
            hop=where.hop,
            fallback=where.fallback,
            credentials=where.credentials,
            max_forwards=max_forwards,
        )

    # --- events of a call -------------------------------------------------------------------------------------

    @singledispatchmethod
    def _on(self, event: ev.CallEvent, leg: SipLeg) -> None:
        log.debug("session %s leg %s: %s", leg.session, leg.leg, type(event).__name__)

    @_on.register
    def _(self, event: ev.CallAnswered, leg: SipLeg) -> None:
        leg.is_answered = True
        try:
            self._take_answer(leg, event.answer)
        except (SdpError, Refused) as error:
            log.warning("session %s leg %s: answer refused: %s", leg.session, leg.leg, error)
            self._fail(leg)
            return
        self._exchange.leg_answered(leg.session, leg.leg)

    @_on.register
    def _(self, event: ev.CallFailed, leg: SipLeg) -> None:
        leg.ended_by_peer(FAILURE_REASON.get(event.status, EndReason.FAILED))

    @_on.register
    def _(self, event: ev.CallCancelled, leg: SipLeg) -> None:
        leg.ended_by_peer(EndReason.CANCELLED)

    @_on.register
    def _(self, event: ev.CallEnded, leg: SipLeg) -> None:
        leg.ended_by_peer(END_REASON[event.cause])

    @_on.register
    def _(self, event: ev.CallConfirmed, leg: SipLeg) -> None:
        self._finish_late_offer(leg, event.answer)

    @_on.register
    def _(self, event: ev.ReinviteConfirmed, leg: SipLeg) -> None:
        self._finish_late_offer(leg, event.answer)

    def _finish_late_offer(self, leg: SipLeg, answer: bytes | None) -> None:
        """The ACK must answer an offer that our 2xx made (§13.2.1); without it there is no session."""
        if leg.negotiation is None or not leg.negotiation.has_offered:
            return
        try:
            self._take_answer(leg, answer)
        except (SdpError, Refused) as error:
            log.warning("session %s leg %s: answer refused: %s", leg.session, leg.leg, error)
            self._fail(leg)
        else:
            leg.report_hold()

    def _take_answer(self, leg: SipLeg, answer: bytes | None) -> None:
        if leg.negotiation is None or answer is None:
            raise SdpError("SDP: no answer")
        leg.negotiation.accept_answer(answer)
        self._apply(leg)

    def _fail(self, leg: SipLeg) -> None:
        leg.hang_up(EndReason.FAILED)
        self._exchange.leg_ended(leg.session, leg.leg, EndReason.FAILED)

    @_on.register
    def _(self, event: ev.ReinviteArrived, leg: SipLeg) -> None:
        """Hold, resume, a new address, or a request for our offer. A refused offer changes nothing (RFC 3264 §8)."""
        negotiation = leg.negotiation
        if negotiation is None:
            return
        before = negotiation.save()
        try:
            if event.offer is None:
                sdp = negotiation.make_offer(leg.wish)
            else:
                sdp = negotiation.answer(event.offer, leg.wish)
                self._apply(leg)
        except (ParseError, Refused) as error:
            log.info("session %s leg %s: re-INVITE refused: %s", leg.session, leg.leg, error)
            negotiation.restore(before)
            status = error.status if isinstance(error, ParseError) else 488
            self._agent.reject_reinvite(event.call, status, now=self._now())
            return
        self._agent.answer_reinvite(event.call, sdp, now=self._now())
        leg.report_hold()

    @_on.register
    def _(self, event: ev.InfoArrived, leg: SipLeg) -> None:
        pressed = parse_info_digit(event.content_type, event.body)
        if pressed is not None and leg.is_answered:
            self._exchange.digit(leg.session, leg.leg, pressed.digit, duration_ms=pressed.duration_ms)

    # --- keeping house ----------------------------------------------------------------------------------------

    def _forget(self, call: ev.CallRef) -> None:
        self._legs.pop(call, None)

    def _ping_held(self) -> None:
        for leg in list(self._legs.values()):
            if leg.is_held and not leg.over:
                with suppress(UnknownCall, CallStateError):
                    self._agent.ping(leg.call, now=self._now())
        self._around.flush()
        self.start()


def _called(event: ev.IncomingCall) -> str:
    """Return the number that the caller dialled."""
    return Uri.parse(event.request.uri).user


def _customer(event: ev.IncomingCall) -> Customer:
    caller = event.request.from_
    user = _clean(caller.uri.user)
    return Customer(number=None if user in ("", "anonymous") else user, name=_clean(caller.name) or None)


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:MAX_NAME_CHARS].strip()


def _status_of(error: Exception) -> int:
    """Return what a caller is told when a session cannot be made."""
    if isinstance(error, ParseError):
        return error.status
    for kind, status in ((NotFound, 404), (Unavailable, 503), (Refused, 488)):
        if isinstance(error, kind):
            return status
    return 500
