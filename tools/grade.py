"""make grade ASSIGNMENT=name: autograde submitted/*/name/ into gradebook.db and write feedback/.

Unchanged submissions are not run again (--force runs them); a broken one is reported and skipped.
"""

import argparse
import sys
from pathlib import Path

from course_lib.grading.batch import BROKEN, UNCHANGED, Outcome, grade, students
from course_lib.grading.course import load_config
from course_lib.grading.release import ReleaseError, assignments

REPOSITORY = Path(__file__).resolve().parent.parent
WARNING = """\
WARNING: this version runs the students' code WITHOUT isolation, with your rights. It can read the hidden
tests, change the gradebook, use the network and delete your files. Grade only submissions you trust, or
do it in a virtual machine that holds nothing else."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", help="which assignment, for example gelu")
    parser.add_argument("--student", action="append", help="only this student (may be repeated)")
    parser.add_argument("--force", action="store_true", help="run unchanged submissions again, too")
    parser.add_argument(
        "--course", type=Path, default=REPOSITORY, help="course folder (default: this repository)"
    )
    options = parser.parse_args(arguments)
    root, name = options.course.resolve(), options.assignment
    if name not in assignments(root):
        print(f"Say which assignment: {', '.join(assignments(root)) or 'there is none'}.", file=sys.stderr)
        print("For example: make grade ASSIGNMENT=gelu", file=sys.stderr)
        return 2
    known = students(root, name)
    if missing := set(options.student or []) - set(known):
        print(f"There is no submitted/{sorted(missing)[0]}/{name}/.", file=sys.stderr)
        return 2
    if not known:
        print(
            f"There are no submissions. Each belongs in submitted/STUDENT/{name}/{name}.ipynb.",
            file=sys.stderr,
        )
        return 2
    print(WARNING, file=sys.stderr, flush=True)
    config = load_config(REPOSITORY / "nbgrader_config.py", root)
    width = max(map(len, ["student", *(options.student or known)]))
    print(f"\n{'student':{width}}  points        by hand  what happened", flush=True)
    try:
        outcomes = grade(
            root, name, config, options.student, force=options.force, progress=lambda o: _print(o, width)
        )
    except ReleaseError as error:
        print(f"Nothing was graded, because of solutions/{name}/:", file=sys.stderr)
        print("\n".join(f"  - {text}" for text in error.problems), file=sys.stderr)
        return 1
    _summary(outcomes)
    return 0


def _print(outcome: Outcome, width: int) -> None:
    points = "-" if outcome.points is None else f"{outcome.points:g} of {outcome.out_of:g}"
    by_hand = f"{outcome.to_grade_by_hand} to do" if outcome.to_grade_by_hand else "-"
    note = f": {outcome.note}" if outcome.note else ""
    print(f"{outcome.student:{width}}  {points:12}  {by_hand:7}  {outcome.status}{note}", flush=True)


def _summary(outcomes: list[Outcome]) -> None:
    broken = [o.student for o in outcomes if o.status == BROKEN]
    unchanged = sum(o.status == UNCHANGED for o in outcomes)
    waiting = sum(o.to_grade_by_hand for o in outcomes)
    print(f"\n{len(outcomes) - len(broken)} graded ({unchanged} of them unchanged), {len(broken)} broken.")
    if broken:
        print(f"Broken, and left as they were in the gradebook: {', '.join(broken)}")
    if waiting:
        print(f"{waiting} written answers wait for you: run `make lab` and open Formgrader,")
        print("then `make grade` again to bring the feedback up to date.")
    print("Points are in gradebook.db, feedback in feedback/STUDENT/ASSIGNMENT/.")


if __name__ == "__main__":
    sys.exit(main())
