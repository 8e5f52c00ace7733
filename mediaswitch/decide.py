"""What a command means for a session: which events follow and what signaling must do. Pure; no clock, no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod

from mediaswitch import commands as c
from mediaswitch import timeline as t
from mediaswitch.errors import WrongState
from mediaswitch.handover import Handover
from mediaswitch.ids import AgentId, LegId, ParticipantId, PortId, QueueName, SessionId
from mediaswitch.matrix import Crosspoint, crosspoints, plays_hold_music
from mediaswitch.replay import apply
from mediaswitch.session import Leg, LegState, Participant, Session, SessionState
from mediaswitch.timeline import EndReason, Entry, Event, LegKind, MediaKind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLegAction:
    """Signaling: accept this leg."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class RingLegAction:
    """Signaling: tell this caller that the other side is being alerted."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpLegAction:
    """Signaling: end this leg; media: close its port."""

    leg: LegId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DialAction:
    """Signaling: ring this target as this leg."""

    leg: LegId
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAction:
    crosspoint: Crosspoint


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectAction:
    crosspoint: Crosspoint


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayHoldMusicAction:
    """Media: loop the music on hold on the session's player."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlayingAction:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMediaAction:
    """Media: the session is over; close its player and recorder, padding every track to this instant."""

    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTapAction:
    """Media: close a program's tap."""

    port: PortId


REQUEUE_PRIORITY = 100
"A customer whose agent was lost goes before all who have not yet talked to anybody."

LOST = frozenset({EndReason.FAILED, EndReason.CONNECTION_LOST, EndReason.MEDIA_TIMEOUT})

