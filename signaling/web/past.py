"""Sessions long over, rebuilt from their stored timelines: a session's state is nothing but its entries."""

from collections.abc import Sequence

from mediaswitch.ids import SessionId, TenantId
from mediaswitch.replay import apply
from mediaswitch.session import Session
from mediaswitch.timeline import Entry


def rebuild(tenant: TenantId, session: SessionId, entries: Sequence[Entry]) -> Session:
    """The session that these entries lead to."""
    rebuilt = Session(id=session, tenant=tenant)
    for entry in entries:
        rebuilt = apply(rebuilt, entry)
    return rebuilt
