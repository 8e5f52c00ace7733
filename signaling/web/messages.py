"""What a client may say on the live socket."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from signaling.web.operations import bad_input
from signaling.web.requests import Input


class Hello(Input):
    """The first message."""

    type: Literal["hello"]
    token: Annotated[str, StringConstraints(max_length=4096)]


class Ping(Input):
    """Answered by pong."""

    type: Literal["ping"]


class Subscribe(Input):
    """Replaces what was subscribed before; "me" stays."""

    type: Literal["subscribe"]
    topics: Annotated[list[Literal["me", "sessions", "agents", "queues"]], Field(max_length=8)]


Message = Hello | Ping | Subscribe
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse_message(text: str) -> Message:
    """Raises Problem: 400 for what is not JSON, 422 for what does not fit."""
    try:
        return _MESSAGES.validate_json(text)
    except ValidationError as error:
        raise bad_input(error) from error
