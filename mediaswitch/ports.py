"""PortBook: which session and leg each port and track of the media core belongs to, so that none is leaked."""

from dataclasses import dataclass, field

from mediaswitch.ids import LegId, ParticipantId, PortId, SessionId, TrackId
from mediaswitch.timeline import MediaKind, Track


@dataclass(frozen=True, slots=True)
class TrackOwner:
    """Whose track it is; no participant: the session's own player."""

    session: SessionId
    participant: ParticipantId | None
    kind: MediaKind


@dataclass
class PortBook:
    """Entered when a port opens, struck out when it closes; tracks stay until the session is forgotten."""

    legs: dict[PortId, tuple[SessionId, LegId]] = field(default_factory=dict)
    players: dict[PortId, SessionId] = field(default_factory=dict)
    recorders: dict[PortId, SessionId] = field(default_factory=dict)
    closing: dict[PortId, tuple[SessionId, LegId]] = field(default_factory=dict)
    "Legs' ports that were asked to close; the core has not yet told what passed on them."
    tracks: dict[TrackId, TrackOwner] = field(default_factory=dict)
    spoken: dict[SessionId, str] = field(default_factory=dict)
    "The codec of a session's first SIP leg: what is relayed without transcoding to those who speak it too."
    masked: set[TrackId] = field(default_factory=set)
    "Tracks that digits are taken out of."
    toned: set[TrackId] = field(default_factory=set)
    "Tracks of phones that agreed on no telephone-events and have not pressed by signaling."
    watched: set[TrackId] = field(default_factory=set)
    "Tracks of calls that we make and listen to."
    _placements: dict[SessionId, int] = field(default_factory=dict)
    _last_placement: int = 0

    def placement(self, session: SessionId) -> int:
        """The core's placement key: all ports of one session share it, hence a worker."""
        if session not in self._placements:
            self._last_placement += 1
            self._placements[session] = self._last_placement
        return self._placements[session]

    def add_leg(
        self, session: SessionId, leg: LegId, participant: ParticipantId, port: PortId, tracks: tuple[Track, ...]
    ) -> None:
        self.legs[port] = (session, leg)
        for track in tracks:
            self.tracks[track.id] = TrackOwner(session, participant, track.kind)

    def strike_leg(self, port: PortId) -> bool:
        """Strike out a leg's port, to be closed now; False if it was before."""
        if (leg := self.legs.pop(port, None)) is None:
            return False
        self.closing[port] = leg
        return True

    def awaits(self, session: SessionId) -> bool:
        """The core has still something to tell of the session's ports."""
        return any(waiting == session for waiting, _ in self.closing.values())

    def mask(self, track: TrackId, *, on: bool) -> None:
        """Note that digits are taken out of a track, or no longer."""
        if on:
            self.masked.add(track)
        else:
            self.masked.discard(track)

    def add_player(self, session: SessionId, port: PortId, track: TrackId) -> None:
        self.players[port] = session
        self.tracks[track] = TrackOwner(session, None, MediaKind.AUDIO)

    def forget(self, session: SessionId) -> None:
        """The session's recording is closed: nothing of the core's will speak of it again."""
        self._placements.pop(session, None)
        self.spoken.pop(session, None)
        for track in [track for track, owner in self.tracks.items() if owner.session == session]:
            del self.tracks[track]
            self.masked.discard(track)
            self.toned.discard(track)
            self.watched.discard(track)
