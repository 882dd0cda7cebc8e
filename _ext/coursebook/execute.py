"""Run a page's cells in a fresh kernel."""

import asyncio
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass

import nbformat

ANSI = re.compile(r"\x1b\[[0-9;]*m")
TIMEOUT = 120  # seconds that one cell may take


@dataclass
class Executed:
    """What came of running a page: the notebook with outputs, or the reason why not."""

    document: str
    notebook: nbformat.NotebookNode
    seconds: float  # on the clock
    processor_seconds: (
        float  # of the kernel; what the time budget counts, because a busy machine does not change it
    )
    failure: str = ""


def kernel_environment(threads: int) -> dict[str, str]:
    """The environment of every kernel of the build: few threads, no personal start-up files, no network."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "COURSE_BOOK_BUILD": "1",
    }


def run_page(
    document: str, folder: str, notebook_json: str, threads: int = 1, timeout: int = TIMEOUT
) -> Executed:
    """Execute a notebook with `folder` as the working directory; never raises for a failing cell."""
    import logging

    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    logging.getLogger("traitlets").setLevel(logging.ERROR)
    notebook = nbformat.reads(notebook_json, as_version=4)
    os.environ.update(kernel_environment(threads))
    if sys.platform == "win32":
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())  # type: ignore[attr-defined]
    failure = ""
    begun: list[int] = []  # the cells that were started
    start, used = time.perf_counter(), children_seconds()
    with tempfile.TemporaryDirectory() as profile:
        os.environ["IPYTHONDIR"] = profile
        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            store_widget_state=False,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            on_cell_execute=lambda cell, cell_index: begun.append(cell_index),
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            failure = explain(notebook, error, begun[-1])
        except Exception as error:  # a kernel that does not start, a broken environment
            failure = f"the kernel failed: {type(error).__name__}: {error}"
    seconds = time.perf_counter() - start
    return Executed(document, notebook, seconds, children_seconds() - used, failure or complaints(notebook))


def children_seconds() -> float:
    """Processor time of the kernels that have ended, which are this process's children."""
    times = os.times()
    return times.children_user + times.children_system


def first_lines(source: str, count: int = 6) -> str:
    """The beginning of a cell, indented."""
    lines = source.splitlines()
    return "\n".join(f"    | {line}" for line in lines[:count] + ["..."] * (len(lines) > count))


def explain(notebook: nbformat.NotebookNode, error: Exception, last: int) -> str:
    """Which cell failed, and its traceback; `last` is the cell that was started last."""
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: last + 1])
    cell = notebook.cells[last]
    errors = [output for output in cell.outputs if output.output_type == "error"]
    trace = "\n".join(errors[-1].traceback) if errors else f"{type(error).__name__}: {error}"
    return f"code cell {number} failed:\n{first_lines(cell.source)}\n{ANSI.sub('', trace)}"


def complaints(notebook: nbformat.NotebookNode) -> str:
    """What a cell wrote to stderr: warnings do not belong in a book."""
    number = 0
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        number += 1
        text = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")
        if text:
            said = ANSI.sub("", text).rstrip()
            found.append(f"code cell {number} wrote to stderr:\n{first_lines(cell.source)}\n{said}")
    return "\n".join(found)
