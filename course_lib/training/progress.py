"""A progress bar where somebody watches, silence where nobody does.

A bar is drawn in a terminal and in a notebook that a person has open. A page that the book executes
and output that goes into a file stay clean. COURSE_LIB_PROGRESS=0 or =1 overrides the guess.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tqdm import tqdm

# Jupyter servers tell a kernel which notebook it serves, VS Code leaves its own marks;
# nbclient, which executes the book, does neither.
WATCHED = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD")


def watched() -> bool:
    """True where a progress bar has a reader."""
    choice = os.environ.get("COURSE_LIB_PROGRESS")
    if choice is not None:
        return choice != "0"
    in_kernel = "ipykernel" in sys.modules and any(name in os.environ for name in WATCHED)
    return in_kernel or sys.stdout.isatty()


def bar(total: int, *, done: int = 0, label: str = "", unit: str = "step") -> Any:
    """A tqdm bar on standard output, disabled where nobody watches."""
    return tqdm(
        total=total, initial=done, desc=label, unit=unit, file=sys.stdout, disable=not watched(), leave=False
    )


@contextmanager
def ctrl_c() -> Iterator[threading.Event]:
    """Inside the block the first Ctrl-C only sets the event; the second one interrupts as usual."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def handler(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
