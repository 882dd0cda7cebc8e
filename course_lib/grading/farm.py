"""Run grading tasks several at a time, on this machine or on many, with dask.distributed.

Here the tasks are threads that wait for their stations, so nothing listens on a network; there the workers
of a scheduler do the same. A task is pure: the same submission gives the same result, wherever and however
often it runs.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.grading.assignment import Assignment
from course_lib.grading.cluster import GONE, ClusterError, connect, fingerprint
from course_lib.grading.submission_file import RefusedError

NOBODY = "127.0.0.1:0"  # dask serves pages about its tasks to the whole network if it is told nothing
NO_PAGES: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
AHEAD = 4  # tasks for each job that are handed out before one is finished
PATIENCE = 30.0  # seconds without a result after which it is looked whether any worker is left
DESERTED = (
    "the scheduler has no workers any more; grading goes on when one comes, "
    "or stop it: the same command goes on from here"
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One submission to run: whose, its bytes, a mark of what the result depends on, anything to remember."""

    student: str
    data: bytes
    mark: str
    about: Any = None


@dataclass
class Farm:
    """Where tasks run. Use it in a `with` statement.

    Args:
        jobs: how many at a time on this machine.
        scheduler: the address of a dask scheduler instead of this machine.
        tls: files for an encrypted scheduler, see `cluster.TLS`.
        unsafe: run submissions without a wall.
        unencrypted: allow a scheduler that is not encrypted.
    """

    jobs: int = 1
    scheduler: str = ""
    tls: dict[str, Path] = field(default_factory=dict)
    unsafe: bool = False
    unencrypted: bool = False
    _client: Any = field(default=None, init=False)
    _cluster: Any = field(default=None, init=False)
    _sent: tuple[str, Any] = field(default=("", None), init=False)

    def __enter__(self) -> "Farm":
        return self

    def __exit__(self, *_: object) -> None:
        _close_stations()  # first, because the kernel ends them with the threads that started them
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client, self._cluster, self._sent = None, None, ("", None)

    def run(
        self, assignment: Assignment, tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, dict[str, Any] | Exception]]:
        """Each task with its result, or the exception that it raised, as they finish.

        Only a few tasks are held at a time, so memory does not grow with their number.

        Raises:
            ClusterError: if the scheduler cannot be used, or is gone.
        """
        from distributed import as_completed

        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        finished: Any = None
        while True:
            while len(running) < AHEAD * self._width() and (task := next(waiting, None)) is not None:
                future = self._submit(assignment, task)
                running[future] = task
                if finished is None:
                    finished = as_completed()
                finished.add(future)
            if not running:
                return
            self._await_one(running)
            future = next(finished)
            task = running.pop(future)
            if future.cancelled():
                raise ClusterError(GONE)
            result = result_of(future)
            if isinstance(result, ClusterError | ModuleNotFoundError):
                raise ClusterError(f"a worker cannot grade: {result}")
            yield task, result
            future.release()

    def _submit(self, assignment: Assignment, task: Task) -> Any:
        """Hand a task out, under a name that changes with all that it depends on, and names no student."""
        client = self._connect()
        about = f"{assignment.mark} {task.mark} {task.student} {self.unsafe}".encode()
        name = hashlib.sha256(about + task.data).hexdigest()
        return client.submit(
            grade_task, task.data, self._shared(client, assignment), self.unsafe, fingerprint(),
            key=f"grade-{assignment.name}-{name}", pure=True, retries=2,
        )  # fmt: skip

    def _connect(self) -> Any:
        import dask
        from distributed import Client, LocalCluster

        for name in ("distributed", "distributed.client"):  # dask sets a level for the client alone
            logging.getLogger(name).setLevel(logging.CRITICAL if self.scheduler else logging.ERROR)
        if self._client is None and self.scheduler:
            self._client = connect(
                self.scheduler, self.tls, unencrypted=self.unencrypted, walled=not self.unsafe
            )
        elif self._client is None:
            with dask.config.set(NO_PAGES):
                self._cluster = LocalCluster(
                    n_workers=self.jobs,
                    threads_per_worker=1,
                    processes=False,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": NOBODY},
                    worker_dashboard_address=NOBODY,
                    memory_limit=0,
                    silence_logs=logging.ERROR,
                )
            self._client = Client(self._cluster)
        return self._client

    def _await_one(self, running: Iterable[Any]) -> None:
        """Wait until one of a cluster's tasks is finished, or lost; if nobody is left to do it, say so."""
        from distributed import CancelledError, wait

        while self.scheduler:
            try:
                wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED")
                return
            except TimeoutError:
                if not self._threads():
                    log.warning(DESERTED)
            except CancelledError:
                return

    def _width(self) -> int:
        """How many tasks can run at a time."""
        return max(1, self._threads()) if self.scheduler else self.jobs

    def _threads(self) -> int:
        """How many tasks the cluster's workers can run at a time."""
        try:
            return sum(self._connect().nthreads().values())
        except OSError as error:
            raise ClusterError(GONE) from error

    def _shared(self, client: Any, assignment: Assignment) -> Any:
        """The assignment on the cluster, sent once, and again if the worker that has it is lost."""
        if self._sent[0] != assignment.mark:
            key = f"assignment-{assignment.name}-{assignment.mark}"
            self._sent = (assignment.mark, client.submit(_same, assignment, key=key, pure=True))
        return self._sent[1]


def result_of(future: Any) -> dict[str, Any] | Exception:
    """What a task returned or raised.

    Raises:
        ClusterError: if the scheduler was lost on the way.
    """
    from distributed.client import FutureCancelledError

    try:
        error: Exception | None = future.exception()
        return error if error is not None else dict(future.result())
    except (OSError, FutureCancelledError) as lost:  # one of the task's own would have been returned
        raise ClusterError(GONE) from lost


def _same(assignment: Assignment) -> Assignment:
    return assignment


def grade_task(data: bytes, assignment: Assignment, unsafe: bool, wanted: str) -> dict[str, Any]:
    """`grade.grade_bytes` with this thread's own station, and a plain dict as result.

    Raises:
        ClusterError: if this machine's grader is not the one that is `wanted`.
    """
    from course_lib.grading.grade import grade_bytes

    if fingerprint() != wanted:  # a worker that came later
        raise ClusterError(f"it has {fingerprint()}, but wanted is {wanted}")
    try:
        graded = grade_bytes(data, assignment, _station(unsafe))
    except RefusedError as error:  # a fact about the submission, not a failed task
        return {"refused": str(error)}
    return {
        "notebook": graded.notebook,
        "passed": graded.passed,
        "incidents": list(graded.incidents),
        "notes": list(graded.notes),
        "seconds": graded.seconds,
        "failed": graded.failed,
    }


_stations: dict[int, Any] = {}


def _station(unsafe: bool) -> Any:
    import threading

    from course_lib.grading.stations import Station

    return _stations.setdefault(threading.get_ident(), Station(unsafe=unsafe))


def _close_stations() -> None:
    while _stations:
        _stations.popitem()[1].close()
