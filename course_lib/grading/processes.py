"""What the kernel tells of the processes behind a wall, from outside."""

import contextlib
import os
from pathlib import Path

from course_lib.grading.inside.server import WRITABLE


def below(pid: int) -> list[int]:
    """The processes that a process started, and theirs; parents come first."""
    found = [pid]
    for parent in found:
        for children in Path("/proc").glob(f"{parent}/task/*/children"):  # unlike psutil, looks at no others
            with contextlib.suppress(OSError):
                found += map(int, children.read_text().split())
    return found[1:]


def memory(pid: int) -> int:
    """Bytes that a process takes: private and shared pages, swapped ones, and the tables of pages."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return 0
    counted = ("RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:")
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(counted))


def sockets(pid: int) -> int:
    """The sockets in a process's network namespace, those that wait in a queue, too."""
    try:
        return int(Path(f"/proc/{pid}/net/sockstat").read_text().split(maxsplit=3)[2])
    except (OSError, ValueError, IndexError):
        return 0


def files(pid: int) -> int:
    """The files in the writable folders that a process sees."""
    total = 0
    for folder in WRITABLE:
        with contextlib.suppress(OSError):  # not ours to look at, or gone
            space = os.statvfs(f"/proc/{pid}/root{folder}")
            total += space.f_files - space.f_ffree
    return total


def name_and_state(pid: int) -> tuple[str, str]:
    """A process's name, and the letter of its state: T if it was stopped; two empty texts if it is gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "", ""
    name, _, rest = told.partition("(")[2].rpartition(") ")
    return name, rest[:1]
