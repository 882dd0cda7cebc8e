"""The command line of start.py."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher.course import Course
from launcher.doctor import doctor
from launcher.machine import this_machines_problems
from launcher.work import StopError, fresh_copy, update_work

ROOT, WORK = Path(__file__).resolve().parents[1], "my-work"


def parser() -> argparse.ArgumentParser:
    parse = argparse.ArgumentParser(
        prog="python start.py", description="Set up the course if need be, and open JupyterLab."
    )
    parse.add_argument(
        "--check", action="store_true", help="look for problems, print versions, start nothing"
    )
    parse.add_argument(
        "--no-browser", action="store_true", help="print JupyterLab's address, open no browser"
    )
    parse.add_argument("--setup-only", action="store_true", help="install and copy the assignments, then end")
    parse.add_argument("--validate", metavar="NAME", help="run the public tests of an assignment, then end")
    parse.add_argument("--fresh", metavar="NAME", help="one more, empty copy of an assignment; yours stays")
    parse.add_argument(
        "--work", metavar="FOLDER", help="where your work lies (default: my-work, beside this folder)"
    )
    parse.add_argument(
        "--torch",
        choices=("auto", "cpu", "default"),
        default="auto",
        help="which build of PyTorch: cpu is the small one for Linux, default is what pip's index has",
    )
    parse.add_argument("--dry-run", action="store_true", help="only print what would be run")
    parse.add_argument("jupyter", nargs="*", metavar="-- OPTIONS", help="options for JupyterLab, after --")
    return parse


def main(
    arguments: Sequence[str] | None = None,
    root: Path = ROOT,
    run: Callable[..., tuple[int, str]] | None = None,
) -> int:
    """Do what the command line asks for; the exit code."""
    options = parser().parse_args(arguments)
    work = Path(options.work).expanduser().resolve() if options.work else root.parent / WORK
    course = Course(root, work, run)
    try:
        return _do(course, options)
    except StopError as error:
        print(f"start: {error}", file=sys.stderr)
    except FileNotFoundError as error:
        print(f"start: {error.filename} is missing; unpack the zip once more", file=sys.stderr)
    except PermissionError as error:
        print(f"start: no access to {error.filename}; is it open in another program?", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstart: stopped; run the same command again to go on", file=sys.stderr)
    return 1


def _do(course: Course, options: argparse.Namespace) -> int:
    if options.check:
        return 1 if doctor(course) else 0
    for problem in this_machines_problems(course.root):
        print("start: take care: " + problem)
    if options.dry_run:
        print(f"would install into {course.venv}" if not course.is_installed() else "is installed")
        print("would run: " + " ".join(course.lab_command(not options.no_browser, options.jupyter)))
        return 0
    course.install(options.torch)
    update_work(course.root / "assignments", course.work)
    if options.fresh is not None:
        made = fresh_copy(course.root / "assignments", course.work, options.fresh)
        print(f"a fresh copy: {made}; hand in what you finish under the name {options.fresh}.ipynb")
        return 0
    if options.setup_only:
        print("ready. To begin:  python start.py")
        return 0
    if options.validate is not None:
        return _wait(course.validate_command(options.validate), course)
    print(f"opening JupyterLab; your work is in {course.work}")
    print("leave this window open while you work; Ctrl-C here ends JupyterLab", flush=True)
    return _wait(course.lab_command(not options.no_browser, options.jupyter), course)


def _wait(command: list[str], course: Course) -> int:
    """Run a program in the terminal until it ends; it gets the Ctrl-C itself."""
    running = subprocess.Popen(command, cwd=str(course.work), env=course.environment())
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:
            continue
