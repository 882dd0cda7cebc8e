"""A wall of Podman or Docker, where bubblewrap does not start: one container for one fork server.

The engine gets an empty root and shows in it what bubblewrap would (`view.py`). Descriptors pass between host
and container over a Unix socket, because both have one kernel; where the engine runs a virtual machine of its
own (macOS, Windows) they do not, and there is no wall of this kind.
A container ends by itself when the connection of its server closes, so it does not outlive a killed grader.
"""

import contextlib
import hashlib
import io
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading import view
from course_lib.grading.inside.server import PROCESSES, WRITABLE
from course_lib.grading.scratch import scratch
from course_lib.grading.seccomp import profile

ENGINES = ("podman", "docker")
CONTROL = f"{view.GRADER}/control"  # the folder of the socket, behind the wall
SOCKET = "socket"
LABEL = "course-grade"  # its value is the container's folder
EMPTIED = ("/sys", "/dev/mqueue")  # engines fill these; the second can be written to
FIRST_USER, FIRST_MAPPED, USERS = 70_000, 20_000, 40_000  # user ids for walls; inside, if they are mapped
ENDING = 2.0  # seconds for a container to end by itself
_PEER = struct.Struct("3i")  # struct ucred


class EngineError(RuntimeError):
    """The engine does not work, or not on this machine."""


@dataclass
class Container:
    """One container, from `prepare` to `end`.

    Args:
        engine: "podman" or "docker".
        memory: bytes that all of its processes may take together.
    """

    engine: str
    memory: int
    folder: Path = Path("/")
    server: int = 0  # the process id of the fork server, out here
    _kept: ExitStack = field(default_factory=ExitStack, repr=False)
    _listener: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX), repr=False)

    def prepare(self) -> list[str]:
        """Lay out the container's folder, and give the command that starts the fork server in it.

        Raises:
            EngineError: if there is no such engine here.
        """
        if sys.platform != "linux":
            raise EngineError("only Linux shares its kernel with a container")
        if shutil.which(self.engine) is None:
            raise EngineError("it is not installed")
        self.folder = self._kept.enter_context(scratch("wall"))
        _remove_forgotten(self.engine)
        _make_root(self.folder / "root")
        (self.folder / "seccomp.json").write_text(profile())
        self._listen(self.folder / "control")
        server = view.server_command(
            Path(view.SHOWN).parent, f"{CONTROL}/{SOCKET}", Path("/tmp/task"), walled=True
        )
        variables = [f"{name}={value}" for name, value in view.environment().items()]
        return [*self._run(), "/usr/bin/env", "-i", *variables, *server]

    def connection(self, process: subprocess.Popen[bytes], seconds: float) -> socket.socket:
        """The server's connection; after it nobody can connect any more.

        Raises:
            EngineError: if none comes, because the engine ended or does not get ready.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            if select.select([self._listener], [], [], 0.05)[0]:
                connection, _ = self._listener.accept()
                self._listener.close()
                (self.folder / "control" / SOCKET).unlink()
                peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
                self.server = _PEER.unpack(peer)[0]
                if self.server == 0:
                    raise EngineError("its processes cannot be seen from here")
                return connection
        raise EngineError("it does not start the fork server")

    def end(self, process: subprocess.Popen[bytes] | None) -> None:
        """Take the container away, whose connection is closed, with all that is its own."""
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDING)
            if process.poll() is None:
                _remove(self.engine, self.folder.name)
                process.kill()
                process.wait()
        self._listener.close()
        self._kept.close()

    def _listen(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        place = os.open(folder, os.O_PATH)
        try:  # an address may have 107 characters, and a path more
            self._listener.bind(f"/proc/self/fd/{place}/{SOCKET}")
        finally:
            os.close(place)
        (folder / SOCKET).chmod(0o666)  # for the user inside; out here nobody may enter the folder above
        self._listener.listen(1)

    def _run(self) -> list[str]:
        """The engine's command line, without what it shall run."""
        first = FIRST_MAPPED if _maps_users(self.engine) else FIRST_USER
        user = first + os.getpid() % USERS
        options = {
            "name": self.folder.name,
            "label": f"{LABEL}={self.folder}",
            "network": "none",
            "ipc": "private",
            "hostname": "grader",
            "user": f"{user}:{user}",
            "workdir": "/",
            "cap-drop": "ALL",
            "log-driver": "none",
        }
        command = [self.engine, "run", "--rm", "--read-only"]
        command += [f"--{name}={value}" for name, value in options.items()]
        for option in ("no-new-privileges", f"seccomp={self.folder}/seccomp.json", "label=disable"):
            command.append(f"--security-opt={option}")  # the last lets SELinux show /usr, whose labels stay
        command += [*self._limits(), *self._mounts(user)]
        if self.engine == "docker":
            return [*command, _image(self.folder / "root")]
        command += ["--pid=private", "--uts=private", "--read-only-tmpfs=false", "--no-hosts"]
        return [*command, "--rootfs", str(self.folder / "root")]

    def _limits(self) -> list[str]:
        limits = {"core": 0, "nofile": 1024, "nproc": 4 * PROCESSES}
        total = [f"--pids-limit={2 * PROCESSES}", f"--memory={self.memory}", f"--memory-swap={self.memory}"]
        return total + [f"--ulimit={name}={value}:{value}" for name, value in limits.items()]

    def _mounts(self, user: int) -> list[str]:
        owned = "U" if self.engine == "podman" else f"uid={user},gid={user}"
        writable = f"rw,nosuid,nodev,mode=1777,size={view.SPACE},{owned}"
        mounts = [f"--tmpfs={folder}:{writable}" for folder in WRITABLE]
        mounts += [f"--tmpfs={folder}:ro" for folder in (*EMPTIED, *view.hidden())]
        shown = _bound() | {CONTROL: f"{self.folder}/control"}
        if self.engine == "docker":
            shown["/etc/resolv.conf"] = os.devnull  # it would show the machine's
        return mounts + [f"--volume={source}:{place}:ro" for place, source in shown.items()]


