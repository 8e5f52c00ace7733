"""Audience: when the customer could hear or see a recorded track, told by the timeline.

Whispers, consultations and what is said while the customer is on hold are in a recording, each on its speaker's own
track. Whoever hands a recording to a customer must leave these stretches out.
"""

from collections.abc import Iterable, Sequence

from mediaswitch.ids import TrackId
from mediaswitch.matrix import crosspoints
from mediaswitch.replay import apply
from mediaswitch.session import Session
from mediaswitch.timeline import Entry

Stretch = tuple[int, int]
"From and to, in ns on the one clock."


def kept_from_customer(entries: Sequence[Entry], track: TrackId, start: int, end: int) -> list[Stretch]:
    """The stretches between `start` and `end` in which no leg of the customer had this track."""
    stretches: list[Stretch] = []
    since: int | None = start
    for at, heard in _changes(entries, track):
        if heard and since is not None:
            stretches.append((since, at))
            since = None
        elif not heard and since is None:
            since = at
    if since is not None:
        stretches.append((since, end))
    clipped = [(max(begin, start), min(to, end)) for begin, to in stretches]
    return [(begin, to) for begin, to in clipped if begin < to]


def _changes(entries: Iterable[Entry], track: TrackId) -> Iterable[tuple[int, bool]]:
    """After each entry, whether the customer has the track."""
    session: Session | None = None
    for entry in entries:
        session = apply(session or Session(id=entry.session, tenant=entry.tenant), entry)
        customers = {leg.port for leg in session.legs_of_customer}
        wired = crosspoints(session) if not session.is_over else frozenset()
        yield entry.at, any(x.source == track and x.destination in customers for x in wired)
