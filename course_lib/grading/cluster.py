"""Connect to a dask cluster, and refuse one that is not safe, or would not grade as this machine does.

Whoever can reach a dask scheduler can run code as you on every machine of it. So it has to be encrypted,
which for dask also means that both sides prove who they are with certificates.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

SECONDS = 30.0  # to connect, and for the first worker to be there
TLS = {"tls_ca_file": "--tls-ca", "tls_client_cert": "--tls-cert", "tls_client_key": "--tls-key"}
GONE = "the scheduler is gone; the same command goes on from here"
PLAIN = """\
{address} is not encrypted: everybody on that network can run code as you there, and read the hidden tests
and the submissions. Start the scheduler with certificates (`dask scheduler --protocol tls`, see the
instructors' page), or say --unencrypted if nobody else can reach that network."""


class ClusterError(RuntimeError):
    """Nothing can be graded on that cluster; the message says why, and what to do."""


def connect(address: str, tls: Mapping[str, Path], *, unencrypted: bool = False, walled: bool = True) -> Any:
    """A `distributed.Client` whose workers have this machine's grader, and a wall.

    Args:
        address: tls://HOST:PORT.
        tls: the files of `TLS`, as keywords of `distributed.Security`.
        unencrypted: allow other addresses, too.
        walled: the workers must be able to build a wall.
    Raises:
        ClusterError: if it does not answer, is not encrypted, or cannot grade.
    """
    from distributed import Client, Security

    security = None
    if address.startswith("tls://"):
        if missing := [option for key, option in TLS.items() if key not in tls]:
            raise ClusterError(f"{address} needs {', '.join(missing)}")
        security = Security(require_encryption=True, **{key: str(path) for key, path in tls.items()})
    elif not unencrypted:
        raise ClusterError(PLAIN.format(address=address))
    try:
        client = Client(address, security=security, timeout=SECONDS)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no dask scheduler can be reached at {address}: {error}") from error
    try:
        _check(client, address, walled)
    except BaseException:
        client.close()
        raise
    return client


def _check(client: Any, address: str, walled: bool) -> None:
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError:
        raise ClusterError(f"the scheduler at {address} has no workers") from None
    if problems := other_graders(told_by(client, _teller())):
        raise ClusterError("\n".join(problems))
    if walled and (without := {w: p for w, p in told_by(client, wall_problem).items() if p}):
        raise ClusterError("\n".join(f"the worker {w} has no wall: {p}" for w, p in without.items()))


def told_by(client: Any, function: Callable[[], Any]) -> dict[str, str]:
    """What a function returns on each worker; one that is lost meanwhile tells nothing, and is replaced."""
    try:
        answers = client.run(function, on_error="return")
    except OSError as error:
        raise ClusterError(GONE) from error
    for answer in answers.values():
        if isinstance(answer, Exception) and not isinstance(answer, OSError):
            raise answer
    return {worker: answer for worker, answer in answers.items() if isinstance(answer, str)}


def other_graders(found: Mapping[str, str]) -> list[str]:
    """A sentence for each worker (address -> what it told) whose grader is not this machine's."""
    return [
        f"the worker {worker} would grade with {told}, but here is {fingerprint()}: install the same there"
        for worker, told in sorted(found.items())
        if told != fingerprint()
    ]


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What has to be equal on all machines for a submission to get the same grade on each."""
    return _teller()()


def _teller() -> Callable[[], str]:
    """A function that is sent to workers whole, because they may have no course_lib to find it in."""

    def tell() -> str:
        import hashlib
        import sys
        from importlib.metadata import version
        from importlib.util import find_spec
        from pathlib import Path

        try:
            spec = find_spec("course_lib.grading")
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.origin is None:
            return "no course_lib"
        digest, folder = hashlib.sha256(), Path(spec.origin).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes())
        python = ".".join(map(str, sys.version_info[:2]))
        torch = version("torch").split("+")[0]
        return f"course_lib/grading {digest.hexdigest()[:12]}, Python {python}, torch {torch}"

    return tell


async def wall_problem() -> str:
    """Why no wall can be built on this machine; "" if one can. A worker goes on living meanwhile."""
    from course_lib.grading.wall import problem

    return await asyncio.to_thread(problem)
