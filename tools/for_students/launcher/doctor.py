"""python start.py --check: what a helper would ask for."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys

from launcher.course import GIGABYTE, Course
from launcher.machine import this_machines_problems

PACKAGES = ("torch", "numpy", "scikit-learn", "matplotlib", "jupyterlab", "jupytext", "nbgrader")


def doctor(course: Course) -> int:
    """Print what a helper would ask for; the number of problems."""
    problems = []
    print(f"Python       {platform.python_version()} ({sys.executable})")
    print(f"system       {platform.platform()} {platform.machine()}")
    print(f"course       {course.root}")
    print(f"your work    {course.work}" + ("" if course.work.is_dir() else " (not made yet)"))
    free = shutil.disk_usage(str(course.root)).free / GIGABYTE
    print(f"free disk    {free:.1f} GB")
    if free < 1:
        problems.append("the disk is almost full")
    problems += this_machines_problems(course.root)
    if not os.access(str(course.work if course.work.exists() else course.work.parent), os.W_OK):
        problems.append(f"nothing can be written to {course.work}")
    problems += (
        _installed(course)
        if course.is_installed()
        else ["the course is not installed, or was installed elsewhere or before an update: python start.py"]
    )
    for problem in problems:
        print("PROBLEM: " + problem)
    print(f"problems: {len(problems) or 'none'}")
    return len(problems)


def _installed(course: Course) -> list[str]:
    """Print the versions of the main packages, by asking the Python of .venv; what does not work."""
    code = (
        "import importlib.metadata as m, json\n"
        "def v(n):\n"
        "    try: return m.version(n)\n"
        "    except Exception: return None\n"
        f"out = {{n: v(n) for n in {PACKAGES!r}}}\n"
        "import torch, course_lib, nbgrader, jupyterlab\n"
        "out['processor for PyTorch'] = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
        "print('FOUND' + json.dumps(out))"
    )
    status, log = course.run([str(course.python), "-c", code], course.root, course.environment())
    found = re.search(r"^FOUND(.*)$", log, re.MULTILINE)
    if status or not found:
        return ["the installed packages do not work: " + (log.strip().splitlines() or ["no output"])[-1]]
    versions = json.loads(found[1])
    for name, version in versions.items():
        print(f"{name:12} {version}")
    return [f"{name} is missing" for name in PACKAGES if versions[name] is None]
