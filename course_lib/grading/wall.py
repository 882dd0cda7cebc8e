"""The wall around the students' code: bubblewrap or a container, an unprivileged user, a fork server inside.

No network, no file of the course, a read-only system, its own process numbers, small writable space in
memory, limits on processes, files, time and memory, and a filter of system calls. What it stops is proved
by running it (`doctor.py`), not by finding the program.
"""

import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.grading.bubblewrap import as_file, inner_wall, outer_wall
from course_lib.grading.container import ENGINES, FIRST_USER, USERS, Container, EngineError
from course_lib.grading.inside.server import FORKING, WRITABLE
from course_lib.grading.processes import below, files, memory, name_and_state, sockets
from course_lib.grading.seccomp import compiled
from course_lib.grading.view import INSIDE, PACKAGES, SHOWN, server_command

MEMORY = 4 << 30  # bytes of all processes in one wall together
SPARE = 1 << 30  # bytes more for the engine's limit, which ends a process without a word
SOCKETS, FILES = 2_000, 100_000  # the kernel keeps memory for them that is counted nowhere else
WATCH = 0.1  # seconds between two looks at what the wall's processes take
START, ANSWER = 60.0, 15.0  # seconds for the fork server to start, and to make a worker
ENDING = 1.0  # seconds in which it has ended all others, if they take too much
CHOICE = "COURSE_GRADE_WALL"  # the environment variable that names one of the kinds
KINDS = ("bubblewrap", *ENGINES)  # in the order in which they are tried
REMEDY = """\
No wall against the students' code can be built here: {reason}
  Debian, Ubuntu:  sudo apt install bubblewrap        Fedora:  sudo dnf install bubblewrap
  Ubuntu 23.10 and later forbid it to ordinary users: see `course-grade doctor` and the instructors' page.
  Without it Podman or Docker will do, also on Linux: sudo apt install podman uidmap
  macOS, Windows: grade inside a Linux virtual machine (WSL 2 is one); an engine's own will not do.
  --unsafe grades without a wall: the students' code then has your rights. Only for code you trust."""
_LENGTH = struct.Struct("!I")


class WallError(RuntimeError):
    """The wall cannot be built, or fell."""


