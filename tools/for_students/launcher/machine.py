"""What this computer is, and where things lie on it."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from urllib.parse import quote

LONG_PATH = 100  # characters; Windows stops at 260, and the deepest installed file needs the rest
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


def machine_problems(system: str, machine: str, bits: int, root: str) -> list[str]:
    """What about this computer will make the installation fail, one text each."""
    problems = []
    if bits < 64:
        problems.append("this Python is a 32-bit one; PyTorch needs 64 bits. Install the 64-bit Python.")
    if system == "Darwin" and machine == "x86_64":
        problems.append(
            "PyTorch is no longer made for Macs with an Intel chip. If yours has an Apple chip, install "
            "Python from python.org (yours runs translated); otherwise ask your instructor for a machine."
        )
    if system == "Windows" and len(root) > LONG_PATH:
        problems.append(
            f"the path of this folder is {len(root)} characters long, and Windows may refuse the longest "
            "files in it. Move the folder to a shorter place, such as C:\\nlp."
        )
    return problems


def this_machines_problems(root: Path) -> list[str]:
    bits = 64 if sys.maxsize > 2**32 else 32
    return machine_problems(platform.system(), platform.machine(), bits, str(root))


def has_nvidia(which: Callable[[str], str | None] = shutil.which) -> bool:
    return bool(which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()


def venv_python(venv: PurePath, windows: bool) -> PurePath:
    """Where the Python of a virtual environment lies."""
    return venv / "Scripts" / "python.exe" if windows else venv / "bin" / "python"


def lab_root(course: PurePath, work: PurePath) -> PurePath:
    """The folder that JupyterLab shows: what holds the course and the work, if that is a place of its own."""
    shared = 0
    while course.parts[: shared + 1] == work.parts[: shared + 1] and shared < len(work.parts):
        shared += 1
    return work if shared < 2 else type(work)(*work.parts[:shared])


def lab_url(root: PurePath, work: PurePath) -> str:
    """The address, below the server's, at which JupyterLab shows the working folder."""
    inside = work.relative_to(root).as_posix()
    return "/lab" if inside == "." else "/lab/tree/" + quote(inside)


def torch_options(system: str, nvidia: bool, wanted: str, pip_config: str) -> tuple[list[str], str]:
    """Where PyTorch comes from: options for pip (none: as everything else), and a sentence about it.

    On Linux the general index has the build for NVIDIA cards, several gigabytes; machines without such a
    card take PyTorch's own index of small builds, unless pip is set up to use an index of its own.
    """
    if wanted == "default" or (wanted == "auto" and (system != "Linux" or nvidia)):
        return [], ""
    own_index = re.search(r"(?<!extra-)\b(index-url|no-index)\s*=", pip_config)
    if wanted == "auto" and own_index:
        return [], "PyTorch comes from the index that pip is set up for (--torch cpu: the small build)"
    return ["--index-url", CPU_WHEELS], "no NVIDIA card: the small build of PyTorch"
