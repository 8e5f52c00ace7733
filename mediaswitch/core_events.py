"""What an event of the media core means for a session: the command it leads to. Pure."""

from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

from mediaswitch import _core
from mediaswitch import commands as c
from mediaswitch.ids import PortId, SessionId, TrackId
from mediaswitch.ports import PortBook
from mediaswitch.timeline import CallSignal, EndReason, MediaKind, SegmentClosed, TrackQuality


@dataclass(frozen=True, slots=True)
class Report:
    """A command for a session."""

    session: SessionId
    command: c.Command


@singledispatch
def report_of(event: _core.CoreEvent, book: PortBook) -> Report | None:
    """The command an event leads to; None if it means nothing to a session, or its port or track is already gone."""
    return None


@report_of.register
def _(event: _core.Digit, book: PortBook) -> Report | None:
    if (found := book.legs.get(PortId(event.port))) is None:
        return None
    session, leg = found
    return Report(session, c.PressDigit(leg=leg, digit=event.digit, duration_ms=event.duration_ms))


@report_of.register
def _(event: _core.CallProgress, book: PortBook) -> Report | None:
    owner = book.tracks.get(TrackId(event.track))
    if owner is None or owner.participant is None:
        return None
    return Report(owner.session, c.NoteProgress(participant=owner.participant, signal=CallSignal(event.signal)))


@report_of.register
def _(event: _core.MediaStarted, book: PortBook) -> Report | None:
    return _media(TrackId(event.track), book, flowing=True)


@report_of.register
def _(event: _core.MediaStopped, book: PortBook) -> Report | None:
    return _media(TrackId(event.track), book, flowing=False)


def _media(track: TrackId, book: PortBook, *, flowing: bool) -> Report | None:
    owner = book.tracks.get(track)
    return None if owner is None else Report(owner.session, c.NoteMedia(track=track, flowing=flowing))


@report_of.register
def _(event: _core.MediaTimeout, book: PortBook) -> Report | None:
    return _lost(event.port, book, EndReason.MEDIA_TIMEOUT)


@report_of.register
def _(event: _core.PortFailed, book: PortBook) -> Report | None:
    return _lost(event.port, book, EndReason.FAILED)


@report_of.register
def _(event: _core.PortGone, book: PortBook) -> Report | None:
    return _lost(event.port, book, EndReason.CONNECTION_LOST)


def _lost(port: int, book: PortBook, reason: EndReason) -> Report | None:
    leg = book.legs.get(PortId(port))
    return None if leg is None else Report(leg[0], c.EndLeg(leg=leg[1], reason=reason))


@report_of.register
def _(event: _core.PortClosed, book: PortBook) -> Report | None:
    leg = book.closing.get(PortId(event.port))
    tracks = tuple(_quality(stats) for stats in event.stats if stats.packets)
    return None if leg is None or not tracks else Report(leg[0], c.NoteQuality(leg=leg[1], tracks=tracks))


def _quality(stats: _core.TrackStats) -> TrackQuality:
    return TrackQuality(
        direction=stats.direction,
        kind=MediaKind(stats.kind),
        codec=stats.codec,
        packets=stats.packets,
        bytes=stats.bytes,
        lost=stats.lost,
        jitter_ms=stats.jitter_ms,
        rtt_ms=stats.rtt_ms,
        burst_ratio=stats.burst_ratio,
        mos=stats.mos,
        mos_scale=stats.mos_scale,
        talk_ms=stats.talk_ms,
        silence_ms=stats.silence_ms,
        overtalk_ms=stats.overtalk_ms,
        speech_dbov=None if stats.speech_dbov is None else round(stats.speech_dbov, 1),
    )


@report_of.register
def _(event: _core.SegmentClosed, book: PortBook) -> Report | None:
    session, owner = book.recorders.get(PortId(event.recorder)), book.tracks.get(TrackId(event.track))
    if session is None or owner is None:
        return None
    segment = SegmentClosed(
        track=TrackId(event.track),
        participant=owner.participant,
        kind=owner.kind,
        file=Path(event.file).name,
        codec=event.codec,
        start_ns=event.start_ns,
        end_ns=event.end_ns,
        packets=event.packets,
        lost=event.lost or 0,  # only a repaired file does not know
        gaps=tuple(event.gaps),
        width=event.width or 0,
        height=event.height or 0,
    )
    return Report(session, c.NoteSegment(segment=segment))


@report_of.register
def _(event: _core.RecorderFailed, book: PortBook) -> Report | None:
    if (session := book.recorders.get(PortId(event.recorder))) is None:
        return None
    return Report(session, c.NoteRecordingFailure(reason=event.reason, track=TrackId(event.track)))


@report_of.register
def _(event: _core.RecorderClosed, book: PortBook) -> Report | None:
    session = book.recorders.get(PortId(event.recorder))
    return None if session is None else Report(session, c.NoteRecordingClosed())
