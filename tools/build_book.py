"""Build the book, strictly.

    tools/build_book.py                  the whole book into _build/html
    tools/build_book.py PAGE.md ...      run these pages only, and preview them in _build/preview/_build/html

Three steps: run the pages whose outputs are out of date, two at a time; build the HTML with every warning
an error; check what came out (tools/check_book.py). A page is run again only when its own code, a module
of course_lib that it imports, a data file that it reads or a main library's version has changed.
"""

# ruff: noqa: E402
import argparse
import errno
import fcntl
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "_ext"), str(ROOT / "tools")]

import nbformat
import yaml
from coursebook import outputs, pages, staleness, store
from coursebook.execute import ANSI, run_page

BUILD = ROOT / "_build"


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Wait until no other build writes to the same place."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is running; waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def settle(scratch: str) -> None:
    """Begin a worker: out of reach of the terminal's Ctrl-C, with a place for its temporary files."""
    if hasattr(os, "setsid"):
        os.setsid()
    tempfile.tempdir = scratch


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that run pages; on Ctrl-C they end at once, and with them their kernels."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=settle, initargs=(scratch,))
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()  # a kernel ends by itself when the process that started it is gone
            raise
        pool.shutdown()


def execute_stale(found: list[pages.Page], jobs: int) -> list[str]:
    """Run the pages that need it, at most `jobs` at once; the failures as messages."""
    kept = store.Store(outputs.cache_folder(ROOT))
    library, versions = staleness.Library(ROOT), staleness.main_versions()
    failures: list[str] = []
    stale: dict[str, tuple[pages.Page, str]] = {}
    for page in found:
        try:
            key = staleness.page_key(page, library, versions)
            if page.cells and not kept.has(page, key):
                stale[page.document] = (page, key)
        except pages.BookError as error:
            failures.append(str(error))
    with_code = sum(1 for page in found if page.cells)
    say(f"pages: {len(found)}, with code: {with_code}, to run: {len(stale)}")
    if not stale:
        return failures
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with workers(jobs) as pool:
        waiting = [
            pool.submit(run_page, name, str(page.path.parent), nbformat.writes(page.notebook), threads)
            for name, (page, _) in stale.items()
        ]
        for number, future in enumerate(as_completed(waiting), 1):
            done = future.result()
            say(
                f"  [{number}/{len(stale)}] {done.document}  {done.seconds:.1f} s"
                + ("  FAILED" if done.failure else "")
            )
            if done.failure:
                failures.append(f"{done.document}.md: {done.failure}")
                continue
            page, key = stale[done.document]
            try:
                kept.add(page, key, done.notebook, done.seconds, done.processor_seconds)
            except pages.BookError as error:
                failures.append(str(error))
    return failures


