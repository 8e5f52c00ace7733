"""Files that only the server's own user may read."""

import os
from pathlib import Path


def write_secret(path: Path, content: bytes) -> None:
    """Make the file, never readable by others, not even for an instant. Raises FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
