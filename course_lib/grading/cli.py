"""course-grade: release assignments, grade submissions behind a wall, and see whether the wall holds."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from tqdm import tqdm

from course_lib.grading.cluster import ClusterError
from course_lib.grading.course import RELEASES, SOURCES, load_config
from course_lib.grading.release import ReleaseError, assignments, release

CONFIG = "nbgrader_config.py"
REPOSITORY = Path(__file__).resolve().parents[2]
UNSAFE = """\
WARNING: --unsafe runs the students' code WITHOUT a wall, with your rights. It can read the hidden tests,
use the network and delete your files. Only for submissions that you trust."""
EXAMPLES = """\
examples:
  course-grade doctor                             what this machine can wall off, tried out
  course-grade release                            assignments/ from solutions/, checked for leaks
  course-grade grade gelu --jobs 2                submitted/*/gelu/ into the gradebook, feedback/ beside
  course-grade grade gelu --student amelie        one student; again although nothing changed: --force
  course-grade grade gelu --csv gelu.csv          the table, for a spreadsheet or a learning platform
  course-grade grade gelu --db postgresql+psycopg://grader@localhost/course
  course-grade grade gelu --scheduler tls://10.0.0.5:8786 --tls-ca ca.pem --tls-cert me.pem --tls-key me.key
  course-grade check gelu                         right and wrong answers still earn what they should

A run that was cut off is repeated with the same command: what was graded is not run again."""


def main(arguments: list[str] | None = None) -> int:
    """The console script."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "grade": grade_command,
        "release": release_command,
        "check": check_command,
        "doctor": doctor_command,
    }
    try:
        return commands[options.command](options)
    except ClusterError as error:
        print(f"Stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    shaped = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("course-grade", description=__doc__, epilog=EXAMPLES, **shaped)  # type: ignore[arg-type]
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    grade = commands.add_parser("grade", help="autograde submitted/*/NAME/ and write feedback")
    grade.add_argument("name", nargs="?", help="the assignment, for example gelu")
    grade.add_argument("--student", action="append", help="only this student (may be repeated)")
    grade.add_argument("--force", action="store_true", help="run unchanged submissions again, too")
    grade.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    grade.add_argument("--no-copies", action="store_true", help="do not look for near copies")
    grade.add_argument("--db", metavar="URL", help="gradebook (any SQLAlchemy URL; default: gradebook.db)")
    for name, title in (
        ("release", "write assignments/ from solutions/"),
        ("check", "grade the known answers"),
    ):
        command = commands.add_parser(name, help=title)
        command.add_argument("name", nargs="*", help="assignments; all of them if none is given")
        if name == "check":
            command.add_argument("--write", action="store_true", help="write the matrix instead of comparing")
            _add_farm(command)
        _add_course(command)
    _add_farm(grade)
    _add_course(grade)
    commands.add_parser("doctor", help="build the wall, attack it from inside, and tell")
    return parser


def _add_course(parser: argparse.ArgumentParser) -> None:
    here = Path.cwd() if (Path.cwd() / CONFIG).is_file() else REPOSITORY
    parser.add_argument("--course", type=Path, default=here, help="course folder (default: %(default)s)")


def _add_farm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=1, help="submissions at a time (default: 1)")
    parser.add_argument("--unsafe", action="store_true", help="without a wall: only for code you trust")
    parser.add_argument("--scheduler", default="", metavar="ADDRESS", help="a dask scheduler to send them to")
    for option, title in (("ca", "authority"), ("cert", "certificate"), ("key", "key")):
        parser.add_argument(
            f"--tls-{option}", type=Path, metavar="PEM", help=f"{title} for a tls:// scheduler"
        )
    parser.add_argument(
        "--unencrypted",
        action="store_true",
        help="use a scheduler without tls: everybody who can reach it can run code as you",
    )


def _farm(options: argparse.Namespace) -> Any:
    from course_lib.grading.farm import Farm

    files = {
        "tls_ca_file": options.tls_ca,
        "tls_client_cert": options.tls_cert,
        "tls_client_key": options.tls_key,
    }
    tls = {name: path for name, path in files.items() if path is not None}
    return Farm(max(1, options.jobs), options.scheduler, tls, options.unsafe, options.unencrypted)


def grade_command(options: argparse.Namespace) -> int:
    """Grade submissions; 0 also when some are broken, 1 when nothing could be graded."""
    from course_lib.grading.batch import grade, students
    from course_lib.grading.books import BusyError, GradebookError
    from course_lib.grading.wall import REMEDY
    from course_lib.grading.wall import problem as no_wall

    root, name = options.course.resolve(), options.name
    if problem := _not_gradable(root, name, options.student or []):
        print(problem, file=sys.stderr)
        return 2
    if options.unsafe:
        print(UNSAFE, file=sys.stderr, flush=True)
    elif not options.scheduler and (reason := no_wall()):
        print(REMEDY.format(reason=reason), file=sys.stderr)
        return 1
    config = load_config(root / CONFIG if (root / CONFIG).is_file() else REPOSITORY / CONFIG, root)
    if options.db:
        config.CourseDirectory.db_url = options.db
    count = len(options.student or students(root, name))
    try:
        with _farm(options) as farm, tqdm(total=count, unit="submission", desc=name) as bar:
            outcomes = grade(
                root,
                name,
                config,
                farm,
                options.student,
                force=options.force,
                progress=lambda _: bar.update(),
            )
    except ReleaseError as error:
        print(f"Nothing was graded, because of {SOURCES}/{name}/:", file=sys.stderr)
        print("\n".join(f"  - {text}" for text in error.problems), file=sys.stderr)
        return 1
    except (BusyError, GradebookError) as error:
        print(f"Nothing was graded: {error}.", file=sys.stderr)
        return 1
    return _tell(outcomes, root, options)


