"""Performer: carries out what sessions decide, on the media core and on the signaling side of legs."""

import logging
from collections.abc import Sequence
from functools import singledispatchmethod
from pathlib import Path

from mediaswitch import _core, media
from mediaswitch import decide as d
from mediaswitch.errors import NotFound, Refused
from mediaswitch.ids import LegId, PortId
from mediaswitch.media import PlayItem
from mediaswitch.ports import PortBook
from mediaswitch.services import Dialer, LegDriver
from mediaswitch.session import Session

log = logging.getLogger(__name__)


class Performer:
    """Knows the drivers of all live legs. Performing never raises but for what the action itself forbids."""

    def __init__(self, core: _core.MediaCore, book: PortBook, *, hold_music: Path) -> None:
        self._core = core
        self._book = book
        self._hold_music = [_core.PlayFile(str(hold_music))]
        self.drivers: dict[LegId, LegDriver] = {}
        self.dialer: Dialer | None = None

    def play(self, player: PortId, items: Sequence[PlayItem], *, loop: bool, queue: bool = False) -> int:
        """Play, replacing what is playing or after it; returns the play's number. Raises Refused for a bad file."""
        try:
            return self._core.play(player, list(items), loop=loop, queue=queue)
        except _core.BadMediaFile as error:
            raise Refused(str(error)) from error

    def seek(self, player: PortId, position_ms: int) -> None:
        """Go on at another place; a player already closed is fine."""
        if player in self._book.players:
            self._core.seek(player, position_ms)

    def stop_player(self, player: PortId) -> None:
        """Fall silent; a player already closed is fine."""
        if player in self._book.players:
            self._core.stop_playing(player)

    def close_leg_port(self, port: PortId) -> None:
        """Close a leg's port, once."""
        if self._book.strike_leg(port):
            self._core.close_port(port)

    @singledispatchmethod
    def perform(self, action: d.Action, session: Session) -> None:
        """Carry out one action of `session`. Raises NotFound for a target that nobody serves."""
        raise TypeError(f"no way to perform {type(action).__name__}")

    @perform.register
    def _(self, action: d.ConnectAction, session: Session) -> None:
        media.connect(self._core, action.crosspoint)

    @perform.register
    def _(self, action: d.DisconnectAction, session: Session) -> None:
        media.disconnect(self._core, action.crosspoint)

    @perform.register
    def _(self, action: d.AnswerLegAction, session: Session) -> None:
        if driver := self.drivers.get(action.leg):
            driver.answer()

    @perform.register
    def _(self, action: d.RingLegAction, session: Session) -> None:
        if driver := self.drivers.get(action.leg):
            driver.ring()

    @perform.register
    def _(self, action: d.DialAction, session: Session) -> None:
        if self.dialer is None:
            raise NotFound("nothing outside can be dialled")
        caller = session.customer.number
        self.drivers[action.leg] = self.dialer.dial(session.id, action.leg, action.target, caller=caller)

    @perform.register
    def _(self, action: d.HangUpLegAction, session: Session) -> None:
        if driver := self.drivers.pop(action.leg, None):
            driver.hang_up(action.reason)
        if (port := session.leg(action.leg).port) is not None:
            self.close_leg_port(port)

    @perform.register
    def _(self, action: d.PlayHoldMusicAction, session: Session) -> None:
        self.play(session.player_port, self._hold_music, loop=True)

    @perform.register
    def _(self, action: d.StopPlayingAction, session: Session) -> None:
        self.stop_player(session.player_port)

    @perform.register
    def _(self, action: d.CloseTapAction, session: Session) -> None:
        self._core.close_port(action.port)

    @perform.register
    def _(self, action: d.CloseMediaAction, session: Session) -> None:
        self._book.players.pop(session.player_port, None)
        self._core.close_port(session.player_port)
        if session.recorder_port is not None:
            self._core.close_port(session.recorder_port, end_ns=action.end_ns)
