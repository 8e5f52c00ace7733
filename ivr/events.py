"""What happens to a flow."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun(Event):
    """The caller can hear us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digit(Event):
    """The caller pressed 0-9, *, # or A-D."""

    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Event):
    """The `Say` of that number has been heard to its end."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOut(Event):
    """`next_timeout` has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Event):
    """The caller's place in the queue; 1 is next."""

    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering(Event):
    """An agent's desk rings for the caller, or no longer does."""

    ringing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft(Event):
    """The caller waits no longer, and nobody has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered(Event):
    """Whom we dialled did not answer."""
