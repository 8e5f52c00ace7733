"""What callers may send: parsed once, unknown fields refused."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from signaling.web.limits import CHAT_CHARACTERS, SDP_CHARACTERS
from signaling.web.passwords import LONGEST_PASSWORD

Short = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Sdp = Annotated[str, StringConstraints(min_length=1, max_length=SDP_CHARACTERS)]
Language = Literal["zh", "en"]


class Input(BaseModel):
    """Base of all requests: no field is guessed, none converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Input):
    """No body, or an empty object."""


class LoginRequest(Input):
    username: Short
    password: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]
    tenant: Short = "default"


class RefreshRequest(Input):
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class AgentStateRequest(Input):
    state: Literal["available", "break", "offline"]


class OfferRequest(Input):
    """A browser's SDP offer (RFC 8866, RFC 9429)."""

    sdp: Sdp


class MonitorModeRequest(Input):
    mode: Literal["listen", "whisper", "barge"]


class MonitorRequest(MonitorModeRequest):
    """A supervisor's SDP offer, and how she takes part."""

    sdp: Sdp


class ConsultRequest(Input):
    """The id of the colleague."""

    agent_id: Short


class TransferRequest(Input):
    """`agent:ID` or `queue:NAME`."""

    to: Annotated[str, StringConstraints(pattern=r"^(agent|queue):.{1,128}$")]


class MuteRequest(Input):
    muted: bool


class ShareRequest(Input):
    kind: Literal["camera", "screen"]
    active: bool


class DigitsRequest(Input):
    digits: Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]{1,32}$")]


class SendDigitsRequest(DigitsRequest):
    """Digits for the customer or, by the participant's id, for somebody else outside."""

    participant_id: Short | None = None
    duration_ms: Annotated[int, Field(ge=60, le=2_000)] = 100


class MaskRequest(Input):
    on: bool


class MessageRequest(Input):
    text: Annotated[str, StringConstraints(min_length=1, max_length=CHAT_CHARACTERS)]


class CallRequest(Input):
    """A customer's call: a number, or `queue:NAME`."""

    to: Short
    name: Annotated[str, StringConstraints(max_length=128)] | None = None
    language: Language | None = None
    sdp: Sdp
    video: bool = False
    "Whether the camera is shown from the start."


class Query(Input):
    """Base of what comes in a query string, where everything is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class NoQuery(Query):
    """No parameters."""


class SessionsQuery(Query):
    state: Literal["live"] = "live"


class RecordingsQuery(Query):
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    q: Annotated[str, StringConstraints(max_length=128)] | None = None
    agent: Short | None = None
    queue: Short | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=256)] | None = None


class MediaQuery(Query):
    """Media elements send no headers: the token of the manifest's address stands in for them."""

    token: Annotated[str, StringConstraints(max_length=2048)] | None = None
