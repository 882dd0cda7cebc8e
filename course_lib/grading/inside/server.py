"""The fork server: it has imported PyTorch once, and makes a fresh worker for each submission in no time.

It lives inside the wall, one submission at a time. Before each one, every other process in here is killed
and everything that could be written to is emptied; if that fails, the server ends, and the wall with it.

    python server.py CONTROL [WORK_FOLDER]
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path

from . import WRITABLE

# For a process that forks: one thread, because a pool of threads would not survive; and memory in huge
# pages, whose tables are copied three times as fast.
FORKING = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}

LIMITS = {
    resource.RLIMIT_DATA: 3 << 30,
    resource.RLIMIT_FSIZE: 64 << 20,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_CPU: 90,
    resource.RLIMIT_CORE: 0,
}
PROCESSES = 64  # threads count, too
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
_LENGTH = struct.Struct("!I")


def main(control_at: int | str, work: Path, walled: bool) -> None:
    """Serve until the other side hangs up: a descriptor of a connection, or the path of a socket."""
    control = _connection(control_at)
    shell = _preload()
    _prctl(PR_SET_DUMPABLE, 0)  # no worker may look into this process
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("a thread was started before the fork")
    gc.collect()
    gc.freeze()
    control.sendall(b"r")
    while True:
        request, descriptors = _request(control)
        if request is None:
            return
        _clean(work, walled)
        if "refuse" in request:
            _refuse(request["refuse"])
        if descriptors:
            _start(control, descriptors[0], request["files"], work, shell, walled)
        control.sendall(b"r")


def _connection(at: int | str) -> socket.socket:
    if isinstance(at, int):
        return socket.socket(fileno=at)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(at)
    return connection


def die_with_parent() -> None:
    """Let the kernel end this process when its parent ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None).prctl(option, value, 0, 0, 0):
        raise OSError("prctl failed")


def _preload() -> object:
    """Import and warm up everything that a submission is likely to need."""
    import scipy.optimize
    import scipy.special
    import scipy.stats  # noqa: F401
    import torch
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from . import worker

    torch.set_num_threads(1)
    layer = torch.nn.Linear(2, 2)
    for make in (torch.optim.SGD, torch.optim.Adam):  # the first step imports half of PyTorch
        optimizer = make(layer.parameters(), lr=0.1)
        torch.nn.functional.cross_entropy(layer(torch.ones(1, 2)), torch.tensor([0])).backward()
        optimizer.step()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    shell = InteractiveShell.instance(config=config)
    worker.rehearse(shell)
    return shell


def _refuse(names: list[str]) -> None:
    """Block what an assignment refuses, for all workers to come."""
    from .refuse import refuse

    refuse(names)
    gc.freeze()


def _request(control: socket.socket) -> tuple[dict | None, list[int]]:
    """A length, a JSON text, and perhaps the connection of a new worker."""
    head, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, 1)
    if not head:
        return None, []
    (left,) = _LENGTH.unpack(head)
    text = b""
    while left > len(text):
        part = control.recv(left - len(text))
        if not part:
            return None, []
        text += part
    return json.loads(text), descriptors


def _start(
    control: socket.socket, connection: int, files: dict, work: Path, shell: object, walled: bool
) -> None:
    if os.fork():
        os.close(connection)
        return
    try:
        _keep_only(connection)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _unpack(files, work)
        os.chdir(work)
        sys.path[:] = ["", *(p for p in sys.path if p not in ("", str(Path(__file__).parent.parent)))]
        for limit, value in LIMITS.items() if walled else ():
            resource.setrlimit(limit, (value, value))
        if walled:
            resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
        from . import worker

        worker.serve(socket.socket(fileno=connection), shell)  # type: ignore[arg-type]
    finally:
        os._exit(0)


def _keep_only(connection: int) -> None:
    """Close every descriptor but this one; what is printed past Python goes nowhere, and to no log."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.closerange(3, connection)
    os.closerange(connection + 1, 4096)


def _unpack(files: dict[str, str], work: Path) -> None:
    """Write the assignment's data files, given as hexadecimal text."""
    for name, content in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(content))


def _clean(work: Path, walled: bool) -> None:
    """Nothing of the last submission is left: no process, no file. Ends the server if something is."""
    if walled:
        _kill_others()
        for folder in WRITABLE:
            _empty(folder)
    elif work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)


def _empty(top: str) -> None:
    """Empty a folder, whatever the permissions and however deep: subfolders are moved up, then emptied.

    The folder itself keeps nothing either: no mode, time or attribute that another submission could read.
    """
    waiting, mark, count = [top], os.urandom(8).hex(), 0
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)
        for entry in list(os.scandir(folder)):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            count += 1
            moved = f"{top}/{mark}-{count}"
            os.chmod(entry.path, 0o700)  # moving a folder writes to it
            os.rename(entry.path, moved)
            waiting.append(moved)
        if folder != top:
            os.rmdir(folder)
    for name in os.listxattr(top) if hasattr(os, "listxattr") else ():
        os.removexattr(top, name)
    os.utime(top, (0, 0))
    os.chmod(top, 0o1777)


def _kill_others() -> None:
    """Kill every process in here but this one and the wall's first, which reaps orphans."""
    for _ in range(200):
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        while _reap():
            pass
        if not [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in (1, os.getpid())]:
            return
        time.sleep(0.005)
    raise RuntimeError("a process cannot be killed")


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False