@dataclass
class Wall:
    """One fork server behind a wall, for one submission at a time.

    Args:
        unsafe: no wall at all; the student's code then has the rights of whoever grades.
        refused: library functions that workers cannot call; None if that has not been said yet.
    """

    unsafe: bool = False
    refused: tuple[str, ...] | None = None
    process: subprocess.Popen[bytes] | None = None
    control: socket.socket | None = None
    kind: str = ""  # what it is built of, once it has stood
    passed_over: str = ""  # why it is built of nothing better
    _container: Container | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _log: Any = field(default=None, repr=False)

    def start(self) -> None:
        """Start the fork server; it takes about two seconds.

        Raises:
            WallError: with the reasons, if it comes up behind no kind of wall.
        """
        self.close()
        reasons = []
        for kind in self._kinds():
            try:
                self._start(kind)
                if self.refused is not None:
                    self._refuse(self.refused)
            except (OSError, WallError, EngineError) as error:
                self.close()
                reasons.append(f"{kind}: {error}")
            else:
                self.kind, self.passed_over = kind, "; ".join(reasons) or self.passed_over
                return
        raise WallError("; ".join(reasons))

    def _kinds(self) -> tuple[str, ...]:
        """What to try: all kinds at first, later the one that stood."""
        if self.unsafe:
            return ("no wall",)
        if any(Path(sys.base_prefix).is_relative_to(folder) for folder in WRITABLE):
            raise WallError(f"Python itself lies in {sys.base_prefix}, which is empty behind a wall")
        chosen = self.kind or os.environ.get(CHOICE, "")
        if chosen and chosen not in KINDS:
            raise WallError(f"{CHOICE} is {chosen}, which is none of {', '.join(KINDS)}")
        return (chosen,) if chosen else KINDS

    def _start(self, kind: str) -> None:
        if kind in ENGINES:
            self._start_container(kind)
            return
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the wall)
        try:
            command, descriptors = self._command(theirs.fileno())
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno(), *descriptors],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env=FORKING | {"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as error:
            raise WallError(str(error)) from error
        finally:
            theirs.close()
        for descriptor in descriptors:
            os.close(descriptor)
        self.control = ours
        self._ready(START)

    def refuse(self, names: tuple[str, ...]) -> None:
        """Block library functions in all workers to come; if others are blocked by now, start anew.

        Raises:
            WallError: as `start`.
        """
        if self.refused == names:
            return
        first, self.refused = self.refused is None, names
        if first and self.control is not None:
            self._refuse(names)
        else:
            self.start()

    def _refuse(self, names: tuple[str, ...]) -> None:
        self._ask({"refuse": names}, [])
        self._ready(ANSWER)

    def _start_container(self, engine: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the wall)
        self._container = Container(engine, MEMORY + SPARE)
        command = self._container.prepare()
        self.process = subprocess.Popen(
            command,
            cwd=self._container.folder,  # Podman's monitor leaves a file where it was started, if memory ends
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )
        try:
            self.control = self._container.connection(self.process, START)
        except EngineError as error:
            raise self._fallen(str(error)) from error
        self._ready(START)

    def worker(self, files: dict[str, bytes]) -> socket.socket:
        """A connection to a fresh worker that finds `files` in its working folder.

        Raises:
            WallError: if the fork server does not answer; `start` makes a new one.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._ask({"files": {name: content.hex() for name, content in files.items()}}, [theirs.fileno()])
        self._ready(ANSWER)
        return ours

    def clean(self) -> None:
        """End whatever the last submission left behind."""
        self._ask({}, [])
        self._ready(ANSWER)

    def excess(self) -> str:
        """What the processes in the wall take more of than they may, in words; "" if all is well."""
        if self.process is None:
            return ""
        pids = below(self.process.pid)
        if self._container is not None:  # there it is the engine's child, not ours
            pids = [self._container.server, *below(self._container.server)]
        if sum(map(memory, pids)) > MEMORY:
            return f"more than {MEMORY >> 30} GiB of memory"
        if max(map(sockets, pids[-1:]), default=0) > SOCKETS:
            return f"more than {SOCKETS:,} sockets"
        if max(map(files, pids[-1:]), default=0) > FILES:
            return f"more than {FILES:,} files"
        return ""

    def _is_stopped(self) -> bool:
        """Whether the fork server was stopped, which only a student's code does."""
        if self._container is not None:
            return name_and_state(self._container.server)[1] == "T"
        pids = [] if self.process is None else [self.process.pid, *below(self.process.pid)]
        told = (name_and_state(pid) for pid in pids)
        return next((state for name, state in told if name != "bwrap"), "") == "T"

    def close(self) -> None:
        """Take the wall down with everything in it."""
        if self.control is not None:
            self.control.close()
        if self._container is not None:
            self._container.end(self.process)
        elif self.process is not None:
            self.process.kill()  # the wall's first process dies with it, and every other with that one
            self.process.wait()
        if self._folder is not None:
            self._folder.cleanup()
        self.process = self.control = self._container = self._folder = None

    def _ask(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if self.control is None:
            raise WallError("the wall is not standing")
        text = json.dumps(request).encode()
        try:
            self.control.settimeout(ANSWER)
            socket.send_fds(self.control, [_LENGTH.pack(len(text))], descriptors)
            self.control.sendall(text)
        except OSError as error:
            raise WallError(f"the fork server is gone: {error}") from error

    def _ready(self, seconds: float) -> None:
        assert self.control is not None
        deadline, reason = time.monotonic() + seconds, "the fork server does not answer"
        while time.monotonic() < deadline:
            if select.select([self.control], [], [], WATCH)[0]:
                if _byte(self.control) != b"r":
                    reason = "the fork server ended"
                    break
                if self.process is not None and self.process.poll() is None:
                    return
                reason = "the wall's first process ended"  # below it we watch what the others take
                break
            if self._is_stopped():
                reason = "the fork server was stopped"
                break
            if (excess := self.excess()) and time.monotonic() > deadline - seconds + ENDING:
                reason = f"the fork server does not end {excess}"
                break
        raise self._fallen(reason)

    def _fallen(self, reason: str) -> WallError:
        """Take the wall down; the error has the last line of what was said behind it."""
        self._log.seek(0)
        said = self._log.read()[-2000:].decode(errors="replace").strip()
        self.close()
        return WallError(f"{reason}: {said.splitlines()[-1] if said else 'it said nothing'}")

    def _command(self, control: int) -> tuple[list[str], list[int]]:
        """The command that starts the fork server, and the descriptors that it needs besides."""
        if self.unsafe:
            self._folder = tempfile.TemporaryDirectory(prefix="unsafe-")
            parent = Path(self._folder.name)
            (parent / "inside").symlink_to(INSIDE)  # its neighbours' names are the standard library's
            return server_command(parent, control, parent / "task", walled=False), []
        if sys.platform != "linux" or shutil.which("bwrap") is None:
            raise WallError("it is not installed")
        try:
            filter_fd = as_file(compiled())
        except (OSError, ImportError, RuntimeError) as error:
            raise WallError(f"libseccomp cannot be used: {error}") from error
        server = server_command(Path(SHOWN).parent, control, Path("/tmp/task"), walled=True)
        if os.geteuid() != 0:
            return inner_wall(filter_fd, str(INSIDE), sys.prefix) + server, [filter_fd]
        user = FIRST_USER + os.getpid() % USERS
        return outer_wall(user) + inner_wall(filter_fd, SHOWN, PACKAGES) + server, [filter_fd]


def problem() -> str:
    """Why no wall can be built on this machine; "" if one can."""
    wall = Wall()
    try:
        wall.start()
    except WallError as error:
        return str(error)
    finally:
        wall.close()
    return ""


def _byte(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except OSError:
        return b""
