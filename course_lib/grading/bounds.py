"""What a test cell may do while the tester runs it: take its time, and print nothing."""

import contextlib
import io
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from course_lib.grading.proxy import StudentError


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what a test cell prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Stop a test cell that takes too long."""

    def too_long(_: int, __: FrameType | None) -> NoReturn:
        raise StudentError("TimeoutError", f"this test ran for more than {seconds:.0f} seconds")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
