"""How a timeline entry changes a session: `apply` is the only writer of session state."""

from dataclasses import replace
from functools import singledispatch

from mediaswitch import timeline as t
from mediaswitch.session import Consultation, Leg, LegState, Participant, PendingOffer, Session, SessionState, TapPoint
from mediaswitch.timeline import Entry, Event


def apply(session: Session, entry: Entry) -> Session:
    """The session after one more entry."""
    return replace(_apply(entry.event, session, entry.at), seq=entry.seq, changed_at=entry.at)


@singledispatch
def _apply(event: Event, session: Session, at: int) -> Session:
    return session  # marks on the timeline that change no state


@_apply.register
def _(event: t.SessionStarted, session: Session, at: int) -> Session:
    return replace(
        session,
        channel=event.channel,
        customer=event.customer,
        called=event.called,
        language=event.language,
        started_at=at,
    )


@_apply.register
def _(event: t.LanguageChosen, session: Session, at: int) -> Session:
    return replace(session, language=event.language)


@_apply.register
def _(event: t.ParticipantJoined, session: Session, at: int) -> Session:
    joined = Participant(id=event.participant, role=event.role, name=event.name, agent=event.agent)
    return replace(session, participants=(*session.participants, joined))


@_apply.register
def _(event: t.LegRinging, session: Session, at: int) -> Session:
    return replace(session, legs=(*session.legs, Leg(id=event.leg, participant=event.participant, kind=event.kind)))


@_apply.register
def _(event: t.LegOpened, session: Session, at: int) -> Session:
    return session.with_leg(event.leg, port=event.port, tracks=event.tracks)


@_apply.register
def _(event: t.LegAnswered, session: Session, at: int) -> Session:
    return session.with_leg(event.leg, state=LegState.ANSWERED)


@_apply.register
def _(event: t.MediaStarted, session: Session, at: int) -> Session:
    return replace(session, flowed=session.flowed | {event.track})


@_apply.register
def _(event: t.LegEnded, session: Session, at: int) -> Session:
    return session.with_leg(event.leg, state=LegState.ENDED)


@_apply.register
def _(event: t.Queued, session: Session, at: int) -> Session:
    freed = tuple(replace(participant, holding=False) for participant in session.participants)
    return replace(
        session,
        state=SessionState.QUEUED,
        queue=event.queue,
        queue_position=None,
        agent=None,
        consultation=None,
        participants=freed,
    )


@_apply.register
def _(event: t.QueuePosition, session: Session, at: int) -> Session:
    return replace(session, queue_position=event.position)


@_apply.register
def _(event: t.Dequeued, session: Session, at: int) -> Session:
    return replace(session, state=SessionState.IVR, queue_position=None, offer=None)


@_apply.register
def _(event: t.Offered, session: Session, at: int) -> Session:
    offer = PendingOffer(agent=event.agent, name=event.name, expires_at=event.expires_at)
    if session.in_conversation:  # to a colleague who is consulted
        return replace(session, offer=offer)
    return replace(session, state=SessionState.OFFERED, offer=offer)


@_apply.register(t.OfferDeclined)
@_apply.register(t.OfferExpired)
@_apply.register(t.OfferWithdrawn)
def _(event: Event, session: Session, at: int) -> Session:
    if session.in_conversation:
        return replace(session, offer=None)
    return replace(session, state=SessionState.QUEUED, offer=None)


@_apply.register
def _(event: t.Accepted, session: Session, at: int) -> Session:
    if session.in_conversation:
        return replace(session, offer=None)
    return replace(session, agent=event.agent, offer=None, queue_position=None)


@_apply.register
def _(event: t.Talking, session: Session, at: int) -> Session:
    return replace(session, state=SessionState.TALKING, answered_at=session.answered_at or at)


@_apply.register
def _(event: t.Held, session: Session, at: int) -> Session:
    return session.with_participant(event.participant, holding=True)


@_apply.register
def _(event: t.Resumed, session: Session, at: int) -> Session:
    return session.with_participant(event.participant, holding=False)


@_apply.register
def _(event: t.MonitorModeChosen, session: Session, at: int) -> Session:
    return session.with_participant(event.participant, mode=event.mode)


@_apply.register
def _(event: t.ConsultStarted, session: Session, at: int) -> Session:
    return replace(session, consultation=Consultation(by=event.participant))


@_apply.register
def _(event: t.ConsultJoined, session: Session, at: int) -> Session:
    return _consulting(session, colleague=event.participant)


@_apply.register
def _(event: t.ConsultSwapped, session: Session, at: int) -> Session:
    return _consulting(session, with_customer=event.with_customer)


def _consulting(session: Session, **changes: object) -> Session:
    consultation = session.consultation
    if consultation is None:
        return session
    return replace(session, consultation=replace(consultation, **changes))  # type: ignore[arg-type]  # field names are ours


@_apply.register(t.ConsultMerged)
@_apply.register(t.ConsultEnded)
def _(event: Event, session: Session, at: int) -> Session:
    return replace(session, consultation=None)


@_apply.register
def _(event: t.Transferred, session: Session, at: int) -> Session:
    return replace(session, agent=event.agent, consultation=None)


@_apply.register
def _(event: t.TapOpened, session: Session, at: int) -> Session:
    return replace(session, taps=(*session.taps, TapPoint(port=event.port, participant=event.participant)))


@_apply.register
def _(event: t.TapClosed, session: Session, at: int) -> Session:
    return replace(session, taps=tuple(tap for tap in session.taps if tap.port != event.port))


@_apply.register
def _(event: t.Muted, session: Session, at: int) -> Session:
    return session.with_participant(event.participant, muted=True)


@_apply.register
def _(event: t.Unmuted, session: Session, at: int) -> Session:
    return session.with_participant(event.participant, muted=False)


@_apply.register
def _(event: t.ShareStarted, session: Session, at: int) -> Session:
    sharing = session.participant(event.participant).sharing | {event.kind}
    return session.with_participant(event.participant, sharing=sharing)


@_apply.register
def _(event: t.ShareStopped, session: Session, at: int) -> Session:
    sharing = session.participant(event.participant).sharing - {event.kind}
    return session.with_participant(event.participant, sharing=sharing)


@_apply.register
def _(event: t.Ended, session: Session, at: int) -> Session:
    return replace(
        session,
        state=SessionState.ENDED,
        ended_at=at,
        end_reason=event.reason,
        queue_position=None,
        offer=None,
        consultation=None,
    )


@_apply.register
def _(event: t.WrapUpStarted, session: Session, at: int) -> Session:
    return replace(session, state=SessionState.WRAP_UP)


@_apply.register
def _(event: t.WrapUpEnded, session: Session, at: int) -> Session:
    return replace(session, state=SessionState.ENDED)
