"""A dask cluster of processes on this machine, encrypted, whose workers can be killed and replaced."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from course_lib.grading.inside.server import die_with_parent

Process = subprocess.Popen[bytes]


class Cluster:
    """A scheduler and two workers; each has certificates of one authority.

    Args:
        folder: for logs and the workers' files; the processes start there.
        pems: "ca", "cert" and "key", as `certificates.write_certificates` gives them.
        environment: variables for the workers.
    """

    def __init__(self, folder: Path, pems: Mapping[str, Path], **environment: str) -> None:
        self.folder, self.pems, self.environment = folder, pems, environment
        self.begin()

    def begin(self) -> None:
        """Start all processes."""
        file = self.folder / "it.json"
        file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", file)
        self.workers = [self.worker() for _ in range(2)]

    def _start(self, kind: str, *options: object, **environment: str) -> Process:
        pems = [("--tls-ca-file", "ca"), ("--tls-cert", "cert"), ("--tls-key", "key")]
        tls = [str(part) for option, name in pems for part in (option, self.pems[name])]
        command = [sys.executable, "-m", "dask", kind, "--no-dashboard", "--host", "tls://127.0.0.1"]
        with open(self.folder / f"{kind}.log", "ab") as log:
            return subprocess.Popen(
                [*command, *tls, *map(str, options)],
                cwd=self.folder,  # `-m` looks there first
                env=os.environ | self.environment | environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def worker(self, **environment: str) -> Process:
        """One more worker, of one thread."""
        options = ["--scheduler-file", self.folder / "it.json", "--nthreads", 1, "--no-nanny"]
        return self._start("worker", *options, "--local-directory", self.folder, **environment)

    def mend(self) -> int:
        """Start a worker for each that has ended; returns how many that were. All, if it is the scheduler."""
        if self.scheduler.poll() is not None:
            for process in self.workers:
                process.kill()
                process.wait()
            self.begin()
            return 0
        ended = [process for process in self.workers if process.poll() is not None]
        for process in ended:
            self.workers[self.workers.index(process)] = self.worker()
        return len(ended)

    @property
    def options(self) -> list[str]:
        """What `course-grade grade` has to be told, once the scheduler is there."""
        deadline = time.monotonic() + 60
        while not (self.folder / "it.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        address = json.loads((self.folder / "it.json").read_text())["address"]
        return ["--scheduler", address] + [
            part for name in self.pems for part in (f"--tls-{name}", str(self.pems[name]))
        ]

    def close(self) -> None:
        """End them, by force if they take long."""
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
