"""A session of customer, agents and supervisors, played on the real session model; a core of the test's choice listens.

People are named, `customer`, `ann`, `bob`, `sue`; a name stays with whoever joins under it again.
"""

from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from mediaswitch import commands as c
from mediaswitch import decide as d
from mediaswitch import timeline as t
from mediaswitch.clock import SECOND
from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId, TenantId, TrackId
from mediaswitch.matrix import Crosspoint
from mediaswitch.session import Participant, Session
from mediaswitch.timeline import Channel, Customer, EndReason, LegKind, MediaKind, MonitorMode, Role, Track

CUSTOMER = "customer"
SUPPORT = QueueName("support")


class LineCore(Protocol):
    """What of the media core such a session needs."""

    def open_player(self, port: PortId, track: TrackId) -> None: ...

    def open_leg(self, name: str, port: PortId, track: TrackId) -> None: ...

    def open_recorder(self, port: PortId) -> None: ...

    def connect(self, crosspoint: Crosspoint) -> None: ...

    def disconnect(self, crosspoint: Crosspoint) -> None: ...

    def close(self, port: PortId) -> None: ...

    def play_music(self, port: PortId, *, playing: bool) -> None: ...


class NotedCore:
    """Knows what is connected, as the real one would."""

    def __init__(self) -> None:
        self.wired: set[Crosspoint] = set()
        self.tracks: dict[PortId, TrackId] = {}
        self.playing = False

    def open_player(self, port: PortId, track: TrackId) -> None:
        self.tracks[port] = track

    def open_leg(self, name: str, port: PortId, track: TrackId) -> None:
        self.tracks[port] = track

    def open_recorder(self, port: PortId) -> None:
        pass

    def connect(self, crosspoint: Crosspoint) -> None:
        self.wired.add(crosspoint)

    def disconnect(self, crosspoint: Crosspoint) -> None:
        self.wired.remove(crosspoint)

    def close(self, port: PortId) -> None:
        track = self.tracks.get(port)
        self.wired = {x for x in self.wired if x.destination != port and x.source != track}

    def play_music(self, port: PortId, *, playing: bool) -> None:
        self.playing = playing


@dataclass
class PartyLine:
    """The session, and the doors to it."""

    core: LineCore
    session: Session = field(default_factory=lambda: Session(id=SessionId("s-1"), tenant=TenantId("default")))
    entries: list[t.Entry] = field(default_factory=list)
    tracks: dict[TrackId, str] = field(default_factory=dict)
    "Whose each track is; the player's is `music`."
    now: int = 0
    recorder: PortId = PortId(3)
    _ids: count = field(default_factory=lambda: count(4))  # type: ignore[type-arg]  # generic only for the checker

    def do(self, command: c.Command) -> d.Outcome:
        """Let the model decide, and the core do what follows."""
        self.now += SECOND
        outcome = d.handle(self.session, command, now=self.now)
        self.session = outcome.session
        self.entries += outcome.entries
        for action in outcome.actions:
            self._perform(action)
        return outcome

    def _perform(self, action: d.Action) -> None:
        match action:
            case d.ConnectAction(crosspoint=crosspoint):
                self.core.connect(crosspoint)
            case d.DisconnectAction(crosspoint=crosspoint):
                self.core.disconnect(crosspoint)
            case d.HangUpLegAction(leg=leg):
                port = self.session.leg(leg).port
                assert port is not None
                self.core.close(port)
            case d.PlayHoldMusicAction():
                self.core.play_music(self.session.player_port, playing=True)
            case d.StopPlayingAction():
                self.core.play_music(self.session.player_port, playing=False)
            case d.CloseTapAction(port=port):
                self.core.close(port)
            case d.CloseMediaAction():
                self.core.close(self.session.player_port)
                self.core.close(self.recorder)

    # --- coming --------------------------------------------------------------------------------------------

    def call(self) -> None:
        """The customer calls and waits in the queue."""
        player, music = PortId(1), TrackId(2)
        self.core.open_player(player, music)
        self.core.open_recorder(self.recorder)
        self.tracks[music] = "music"
        self.do(
            c.Start(
                channel=Channel.PHONE,
                customer=Customer(number="4001"),
                called="1000",
                language="en",
                leg_kind=LegKind.SIP,
                player_port=player,
                player_track=music,
                recorder_port=self.recorder,
                recording_folder="default/2026/s-1",
            )
        )
        self.do(c.StartFlow(flow="welcome"))
        self._open_newest(CUSTOMER)
        self.core.play_music(player, playing=True)
        self.do(c.Enqueue(queue=SUPPORT, priority=0))

    def talk(self, agent: str) -> None:
        """The customer has called and got this agent."""
        self.call()
        self.offer(agent)
        self.accept()

    def offer(self, agent: str) -> None:
        """Routing offers the waiting session."""
        self.do(c.Offer(agent=AgentId(agent), name=agent, expires_at=self.now + 60 * SECOND))

    def accept(self) -> None:
        """Whoever is offered the session takes it."""
        assert self.session.offer is not None
        agent = self.session.offer.agent
        self.do(c.Accept(agent=agent, leg_kind=LegKind.WEBRTC))
        self._open_newest(agent)

    def monitor(self, supervisor: str, mode: MonitorMode) -> None:
        """A supervisor joins."""
        self.do(c.Monitor(agent=AgentId(supervisor), name=supervisor, mode=mode, leg_kind=LegKind.WEBRTC))
        self._open_newest(supervisor)

    def _open_newest(self, name: str) -> None:
        leg, port, track = self.session.legs[-1].id, PortId(next(self._ids)), TrackId(next(self._ids))
        self.core.open_leg(name, port, track)
        self.tracks[track] = name
        self.do(c.OpenLeg(leg=leg, port=port, tracks=(Track(id=track, kind=MediaKind.AUDIO),)))
        self.do(c.AnswerLeg(leg=leg))

    # --- being there ---------------------------------------------------------------------------------------

    def who(self, name: str) -> ParticipantId:
        """The newest participant of that name."""
        return self._participant(name).id

    def _participant(self, name: str) -> Participant:
        if name == CUSTOMER:
            return self.session.participant_with_role(Role.CUSTOMER)
        return [p for p in self.session.participants if p.agent == name][-1]

    def leg(self, name: str) -> LegId:
        """The newest leg of that name."""
        return [leg for leg in self.session.legs if leg.participant == self.who(name)][-1].id

    def present(self) -> list[str]:
        """Who has an open leg."""
        people = [self.session.participant(leg.participant) for leg in self.session.open_legs]
        return [CUSTOMER if p.role is Role.CUSTOMER else str(p.agent) for p in people]

    def port(self, name: str) -> PortId:
        """Of the newest leg of that name."""
        port = self.session.leg(self.leg(name)).port
        assert port is not None
        return port

    def track(self, name: str) -> TrackId:
        """Of the newest leg of that name."""
        return self.session.leg(self.leg(name)).tracks[0].id

    def next_port(self) -> PortId:
        """An id for a port that the test opens itself."""
        return PortId(next(self._ids))

    def leave(self, name: str, reason: EndReason = EndReason.HANGUP) -> None:
        """Hang up, or be lost."""
        self.do(c.EndLeg(leg=self.leg(name), reason=reason))

    def consult(self, by: str, colleague: str) -> None:
        """Ask a colleague, who is rung."""
        expires_at = self.now + 60 * SECOND
        self.do(c.Consult(participant=self.who(by), agent=AgentId(colleague), name=colleague, expires_at=expires_at))
