"""Sessions long over, rebuilt from their stored timelines: a session's state is nothing but its entries."""

from collections.abc import Sequence

from mediaswitch.errors import NotFound
from mediaswitch.ids import SessionId, TenantId
from mediaswitch.replay import apply
from mediaswitch.services import Timelines
from mediaswitch.session import Session
from mediaswitch.timeline import Entry


async def stored_entries(timelines: Timelines, tenant: TenantId, session: SessionId) -> Sequence[Entry]:
    """What the store has of the session. Raises NotFound when that is nothing."""
    entries = await timelines.timeline(tenant, session)
    if not entries:
        raise NotFound(f"no session {session}")
    return entries


def rebuild(tenant: TenantId, session: SessionId, entries: Sequence[Entry]) -> Session:
    """The session that these entries lead to."""
    rebuilt = Session(id=session, tenant=tenant)
    for entry in entries:
        rebuilt = apply(rebuilt, entry)
    return rebuilt
