"""The signaling side of a browser's leg. It is little: media connects by itself, the socket tells the session."""

from mediaswitch.exchange import Exchange
from mediaswitch.ids import LegId, SessionId
from mediaswitch.timeline import EndReason


class CustomerLegDriver:
    """Answers the customer's leg when the Exchange says so; its browser has had the SDP answer already."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._leg: tuple[SessionId, LegId] | None = None

    def attach(self, session: SessionId, leg: LegId) -> None:
        """Which leg this is; known only once the session has started."""
        self._leg = (session, leg)

    def ring(self) -> None:
        """The page shows it by the session's state."""

    def answer(self) -> None:
        if self._leg is not None:
            self._exchange.leg_answered(*self._leg)

    def hang_up(self, reason: EndReason) -> None:
        """The page learns it by the session's state, and its peer connection closes with the port."""


class DeskLegDriver:
    """An agent's or a supervisor's leg: answered by the very request that opened it."""

    def ring(self) -> None: ...

    def answer(self) -> None: ...

    def hang_up(self, reason: EndReason) -> None:
        """The desk learns it by the session's state, and its peer connection closes with the port."""
