"""How media goes with whom: the settings of the trunk or phone that calls or is called, else those of `sip`."""

from collections.abc import Mapping

from signaling.sip.destinations import PHONES_DOMAIN
from signaling.sip.hop import Hop
from signaling.sip.registrar import Registrar
from signaling.sip.security import MediaPolicy
from signaling.sip.trunk import Trunks
from signaling.sip.uri import Uri


class MediaPolicies:
    """Finds the policy of a peer."""

    def __init__(
        self, *, trunks: Trunks, registrar: Registrar, phones: Mapping[str, MediaPolicy], otherwise: MediaPolicy
    ) -> None:
        """phones: by user. otherwise: for callers that are neither."""
        self._trunks, self._registrar = trunks, registrar
        self._phones, self._otherwise = phones, otherwise

    def of_caller(self, source: Hop, user: str, *, now: int) -> MediaPolicy:
        """Return the policy of who calls; `user` is whom it says to be, which admission has checked."""
        trunk = self._trunks.at(source)
        if trunk is not None:
            return trunk.media
        return self._phones.get(self._registrar.user_at(source, now=now) or user, self._otherwise)

    def of_called(self, target: Uri) -> MediaPolicy:
        """Return the policy of a target that destinations has found."""
        if target.host == PHONES_DOMAIN:
            return self._phones.get(target.user, self._otherwise)
        trunk = self._trunks.find(target.host)
        return self._otherwise if trunk is None else trunk.media
