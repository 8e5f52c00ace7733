"""Who a number's bridge, or anybody else who dials out, reaches: registered phones and trunks."""

from dataclasses import dataclass

from mediaswitch.errors import NotFound
from signaling.sip.auth import Credentials
from signaling.sip.errors import ParseError
from signaling.sip.hop import Hop, uri_hop
from signaling.sip.registrar import Registrar
from signaling.sip.trunk import Trunks
from signaling.sip.uri import Uri

PHONES_DOMAIN = "phones"
"`sip:USER@phones` is a registered phone of ours."


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an INVITE goes."""

    uri: Uri
    "The Request-URI."
    hop: Hop
    fallback: Hop | None = None
    "Where to connect if `hop` is a TCP connection that is gone."
    credentials: Credentials | None = None


class Destinations:
    """Finds destinations; nobody is reached who is neither a phone of ours nor behind a trunk."""

    def __init__(self, registrar: Registrar, trunks: Trunks) -> None:
        self._registrar, self._trunks = registrar, trunks

    def find(self, target: str, *, now: int) -> Destination:
        """Return where `sip:USER@phones` or `sip:NUMBER@TRUNK` (a name or an address) is. Raises NotFound."""
        try:
            uri = Uri.parse(target)
        except ParseError as error:
            raise NotFound(f"{target!r} is no target: {error.fault}") from None
        return self._find_phone(uri.user, now) if uri.host == PHONES_DOMAIN else self._find_trunk(uri)

    def _find_phone(self, user: str, now: int) -> Destination:
        binding = next(iter(self._registrar.find(user, now=now)), None)
        if binding is None:
            raise NotFound(f"no phone is registered as {user}")
        hop, fallback = binding.route()
        return Destination(uri=binding.contact.uri, hop=hop, fallback=fallback)

    def _find_trunk(self, uri: Uri) -> Destination:
        trunk = self._trunks.find(uri.host)
        if trunk is None:
            raise NotFound(f"no trunk or phone serves {uri.host}")
        request_uri = trunk.uri_of(uri)
        return Destination(uri=request_uri, hop=uri_hop(request_uri), credentials=trunk.credentials)
