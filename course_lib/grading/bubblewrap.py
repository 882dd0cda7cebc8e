"""The command lines of a wall of bubblewrap: what it shows, hides and takes away."""

import os
import subprocess
import sys
import tempfile
from functools import cache

from course_lib.grading import view
from course_lib.grading.inside.server import WRITABLE


def outer_wall(user: int) -> list[str]:
    """For root: show the Python installation under a path that others may enter, then stop being root.

    Process numbers of its own let all inside end with its first process, whoever they belong to: a parent
    that is no longer root may not end another user's process by dying.
    """
    command = ["bwrap", "--unshare-pid", "--die-with-parent", *_system(str(view.INSIDE), sys.prefix)]
    command += ["--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]
    command += ["--perms", "1777", "--dir", "/tmp"]  # where the inner bubblewrap builds its root
    drop = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    return [*command, "--", "setpriv", *drop, "--no-new-privs", "--"]


def inner_wall(filter_fd: int, inside: str, packages: str) -> list[str]:
    """The wall itself, for an unprivileged user who finds the grader's inner part and the virtual
    environment in the folders `inside` and `packages`.
    """
    command = ["bwrap", "--unshare-all", "--unshare-user", "--new-session", "--die-with-parent", "--clearenv"]
    if _knows("--disable-userns"):
        command.append("--disable-userns")
    command += ["--cap-drop", "ALL", "--hostname", "grader", *_system(inside, packages)]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for folder in WRITABLE:
        if _knows("--size"):
            command += ["--size", str(view.SPACE)]
        command += ["--perms", "1777", "--tmpfs", folder]
    for folder in view.hidden():
        command += ["--tmpfs", folder, "--remount-ro", folder]
    for name, value in view.environment().items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*command, "--chdir", "/", "--seccomp", str(filter_fd), "--"]


def _system(inside: str, packages: str) -> list[str]:
    """Read-only: /usr, the Python in use and its packages, the part of the grader that runs inside."""
    command = []
    for folder in view.folders():
        command += ["--perms", "0755", "--dir", folder]
    for place, source in view.bound(inside, packages).items():
        command += ["--ro-bind", source, place]
    for place, target in view.links().items():
        command += ["--symlink", target, place]
    return command


def _knows(option: str) -> bool:
    return option in _help()


@cache
def _help() -> str:
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout


def as_file(data: bytes) -> int:
    """A descriptor from which `data` can be read."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())
