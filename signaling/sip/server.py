"""The SIP server put together: agent, transports, registrar, trunks and gateway behind one start and one close."""

import secrets
from collections.abc import Mapping
from random import SystemRandom

from mediaswitch.clock import Clock
from mediaswitch.config import Config, PhoneTable, TrunkTable
from mediaswitch.exchange import Exchange
from mediaswitch.ids import LegId, SessionId
from mediaswitch.services import LegDriver
from signaling.sip.admission import Admission
from signaling.sip.agent import AgentConfig, UserAgent
from signaling.sip.auth import DigestServer
from signaling.sip.gateway import SipGateway
from signaling.sip.offer_answer import G722, L16, OPUS, PCMA, PCMU
from signaling.sip.policies import MediaPolicies
from signaling.sip.registrar import BindingStore, MemoryBindings, Registrar
from signaling.sip.security import Keying, MediaPolicy, SrtpPolicy
from signaling.sip.transport import SipTransport
from signaling.sip.trunk import Trunk, Trunks

CODECS = (PCMU, PCMA, G722, OPUS, L16)
"The order prefers what phones and browsers share without transcoding."


class SipServer:
    """Serves SIP for one Exchange, and is its Dialer (mediaswitch.services)."""

    def __init__(
        self, config: Config, *, ip: str, exchange: Exchange, clock: Clock, bindings: BindingStore | None = None
    ) -> None:
        """ip: what peers are told in Via and Contact. bindings: where registrations are kept; in memory if None."""
        self._config, self._ip = config, ip
        random = SystemRandom()
        passwords = {phone.user: phone.password for phone in config.phones}
        self.agent = UserAgent(random=random, config=AgentConfig(registers=bool(passwords)))
        digest = DigestServer(
            algorithms=config.sip.digest,
            realm=config.sip.realm,
            key=secrets.token_bytes(32),
            passwords=passwords.get,
            random=random,
        )
        trunks = Trunks(_trunk(table) for table in config.trunks)
        self.registrar = Registrar(self.agent, digest, passwords, bindings or MemoryBindings())
        self._gateway = SipGateway(
            exchange=exchange,
            agent=self.agent,
            admission=Admission(
                trunks=trunks,
                registrar=self.registrar,
                digest=digest,
                phones=passwords,
                accept_unknown=config.sip.accept_unknown,
            ),
            registrar=self.registrar,
            trunks=trunks,
            codecs=CODECS,
            policies=MediaPolicies(
                trunks=trunks,
                registrar=self.registrar,
                phones={phone.user: _media(phone) for phone in config.phones},
                otherwise=MediaPolicy(srtp=SrtpPolicy(config.sip.srtp)),
            ),
            now=clock.now,
            flush=lambda: self.transport.flush(),
        )
        self.transport = SipTransport(self.agent, now=clock.now, on_event=self._gateway.handle)

    async def start(self) -> int:
        """Listen on UDP and TCP; returns the port. Raises OSError when it is taken."""
        await self.transport.start(self._config.server.bind_ip, self._config.sip.port, advertised_host=self._ip)
        self._gateway.start()
        return self.transport.port

    async def close(self) -> None:
        """Close every socket. End the sessions before (`Exchange.shut_down`), so that their BYEs go out."""
        self._gateway.stop()
        await self.transport.close()

    def dial(self, session: SessionId, leg: LegId, target: str, *, caller: str | None) -> LegDriver:
        """See mediaswitch.services.Dialer."""
        return self._gateway.dial(session, leg, target, caller=caller)

    def figures(self) -> Mapping[str, int]:
        """What is open now (`open_...`) and what was counted since the start, for metrics and to look for leaks."""
        counters = self.agent.counters
        return {
            "open_legs": len(self._gateway),
            "open_calls": self.agent.call_count,
            "open_transactions": self.agent.transaction_count,
            "open_tcp_connections": self.transport.connection_count,
            "messages_received": counters.received,
            "messages_malformed": counters.malformed,
            "requests_refused": counters.refused,
        }


def _media(table: PhoneTable | TrunkTable) -> MediaPolicy:
    return MediaPolicy(srtp=SrtpPolicy(table.srtp), keying=Keying(table.srtp_keying), ice=table.ice)


def _trunk(table: TrunkTable) -> Trunk:
    return Trunk(
        name=table.name,
        addresses=table.addresses,
        port=table.port,
        transport=table.transport,
        media=_media(table),
    )
