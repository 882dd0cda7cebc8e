"""Fetch the bytes of a submission from a folder that somebody else could write to.

Each step is opened relative to the one before and looked at once it is open, so nothing can be swapped
in between. A link, a pipe or a device in the notebook's place is refused, never followed or waited for.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

MAX_BYTES = 20 * 2**20
MAX_NAMES = 1000  # of a folder with more entries, the rest is not looked at
_FLAGS = sum(
    getattr(os, flag, 0)
    for flag in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)
_RELATIVE = os.open in os.supports_dir_fd and os.scandir in os.supports_fd


class RefusedError(ValueError):
    """A submission that cannot be graded; the message says why, in words for the instructor."""


class _MissingError(RefusedError):
    """There is no such file."""


@dataclass(frozen=True)
class HandedIn:
    """A submitted file: its content, when it was last written (UTC), and what is worth a note."""

    data: bytes
    when: datetime
    name: str
    notes: tuple[str, ...] = ()


def fetch(folder: Path, name: str) -> HandedIn:
    """Read `folder/NAME.ipynb`, or the only notebook there is if it has another name.

    Args:
        folder: `submitted/STUDENT/NAME`; neither it nor the folder above it may be a link.
        name: the assignment.
    Raises:
        RefusedError: if there is no such file, or it is a link, no ordinary file, too large,
            or one file under two names (a hard link).
    """
    wanted, folder = f"{name}.ipynb", Path(os.path.abspath(folder))
    with _open_folder(folder) as descriptor:
        others = _notebooks(folder, descriptor, wanted)
        try:
            return _read(folder, descriptor, wanted, _copies(others, name))
        except _MissingError:
            if len(others) == 1:
                note = f"handed in as {printable(others[0])} instead of {wanted}"
                return _read(folder, descriptor, others[0], (note,))
            there = ", ".join(map(printable, others[:3]))
            raise RefusedError(f"no {wanted}" + (f" (but {there})" if there else "")) from None


@contextmanager
def _open_folder(folder: Path) -> Iterator[int | None]:
    """A descriptor of the folder, reached through no link; None where the system has no such calls."""
    with ExitStack() as stack:
        descriptor = None
        for part in (folder.parent, folder):
            try:
                if not _RELATIVE:
                    _refuse_link(part)
                    continue
                where = part if descriptor is None else part.name
                descriptor = os.open(where, _FLAGS | os.O_DIRECTORY, dir_fd=descriptor)
            except OSError as error:
                raise RefusedError(_reason(error, part.name)) from None
            stack.callback(os.close, descriptor)
        yield descriptor


def _refuse_link(path: Path) -> None:
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder")


def _notebooks(folder: Path, descriptor: int | None, wanted: str) -> list[str]:
    """The names of the other notebooks in a folder."""
    with os.scandir(folder if descriptor is None else descriptor) as entries:
        names = [entry.name for entry in islice(entries, MAX_NAMES)]
    return sorted(n for n in names if n.lower().endswith(".ipynb") and n != wanted and not n.startswith("."))


def _copies(others: list[str], name: str) -> tuple[str, ...]:
    """A note if beside the notebook lie others that look like newer copies of it."""
    copies = [printable(other) for other in others if other.lower().startswith(name.lower())]
    return (f"not looked at: {', '.join(copies[:3])}",) if copies else ()


def _read(folder: Path, descriptor: int | None, name: str, notes: tuple[str, ...]) -> HandedIn:
    shown = printable(name)
    try:
        if descriptor is None and not stat.S_ISREG((folder / name).lstat().st_mode):
            raise RefusedError(f"{shown} is a link or no ordinary file")
        file = os.open(folder / name if descriptor is None else name, _FLAGS, dir_fd=descriptor)
    except FileNotFoundError:
        raise _MissingError(f"no {shown}") from None
    except OSError as error:
        raise RefusedError(_reason(error, shown)) from None
    try:
        status = os.fstat(file)
        _refuse_special(status, shown)
        data = _read_at_most(file, MAX_BYTES + 1)
    finally:
        os.close(file)
    if len(data) > MAX_BYTES:
        raise RefusedError(f"{shown} is larger than {MAX_BYTES >> 20} MB")
    # The owner can set the time of the last change to anything, but not to a time after the last
    # change of the file's entry, which only the system writes.
    seconds = max(0.0, min(status.st_mtime, status.st_ctime))
    return HandedIn(data, datetime.fromtimestamp(seconds, UTC), name, notes)


def _refuse_special(status: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError(f"{shown} is a link or no ordinary file")
    if status.st_nlink > 1:
        raise RefusedError(
            f"{shown} is a hard link: the same file has {status.st_nlink} names, so it may belong to "
            "somebody else; if a backup made it so, replace it with a copy"
        )


def _read_at_most(descriptor: int, limit: int) -> bytes:
    """The file's first `limit` bytes, also of one that grows meanwhile."""
    parts, left = [], limit
    while left > 0 and (part := os.read(descriptor, min(left, 2**20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _reason(error: OSError, shown: str) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no folder {printable(shown)}"
    if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR, errno.ENXIO, errno.ENODEV):
        return f"{printable(shown)} is a link or no ordinary file"
    return f"{printable(shown)} cannot be read: {error.strerror}"


def printable(text: str, limit: int = 100) -> str:
    """A foreign text as one line that is safe to show: no control characters, no half characters."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
