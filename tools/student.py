"""make student: write dist/student/ and dist/student.zip, what students get, checked for leaks.

Only files under version control are taken, so that nothing private lies in the folder by accident.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from course_lib.grading.handout import HandoutError, build

REPOSITORY = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=REPOSITORY / "dist" / "student", help="folder to write")
    options = parser.parse_args(arguments)
    listing = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    try:
        tracked = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        print("make student needs git, and this folder to be a git repository.", file=sys.stderr)
        return 2
    try:
        count = build(REPOSITORY, filter(None, tracked), options.into)
    except HandoutError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{options.into}: {count} files, no leak found; the same in {options.into.with_suffix('.zip').name}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
