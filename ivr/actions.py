"""What a flow asks for. The runner carries it out; a flow itself touches nothing."""

from dataclasses import dataclass
from pathlib import Path

from mediaswitch.ids import QueueName


@dataclass(frozen=True, slots=True)
class Words:
    """Something to be spoken."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A file to be played, in any format FFmpeg reads."""

    path: Path


Part = Words | Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Base of all actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Action):
    """Play the parts one after another, in place of what is playing; `Said(number)` follows when they have ended."""

    number: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayMusic(Action):
    """Loop music, in place of what is playing."""

    file: Path | None
    "None: the server's music on hold."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRinging(Action):
    """Let the caller hear that somebody is being alerted."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush(Action):
    """Stop what is playing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLanguage(Action):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterQueue(Action):
    queue: QueueName
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveQueue(Action):
    """Give up waiting; `QueueLeft` follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDigits(Action):
    """Press digits towards the caller."""

    digits: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskDigits(Action):
    """Keep the caller's digits from everybody, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Action):
    """Ring somebody outside; `Unanswered` follows unless they answer."""

    target: str
    watch: str | None = None
    "The country by whose tones the call is listened to; None: it is not."


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDialling(Action):
    """Ring no longer; `Unanswered` follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Action):
    """The flow is over, and the call with it."""
