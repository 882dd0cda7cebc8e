"""Kill parts of a grading run with -9 at seeded moments, run it again, and say what is left.

    python tests/grading/faults.py \\
        '{"root": COURSE, "seed": 1, "submissions": 20, "kills": 6, "cluster": false}'

It grades with two jobs, or with two workers of a dask cluster of its own. A process of its own, because
orphans of the run become its children, so none can hide from it. It prints JSON: what was killed, which
processes survived, and which submissions were graded again although they had been marked as done.
"""

import contextlib
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from certificates import write_certificates
from clusters import Cluster

from course_lib.grading.inside.server import die_with_parent

PR_SET_CHILD_SUBREAPER = 36
GONE = 15.0  # seconds in which everything of a run has to be gone
AWAY = 3.0  # seconds after which, at the latest, a dask worker that was killed is replaced
VICTIMS = ("grader", "worker", "server", "wall", "station", "tester")
DASK = ("dask worker", "dask worker that leaves")
ON_A_CLUSTER = (*DASK, *VICTIMS, "scheduler")


def main() -> None:
    """Run until everything is graded, with all kills in between."""
    settings = json.loads(sys.argv[1])
    die_with_parent()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if not settings.pop("cluster"):
        told = disturbed(**settings)
    else:
        with cluster(Path(settings["root"])) as dask:
            told = disturbed(**settings, dask=dask)
        told["survivors"] += survivors()
    json.dump(told, sys.stdout)


@contextlib.contextmanager
def cluster(root: Path) -> Iterator[Cluster]:
    """A cluster whose workers have the run's own folder for temporary files."""
    folder = root / "cluster"
    for new in (folder, root / "tmp"):
        new.mkdir(exist_ok=True)
    made = Cluster(folder, write_certificates(folder), TMPDIR=str(root / "tmp"))
    try:
        yield made
    finally:
        made.close()


def disturbed(root: str, seed: int, submissions: int, kills: int, dask: Cluster | None = None) -> dict:
    """Grade the toy assignment in `root`; every kill comes when a certain number of submissions is done."""
    chance, folder = random.Random(seed), Path(root)
    kinds = VICTIMS if dask is None else ON_A_CLUSTER
    victims = [kinds[i % len(kinds)] for i in range(kills)]
    chance.shuffle(victims)
    moments = sorted(chance.choices(range(max(1, submissions - 3)), k=kills))
    planned = list(zip(moments, victims, strict=True))[::-1]
    told: dict = {"killed": [], "survivors": [], "again": [], "crashed": [], "replaced": 0, "runs": 0}
    for _ in range(2 * kills + 2):
        if planned and len(marks(folder)) == submissions:  # too quick for the last kills: give it more to do
            unmark(folder, chance.sample(sorted(marks(folder)), k=max(1, submissions // 4)))
        before = marks(folder)
        if dask is not None:
            told["replaced"] += dask.mend()
        run = start(folder, ["--jobs", "2"] if dask is None else dask.options)
        while planned and run.poll() is None:
            if dask is not None:
                told["replaced"] += dask.mend()
            moment, victim = planned[-1]
            if len(marks(folder)) < moment:
                time.sleep(0.005)
                continue
            time.sleep(chance.random() * 0.1)
            if kill(victim, run, dask, chance):
                told["killed"].append(victim)
                planned.pop()
        said = run.communicate()[0]
        told["runs"] += 1
        told["survivors"] += survivors(dask)
        if run.returncode not in (0, -signal.SIGKILL) and "Stopped: " not in said:
            told["crashed"].append(said[-2000:])
        told["again"] += [name for name, mark in before.items() if marks(folder).get(name) != mark]
        if run.returncode == 0 and not planned and "; 0 broken" in said:
            return told
    return told | {"failed": said}


def marks(root: Path) -> dict[str, int]:
    """The submissions that are marked as done, and when they were."""
    found = {}
    for path in root.glob("autograded/*/toy/.graded.json"):
        with contextlib.suppress(OSError):
            found[path.parts[-3]] = path.stat().st_mtime_ns
    return found


def unmark(root: Path, students: list[str]) -> None:
    """Forget that these submissions were graded."""
    for student in students:
        (root / "autograded" / student / "toy" / ".graded.json").unlink()


def start(root: Path, options: list[str]) -> subprocess.Popen[str]:
    """`course-grade grade toy`, with a folder of its own for temporary files."""
    (root / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "course_lib.grading.cli", "grade", "toy", "--course", str(root)]
    return subprocess.Popen(
        [*command, *options],
        env=os.environ | {"TMPDIR": str(root / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
        text=True,
    )


def kill(victim: str, run: subprocess.Popen[str], dask: Cluster | None, chance: random.Random) -> bool:
    """Kill a process of that kind; False if there is none at the moment."""
    hosts = [run] if dask is None else dask.workers
    there: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        if victim in ("grader", "scheduler"):
            there = [psutil.Process(run.pid if dask is None or victim == "grader" else dask.scheduler.pid)]
        elif victim in DASK:
            there = [psutil.Process(worker.pid) for worker in hosts]
        else:
            there = [p for host in hosts for p in KINDS[victim](psutil.Process(host.pid))]
    if not there:
        return False
    chosen = chance.choice(there)
    with contextlib.suppress(psutil.Error):
        if victim == "dask worker that leaves":
            chosen.terminate()
        else:
            chosen.kill()
        if victim == "dask worker":
            time.sleep(chance.random() * AWAY)
        return True
    return False


def _stations(host: psutil.Process) -> Iterator[psutil.Process]:
    return (p for p in host.children() if "course_lib.grading.station" in p.cmdline())


def _testers(host: psutil.Process) -> Iterator[psutil.Process]:
    return (p for s in _stations(host) for p in s.children() if p.name().startswith("python"))


def _walls(host: psutil.Process) -> Iterator[psutil.Process]:
    return (p for s in _stations(host) for p in s.children(recursive=True) if p.name() == "bwrap")


def _servers(host: psutil.Process) -> Iterator[psutil.Process]:
    return (p for w in _walls(host) for p in w.children() if p.name().startswith("python"))


def _workers(host: psutil.Process) -> Iterator[psutil.Process]:
    return (p for s in _servers(host) for p in s.children(recursive=True))


# What runs below the grader, or below each dask worker.
KINDS: dict[str, Callable[[psutil.Process], Iterator[psutil.Process]]] = {
    "station": _stations,
    "tester": _testers,
    "wall": _walls,
    "server": _servers,
    "worker": _workers,
}


def survivors(dask: Cluster | None = None) -> list[str]:
    """The commands that still run some time after the run's end; they are ended here.

    The cluster's own processes, and what the living ones started, are no survivors.
    """
    deadline = time.monotonic() + GONE
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = set(psutil.Process().children(recursive=True))
        for member in (dask.scheduler, *dask.workers) if dask else ():
            with contextlib.suppress(psutil.Error):
                living = psutil.Process(member.pid)
                left -= {living, *living.children(recursive=True)}
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    found = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline())[:100])
            process.kill()
    return found


if __name__ == "__main__":
    main()
