"""A made-up session's timeline, and a stand-in for the core's repair where a test is about something else."""

from dataclasses import dataclass, field
from pathlib import Path

from mediaswitch import _core
from mediaswitch import timeline as t
from mediaswitch.clock import MILLISECOND
from mediaswitch.ids import LegId, ParticipantId, PortId, SessionId, TenantId, TrackId
from mediaswitch.timeline import Entry, Event

START = 1_760_000_000_123_000_000
SESSION = SessionId("s-00000000000000ab")
TENANT = TenantId("default")
CUSTOMER = ParticipantId("customer-1")
VOICE, CAMERA, PLAYER = TrackId(7), TrackId(8), TrackId(5)


def ns(ms: float) -> int:
    """An instant on the one clock, from milliseconds after the session's start."""
    return START + round(ms * MILLISECOND)


def entries(*events: tuple[float, Event], first_seq: int = 1, session: SessionId = SESSION) -> list[Entry]:
    return [
        Entry(tenant=TENANT, session=session, seq=seq, at=ns(at_ms), event=event)
        for seq, (at_ms, event) in enumerate(events, start=first_seq)
    ]


def beginning(folder: str) -> list[tuple[float, Event]]:
    """A caller whose voice and camera flow."""
    leg = LegId("s-1-1")
    tracks = (t.Track(id=VOICE, kind=t.MediaKind.AUDIO), t.Track(id=CAMERA, kind=t.MediaKind.CAMERA))
    return [
        (0, t.SessionStarted(channel=t.Channel.WEB, customer=t.Customer(name="王小明"), called="1000", language="zh")),
        (0, t.RecordingStarted(folder=folder)),
        (0, t.ParticipantJoined(participant=CUSTOMER, role=t.Role.CUSTOMER, name="王小明")),
        (0, t.LegRinging(leg=leg, participant=CUSTOMER, kind=t.LegKind.WEBRTC)),
        (5, t.LegOpened(leg=leg, port=PortId(3), tracks=tracks)),
        (9, t.LegAnswered(leg=leg)),
        (30, t.MediaStarted(track=VOICE)),
        (40, t.MediaStarted(track=CAMERA)),
    ]


def segment(
    track: TrackId, file: str, *, end_ms: float, participant: ParticipantId | None = CUSTOMER
) -> t.SegmentClosed:
    kind = t.MediaKind.CAMERA if file.endswith(".mkv") else t.MediaKind.AUDIO
    return t.SegmentClosed(
        track=track,
        participant=participant,
        kind=kind,
        file=file,
        codec="VP8" if kind is t.MediaKind.CAMERA else "PCMU",
        start_ns=START,
        end_ns=ns(end_ms),
        packets=100,
        lost=2,
        gaps=((START, ns(30)),),
        width=640 if kind is t.MediaKind.CAMERA else 0,
        height=480 if kind is t.MediaKind.CAMERA else 0,
    )


def ending(at_ms: float, *segments: t.SegmentClosed) -> list[tuple[float, Event]]:
    ended = (at_ms, t.Ended(reason=t.EndReason.HANGUP, by=CUSTOMER))
    return [ended, *((at_ms + 3, each) for each in segments), (at_ms + 4, t.RecordingClosed())]


@dataclass
class MendedFile:
    """What the core would tell of a repaired file."""

    end_ns: int
    codec: str = "PCMU"
    start_ns: int = START
    packets: int = 50
    gaps: list[tuple[int, int]] = field(default_factory=list)
    width: int | None = None
    height: int | None = None


class Mender:
    """Stands for `_core.repair_track`; each file holds media until `holds_until_ms`.

    unreadable: files with nothing left. full: whether there is no room to fill up to an end.
    """

    def __init__(self, *, holds_until_ms: float, unreadable: tuple[str, ...] = (), full: bool = False) -> None:
        self.natural_end = ns(holds_until_ms)
        self.unreadable, self.full = unreadable, full
        self.mended: dict[str, int] = {}

    def __call__(self, path: str, end_ns: int) -> MendedFile:
        if Path(path).name in self.unreadable or (self.full and end_ns > self.natural_end):
            raise _core.BadMediaFile(f"{path}: no")
        end = max(end_ns, self.natural_end)
        self.mended[Path(path).name] = end
        return MendedFile(end_ns=end)
