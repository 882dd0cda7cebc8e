"""The command lines of the wall: what bubblewrap shows, hides and takes away."""

import os
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from course_lib.grading.inside.server import FORKING, WRITABLE

INSIDE = Path(__file__).parent / "inside"
# Where that, and the packages of a virtual environment, are seen behind a wall, wherever they lie outside:
# a course folder below /tmp must not end up under the empty folder that is /tmp in there.
SHOWN, PACKAGES = "/grader/inside", "/grader/venv"
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage"
SPACE = 64 << 20  # bytes of each writable folder


def server_command(parent: Path, control: int, work: Path, *, walled: bool) -> list[str]:
    """Start the fork server of the folder `parent`/inside with this Python."""
    code = (
        f"import sys, pathlib; sys.path.insert(0, {str(parent)!r}); from inside.server import main; "
        f"main({control}, pathlib.Path({str(work)!r}), {walled})"
    )
    python = _shown_python() if walled else sys.executable
    return [python, "-s", "-P", "-c", code]


def _in_venv() -> bool:
    return sys.prefix != sys.base_prefix


def _shown_python() -> str:
    """This Python, as it is seen behind a wall."""
    if not _in_venv():
        return sys.executable
    return f"{PACKAGES}/{Path(sys.executable).relative_to(sys.prefix)}"


def outer_wall(user: int) -> list[str]:
    """For root: show the Python installation under a path that others may enter, then stop being root."""
    command = ["bwrap", "--die-with-parent", *_system(str(INSIDE), sys.prefix)]
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
            command += ["--size", str(SPACE)]
        command += ["--perms", "1777", "--tmpfs", folder]
    for folder in _installed_course():
        command += ["--tmpfs", folder, "--remount-ro", folder]
    environment = FORKING | {
        "HOME": "/tmp",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": "/tmp/.ipython",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    for name, value in environment.items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*command, "--chdir", "/", "--seccomp", str(filter_fd), "--"]


def _system(inside: str, packages: str) -> list[str]:
    """Read-only: /usr, the Python in use and its packages, the part of the grader that runs inside."""
    command, made = [], {"/"}
    for folder in ("/usr", sys.base_prefix):
        if any(Path(folder).is_relative_to(known) for known in made - {"/"}):
            continue
        for parent in reversed(Path(folder).parents):
            if str(parent) not in made:
                made.add(str(parent))
                command += ["--perms", "0755", "--dir", str(parent)]
        made.add(folder)
        command += ["--ro-bind", folder, folder]
    for name in ("bin", "lib", "lib64", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    for folder in ("/etc", "/sys", "/sys/kernel", "/sys/kernel/mm", str(Path(SHOWN).parent)):
        command += ["--perms", "0755", "--dir", folder]
    for name in ("ld.so.cache", "alternatives", "localtime"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--ro-bind-try", HUGE_PAGES, HUGE_PAGES]  # glibc asks there
    if _in_venv():
        command += ["--ro-bind", packages, PACKAGES]
    return [*command, "--ro-bind", inside, SHOWN]


def _installed_course() -> list[str]:
    """The library as a folder among the installed packages, where an editable install has none."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = [path for folder in folders if (path := Path(folder) / "course_lib").is_dir()]
    if not _in_venv():
        return [str(path) for path in found]
    return [f"{PACKAGES}/{path.relative_to(sys.prefix)}" for path in found]


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
