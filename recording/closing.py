"""From the last entry of a recording to its manifest. Blocking work, for a thread."""

from collections.abc import Sequence
from pathlib import Path

from mediaswitch import timeline as t
from mediaswitch.timeline import Entry
from recording import manifest, repair


def close(folder: Path, entries: Sequence[Entry], mend: repair.Repair) -> None:
    """Write the manifest of a session that is over.

    A track whose writer failed during the call, or was killed, has no SegmentClosed: its file is completed now and
    listed as repaired. Raises OSError, ValueError for a timeline without start or end.
    """
    ends = [entry.at for entry in entries if isinstance(entry.event, t.Ended)]
    if not ends:
        raise ValueError("the session has not ended")
    saved = repair.complete(repair.unclosed(folder, entries), entries, ends[0], mend)
    manifest.write(folder, manifest.build(entries, saved, lambda name: manifest.facts(folder / name)))
