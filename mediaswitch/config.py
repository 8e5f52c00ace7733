"""The settings: one frozen `Config`, each default in one place. The file behind it is read by `settings_file`."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mediaswitch.ids import DEFAULT_TENANT, AgentId, QueueName, TenantId
from mediaswitch.numbers import Route

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
"A UDP or TCP port; 0 takes any free one."
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _ip(text: str) -> str:
    return str(ipaddress.ip_address(text))


IpAddress = Annotated[str, AfterValidator(_ip)]
Language = Literal["zh", "en"]
Srtp = Literal["off", "optional", "required"]
"Whether media is encrypted; optional: where the other side does it too (RFC 8643)."
SrtpKeying = Literal["sdes", "dtls"]
"How our offers let keys come about: in the SDP, or by a handshake between the media ports. Offers of either are taken."


class Table(BaseModel):
    """A table of the settings file: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerTable(Table):
    bind_ip: IpAddress = "0.0.0.0"  # a switch serves the network it is put into
    "Where all sockets listen."
    public_ip: IpAddress | None = None
    "The address told to callers and browsers; None: found from bind_ip or the machine's default route."
    data_dir: Path = Path("data")
    "Database, recordings, prompts, keys; relative to where the server is started."
    bind_ip6: IpAddress | None = None
    "Where phones of IPv6 reach RTP ports; None: none can."
    public_ip6: IpAddress | None = None
    "The address that they are told; None: bind_ip6."
    language: Language = "en"
    "Spoken to callers whose language is not known, and the console's fallback."
    demo: bool = False
    "Users without password_hash share a random demo password, kept in data_dir and printed at the start."

    @model_validator(mode="after")
    def _ipv6(self) -> "ServerTable":
        if any(ip is not None and ":" not in ip for ip in (self.bind_ip6, self.public_ip6)):
            raise ValueError("bind_ip6 and public_ip6 are addresses of IPv6")
        if self.public_ip6 is not None and self.bind_ip6 is None:
            raise ValueError("public_ip6 needs bind_ip6")
        if self.bind_ip6 == "::" and self.public_ip6 is None:
            raise ValueError("public_ip6 is needed where bind_ip6 is any address")
        return self


