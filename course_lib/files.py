"""Write files so that a reader never meets half of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """Open a file that replaces `path` only when the block ends without an error.

    The new content is written beside `path` and renamed over it, so an interrupted or failed
    write leaves the old file as it was.

    Args:
        path: the file to create or replace; its folder must exist.
        mode: "w" or "wb".
        options: passed to `open`, for example `encoding` or `newline`.
    Raises:
        ValueError: if `mode` does not write a whole new file.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode must be 'w' or 'wb', got {mode!r}")
    if mode == "w":
        options.setdefault("encoding", "utf-8")
    target = Path(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _share_mode(name, target)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _share_mode(name: str, target: Path) -> None:
    """Give the temporary file the permissions that `target` has, or that a plain `open` would set."""
    if target.exists():
        os.chmod(name, target.stat().st_mode & 0o777)
        return
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)
