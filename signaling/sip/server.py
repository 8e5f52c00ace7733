"""The SIP server put together: agent, transports, registrar, trunks and gateway behind one start and one close."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from mediaswitch.exchange import Exchange
from signaling.sip.admission import Admission
from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.auth import DigestServer
from signaling.sip.gateway import SipGateway
from signaling.sip.offer_answer import OPUS, PCMA, PCMU, Codec
from signaling.sip.registrar import BindingStore, MemoryBindings, Registrar
from signaling.sip.transport import SipTransport
from signaling.sip.trunk import Trunk, Trunks

DEFAULT_CODECS = (PCMU, PCMA, OPUS)
"The order prefers what phones and browsers share without transcoding."


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    """What the composition root takes from the server's settings."""

    host: str
    "Where UDP and TCP listen."
    port: int
    "0 takes a free one."
    advertised_host: str | None = None
    "What peers are told in Via and Contact; needed when `host` is 0.0.0.0."
    realm: str = "mediaswitch"
    accept_unknown: bool = False
    phones: Mapping[str, str] = field(default_factory=dict)
    "Password by user."
    trunks: Sequence[Trunk] = ()
    codecs: Sequence[Codec] = DEFAULT_CODECS


@dataclass(frozen=True, slots=True)
class _PhonePasswords:
    passwords: Mapping[str, str]

    def password(self, username: str, realm: str) -> str | None:
        """Return the phone's password."""
        return self.passwords.get(username)


class SipServer:
    """Serves SIP for one Exchange. Set `exchange.dialer = server.gateway` to let it dial out."""

    def __init__(
        self, settings: SipSettings, exchange: Exchange, *, now: Callable[[], int], bindings: BindingStore | None = None
    ) -> None:
        """now: the one clock, in nanoseconds. bindings: where registrations are kept; in memory if None."""
        self._settings = settings
        random = SystemRandom()
        self.agent = UserAgent(random=random, config=AgentConfig(registers=bool(settings.phones)))
        digest = DigestServer(
            realm=settings.realm,
            key=secrets.token_bytes(32),
            passwords=_PhonePasswords(settings.phones),
            random=random,
        )
        trunks = Trunks(settings.trunks)
        self.registrar = Registrar(self.agent, digest, settings.phones, bindings or MemoryBindings())
        admission = Admission(trunks=trunks, registrar=self.registrar, accept_unknown=settings.accept_unknown, now=now)
        self.gateway = SipGateway(
            exchange=exchange,
            agent=self.agent,
            admission=admission,
            registrar=self.registrar,
            trunks=trunks,
            codecs=settings.codecs,
            now=now,
            flush=lambda: self.transport.flush(),
        )
        self.transport = SipTransport(self.agent, now=now, on_event=self.gateway.handle)

    @property
    def port(self) -> int:
        """The port of UDP and TCP, once started."""
        return self.transport.port

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        settings = self._settings
        await self.transport.start(settings.host, settings.port, advertised_host=settings.advertised_host)
        self.gateway.start()

    async def close(self) -> None:
        """Close every socket. End the sessions before (`exchange.shut_down`), so that their BYEs go out."""
        self.gateway.stop()
        await self.transport.close()
