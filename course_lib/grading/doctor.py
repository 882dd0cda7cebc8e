"""What isolation does this machine offer? Build the wall, attack it from inside, and tell.

Nothing is concluded from a program being installed: every line of the answer was tried.
"""

import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.proxy import Connection, StudentError, WorkerGoneError
from course_lib.grading.wall import Wall, WallError

APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
HELPERS = """
import ctypes, os, signal, socket, subprocess, sys, time
def refused(action):
    "Does the action fail?"
    try:
        action()
    except BaseException:
        return True
    return False
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was tried."""

    name: str
    holds: bool
    detail: str = ""


# ruff: noqa: E501  (expressions that are easier to read in one line)
# What is tried from inside: a name, and an expression that is true when the wall holds.
PROBES = {
    "no network": "refused(lambda: socket.create_connection(('{host}', {port}), 2)) "
    "and refused(lambda: socket.create_connection(('1.1.1.1', 53), 2))",
    "the course and home folders cannot be seen": "not os.path.exists({secret!r}) "
    "and not os.path.exists({home!r} + '/.ssh') and not os.path.exists({cwd!r} + '/solutions')",
    "the system is read-only": "all(refused(lambda f=f: open(f + '/probe', 'w')) "
    "for f in ('/', '/usr', '/dev', '/etc', sys.prefix, '/proc/sys/kernel'))",
    "no process outside can be seen": "all(int(p) < 200 for p in os.listdir('/proc') if p.isdigit()) "
    "and refused(lambda: os.kill({pid}, 0))",
    "the fork server cannot be looked into": "refused(lambda: open('/proc/%d/mem' % os.getppid(), 'rb').read(1)) "
    "and ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) != 0",
    "its limits cannot be changed": "refused(lambda: __import__('resource').prlimit(os.getppid(), 7, (1, 1)))",
    "no new namespaces": "ctypes.CDLL(None).unshare(0x10000000) != 0 and ctypes.CDLL(None).unshare(0x20000) != 0",
    "no privileges": "'CapEff:\\t0000000000000000' in open('/proc/self/status').read() "
    "and 'NoNewPrivs:\\t1' in open('/proc/self/status').read()",
    "system calls are filtered": "'Seccomp:\\t2' in open('/proc/self/status').read()",
    "no memory outside of the accounts": "refused(lambda: os.memfd_create('x')) "
    "and refused(lambda: open('/dev/mqueue/probe', 'w'))",
    "nothing of the grader's can be connected to": "not os.path.exists('/grader/control') or not os.listdir('/grader/control')",
    "the library's answers are not there": "refused(lambda: __import__('course_lib.nn.norm'))",
    "writable space is small": "refused(lambda: [open('/tmp/%d' % i, 'wb').write(b'x' * (1 << 24)) for i in range(8)])",
}
AFTER = {  # what one submission leaves for the next one
    "nothing is left in files": "os.listdir('/tmp') in (['task'], []) and not os.listdir('/dev/shm')",
    "no process is left": "sum(p.isdigit() for p in os.listdir('/proc')) <= 4",
}
LEAVE = """
open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')
for _ in range(3):
    if os.fork() == 0:
        os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600); os._exit(0)
"""
BOMB = """
children = 0
try:
    while children < 5000:
        if os.fork() == 0:
            time.sleep(600); os._exit(0)
        children += 1
except OSError:
    pass
"""


def examine() -> Iterator[Finding]:
    """Try everything; the first finding says whether a wall can be built at all."""
    wall = Wall()
    began = time.monotonic()
    try:
        wall.start()
    except WallError as error:
        yield Finding("a wall can be built", False, f"{error}{_apparmor()}")
        return
    reason = f"; {wall.passed_over}" if wall.passed_over else ""
    yield Finding("a wall can be built", True, f"{wall.kind}, up in {time.monotonic() - began:.1f} s{reason}")
    try:
        yield from _probe(wall)
    except (WallError, WorkerGoneError) as error:
        yield Finding("the wall stands what is tried", False, str(error))
    finally:
        wall.close()


def _probe(wall: Wall) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder) / secrets.token_hex(4)
        secret.write_text("a secret")
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
        host, port = server.getsockname()
        facts = {
            "host": host, "port": port, "secret": str(secret), "pid": os.getpid(),
            "home": str(Path.home()), "cwd": str(Path.cwd()),
        }  # fmt: skip
        worker = _worker(wall)
        for name, expression in PROBES.items():
            yield _try(worker, name, expression.format(**facts))
    worker.ask("exec", name="leave", source=LEAVE)
    worker = _worker(wall)
    for name, expression in AFTER.items():
        yield _try(worker, name, expression)
    yield _bomb(wall)


def _worker(wall: Wall) -> Connection:
    worker = Connection(wall.worker({}), time.monotonic() + 60)
    worker.ask("exec", name="helpers", source=HELPERS)
    return worker


def _try(worker: Connection, name: str, expression: str) -> Finding:
    try:
        answer = worker.ask("exec", name=name, source=f"finding = bool({expression})")
        value = worker.ask("get", name="finding").get("value")
    except StudentError as error:
        return Finding(name, False, str(error))
    return Finding(name, value is True, str(answer.get("error", "")))


def _bomb(wall: Wall) -> Finding:
    worker, began = _worker(wall), time.monotonic()
    try:
        worker.ask("exec", name="bomb", source=BOMB)
        count = int(worker.ask("get", name="children").get("value") or 0)
    except WorkerGoneError:
        count = 0
    wall.clean()
    quick = time.monotonic() - began < 10
    return Finding("a fork bomb is stopped and cleared away", count < 200 and quick, f"{count} processes")


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def _apparmor() -> str:
    """Ubuntu's restriction, if it is on."""
    if not APPARMOR.exists() or APPARMOR.read_text().strip() != "1":
        return ""
    return (
        "\n  This system forbids user namespaces to ordinary programs. Either allow them to bubblewrap with"
        "\n  an AppArmor profile (file /etc/apparmor.d/bwrap: `abi <abi/4.0>, profile bwrap /usr/bin/bwrap"
        "\n  flags=(unconfined) { userns, }`, then `sudo systemctl reload apparmor`), or for all until the next"
        "\n  start: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
    )
