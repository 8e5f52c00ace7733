"""Identifiers, one type each, so that a leg is never taken for a participant."""

import secrets
from typing import NewType

TenantId = NewType("TenantId", str)
SessionId = NewType("SessionId", str)
ParticipantId = NewType("ParticipantId", str)
LegId = NewType("LegId", str)
AgentId = NewType("AgentId", str)
QueueName = NewType("QueueName", str)

TrackId = NewType("TrackId", int)
"A source track in the media core; unique within one run of the server."
PortId = NewType("PortId", int)
"The media core's end of a leg, a player or a recorder; unique within one run of the server."

DEFAULT_TENANT = TenantId("default")


def new_session_id() -> SessionId:
    """A fresh, unguessable session id: `s-` and 16 hex digits."""
    return SessionId(f"s-{secrets.token_hex(8)}")
