"""Hearing: who may hear whom in a conversation. The one place that decides it.

- Customer, agents, outsiders and a barging supervisor are *parties*. During a consultation the two who consult sit in a
  room apart; all others are in the customer's room, where a barging supervisor always is.
- A party hears the other parties of the same room. Whoever holds has stepped out: hears nobody, is heard by no party.
- A party left alone while others are elsewhere waits, and hears music.
- A supervisor who listens or whispers hears every agent at any time, and other parties while they talk with somebody.
- Agents hear a whispering supervisor wherever they are. Nobody else ever does; a listening one nobody hears.
- A program's tap hears one participant as the recording does, or the customer's room, whispers excluded.

Muting is about one track, not about the participant, and is applied where tracks are connected.
"""

from typing import TYPE_CHECKING

from mediaswitch.timeline import MonitorMode, Role

if TYPE_CHECKING:  # Session derives its media actions by way of this module
    from mediaswitch.session import Participant, Session, TapPoint


def may_hear(session: "Session", listener: "Participant", talker: "Participant") -> bool:
    """Whether `listener` may hear `talker`, both connected to a session in conversation."""
    if listener.id == talker.id:
        return False
    if not _is_party(talker):
        return talker.mode is MonitorMode.WHISPER and listener.role is Role.AGENT
    if not _is_party(listener):
        return talker.role is Role.AGENT or _talks(session, talker)
    return _present(listener) and _present(talker) and _apart(session, listener) == _apart(session, talker)


def waits(session: "Session", party: "Participant") -> bool:
    """Whether a connected participant hears music, having been left alone."""
    if not _is_party(party) or not _present(party) or _talks(session, party):
        return False
    return bool(_others(session, party))


def may_tap(session: "Session", tap: "TapPoint", talker: "Participant") -> bool:
    """Whether a program's tap hears this participant: the one it is for, or all who are with the customer."""
    if tap.participant is not None:
        return talker.id == tap.participant and is_recorded(talker)
    return _is_party(talker) and _present(talker) and not _apart(session, talker)


def is_recorded(participant: "Participant") -> bool:
    """Whether anybody may hear what this participant says: what nobody may hear is not kept either."""
    return participant.mode is not MonitorMode.LISTEN


def _is_party(participant: "Participant") -> bool:
    return participant.role is not Role.SUPERVISOR or participant.mode is MonitorMode.BARGE


def _present(party: "Participant") -> bool:
    return not party.holding


def _apart(session: "Session", party: "Participant") -> bool:
    return session.consultation is not None and party.id in session.consultation.apart


def _others(session: "Session", party: "Participant") -> "list[Participant]":
    connected = {leg.participant for leg in session.open_legs} - {party.id}
    return [p for p in session.participants if p.id in connected and _is_party(p)]


def _talks(session: "Session", party: "Participant") -> bool:
    """Present, and not alone."""
    company = [p for p in _others(session, party) if _present(p) and _apart(session, p) == _apart(session, party)]
    return _present(party) and bool(company)
