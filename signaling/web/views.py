"""Sessions, agents and queues as callers see them: the only place where they become JSON."""

from typing import Any

from mediaswitch.clock import SECOND, iso_time
from mediaswitch.services import AgentView, QueueView, User
from mediaswitch.session import Consultation, Leg, LegState, Participant, Session
from mediaswitch.timeline import MediaKind, Track
from signaling.web import answers as a
from signaling.web.principal import Caller, Principal, Staff


def _iso_or_none(at_ns: int | None) -> str | None:
    return None if at_ns is None else iso_time(at_ns)


def user_answer(user: User | Staff) -> a.UserAnswer:
    return a.UserAnswer(id=user.id, name=user.name, role=user.role, tenant=user.tenant, language=user.language)


def principal_json(principal: Principal) -> dict[str, Any]:
    """Who one is, told in `welcome`."""
    if isinstance(principal, Caller):
        return {"id": principal.participant, "name": principal.name, "role": "customer", "tenant": principal.tenant}
    return user_answer(principal).model_dump(mode="json")


def agent_answer(agent: AgentView) -> a.AgentAnswer:
    return a.AgentAnswer(
        id=agent.id,
        name=agent.name,
        state=agent.state,
        since=iso_time(agent.since),
        session_id=agent.session,
        queues=list(agent.queues),
        wrap_up_until=_iso_or_none(agent.wrap_up_until),
    )


def queue_answer(queue: QueueView, *, now: int) -> a.QueueAnswer:
    longest = 0 if queue.oldest_since is None else max(0, now - queue.oldest_since)
    return a.QueueAnswer(
        name=queue.name,
        label=queue.label,
        waiting=queue.waiting,
        longest_wait_s=round(longest / SECOND, 1),
        agents_available=queue.agents_available,
        agents_busy=queue.agents_busy,
        service_level=queue.service_level,
    )


def session_answer(session: Session) -> a.SessionAnswer:
    return a.SessionAnswer(
        id=session.id,
        tenant=session.tenant,
        state=session.state,
        channel=session.channel,
        customer=a.CustomerAnswer(number=session.customer.number, name=session.customer.name),
        called=session.called,
        language=session.language,
        queue=session.queue,
        queue_position=session.queue_position,
        agent_id=session.agent,
        started_at=iso_time(session.started_at),
        answered_at=_iso_or_none(session.answered_at),
        ended_at=_iso_or_none(session.ended_at),
        end_reason=session.end_reason,
        held_by=sorted(session.holders),
        consultation=_consultation(session.consultation),
        participants=[_participant(session, participant) for participant in session.participants],
    )


def _consultation(consultation: Consultation | None) -> a.ConsultationAnswer | None:
    if consultation is None:
        return None
    return a.ConsultationAnswer(
        by=consultation.by, colleague=consultation.colleague, with_customer=consultation.with_customer
    )


def _participant(session: Session, participant: Participant) -> a.ParticipantAnswer:
    legs = [_leg(participant, leg) for leg in session.legs if leg.participant == participant.id]
    return a.ParticipantAnswer(
        id=participant.id, role=participant.role, name=participant.name, mode=participant.mode, legs=legs
    )


def _leg(owner: Participant, leg: Leg) -> a.LegAnswer:
    tracks = [
        a.TrackAnswer(id=str(track.id), kind=track.kind, active=_is_active(owner, leg, track)) for track in leg.tracks
    ]
    return a.LegAnswer(id=leg.id, kind=leg.kind, state=leg.state, muted=owner.muted, tracks=tracks)


def _is_active(owner: Participant, leg: Leg, track: Track) -> bool:
    if leg.state is not LegState.ANSWERED:
        return False
    return track.kind is MediaKind.AUDIO or track.kind in owner.sharing
