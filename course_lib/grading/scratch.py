"""Temporary folders that do not outlive their process for long: one that was killed is cleared away later."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OURS = "course-grade-"  # how the names of all these folders begin


@contextmanager
def scratch(kind: str, parent: Path | None = None) -> Iterator[Path]:
    """A folder for the time of the block, beside which those of processes that died are removed, of any kind.

    A living process holds a lock on its folder, which the kernel takes away when it dies.
    """
    beside = parent or Path(tempfile.gettempdir())
    _remove_forgotten(beside)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{OURS}{kind}-", dir=beside))
        with suppress(FileNotFoundError):  # taken for forgotten before the lock was on it
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():
                break
            os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_forgotten(beside: Path) -> None:
    for folder in beside.glob(f"{OURS}*"):
        with suppress(OSError):  # somebody else's, gone, or in use
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_uid == os.geteuid():
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def remove_unfinished(folder: Path) -> None:
    """Remove what `course_lib.files.atomic_write` was writing in a folder when it was killed."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
