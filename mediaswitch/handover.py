"""Handover: how a customer passes from one agent to another: consultation, three-way, attended and blind transfer.

Part of deciding a command (see `decide`): it records events on the decision it is given.
"""

from dataclasses import dataclass
from typing import Protocol

from mediaswitch import commands as c
from mediaswitch import timeline as t
from mediaswitch.errors import WrongState
from mediaswitch.ids import AgentId, ParticipantId, QueueName
from mediaswitch.session import Consultation, Participant, Session
from mediaswitch.timeline import EndReason


class Decision(Protocol):
    """What a handover may do with the command being decided."""

    session: Session

    def record(self, event: t.Event) -> None: ...

    def requeue(self, queue: QueueName) -> None: ...

    def end_legs_of(self, participant: ParticipantId, reason: EndReason) -> None: ...


@dataclass(frozen=True, slots=True)
class Handover:
    """The rules; each raises WrongState where the session's state forbids it."""

    decision: Decision

    @property
    def _session(self) -> Session:
        return self.decision.session

    # --- consulting ----------------------------------------------------------------------------------------

    def consult(self, command: c.Consult) -> None:
        """The customer waits with music while the colleague is rung."""
        by = self._agent(command.participant)
        if self._session.consultation is not None or self._session.offer is not None:
            raise WrongState(f"session {self._session.id} is being consulted about already")
        if any(agent.agent == command.agent for agent in self._session.agents):
            raise WrongState(f"{command.agent} is in session {self._session.id} already")
        if by.holding:
            self.decision.record(t.Resumed(participant=by.id))
        self.decision.record(t.ConsultStarted(participant=by.id, agent=command.agent))
        self.decision.record(t.Offered(agent=command.agent, name=command.name, expires_at=command.expires_at))

    def answered(self, colleague: ParticipantId) -> None:
        """An agent took an offer of the session: as colleague, if one is being consulted."""
        if self._session.consultation is not None:
            self.decision.record(t.ConsultJoined(participant=colleague))

    def not_answered(self, reason: EndReason) -> None:
        """An offer of the session was not taken: a consultation ends with it."""
        if self._session.consultation is not None:
            self._end_consultation(self._session.consultation, reason)

    def swap(self, participant: ParticipantId) -> None:
        """The consulting agent talks with the other one of customer and colleague."""
        consultation, _ = self._consultation_of(participant)
        with_customer = not consultation.with_customer
        self.decision.record(t.ConsultSwapped(participant=participant, with_customer=with_customer))

    def merge(self, participant: ParticipantId) -> None:
        """All in one conversation."""
        self._consultation_of(participant)
        self.decision.record(t.ConsultMerged(participant=participant))

    def complete(self, participant: ParticipantId) -> None:
        """Attended transfer."""
        _, colleague = self._consultation_of(participant)
        self._pass_on(self._session.participant(participant), colleague.agent)
        self._leave(participant, EndReason.TRANSFERRED)

    def cancel(self, participant: ParticipantId) -> None:
        """Back to the customer alone."""
        consultation = self._session.consultation
        if consultation is None or consultation.by != participant:
            raise WrongState(f"{participant} consults nobody")
        if consultation.colleague is None:
            self.stop_ringing(EndReason.PEER_ENDED)
        else:
            self._leave(consultation.colleague, EndReason.PEER_ENDED)
            self._end_consultation(consultation, EndReason.CANCELLED)

    def stop_ringing(self, reason: EndReason) -> None:
        """A colleague who was rung and has not answered yet is left in peace."""
        consultation, offer = self._session.consultation, self._session.offer
        if consultation is not None and offer is not None:
            self.decision.record(t.OfferWithdrawn(agent=offer.agent, reason=reason))
            self._end_consultation(consultation, EndReason.CANCELLED)

    # --- blind transfer ------------------------------------------------------------------------------------

    def to_queue(self, command: c.TransferToQueue) -> None:
        """The agent leaves, the customer waits in the queue."""
        self._require_alone(command.participant)
        self.decision.record(t.Transferred(participant=command.participant, queue=command.queue))
        self._leave(command.participant, EndReason.TRANSFERRED)
        self.decision.requeue(command.queue)

    def to_agent(self, command: c.TransferToAgent) -> None:
        """The agent leaves, another is rung; if she does not answer, the session waits where it came from."""
        self._require_alone(command.participant)
        queue = self._session.queue
        if queue is None:
            raise WrongState(f"session {self._session.id} has no queue to fall back to")
        if command.agent == self._session.participant(command.participant).agent:
            raise WrongState(f"{command.agent} has session {self._session.id} already")
        self.decision.record(t.Transferred(participant=command.participant, agent=command.agent))
        self._leave(command.participant, EndReason.TRANSFERRED)
        self.decision.requeue(queue)
        self.decision.record(t.Offered(agent=command.agent, name=command.name, expires_at=command.expires_at))

    # --- an agent goes -------------------------------------------------------------------------------------

    def goes_on_without(self, agent: Participant) -> bool:
        """Whether another agent still has the customer once this one's legs have ended."""
        return self._session.in_conversation and any(other.id != agent.id for other in self._session.agents)

    def agent_gone(self, agent: Participant, reason: EndReason) -> None:
        """One of several agents hung up or was lost: whoever is left has the customer."""
        consultation = self._session.consultation
        if consultation is not None and agent.id == consultation.colleague:
            self._end_consultation(consultation, reason)
        elif consultation is not None and agent.id == consultation.by:
            self._hung_up_consulting(agent, consultation)
        if self._session.agent == agent.agent:
            self._pass_on(agent, self._session.agents[-1].agent)
        self._left(agent, reason)

    def _hung_up_consulting(self, agent: Participant, consultation: Consultation) -> None:
        if consultation.colleague is None:
            self.stop_ringing(EndReason.PEER_ENDED)
        else:
            self._pass_on(agent, self._session.participant(consultation.colleague).agent)

    def _pass_on(self, agent: Participant, to: AgentId | None) -> None:
        """Ends a consultation too: whoever was apart is with the customer now."""
        self.decision.record(t.Transferred(participant=agent.id, agent=to))

    def _leave(self, participant: ParticipantId, reason: EndReason) -> None:
        self.decision.end_legs_of(participant, reason)
        self._left(self._session.participant(participant), reason)

    def _left(self, agent: Participant, reason: EndReason) -> None:
        if agent.agent is not None:
            self.decision.record(t.AgentLeft(participant=agent.id, agent=agent.agent, reason=reason))

    # --- what must be so -----------------------------------------------------------------------------------

    def _agent(self, participant: ParticipantId) -> Participant:
        for agent in self._session.agents:
            if agent.id == participant:
                return agent
        raise WrongState(f"{participant} is no agent in session {self._session.id}")

    def _require_alone(self, participant: ParticipantId) -> None:
        agent = self._agent(participant)
        if self._session.agents != [agent] or self._session.consultation is not None:
            raise WrongState("only an agent who is alone with the customer transfers without asking")
        if self._session.offer is not None:
            raise WrongState(f"session {self._session.id} is offered to {self._session.offer.agent}")

    def _consultation_of(self, participant: ParticipantId) -> tuple[Consultation, Participant]:
        """The consultation of this agent and the colleague who has answered."""
        consultation = self._session.consultation
        if consultation is None or consultation.by != participant:
            raise WrongState(f"{participant} consults nobody")
        if consultation.colleague is None:
            raise WrongState("the colleague has not answered yet")
        return consultation, self._session.participant(consultation.colleague)

    def _end_consultation(self, consultation: Consultation, reason: EndReason) -> None:
        self.decision.record(t.ConsultEnded(participant=consultation.by, reason=reason))
