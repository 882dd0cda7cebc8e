"""Start the course: python start.py

The first time this makes .venv beside this file, installs the course into it and puts a working copy of
each assignment into the folder `my-work`, beside the course's folder. Then it opens JupyterLab there.
It never writes over anything of yours: run it as often as you like, also after an update of the course.

    python start.py --check        look for what may be wrong, and print the versions of everything
    python start.py --no-browser   do not open a browser, only print the address
    python start.py --help         the other options

Python's standard library is all it needs. This file runs on every Python, to say which one is needed.
"""

import os
import sys

sys.dont_write_bytecode = True


def version_problem(version, executable, windows=False):
    """Why this Python will not do, and what to type instead; "" if it will."""
    if (3, 11) <= tuple(version[:2]) <= (3, 13):
        return ""
    return (
        "start: this course needs Python 3.11, 3.12 or 3.13, and {} is Python {}.\n"
        "If you have one of those, type for example:  {} start.py\n"
        "If not, install Python 3.12 from https://www.python.org/downloads/ first."
    ).format(executable, ".".join(str(part) for part in version[:3]), "py -3.12" if windows else "python3.12")


def main():
    problem = version_problem(sys.version_info, sys.executable, os.name == "nt")
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal that cannot show a Chinese path shows ? instead
    if not os.path.isdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "course_lib")):
        sys.stderr.write("start: the rest of the course is missing here. Unpack the whole zip first.\n")
        return 1
    from launcher.command import main as start

    return start()


if __name__ == "__main__":
    sys.exit(main())
