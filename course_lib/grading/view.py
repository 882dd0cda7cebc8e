"""What is seen behind a wall, whatever builds it: read-only, the system, Python, and the fork server."""

import os
import sys
import sysconfig
from pathlib import Path

from course_lib.grading.inside.server import FORKING

INSIDE = Path(__file__).parent / "inside"
# Where that, and the packages of a virtual environment, are seen behind a wall, wherever they lie outside:
# a course folder below /tmp must not end up under the empty folder that is /tmp in there.
GRADER = "/grader"
SHOWN, PACKAGES = f"{GRADER}/inside", f"{GRADER}/venv"
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage"  # glibc asks there
SPACE = 64 << 20  # bytes of each writable folder


def server_command(parent: Path, control: int | str, work: Path, *, walled: bool) -> list[str]:
    """Start the fork server of the folder `parent`/inside with this Python."""
    code = (
        f"import sys, pathlib; sys.path.insert(0, {str(parent)!r}); from inside.server import main; "
        f"main({control!r}, pathlib.Path({str(work)!r}), {walled})"
    )
    python = _shown_python() if walled else sys.executable
    return [python, "-s", "-P", "-c", code]


def environment() -> dict[str, str]:
    """All environment variables behind a wall."""
    return FORKING | {
        "HOME": "/tmp",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": "/tmp/.ipython",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def folders() -> list[str]:
    """The empty folders in which the rest is shown; parents come first."""
    parents = [str(parent) for folder in _system() for parent in reversed(Path(folder).parents)]
    made = ["/etc", *map(str, reversed(Path(HUGE_PAGES).parents)), GRADER]
    return [folder for folder in dict.fromkeys(parents + made) if folder != "/"]


def bound(inside: str, packages: str) -> dict[str, str]:
    """What is shown read-only: the place behind the wall, and the file or folder outside.

    Args:
        inside: where the builder of the wall finds the part of the grader that runs inside.
        packages: where it finds the virtual environment.
    """
    roots = [f"/{name}" for name in ("bin", "lib", "lib64", "sbin")]
    system = _system() + [root for root in roots if os.path.isdir(root) and not os.path.islink(root)]
    few = [f"/etc/{name}" for name in ("ld.so.cache", "alternatives", "localtime")]
    shown = {path: path for path in [*system, *few, HUGE_PAGES] if os.path.exists(path)}
    if _in_venv():
        shown[PACKAGES] = packages
    return shown | {SHOWN: inside}


def links() -> dict[str, str]:
    """Symbolic links behind the wall, and where they lead."""
    paths = [f"/{name}" for name in ("bin", "lib", "lib64", "sbin")]
    return {path: os.readlink(path) for path in paths if os.path.islink(path)}


def hidden() -> list[str]:
    """The library as a folder among the shown packages, where an editable install has none."""
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = [path for folder in packages if (path := Path(folder) / "course_lib").is_dir()]
    if not _in_venv():
        return [str(path) for path in found]
    return [f"{PACKAGES}/{path.relative_to(sys.prefix)}" for path in found]


def _system() -> list[str]:
    """/usr and the Python in use."""
    python = Path(sys.base_prefix)
    return ["/usr"] if python.is_relative_to("/usr") else ["/usr", str(python)]


def _in_venv() -> bool:
    return sys.prefix != sys.base_prefix


def _shown_python() -> str:
    """This Python, as it is seen behind a wall."""
    if not _in_venv():
        return sys.executable
    return f"{PACKAGES}/{Path(sys.executable).relative_to(sys.prefix)}"
