"""What the settings say of agents and queues."""

from dataclasses import dataclass

from mediaswitch.ids import DEFAULT_TENANT, AgentId, QueueName, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue and its rules."""

    name: QueueName
    tenant: TenantId = DEFAULT_TENANT
    label: dict[str, str]
    "By language code."
    offer_timeout_s: float = 20.0
    "How long a desk rings before the session is offered to the next agent."
    wrap_up_s: float = 30.0
    "The longest wrap-up after a session of this queue; 0: none."
    service_level_s: float = 20.0
    "A session answered within this time counts as answered in time."


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProfile:
    """An agent and the queues she serves."""

    id: AgentId
    tenant: TenantId = DEFAULT_TENANT
    name: str
    queues: tuple[QueueName, ...]
