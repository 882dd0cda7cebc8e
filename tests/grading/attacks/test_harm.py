# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks that want to break something: the grader, the machine, the next submission."""

import time

import pytest

from course_lib.grading.wall import ANSWER

CELLS = {
    "ending Python": "import os; os._exit(0)",
    "a crash": "import ctypes; ctypes.string_at(0)",
    "killing everything": "import os; os.kill(-1, 9)",
    "killing the parent": "import os; os.kill(os.getppid(), 9)",
    "killing the first process": "import os; os.kill(1, 9); os.kill(1, 19); os.abort()",
    "an abort": "import os; os.abort()",
    "closing every descriptor": "import os; os.closerange(0, 4096)",
    "another connection in place of the wire": "import os; os.dup2(os.open('/dev/zero', 0), 3)",
    "stopping itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "an endless loop": "import signal\nwhile True: pass",
    "an endless loop that cannot be interrupted": (
        "import signal\nsignal.setitimer = lambda *a: None\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "an endless regular expression": "import re, signal; re.match('(a+)+$', 'a' * 40 + 'b')",
    "printing for ever": "import os\nos.kill\nwhile True: print('x' * 10**6)",
    "an alarm that goes off later": (
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "signal.setitimer = lambda *a: None\nimport time; time.sleep(1)"
    ),
    "signals ignored": "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass",
    "no processes left": "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))",
    "no files left": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
    "no time left": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
    "looking into the server": (
        "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0"
    ),
    "changing the server's limits": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "changing the server's priority": "import os; os.setpriority(0, os.getppid(), 19)",
    "moving the server to one processor": "import os; os.sched_setaffinity(os.getppid(), {0})",
    "a new namespace": "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "memory without a name": "import os; os.memfd_create('x')",
    "the network": "import socket; socket.create_connection(('1.1.1.1', 53), 2)",
    "writing into the system": "for f in ('/usr/x', '/etc/x', '/proc/sys/kernel/x', '/grader/inside/x'): open(f, 'w')",
    "writing into the gradebook": "open('../gradebook.db', 'w'); open('/proc/1/root/gradebook', 'w')",
    "a large file": "open('x', 'wb').write(b'x' * (1 << 27)); '/dev/full'",
    "a full disk": "'/dev/'\nfor i in range(20): open(f'/dev/shm/{i}', 'wb').write(b'x' * (1 << 24))",
    "a fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "a thread bomb": (
        "import gc, threading, time\n"
        "for i in range(10000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    ),
    "a daemon": (
        "import os, signal, time\nif os.fork() == 0:\n    os.setsid(); signal.signal(15, signal.SIG_IGN)\n"
        "    os.closerange(0, 100); time.sleep(600)"
    ),
    "a named socket": "import os, socket\ns = socket.socket(1); s.bind('\\0taken'); s.listen()\nif os.fork() == 0:\n    while True: os.read(os.pipe()[0], 1)",
    "a pipe with a name": "import os; os.mkfifo('/tmp/pipe')",
    "folders that nobody may enter": (
        "import os\nfor i in range(3):\n    os.makedirs(f'/tmp/a{i}/b/c'); open(f'/tmp/a{i}/b/f', 'w')\n"
        "    os.chmod(f'/tmp/a{i}/b', 0); os.chmod(f'/tmp/a{i}', 0)\nos.kill"
    ),
    "the writable folder itself closed": "import os; os.kill; os.chmod('/tmp', 0); os.setxattr('/dev/shm', 'user.x', b'1')",
    "links": "import os; os.symlink('/', '/tmp/link'); os.symlink('/dev/shm', '/dev/shm/loop')",
    "ten thousand nested folders": (
        "import os\nos.kill; os.chdir('/tmp')\nfor i in range(10_000): os.mkdir('d'); os.chdir('d')"
    ),
    "many files": "import os; os.kill; [open(f'/tmp/{i}', 'w').close() for i in range(20_000)]",
    "another torch in the folder": (
        "for name in ('torch', 'numpy', 'sitecustomize', 'inside'): open(name + '.py', 'w').write('raise SystemExit')\n"
        "'import torch'"
    ),
}  # fmt: skip


# What makes grading itself impossible hurts whoever hands it in, and nobody else.
ITSELF = {
    "killing everything",
    "killing the parent",
    "no processes left",
    "no files left",
    "a fork bomb",
    "a thread bomb",
    "signals ignored",
}


LONG = {"killing everything", "killing the parent"}  # each new wall imports PyTorch anew


def cases(harms):
    return [pytest.param(harm, marks=pytest.mark.soak if harm in LONG else ()) for harm in harms]


@pytest.mark.parametrize("harm", cases(CELLS))
def test_a_cell_that_does_harm_costs_nobody_else_anything(harm, attack, tools):
    graded = attack(extras=[CELLS[harm]])
    assert harm in ITSELF or tools.failed(graded) == set()


CALLS = {
    "ending Python": "os._exit(0)",
    "killing the worker": "os.kill(os.getppid(), 9)",
    "killing everything": "os.kill(-1, 9)",
    "memory": "a = [np.ones(1 << 24) for _ in range(1000)]",
    "an endless loop": "\n    while True: pass",
    "a fork bomb": "\n    while True:\n        try: os.fork()\n        except OSError: pass",
    "closing every descriptor": "os.closerange(0, 4096)",
}


@pytest.mark.parametrize("harm", cases(CALLS))
def test_a_function_that_does_harm_fails_its_tests_and_no_other(harm, attack, tools):
    graded = attack(double=f"import os\ndef double(x):\n    os.kill, os.fork\n    {CALLS[harm]}")
    missed = tools.failed(graded)
    assert missed >= tools.DOUBLE if harm in ("killing everything", "a fork bomb") else missed == tools.DOUBLE


@pytest.mark.parametrize(
    "bomb",
    [
        "import mmap, gc\nm = mmap.mmap(-1, 1 << 33)\nfor i in range(0, 1 << 33, 4096): m[i] = 1",
        "import os\nwhile os.fork() or True:\n    a = [bytearray(1 << 26) for _ in range(10)]",
        (
            "import ctypes, mmap\nlibc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p\n"
            "a = libc.mmap(None, ctypes.c_size_t(1 << 45), 1, 0x4022, -1, ctypes.c_size_t(0))\n"
            "for i in range(0, 1 << 45, 1 << 21): ctypes.c_char.from_address(a + i).value"
        ),
    ],
    ids=["shared memory", "many processes", "tables of pages"],
)
@pytest.mark.slow
def test_a_memory_bomb_is_put_out(bomb, attack, tools):
    graded = attack(extras=[bomb])
    assert tools.failed(graded) == set()


@pytest.mark.slow
def test_more_sockets_than_anyone_needs_end_the_cell(attack, tools):
    bomb = (
        "import socket, time\nl = socket.socket(1); l.bind('\\0x'); l.listen(4096)\n"
        "while True:\n    s = socket.socket(1); s.setblocking(False)\n    try: s.connect('\\0x'); s.send(b'x' * 65536)\n"
        "    except OSError: time.sleep(0.1)\n    s.close()"
    )
    graded = attack(extras=[bomb])
    assert tools.failed(graded) == set()
    assert any("2,000 sockets" in incident for incident in graded.incidents)


@pytest.mark.slow
def test_more_files_than_anyone_needs_end_the_cell(attack, tools):
    bomb = "n = 0\nwhile True:\n    open(f'/dev/shm/{n}', 'w').close(); n += 1"
    graded = attack(extras=[bomb])
    assert tools.failed(graded) == set()
    assert any("100,000 files" in i or "out" in i or "stop" in i for i in graded.incidents)


STOPS = ("os.kill(os.getppid(), signal.SIGSTOP)", "os.kill(-1, signal.SIGSTOP)")


@pytest.mark.parametrize("stop", STOPS)
def test_a_server_that_is_stopped_delays_nobody_for_long(stop, toy, assignment, quick_station, tools):
    tools.grade(toy, assignment, quick_station)
    began = time.monotonic()
    graded = tools.grade(toy, assignment, quick_station, extras=[f"import os, signal\n{stop}"])
    assert time.monotonic() - began < ANSWER
    assert tools.failed(graded) == set()
    tools.look_around(toy, assignment, quick_station)


@pytest.mark.soak
@pytest.mark.parametrize("stop", STOPS)
def test_one_that_a_copy_of_the_worker_stops_costs_nobody_else_anything(
    stop, toy, assignment, patient_station, tools
):
    """Two processes then give answers, and which is heard first is chance: that is the student's own loss."""
    extra = (
        f"import os, signal\nif os.fork() == 0:\n    {stop}\n    a = [bytearray(1 << 26) for _ in range(60)]"
    )
    assert tools.grade(toy, assignment, patient_station, extras=[extra]).incidents
    tools.look_around(toy, assignment, patient_station)


@pytest.mark.soak
def test_a_hundred_thousand_nested_folders_are_cleared_away(attack, tools):
    attack(
        extras=["import os\nos.kill; os.chdir('/tmp')\nfor i in range(100_000): os.mkdir('d'); os.chdir('d')"]
    )
