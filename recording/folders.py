"""Where recordings lie: `<root>/<tenant>/<yyyy>/<mm>/<dd>/<session>/`, by the UTC day on which the session began."""

from contextlib import suppress
from pathlib import Path

from mediaswitch.clock import wall_time
from mediaswitch.ids import SessionId, TenantId

OPEN = ".open"
"In the root: one file a recording that is not complete yet, so that a start after a crash need not look at all."


class Folders:
    """Implements `mediaswitch.services.RecordingFolders`."""

    def __init__(self, root: Path, *, enabled: bool = True) -> None:
        self._root = root.absolute()
        self._enabled = enabled

    @property
    def root(self) -> Path:
        return self._root

    def folder_for(self, session: SessionId, tenant: TenantId, *, at: int) -> Path | None:
        """Create and return the session's folder; None if nothing is recorded. at: one clock, ns. Raises OSError."""
        if not self._enabled:
            return None
        folder = self._root / tenant / f"{wall_time(at):%Y/%m/%d}" / session
        folder.mkdir(parents=True)
        mark = self._mark(session)
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(str(folder.relative_to(self._root)))
        return folder

    def complete(self, session: SessionId) -> None:
        """The session's recording needs no more care. Raises OSError."""
        self._mark(session).unlink(missing_ok=True)

    def incomplete(self) -> dict[SessionId, Path]:
        """The recordings that are going on, or that a former run of the server left behind."""
        found = {}
        for mark in sorted((self._root / OPEN).glob("*")):
            with suppress(FileNotFoundError):  # completed at this moment
                found[SessionId(mark.name)] = self._root / mark.read_text()
        return found

    def _mark(self, session: SessionId) -> Path:
        return self._root / OPEN / session