class HttpTable(Table):
    port: Port = 8443
    certificate: Path | None = None
    "PEM chain; None: a self-signed certificate is made in data_dir at the first start."
    private_key: Path | None = None
    allowed_origins: tuple[Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")], ...] = ()
    "Other sites on whose pages the widget may be."

    @model_validator(mode="after")
    def _both_or_none(self) -> "HttpTable":
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together")
        return self


class SipTable(Table):
    port: Port = 5060
    "UDP and TCP."
    realm: str = "mediaswitch"
    digest: Annotated[tuple[Literal["SHA-256", "MD5"], ...], Field(min_length=1)] = ("SHA-256", "MD5")
    "Offered to phones in this order (RFC 8760); only MD5 for old ones that give up at an algorithm they do not know."
    accept_unknown: bool = False
    "Whether anybody may call the numbers of this server; false: only trunks and registered phones."
    srtp: Srtp = "optional"
    "Of callers that are neither a trunk nor a phone of ours."


class MediaTable(Table):
    ports: tuple[Port, Port] = (20_000, 24_999)
    "One UDP range, both ends included: the first free one is for WebRTC, the others for RTP."
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    "Media threads."
    timeout_s: Seconds = 30.0
    "A phone that sends nothing for so long, while it should, is gone."
    ice_tcp: bool = True
    "Browsers whose network lets no UDP through come by TCP, at the WebRTC port's number."
    opus_dtx: bool = False
    "Browsers are asked to send nothing in silence: less traffic, and the background of a voice is not heard in it."

    noise_suppression: bool = False
    "Noise is taken out of phones' voices: they are decoded for it, where they would be relayed."
    auto_gain: bool = False
    "Loud and quiet phones come to one loudness; decoded for it, too."
    loudest_talkers: Annotated[int, Field(ge=0, le=50)] = 5
    "Where more than so many are heard by more than so many, only the loudest are mixed; 0: always all."

    @model_validator(mode="after")
    def _range(self) -> "MediaTable":
        low, high = self.ports
        if high - low < 10:
            raise ValueError("ports must span at least 10")
        return self


class RecordingTable(Table):
    enabled: bool = True


class SpeechTable(Table):
    engine: Literal["espeak", "piper"] = "espeak"
    voices: dict[Language, str] = {"zh": "cmn", "en": "en-us"}
    speed_wpm: Annotated[int, Field(ge=80, le=300)] = 165


class QueueTable(Table):
    name: Name
    label: dict[Language, str] = Field(default_factory=dict)
    offer_timeout_s: Seconds = 20.0
    "How long a desk rings before the offer returns."
    wrap_up_s: Seconds = 30.0
    service_level_s: Seconds = 20.0
    "The threshold of the service level."
    position_every_s: Seconds = 20.0
    "How often a waiting caller is told the position."


class UserTable(Table):
    name: Name
    display_name: str
    role: Literal["agent", "supervisor", "reviewer", "admin"]
    password_hash: str | None = None
    "argon2id, as printed by `mediaswitch hash-password`."
    queues: tuple[Name, ...] = ()
    "For agents: whose sessions they are offered."
    language: Language | None = None
    tenant: Name = DEFAULT_TENANT


class NumberTable(Table):
    number: Annotated[str, StringConstraints(pattern=r"^[+0-9A-Za-z*#._-]{1,64}$")]
    flow: Name | None = None
    queue: Name | None = None
    bridge: str | None = None
    record: bool = True
    language: Language | None = None
    tenant: Name = DEFAULT_TENANT

    @model_validator(mode="after")
    def _one_target(self) -> "NumberTable":
        if sum(target is not None for target in (self.flow, self.queue, self.bridge)) != 1:
            raise ValueError("give exactly one of flow, queue and bridge")
        return self

    def route(self) -> Route:
        return Route(
            number=self.number,
            tenant=TenantId(self.tenant),
            flow=self.flow,
            queue=None if self.queue is None else QueueName(self.queue),
            bridge=self.bridge,
            record=self.record,
            language=self.language,
        )


class PhoneTable(Table):
    """A SIP phone that may register."""

    user: Name
    password: Annotated[str, StringConstraints(min_length=8)]
    display_name: str = ""
    srtp: Srtp = "optional"
    srtp_keying: SrtpKeying = "sdes"
    ice: bool = False
    "Whether our offers to it have ICE; an offer of its own that has it is always answered so."


class TrunkTable(Table):
    """A carrier or peer switch, known by its addresses."""

    name: Name
    addresses: Annotated[tuple[IpAddress, ...], Field(min_length=1)]
    port: Port = 5060
    transport: Literal["udp", "tcp"] = "udp"
    srtp: Srtp = "optional"
    srtp_keying: SrtpKeying = "sdes"
    ice: bool = False


class Config(Table):
    """All settings of a server."""

    server: ServerTable = ServerTable()
    http: HttpTable = HttpTable()
    sip: SipTable = SipTable()
    media: MediaTable = MediaTable()
    recording: RecordingTable = RecordingTable()
    speech: SpeechTable = SpeechTable()
    queues: tuple[QueueTable, ...] = ()
    users: tuple[UserTable, ...] = ()
    numbers: tuple[NumberTable, ...] = ()
    phones: tuple[PhoneTable, ...] = ()
    trunks: tuple[TrunkTable, ...] = ()
    flows: dict[str, dict[str, Any]] = Field(default_factory=dict)
    "Checked by ivr when the server is built, since their verbs are its own."

    @property
    def agents(self) -> list[UserTable]:
        return [user for user in self.users if user.role == "agent"]


def dangling_names(config: Config) -> list[tuple[tuple[str | int, ...], str]]:
    """Names used that nothing defines, and names defined twice: (path in the settings, reason)."""
    return [*_unknown(config), *_twice(config)]


def _unknown(config: Config) -> list[tuple[tuple[str | int, ...], str]]:
    queues = {queue.name for queue in config.queues}
    found: list[tuple[tuple[str | int, ...], str]] = []
    for index, number in enumerate(config.numbers):
        if number.queue is not None and number.queue not in queues:
            found.append((("numbers", index, "queue"), f"there is no queue {number.queue!r}"))
        if number.flow is not None and number.flow not in config.flows:
            found.append((("numbers", index, "flow"), f"there is no flow {number.flow!r}"))
    for index, user in enumerate(config.users):
        found += [
            (("users", index, "queues"), f"there is no queue {name!r}") for name in user.queues if name not in queues
        ]
        if user.password_hash is None and not config.server.demo:
            found.append((("users", index), f"user {user.name!r} has no password_hash (and server.demo is off)"))
    return found


def _twice(config: Config) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    for table, names in {
        "queues": [queue.name for queue in config.queues],
        "users": [user.name for user in config.users],
        "numbers": [number.number for number in config.numbers],
        "phones": [phone.user for phone in config.phones],
        "trunks": [trunk.name for trunk in config.trunks],
    }.items():
        found += [((table, i), f"{name!r} is defined twice") for i, name in enumerate(names) if name in names[:i]]
    return found


def agent_id(user: UserTable) -> AgentId:
    """An agent is known by her user name."""
    return AgentId(user.name)
