"""The face of the media core: what the control plane may ask of it, and how its events reach asyncio."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from mediaswitch import _core
from mediaswitch.matrix import Crosspoint

log = logging.getLogger(__name__)

PlayItem = _core.PlayFile | _core.PlayTone | _core.PlaySilence
"What a player can play."


class Media(Protocol):
    """The part of the core that carries out what sessions decide (see _core.pyi for all of it)."""

    def connect(self, source: int, destination: int, *, gain_db: float = 0.0) -> None: ...

    def disconnect(self, source: int, destination: int) -> None: ...

    def close_port(self, port: int, *, end_ns: int | None = None) -> None: ...


def connect(core: Media, crosspoint: Crosspoint) -> None:
    """Set one crosspoint. A track or port that has just gone is no error: its leg's end is on its way up."""
    try:
        core.connect(crosspoint.source, crosspoint.destination, gain_db=crosspoint.gain_db)
    except (_core.UnknownTrack, _core.UnknownPort) as gone:
        log.info("crosspoint %s not set: %s", crosspoint, gone)


def disconnect(core: Media, crosspoint: Crosspoint) -> None:
    """Clear one crosspoint; an absent one is fine."""
    core.disconnect(crosspoint.source, crosspoint.destination)


class CoreEvents:
    """Hands the core's events to one handler, on the event loop, in order."""

    def __init__(self, core: _core.MediaCore, handler: Callable[[_core.CoreEvent], None]) -> None:
        self._core = core
        self._handler = handler
        self._fd = core.event_fd()

    def start(self) -> None:
        asyncio.get_running_loop().add_reader(self._fd, self._drain)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)

    def _drain(self) -> None:
        for event in self._core.drain_events():
            try:
                self._handler(event)
            except Exception:  # one event's fault must not stop those behind it
                log.exception("media event %r failed", event)
