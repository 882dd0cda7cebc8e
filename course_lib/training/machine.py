"""What a recorded figure must say about where it came from: code, versions and processor.

Left out on purpose: host names, user names and absolute paths, which tell a reader nothing and
should not be published.
"""

import hashlib
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "gensim", "tokenizers", "transformers")

ROOT = Path(__file__).resolve().parents[2]
"""The checkout that this package is imported from."""


def versions() -> dict[str, str]:
    """Versions of Python and of the installed libraries that figures depend on."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu_model() -> str:
    """The processor's marketing name, for example "AMD EPYC"."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def device_name(device: str) -> str:
    """The accelerator's name for a CUDA device, "CPU" for the processor."""
    if device == "cpu":
        return "CPU"
    import torch

    return torch.cuda.get_device_name(device)


def loaded_sources(*scripts: str | Path) -> list[Path]:
    """The given scripts and every file of `course_lib` that is imported now, sorted."""
    files = {Path(script).resolve() for script in scripts}
    for name, module in list(sys.modules.items()):
        source = getattr(module, "__file__", None)
        if source and (name == "course_lib" or name.startswith("course_lib.")):
            files.add(Path(source).resolve())
    return sorted(files)


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of source files: equal if and only if the code is."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(relative(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def relative(file: str | Path) -> str:
    """A path from the checkout's root, with forward slashes; the bare name for a file outside it."""
    path = Path(file).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def revision(files: Iterable[Path]) -> tuple[str, bool]:
    """The git revision, and whether any of these files differs from it or is not in it.

    Returns:
        ("unknown", True) where there is no git or no repository.
    """
    paths = [str(file) for file in files if file.is_relative_to(ROOT)]
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--ignored", "--", *paths)
    except (OSError, subprocess.SubprocessError):
        return "unknown", True
    return head, bool(changed)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()