def _not_gradable(root: Path, name: str, wanted: list[str]) -> str:
    """What is wrong with the command line; "" if nothing is."""
    from course_lib.grading.batch import students

    if name not in assignments(root):
        there = ", ".join(assignments(root)) or "there is none"
        return f"Say which assignment: {there}.\nFor example: make grade ASSIGNMENT=gelu"
    known = students(root, name)
    if missing := set(wanted) - set(known):
        return f"There is no submitted/{min(missing)}/{name}/."
    return (
        "" if known else f"There are no submissions. Each belongs in submitted/STUDENT/{name}/{name}.ipynb."
    )


def _tell(outcomes: list[Any], root: Path, options: argparse.Namespace) -> int:
    from course_lib.grading.batch import BROKEN
    from course_lib.grading.report import summary, write_csv

    print(summary(outcomes))
    if options.csv:
        write_csv(outcomes, options.csv)
        print(f"The table is in {options.csv}.")
    if options.student is None and not options.no_copies:
        print(_near_copies(root, options.name, [o.student for o in outcomes if o.status != BROKEN]))
    if waiting := sum(outcome.to_grade_by_hand for outcome in outcomes):
        print(f"{waiting} written answers wait for you: run `make lab` and open Formgrader,")
        print("then `make grade` again to bring the feedback up to date.")
    print(f"Points are in the gradebook, feedback in feedback/STUDENT/{options.name}/.")
    return int(bool(outcomes) and all(outcome.status == BROKEN for outcome in outcomes))


def _near_copies(root: Path, name: str, students: list[str]) -> str:
    """What the submissions that were graded have in common beyond what everybody has."""
    from course_lib.grading.similar import near_copies, report

    source = nbformat.read(root / SOURCES / name / f"{name}.ipynb", as_version=4)
    paths = {student: root / "autograded" / student / name / f"{name}.ipynb" for student in students}
    return report(near_copies(source, {s: nbformat.read(path, as_version=4) for s, path in paths.items()}))


def release_command(options: argparse.Namespace) -> int:
    """Write the student versions; a failed check leaves the released version as it was."""
    known = assignments(options.course)
    names = options.name or known
    if not names or not set(names) <= set(known):
        wanted = f"{SOURCES}/{names[0]}/" if names else f"an assignment in {SOURCES}/"
        print(f"There is no {wanted}. There are: {', '.join(known) or 'none'}.", file=sys.stderr)
        return 2
    config = load_config(REPOSITORY / CONFIG, options.course)
    failed = False
    for name in names:
        try:
            changed = release(options.course, name, config)
            print(f"{RELEASES}/{name}/ {'written' if changed else 'is up to date'}; no leak found")
        except ReleaseError as error:
            failed = True
            print(error, file=sys.stderr)
    return int(failed)


def check_command(options: argparse.Namespace) -> int:
    """Grade the known answers of assignments, and compare with what they declare and with the matrix."""
    from course_lib.grading import known

    failed = 0
    with _farm(options) as farm:
        for name in options.name or assignments(options.course):
            assignment, answers, path = known.load(options.course, name)
            matrix: known.Matrix = {}
            for answer, result in tqdm(
                known.run_known(assignment, answers, farm), total=len(answers), desc=name, unit="answer"
            ):
                matrix[answer.name] = result["passed"]
                if result["failed"]:
                    print(f"{answer.name}: {result['failed']}", file=sys.stderr)
            points, hidden = known.points_of(assignment.source), known.hidden_cells(assignment.source)
            found = known.problems(matrix, answers, points, hidden)
            if options.write:
                known.save_matrix(path, matrix)
            elif not path.is_file() or known.load_matrix(path) != matrix:
                found.append(f"{path} is not what was found; look, then write it with --write")
            print(f"{name}: {sum(points.values()):g} points, {len(answers)} answers, {len(found)} problems")
            print("".join(f"  - {text}\n" for text in found), end="")
            failed += len(found)
    return int(bool(failed))


def doctor_command(options: argparse.Namespace) -> int:
    """Examine the wall."""
    from course_lib.grading.doctor import examine
    from course_lib.grading.wall import REMEDY

    held = True
    for finding in examine():
        held &= finding.holds
        print(
            f"{'holds' if finding.holds else 'FAILS':6} {finding.name}"
            + (f"  ({finding.detail})" if finding.detail else "")
        )
        if finding.name == "a wall can be built" and not finding.holds:
            print(REMEDY.format(reason=finding.detail))
    print("Grading is safe here." if held else "Do not grade untrusted submissions on this machine.")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