def sphinx(output: Path, toc: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run `jupyter-book build -n -W --keep-going`; the exit status and what it complained about."""
    start = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "build", str(ROOT), "-n", "-W", "--keep-going", "-q"]
    command += ["--config", str(ROOT / "_config.yml"), "--toc", str(toc), "--path-output", str(output)]
    env = {**os.environ, "PYTHONHASHSEED": "0", "SPHINX_NO_COLOR": "1", "NO_COLOR": "1", **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    text = done.stderr if done.stderr.strip() or not done.returncode else done.stdout
    return done.returncode, ANSI.sub("", text)


def write_toc(wanted: set[str]) -> Path:
    """A table of contents of the pages in `wanted` only."""
    path = BUILD / "_toc.interim.yml"
    store.replace_text(path, yaml.safe_dump(pages.reduced(pages.load_toc(ROOT), wanted), sort_keys=False))
    return path


def write_report(folder: Path, found: list[pages.Page]) -> None:
    """`_build/book.json`: what ran, for the checks after the build."""
    notes = store.Store(outputs.cache_folder(ROOT)).notes()
    report = {
        page.document: {
            "code_cells": len(page.cells),
            **{name: notes.get(page.document, {}).get(name) for name in ("seconds", "processor_seconds")},
        }
        for page in found
    }
    store.replace_text(folder / "book.json", json.dumps(report, indent=1, sort_keys=True))


def remove_leftovers(wanted: set[str]) -> None:
    """Delete the HTML of pages that are no longer in the book (Sphinx leaves it)."""
    html = BUILD / "html"
    for path in [
        *html.glob("chapters/**/*.html"),
        *html.glob("source/**/*.html"),
        *html.glob(".*/**/*.html"),
    ]:
        document = path.relative_to(html).with_suffix("").as_posix()
        code = ROOT / f"{document.removeprefix('source/')}.py"
        if document not in wanted and not (document.startswith("source/") and code.is_file()):
            path.unlink()


def whole_book(arguments: argparse.Namespace) -> int:
    """Execute, build, check."""
    start = time.perf_counter()
    listed = pages.table_of_contents(pages.load_toc(ROOT))
    missing = [name for name in listed if not (ROOT / f"{name}.md").is_file()]
    for name in missing:
        say(f"MISSING PAGE: {name}.md is listed in _toc.yml, but there is no such file")
    if missing and not arguments.draft:
        say("nothing was built: write them, take them out of _toc.yml, or build what there is with --draft")
        return 1
    try:
        found = [pages.read_page(name, ROOT) for name in listed if name not in missing]
    except pages.BookError as error:
        say(f"error: {error}")
        return 1
    failures = execute_stale(found, arguments.jobs)
    executed = time.perf_counter()
    if failures and arguments.draft:
        report_failures(failures)
        left_out = {failure.split(".md", 1)[0] for failure in failures}
        found = [page for page in found if page.document not in left_out]
        missing += sorted(left_out)
    elif failures:
        report_failures(failures)
        return 1
    toc = write_toc({page.document for page in found}) if missing else ROOT / "_toc.yml"
    remove_leftovers({page.document for page in found})
    # Sphinx does not read unchanged pages again: after a build that broke off their warnings would be gone.
    unfinished, read_before = BUILD / ".unfinished", BUILD / ".doctrees" / "environment.pickle"
    if unfinished.exists():
        read_before.unlink(missing_ok=True)
    unfinished.touch()
    status, complaints = sphinx(ROOT, toc, {})
    if status or complaints.strip():
        say(complaints.rstrip())
        say("the build failed: see the warnings above")
        if not (arguments.draft and (BUILD / "html" / "index.html").is_file()):
            return status or 1
    else:
        unfinished.unlink()
    write_report(BUILD, found)
    built = time.perf_counter()
    say(f"executed in {executed - start:.0f} s, built in {built - executed:.0f} s")
    check = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "check_book.py"), "--toc", str(toc)], cwd=ROOT
    )
    if check.returncode == 0:
        say("the book is in _build/html/index.html: open it, or run `make serve`")
    return check.returncode


def preview(arguments: argparse.Namespace) -> int:
    """Run the named pages and build them among the others, which are not run."""
    listed = pages.table_of_contents(pages.load_toc(ROOT))
    names = [Path(p).resolve().relative_to(ROOT).with_suffix("").as_posix() for p in arguments.pages]
    for name in names:
        if name not in listed:
            say(f"error: {name}.md is not in _toc.yml")
            return 1
    try:
        found = [pages.read_page(name, ROOT) for name in names]
    except pages.BookError as error:
        say(f"error: {error}")
        return 1
    failures = execute_stale(found, arguments.jobs)
    if failures:
        report_failures(failures)
        return 1
    folder = BUILD / "preview"
    folder.mkdir(exist_ok=True)
    present = {name for name in listed if (ROOT / f"{name}.md").is_file()}
    status, complaints = sphinx(
        folder, write_toc(present), {outputs.DRAFT: "1", outputs.AGAIN: ",".join(names)}
    )
    mine, others = split(complaints, names)
    for line in mine:
        say(line)
    if others:
        say(f"({len(others)} lines of warnings about other pages are not shown)")
    if status and not mine and not others:
        say(complaints)
        return status
    for name in names:
        say(f"{'LOOK AT THE WARNINGS: ' if mine else ''}file://{folder / '_build' / 'html' / name}.html")
    return 1 if mine else 0


def split(complaints: str, names: list[str]) -> tuple[list[str], list[str]]:
    """Sphinx's warnings about these pages, and all others; a continuation line goes with its warning."""
    mine: list[str] = []
    others: list[str] = []
    current = others
    for line in complaints.splitlines():
        place = re.match(r"(/\S+?\.md)(:|\b)", line)
        if place or re.match(r"(WARNING|ERROR|Traceback|Exception)", line):
            about = place.group(1) if place else line
            known = place is not None and not any(about.endswith(f"{name}.md") for name in names)
            current = others if known else mine
        if line.strip():
            current.append(line)
    return mine, others


def report_failures(failures: list[str]) -> None:
    """The failing pages, each with its cell and traceback."""
    for failure in failures:
        say(f"\n{'=' * 100}\nFAILED  {failure}")
    say(f"\n{len(failures)} page(s) failed")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Build the book, strictly.")
    parser.add_argument("pages", nargs="*", help="only these pages, as a preview")
    parser.add_argument("--draft", action="store_true", help="build although pages of _toc.yml are missing")
    parser.add_argument("--jobs", type=int, default=2, help="pages to run at once (default 2)")
    arguments = parser.parse_args()
    try:
        with only_one("preview" if arguments.pages else "book"):
            return preview(arguments) if arguments.pages else whole_book(arguments)
    except KeyboardInterrupt:
        say("\nstopped; finished pages are kept: run the same command again to go on")
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say("the disk is full: free some space and run the same command again; finished pages are kept")
        return 1


if __name__ == "__main__":
    sys.exit(main())