Action = (
    AnswerLegAction
    | RingLegAction
    | HangUpLegAction
    | DialAction
    | ConnectAction
    | DisconnectAction
    | PlayHoldMusicAction
    | StopPlayingAction
    | CloseMediaAction
    | CloseTapAction
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command led to; perform the actions in their order."""

    session: Session
    entries: tuple[Entry, ...]
    actions: tuple[Action, ...]


def handle(session: Session, command: c.Command, *, now: int) -> Outcome:
    """Decide one command at `now` (ns on the one clock). Raises WrongState or NotFound and then changes nothing."""
    decision = _Decision(session, now)
    decision.decide(command)
    after = decision.session
    actions = (*decision.actions, *_hold_music(session, after), *_rewire(session, after))
    return Outcome(session=after, entries=tuple(decision.entries), actions=actions)


def _hold_music(before: Session, after: Session) -> "Iterable[PlayHoldMusicAction | StopPlayingAction]":
    """The session's player plays from when the first has to wait until nobody has to."""
    was, is_now = plays_hold_music(before), plays_hold_music(after)
    if is_now and not was:
        yield PlayHoldMusicAction()
    elif was and not is_now and after.in_conversation:
        yield StopPlayingAction()


def _rewire(before: Session, after: Session) -> Iterable[DisconnectAction | ConnectAction]:
    """What must change in the core; a port that is closed takes its tracks and crosspoints with it."""
    if after.is_over:
        return
    old, new = crosspoints(before), crosspoints(after)
    ended = [leg for leg in after.legs if leg.state is LegState.ENDED]
    gone_ports = {leg.port for leg in ended} | {tap.port for tap in before.taps if tap not in after.taps}
    gone_tracks = {track.id for leg in ended for track in leg.tracks}
    for crosspoint in sorted(old - new):
        if crosspoint.destination not in gone_ports and crosspoint.source not in gone_tracks:
            yield DisconnectAction(crosspoint=crosspoint)
    for crosspoint in sorted(new - old):
        yield ConnectAction(crosspoint=crosspoint)


def not_offered(session: SessionId, agent: AgentId) -> WrongState:
    """What an agent is told who answers an offer she does not have."""
    return WrongState(f"session {session} is not offered to {agent}")


@dataclass
class _Decision:
    """The events and actions of one command as they accumulate; `session` is always up to date with them."""

    session: Session
    now: int
    entries: list[Entry] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def record(self, event: Event) -> None:
        entry = Entry(
            tenant=self.session.tenant, session=self.session.id, seq=self.session.seq + 1, at=self.now, event=event
        )
        self.session = apply(self.session, entry)
        self.entries.append(entry)

    def require(self, *states: SessionState) -> None:
        if self.session.state not in states:
            wanted = " or ".join(states)
            raise WrongState(f"session {self.session.id} is {self.session.state}, not {wanted}")

    def require_live(self) -> None:
        if self.session.is_over:
            raise WrongState(f"session {self.session.id} has ended")

    def live_leg(self, leg_id: LegId) -> Leg:
        leg = self.session.leg(leg_id)
        if leg.state is LegState.ENDED:
            raise WrongState(f"leg {leg_id} has ended")
        return leg

    @singledispatchmethod
    def decide(self, command: c.Command) -> None:
        raise TypeError(f"no rule for {type(command).__name__}")

    # --- first contact, legs -------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.Start) -> None:
        self.session = replace(
            self.session,
            player_port=command.player_port,
            player_track=command.player_track,
            recorder_port=command.recorder_port,
            recording_folder=command.recording_folder,
        )
        self.record(
            t.SessionStarted(
                channel=command.channel, customer=command.customer, called=command.called, language=command.language
            )
        )
        if command.recording_folder is not None:
            self.record(t.RecordingStarted(folder=command.recording_folder))
        name = command.customer.name or command.customer.number or ""
        self._join(Role.CUSTOMER, name, command.leg_kind, agent=None)

    def _join(self, role: Role, name: str, kind: LegKind, *, agent: AgentId | None) -> LegId:
        participant = ParticipantId(f"{role}-{len(self.session.participants) + 1}")
        leg = LegId(f"{self.session.id}-{len(self.session.legs) + 1}")
        self.record(t.ParticipantJoined(participant=participant, role=role, name=name, agent=agent))
        self.record(t.LegRinging(leg=leg, participant=participant, kind=kind))
        return leg

    @decide.register
    def _(self, command: c.OpenLeg) -> None:
        self.live_leg(command.leg)
        self.record(t.LegOpened(leg=command.leg, port=command.port, tracks=command.tracks))

    @decide.register
    def _(self, command: c.AnswerLeg) -> None:
        leg = self.live_leg(command.leg)
        if leg.state is LegState.ANSWERED:
            return
        self.record(t.LegAnswered(leg=leg.id))
        role = self.session.participant(leg.participant).role
        if role not in (Role.CUSTOMER, Role.SUPERVISOR) and not self.session.in_conversation:
            self._start_talking()

    def _start_talking(self) -> None:
        for leg in self.session.live_legs:
            if leg.state is LegState.RINGING:
                self.actions.append(AnswerLegAction(leg=leg.id))
        self.record(t.Talking())
        self.actions.append(StopPlayingAction())

    @decide.register
    def _(self, command: c.EndLeg) -> None:
        leg = self.session.leg(command.leg)
        if leg.state is LegState.ENDED:
            return
        self.record(t.LegEnded(leg=leg.id, reason=command.reason))
        self.actions.append(HangUpLegAction(leg=leg.id, reason=command.reason))
        if all(other.participant != leg.participant for other in self.session.live_legs):
            self._gone(self.session.participant(leg.participant), command.reason)

    def _gone(self, owner: Participant, reason: EndReason) -> None:
        """The last leg of a participant has ended."""
        handover = Handover(self)
        if owner.role is Role.AGENT and handover.goes_on_without(owner):
            handover.agent_gone(owner, reason)
            return
        if owner.role is Role.AGENT and reason in LOST and self.session.queue is not None:
            handover.stop_ringing(EndReason.PEER_ENDED)
            self.requeue(self.session.queue)
            return
        ends = self.session.in_conversation and owner.role is not Role.SUPERVISOR
        if owner.role is Role.CUSTOMER or ends or not self.session.live_legs:
            self._end(reason, by=owner.id)

    def requeue(self, queue: QueueName) -> None:
        """The customer waits for somebody else."""
        self.record(t.Queued(queue=queue, priority=REQUEUE_PRIORITY))
        self.actions.append(PlayHoldMusicAction())

    def end_legs_of(self, participant: ParticipantId, reason: EndReason) -> None:
        """Hang up on one participant; what that means for the session is the caller's to say."""
        for leg in self.session.live_legs:
            if leg.participant == participant:
                self.record(t.LegEnded(leg=leg.id, reason=reason))
                self.actions.append(HangUpLegAction(leg=leg.id, reason=reason))

    @decide.register
    def _(self, command: c.Dial) -> None:
        self.require(SessionState.IVR)
        leg = self._join(Role.EXTERNAL, command.name, LegKind.SIP, agent=None)
        self.actions.append(DialAction(leg=leg, target=command.target))
        for caller in self.session.legs:
            if caller.state is LegState.RINGING and caller.id != leg:
                self.actions.append(RingLegAction(leg=caller.id))

    # --- the end -------------------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.HangUp) -> None:
        if not self.session.is_over:
            self._end(command.reason, by=command.by)

    def _end(self, reason: EndReason, *, by: ParticipantId | None) -> None:
        if self.session.offer is not None:
            self.record(t.OfferWithdrawn(agent=self.session.offer.agent, reason=reason))
        if self.session.state is SessionState.QUEUED and self.session.queue is not None:
            self.record(t.Dequeued(queue=self.session.queue, reason=reason))
        for agent in self.session.agents:
            if agent.agent is not None and agent.agent != self.session.agent:
                self.record(t.AgentLeft(participant=agent.id, agent=agent.agent, reason=reason))
        for leg in self.session.live_legs:
            self.record(t.LegEnded(leg=leg.id, reason=EndReason.PEER_ENDED if by is not None else reason))
            self.actions.append(HangUpLegAction(leg=leg.id, reason=reason))
        self.record(t.Ended(reason=reason, by=by))
        self.actions.append(CloseMediaAction(end_ns=self.now))
        for tap in self.session.taps:
            self.record(t.TapClosed(port=tap.port))
            self.actions.append(CloseTapAction(port=tap.port))
        if self.session.agent is not None:
            self.record(t.WrapUpStarted(agent=self.session.agent))

    @decide.register
    def _(self, command: c.EndWrapUp) -> None:
        self.require(SessionState.WRAP_UP)
        if self.session.agent != command.agent:
            raise WrongState(f"session {self.session.id} is not in {command.agent}'s wrap-up")
        self.record(t.WrapUpEnded(agent=command.agent))

    # --- IVR -----------------------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.StartFlow) -> None:
        self.require(SessionState.IVR)
        self.record(t.FlowStarted(flow=command.flow))
        for leg in self.session.live_legs:
            if leg.state is LegState.RINGING:
                self.actions.append(AnswerLegAction(leg=leg.id))

    @decide.register
    def _(self, command: c.ChooseLanguage) -> None:
        self.require_live()
        if self.session.language != command.language:
            self.record(t.LanguageChosen(language=command.language))

    @decide.register
    def _(self, command: c.NotePrompt) -> None:
        self.require_live()
        self.record(t.PromptPlayed(prompt=command.prompt))

    @decide.register
    def _(self, command: c.PressDigit) -> None:
        leg = self.live_leg(command.leg)
        self.record(t.DigitPressed(participant=leg.participant, digit=command.digit, duration_ms=command.duration_ms))

    @decide.register
    def _(self, command: c.NoteProgress) -> None:
        self.require_live()
        self.record(t.CallProgress(participant=command.participant, signal=command.signal))

    @decide.register
    def _(self, command: c.NoteMedia) -> None:
        self.require_live()
        event = t.MediaStarted if command.flowing else t.MediaStopped
        self.record(event(track=command.track))

    # --- queue and offers ----------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.Enqueue) -> None:
        self.require(SessionState.IVR)
        self.record(t.Queued(queue=command.queue, priority=command.priority))

    @decide.register
    def _(self, command: c.NotePosition) -> None:
        self.require(SessionState.QUEUED, SessionState.OFFERED)
        if self.session.queue is not None and self.session.queue_position != command.position:
            self.record(t.QueuePosition(queue=self.session.queue, position=command.position))

    @decide.register
    def _(self, command: c.LeaveQueue) -> None:
        self.require(SessionState.QUEUED, SessionState.OFFERED)
        if self.session.offer is not None:
            self.record(t.OfferWithdrawn(agent=self.session.offer.agent, reason=command.reason))
        if self.session.queue is not None:
            self.record(t.Dequeued(queue=self.session.queue, reason=command.reason))

    @decide.register
    def _(self, command: c.Offer) -> None:
        self.require(SessionState.QUEUED)
        self.record(t.Offered(agent=command.agent, name=command.name, expires_at=command.expires_at))

    def _offered_to(self, agent: AgentId) -> None:
        if self.session.offer is None or self.session.offer.agent != agent:
            raise not_offered(self.session.id, agent)

    @decide.register
    def _(self, command: c.Decline) -> None:
        self._offered_to(command.agent)
        self.record(t.OfferDeclined(agent=command.agent))
        Handover(self).not_answered(EndReason.REJECTED)

    @decide.register
    def _(self, command: c.ExpireOffer) -> None:
        self._offered_to(command.agent)
        self.record(t.OfferExpired(agent=command.agent))
        Handover(self).not_answered(EndReason.NO_ANSWER)

    @decide.register
    def _(self, command: c.WithdrawOffer) -> None:
        self._offered_to(command.agent)
        self.record(t.OfferWithdrawn(agent=command.agent, reason=command.reason))
        Handover(self).not_answered(command.reason)

    @decide.register
    def _(self, command: c.Accept) -> None:
        self._offered_to(command.agent)
        offer = self.session.offer
        assert offer is not None  # by _offered_to
        self.record(t.Accepted(agent=command.agent))
        leg = self._join(Role.AGENT, offer.name, command.leg_kind, agent=command.agent)
        Handover(self).answered(self.session.leg(leg).participant)

    # --- in conversation -----------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.Hold) -> None:
        self.require(SessionState.TALKING)
        holder = self.session.participant(command.participant)
        if holder.role is Role.SUPERVISOR:
            raise WrongState("a supervisor puts nobody on hold")
        if not holder.holding:
            self.record(t.Held(participant=holder.id))

    @decide.register
    def _(self, command: c.Resume) -> None:
        self.require(SessionState.TALKING)
        if self.session.participant(command.participant).holding:
            self.record(t.Resumed(participant=command.participant))

    @decide.register
    def _(self, command: c.Monitor) -> None:
        self.require(SessionState.TALKING)
        live = {leg.participant for leg in self.session.live_legs}
        if any(p.agent == command.agent and p.id in live for p in self.session.participants):
            raise WrongState(f"{command.agent} is in session {self.session.id} already")
        leg = self._join(Role.SUPERVISOR, command.name, command.leg_kind, agent=command.agent)
        self.record(t.MonitorModeChosen(participant=self.session.leg(leg).participant, mode=command.mode))

    @decide.register
    def _(self, command: c.ChooseMonitorMode) -> None:
        self.require_live()
        supervisor = self.session.participant(command.participant)
        if supervisor.role is not Role.SUPERVISOR:
            raise WrongState(f"{command.participant} is no supervisor")
        if supervisor.mode is not command.mode:
            self.record(t.MonitorModeChosen(participant=supervisor.id, mode=command.mode))

    @decide.register
    def _(self, command: c.Consult) -> None:
        self.require(SessionState.TALKING)
        Handover(self).consult(command)

    @decide.register
    def _(self, command: c.SwapConsult) -> None:
        Handover(self).swap(command.participant)

    @decide.register
    def _(self, command: c.MergeConsult) -> None:
        Handover(self).merge(command.participant)

    @decide.register
    def _(self, command: c.CompleteConsult) -> None:
        Handover(self).complete(command.participant)

    @decide.register
    def _(self, command: c.CancelConsult) -> None:
        Handover(self).cancel(command.participant)

    @decide.register
    def _(self, command: c.TransferToQueue) -> None:
        self.require(SessionState.TALKING)
        Handover(self).to_queue(command)

    @decide.register
    def _(self, command: c.TransferToAgent) -> None:
        self.require(SessionState.TALKING)
        Handover(self).to_agent(command)

    @decide.register
    def _(self, command: c.OpenTap) -> None:
        self.require_live()
        if command.participant is not None:
            self.session.participant(command.participant)
        self.record(t.TapOpened(port=command.port, participant=command.participant))

    @decide.register
    def _(self, command: c.CloseTap) -> None:
        if any(tap.port == command.port for tap in self.session.taps):
            self.record(t.TapClosed(port=command.port))
            self.actions.append(CloseTapAction(port=command.port))

    @decide.register
    def _(self, command: c.Mute) -> None:
        self.require_live()
        if self.session.participant(command.participant).muted == command.muted:
            return
        event = (
            t.Muted(participant=command.participant) if command.muted else t.Unmuted(participant=command.participant)
        )
        self.record(event)

    @decide.register
    def _(self, command: c.Share) -> None:
        self.require_live()
        if command.kind is MediaKind.AUDIO:
            raise WrongState("audio is muted and unmuted, not shared")
        if (command.kind in self.session.participant(command.participant).sharing) == command.active:
            return
        event = t.ShareStarted if command.active else t.ShareStopped
        self.record(event(participant=command.participant, kind=command.kind))

    @decide.register
    def _(self, command: c.Chat) -> None:
        self.require_live()
        self.session.participant(command.participant)
        self.record(t.ChatSent(participant=command.participant, text=command.text))

    @decide.register
    def _(self, command: c.NoteQuality) -> None:
        leg = self.session.leg(command.leg)
        self.record(t.MediaMeasured(leg=leg.id, participant=leg.participant, tracks=command.tracks))

    # --- recording marks -----------------------------------------------------------------------------------

    @decide.register
    def _(self, command: c.NoteSegment) -> None:
        self.record(command.segment)

    @decide.register
    def _(self, command: c.NoteRecordingFailure) -> None:
        self.record(t.RecordingFailed(reason=command.reason, track=command.track))

    @decide.register
    def _(self, command: c.NoteRecordingClosed) -> None:
        self.record(t.RecordingClosed())
