"""What the two halves of the user agent share: the layer below, the calls, the names we go by."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from signaling.sip.call import CallTable
from signaling.sip.errors import SipError
from signaling.sip.events import CallRef, Event
from signaling.sip.headers import MAGIC_COOKIE
from signaling.sip.hop import Hop
from signaling.sip.limits import Limits
from signaling.sip.message import Message
from signaling.sip.sdp import SDP_TYPE
from signaling.sip.timers import SECOND, SipTimers
from signaling.sip.transaction.layer import TransactionLayer
from signaling.sip.uri import Uri, format_host_port

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO")
OTHER_METHODS = ("REGISTER", "UPDATE", "PRACK", "REFER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH")
"Known to us but not served: 405, where an unknown one gets 501 (§8.2.1)."
INFO_TYPES = ("application/dtmf-relay", "application/dtmf")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Settings of the user agent. Times in nanoseconds."""

    product: str = "Mediaswitch"
    contact_user: str = "mediaswitch"
    timers: SipTimers = field(default_factory=SipTimers)
    limits: Limits = field(default_factory=Limits)
    ring_limit: int = 180 * SECOND
    "How long our INVITE may ring before it is cancelled."
    registers: bool = False
    "Whether REGISTER is served."


class Context:
    """Shared by the server and the client half; decides nothing."""

    def __init__(self, *, config: AgentConfig, random: Random) -> None:
        self.config, self.random = config, random
        self.timers = config.timers
        self.layer = TransactionLayer(timers=config.timers, limits=config.limits)
        self.calls = CallTable()
        self.events: list[Event] = []
        self.emit: Callable[[Event], None] = self.events.append
        self._local: dict[str, tuple[str, int]] = {}

    @property
    def allow(self) -> str:
        """The Allow header: the methods that we serve."""
        return ", ".join((*METHODS, "REGISTER") if self.config.registers else METHODS)

    def listen(self, hop: Hop) -> None:
        """Note under which host and port the peer reaches us over a transport; goes into Via and Contact."""
        self._local[hop.transport] = (hop.host, hop.port)

    def new_token(self, bits: int = 64) -> str:
        """Return a fresh tag, Call-ID or branch suffix."""
        return f"{self.random.getrandbits(bits):0{bits // 4}x}"

    def new_ref(self) -> CallRef:
        """Return a fresh reference for a call."""
        return CallRef(self.new_token())

    def via(self, transport: str) -> str:
        """Return a Via with a fresh branch, asking for rport (RFC 3581 §3)."""
        host, port = self.address(transport)
        branch = f"{MAGIC_COOKIE}{self.new_token(96)}"
        return f"SIP/2.0/{transport.upper()} {format_host_port(host, port)};branch={branch};rport"

    def contact(self, transport: str) -> str:
        """Return our Contact."""
        host, port = self.address(transport)
        return f"<{Uri.for_user(self.config.contact_user, host, port, transport=transport)}>"

    def dress(self, message: Message, *, transport: str, sdp: bytes | None = None) -> None:
        """Add what every INVITE and its answers carry: Contact, Allow, the product, the description."""
        product = "user-agent" if hasattr(message, "method") else "server"
        message.headers.add("contact", self.contact(transport))
        message.headers.add("allow", self.allow)
        message.headers.add(product, self.config.product)
        if sdp is not None:
            message.headers.add("content-type", SDP_TYPE)
            message.body = sdp

    def address(self, transport: str) -> tuple[str, int]:
        """Return the host and port that `listen` noted. Raises SipError if there are none."""
        try:
            return self._local[transport]
        except KeyError:
            raise SipError(f"no {transport} transport is open") from None
