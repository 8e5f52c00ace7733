"""The matrix: who hears and sees whom, derived from a session's state.

`crosspoints` is the one place that says it, after the rules in `hearing`. The Exchange compares its value before and
after each command and sets or clears what differs, so hold, whisper, queue music and recording need no code of their
own anywhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediaswitch import hearing
from mediaswitch.ids import PortId, TrackId
from mediaswitch.timeline import MediaKind

if TYPE_CHECKING:  # Session derives its media actions by this module
    from mediaswitch.session import Leg, Session


@dataclass(frozen=True, slots=True, order=True)
class Crosspoint:
    """A source track that a destination port hears or sees."""

    source: TrackId
    destination: PortId
    gain_db: float = 0.0


def crosspoints(session: "Session") -> frozenset[Crosspoint]:
    """All crosspoints the session's present state asks for."""
    return frozenset([*_conversation(session), *_recording(session), *_tapped(session)])


def plays_hold_music(session: "Session") -> bool:
    """Whether somebody in a conversation waits for the others."""
    return session.in_conversation and any(_waits(session, leg) for leg in session.open_legs)


def _waits(session: "Session", leg: "Leg") -> bool:
    return hearing.waits(session, session.participant(leg.participant))


def _conversation(session: "Session") -> Iterator[Crosspoint]:
    if not session.in_conversation:
        yield from _player_to(session, session.legs_of_customer)
        return
    for listener in session.open_legs:
        ears = session.participant(listener.participant)
        for talker in session.open_legs:
            if hearing.may_hear(session, ears, session.participant(talker.participant)):
                yield from _tracks_to(session, talker, listener.port)
    yield from _player_to(session, [leg for leg in session.open_legs if _waits(session, leg)])


def _tracks_to(session: "Session", talker: "Leg", port: PortId | None) -> Iterator[Crosspoint]:
    muted = session.participant(talker.participant).muted
    for track in talker.tracks:
        if port is not None and not (muted and track.kind is MediaKind.AUDIO):
            yield Crosspoint(track.id, port)


def _player_to(session: "Session", legs: "list[Leg]") -> Iterator[Crosspoint]:
    for leg in legs:
        if leg.port is not None:
            yield Crosspoint(session.player_track, leg.port)


def _recording(session: "Session") -> Iterator[Crosspoint]:
    if session.recorder_port is None or session.is_over:
        return
    yield Crosspoint(session.player_track, session.recorder_port)
    for leg in session.open_legs:
        if hearing.is_recorded(session.participant(leg.participant)):
            yield from _tracks_to(session, leg, session.recorder_port)


def _tapped(session: "Session") -> Iterator[Crosspoint]:
    for tap in session.taps:
        for leg in session.open_legs:
            if hearing.may_tap(session, tap, session.participant(leg.participant)):
                yield from (x for x in _tracks_to(session, leg, tap.port) if x.source in _voices(leg))


def _voices(leg: "Leg") -> set[TrackId]:
    return {track.id for track in leg.tracks if track.kind is MediaKind.AUDIO}
