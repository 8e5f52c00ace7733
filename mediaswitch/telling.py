"""How a timeline is told outside: to desks, customers' pages and reviewers alike."""

from typing import Any

from mediaswitch.clock import MILLISECOND, iso_time
from mediaswitch.timeline import Entry, event_to_json


def told_entry(entry: Entry, *, started_at: int) -> dict[str, Any]:
    """seq, type, at_ms (since the session's start) and the fields of the event.

    Instants within the session are in its own milliseconds, others ISO times.
    """
    told: dict[str, Any] = {"seq": entry.seq, "type": entry.event.type, "at_ms": told_ms(entry.at, started_at)}
    for name, value in event_to_json(entry.event).items():
        told |= _told_field(name, value, started_at)
    return told


def told_ms(at_ns: int, started_at: int) -> float:
    """Milliseconds from the session's start to an instant, both given in ns on the one clock."""
    return round((at_ns - started_at) / MILLISECOND, 3)


def _told_field(name: str, value: Any, started_at: int) -> dict[str, Any]:
    if name == "expires_at":
        return {name: iso_time(value)}
    if name.endswith("_ns"):
        return {f"{name.removesuffix('_ns')}_ms": told_ms(value, started_at)}
    if name == "gaps":
        return {name: [[told_ms(at, started_at) for at in gap] for gap in value]}
    return {name: value}
