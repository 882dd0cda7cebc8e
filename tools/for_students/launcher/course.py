"""The course's folder and its .venv: what is installed, how, and what is started from it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher.machine import has_nvidia, lab_root, lab_url, torch_options, venv_python
from launcher.work import StopError, read_json, write_json

EXTRAS = ".[book,student]"
STAMP = "course.json"  # in .venv: what is installed
GIGABYTE = 2**30
NEEDED = 4  # gigabytes of disk before the installation; afterwards one is enough

NETWORK = re.compile(
    r"connection ?(error|refused|reset|aborted|broken|timed out)|NewConnection|name resolution|getaddrinfo"
    r"|name or service|resolve host|timed out|(Read|Connect)Timeout|unreachable|proxy ?error|SSL ?error"
    r"|certificate verify|could not fetch",
    re.IGNORECASE,
)
FULL = re.compile(r"no space left|disk quota|not enough space", re.IGNORECASE)
LARGE = re.compile(r"Downloading .*[MG]B\)")
BUSY = re.compile(r"WinError (5|32)\b|being used by another process|Permission denied", re.IGNORECASE)


def why_it_failed(log: str) -> str:
    """In words, what pip stumbled over."""
    if FULL.search(log):
        return "the disk is full. Free some space and run the same command again."
    if NETWORK.search(log):
        return (
            "the packages could not be downloaded. Check the network (and the proxy: HTTPS_PROXY), then run "
            "the same command again; what is downloaded is kept."
        )
    if BUSY.search(log):
        return "a file is in use or protected. Close JupyterLab and editors, then run the same command again."
    return ""


class Course:
    """The course's folder, the working folder, and the commands that are run for them.

    Args:
        root: the course's folder.
        work: the working folder.
        run: runs a command and returns its exit code and what it printed; replaced in tests.
    """

    def __init__(self, root: Path, work: Path, run: Callable[..., tuple[int, str]] | None = None) -> None:
        self.root, self.work, self.venv = root, work, root / ".venv"
        self.python = Path(venv_python(self.venv, os.name == "nt"))
        self.run = run or run_and_log

    def environment(self) -> dict[str, str]:
        """For pip and JupyterLab: the course's settings, UTF-8, and the programs of .venv first."""
        settings = [str(self.root / ".jupyter"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
        return dict(
            os.environ,
            JUPYTER_CONFIG_PATH=os.pathsep.join(filter(None, settings)),
            COURSE_WORK=str(self.work),
            PATH=os.pathsep.join([str(self.python.parent), os.environ.get("PATH", "")]),
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            PYTHONUTF8="1",
            VIRTUAL_ENV=str(self.venv),
        )

    def stamp(self) -> dict[str, str]:
        """What .venv has to be made for; when one of these changes, the installation is run again."""
        asked = b"".join((self.root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
        return {
            "folder": str(self.root),
            "requirements": hashlib.sha256(asked).hexdigest(),
            "extras": EXTRAS,
        }

    def is_installed(self) -> bool:
        return read_json(self.venv / STAMP) == self.stamp() and self._python_runs()

    def _python_runs(self) -> bool:
        """Whether .venv has a Python that starts (not so when its base was removed), and pip."""
        if not self.python.is_file():
            return False
        check = "import pip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
        return self._call([str(self.python), "-c", check])[0] == 0

    def install(self, torch: str = "auto") -> None:
        """Make .venv, and put the course and its tools into it."""
        if self.is_installed():
            return
        self._check_disk()
        if not self._python_runs():
            if self.venv.exists():
                print("removing a .venv that does not work")
                shutil.rmtree(str(self.venv))
            print(f"making .venv with Python {platform.python_version()}")
            self._try([sys.executable, "-m", "venv", str(self.venv)], _venv_help())
        print("installing the course and its tools (some minutes the first time)")
        config = self._call([str(self.python), "-m", "pip", "config", "list"])[1]
        options, reason = torch_options(platform.system(), has_nvidia(), torch, config)
        if reason:
            print("  " + reason)
        pip = [str(self.python), "-m", "pip", "install", "-c", "constraints.txt"]
        if options and self._call([*pip, "--no-deps", "--retries", "1", *options, "torch"])[0]:
            print("  PyTorch's own index cannot be reached; trying pip's")
        self._install_course(pip)
        write_json(self.venv / STAMP, self.stamp())

    def _install_course(self, pip: list[str]) -> None:
        """Install with the tested versions; where those do not exist, with the newest that fit."""
        code, log = self._call([*pip, "-e", EXTRAS])
        if code and not why_it_failed(log):
            print("  the tested versions do not fit this machine; trying the newest ones")
            free = [part for part in pip if part not in ("-c", "constraints.txt")]
            code, log = self._call([*free, "-e", EXTRAS])
        if code:
            raise StopError(self._failure("the installation failed", log))

    def _check_disk(self) -> None:
        free = shutil.disk_usage(str(self.root)).free / GIGABYTE
        need = 1 if (self.venv / STAMP).exists() else NEEDED
        if free < need:
            raise StopError(f"needs {need} GB of free disk here, and there are {free:.1f}")

    def _call(self, command: list[str]) -> tuple[int, str]:
        return self.run(command, self.root, self.environment())

    def _try(self, command: list[str], help_text: str) -> None:
        code, log = self._call(command)
        if code:
            raise StopError(self._failure(f"could not run {' '.join(command[:3])}", log, help_text))

    def _failure(self, what: str, log: str, help_text: str = "") -> str:
        last = "\n".join("    " + line for line in log.strip().splitlines()[-6:])
        reason = why_it_failed(log) or help_text or "the last lines may tell why:\n" + last
        try:
            (self.root / "start.log").write_text(log, encoding="utf-8")
        except OSError:
            return f"{what}: {reason}"
        return f"{what}: {reason}\n(everything that was printed is in {self.root / 'start.log'})"

    def lab_command(self, browser: bool = True, more: Sequence[str] = ()) -> list[str]:
        """The command that starts JupyterLab in the working folder."""
        root = Path(lab_root(self.root, self.work))
        return [
            *(str(self.python), "-m", "jupyterlab", "--log-level=WARN"),
            f"--ServerApp.root_dir={root}",
            f"--LabApp.default_url={lab_url(root, self.work)}",
            *([] if browser else ["--no-browser"]),
            *more,
        ]

    def validate_command(self, name: str) -> list[str]:
        """The command that runs the public tests of an assignment, given by its folder's name or its path."""
        inside = sorted((self.work / name).glob("*.ipynb"))  # gelu-updated/ holds gelu.ipynb, too
        path = inside[0] if inside else Path(name)
        if not path.is_file():
            raise StopError(f"there is no notebook {path}")
        return [str(self.python), "-m", "nbgrader", "validate", _no_pattern(str(path.resolve()))]


def _no_pattern(path: str) -> str:
    """The path for a program that reads `*`, `?` and `[` in it as a pattern."""
    return re.sub(r"([*?[])", r"[\1]", path)


def _venv_help() -> str:
    if platform.system() == "Linux":
        return "on Debian and Ubuntu, type:  sudo apt install python3-venv"
    return "install Python from https://www.python.org/downloads/"


def run_and_log(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a command; show the lines that tell how far it is, and return all of them."""
    lines = []
    running = subprocess.Popen(
        command,
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    assert running.stdout is not None
    with running.stdout:
        for line in running.stdout:
            lines.append(line)
            if LARGE.search(line) or line.startswith("Installing"):
                print("  " + line.strip()[:76], flush=True)
    return running.wait(), "".join(lines)
