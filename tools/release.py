"""make release [ASSIGNMENT=name]: write assignments/ from solutions/, checked for leaks.

The course's gradebook is not touched. A failed check leaves the released version as it was.
"""

import argparse
import sys
from pathlib import Path

from course_lib.grading.course import RELEASES, SOURCES, load_config
from course_lib.grading.release import ReleaseError, assignments, release

REPOSITORY = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", help="one assignment; all of them if not given")
    parser.add_argument(
        "--course", type=Path, default=REPOSITORY, help="course folder (default: this repository)"
    )
    options = parser.parse_args(arguments)
    known = assignments(options.course)
    names = [options.assignment] if options.assignment else known
    if not names or not set(names) <= set(known):
        wanted = f"{SOURCES}/{options.assignment}/" if options.assignment else f"an assignment in {SOURCES}/"
        print(f"There is no {wanted}. There are: {', '.join(known) or 'none'}.", file=sys.stderr)
        return 2
    config = load_config(REPOSITORY / "nbgrader_config.py", options.course)
    failed = False
    for name in names:
        try:
            changed = release(options.course, name, config)
            print(f"{RELEASES}/{name}/ {'written' if changed else 'is up to date'}; no leak found")
        except ReleaseError as error:
            failed = True
            print(error, file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