def _bound() -> dict[str, str]:
    return view.bound(str(view.INSIDE), sys.prefix)


def _make_root(root: Path) -> None:
    """The empty root: folders and files over which the engine puts what is shown, and links."""
    shown = _bound()
    folders = [*view.folders(), *EMPTIED, *WRITABLE, "/proc", "/dev", "/run", CONTROL]
    folders += [place for place, source in shown.items() if os.path.isdir(source)]
    for folder in ["/", *folders]:
        path = root / folder.lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
    for place in shown.keys() - set(folders):
        (root / place.lstrip("/")).touch()
    for place, target in view.links().items():
        (root / place.lstrip("/")).symlink_to(target)
    for path in [root, *root.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)  # whatever the umask is
    for folder in WRITABLE:
        (root / folder.lstrip("/")).chmod(0o1777)  # runc gives what it puts there the mode that it finds


def _image(root: Path) -> str:
    """Docker starts images only: one of the empty root, made here and of nothing else."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(root, ".", filter=_without_owner)
    name = f"{LABEL}:{hashlib.sha256(packed.getvalue()).hexdigest()[:16]}"
    if _ask("docker", "image", "inspect", name).returncode:
        made = subprocess.run(
            ["docker", "import", "-", name], input=packed.getvalue(), capture_output=True, check=False
        )
        if made.returncode:
            raise EngineError(made.stderr.decode(errors="replace").strip())
    return name


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _maps_users(engine: str) -> bool:
    """Are the user ids inside others than outside?"""
    if engine == "podman":
        return os.geteuid() != 0
    said = _ask(engine, "info", "--format", "{{.SecurityOptions}}").stdout
    return "name=rootless" in said or "name=userns" in said


def _remove_forgotten(engine: str) -> None:
    """Remove the containers whose folder is gone: `scratch` keeps that of a living grader only."""
    field_of = {"podman": f'{{{{index .Labels "{LABEL}"}}}}', "docker": f'{{{{.Label "{LABEL}"}}}}'}
    listed = _ask(engine, "ps", "--all", f"--filter=label={LABEL}", "--format", "{{.ID}} " + field_of[engine])
    if listed.returncode:
        raise EngineError(listed.stderr.strip())
    for line in listed.stdout.splitlines():
        name, folder = line.split(maxsplit=1)
        with contextlib.suppress(PermissionError):  # another user's
            if not Path(folder).exists():
                _remove(engine, name)


def _remove(engine: str, name: str) -> None:
    _ask(engine, "kill", name)  # `rm` alone may ask it to end, and wait
    _ask(engine, "rm", "--force", name)


def _ask(engine: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([engine, *command], capture_output=True, text=True, check=False)
