"""What students get: the course without solutions, hidden tests, grading and what only instructors run."""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import yaml

from course_lib.grading.course import SOURCES
from course_lib.grading.secrets import ANSWERS, collect, leaks

FOLDERS = ("assignments", "chapters", "course_lib", "experiments", "benchmarks", "_ext", ".jupyter")
FILES = (
    *(
        "_config.yml",
        "_toc.yml",
        "jupytext.toml",
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
        ".gitignore",
    ),
    *("LICENSE", "LICENSE-TEXT.md", "CITATION.cff"),
    *(
        f"tools/{name}"
        for name in ("setup.sh", "build_book.py", "check_book.py", "check_outputs.py", "serve_book.py")
    ),
    "tools/draw_cover.py",
)
INSTRUCTORS = (
    *("course_lib/grading/", "chapters/reference/instructors.md"),
    *("benchmarks/grading.py", "benchmarks/results/grading.json"),
)
INSTRUCTORS_TARGETS = ("test", "release", "grade", "student", "bench", "soak", "lint", "format")
LAUNCHER = "tools/for_students/"  # what only students need; to the places below, the rest to the top
CONFIG = {"config/page_config.json": ".jupyter/labconfig/", "config/nbgrader_config.py": ".jupyter/"}
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST = 140  # characters of a path in the zip: Windows allows 260, where it is unpacked included


class HandoutError(ValueError):
    """The package would show something students must not see; nothing was written."""


def build(root: Path, tracked: Iterable[str], target: Path) -> int:
    """Write the students' folder to `target` and a zip of it beside; returns the number of files.

    Args:
        root: the repository.
        tracked: the repository's files, relative to it, with "/" (as `git ls-files` prints them).
        target: is replaced when the new folder is complete and checked.
    Raises:
        HandoutError: if a file shows a solution or a hidden test.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".student-") as scratch:
        made = Path(scratch) / "student"
        for name in sorted(_wanted(root, tracked)):
            copy = made / place(name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(root / name, copy, name)
        if problems := check(root, made):
            raise HandoutError(
                "dist/student is not written:\n" + "\n".join(f"  - {text}" for text in problems)
            )
        archive = Path(scratch) / "student.zip"
        count = _zip(made, archive)
        if target.exists():
            target.rename(Path(scratch) / "old")
        made.rename(target)
        archive.replace(target.with_suffix(".zip"))
    return count


def check(root: Path, made: Path) -> list[str]:
    """What the students' folder shows although it must not, one sentence each."""
    secrets, problems = collect(root), []
    paths = sorted(p for p in made.rglob("*") if not p.is_dir())
    for path in paths:
        where, data = path.relative_to(made).as_posix(), path.read_bytes()
        if path.is_symlink() or where.startswith((*INSTRUCTORS, SOURCES, "submitted", ANSWERS)):
            problems.append(f"{where}: does not belong here")
        problems += leaks(where, data, secrets)
        if path.suffix == ".md" and b"](instructors)" in data:
            problems.append(f"{where}: links to the instructors' page, which students do not get")
    return problems + windows_problems(p.relative_to(made).as_posix() for p in paths)


def windows_problems(names: Iterable[str]) -> list[str]:
    """Which paths (with "/") Windows cannot unpack, or would unpack onto each other."""
    problems, seen = [], dict[str, str]()
    for name in names:
        bad = [
            part
            for part in name.split("/")
            if re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', part) or part.split(".")[0].lower() in RESERVED
        ]
        problems += [f"{name}: Windows allows no file called {part!r}" for part in bad]
        if len(name) > LONGEST:
            problems.append(f"{name}: longer than {LONGEST} characters")
        if (other := seen.setdefault(name.lower(), name)) != name:
            problems.append(f"{name}: is the same file as {other} on Windows and macOS")
    return problems


def place(name: str) -> str:
    """Where a file of the repository lies in what students get."""
    if not name.startswith(LAUNCHER):
        return name
    inside = PurePosixPath(name.removeprefix(LAUNCHER))
    return CONFIG[str(inside)] + inside.name if str(inside) in CONFIG else str(inside)


def _wanted(root: Path, tracked: Iterable[str]) -> set[str]:
    """The files that students get: the folders and files listed above, and the tests that the book shows."""
    rows = yaml.safe_load((root / "course_lib" / "systems.yml").read_text("utf-8"))
    shown = {row["test"] for row in rows if row.get("test")}
    return {
        name
        for name in tracked
        if not name.startswith(INSTRUCTORS)
        and (name.split("/")[0] in FOLDERS or name in FILES or name in shown or name.startswith(LAUNCHER))
        and (root / name).is_file()
    }


def _copy(source: Path, copy: Path, name: str) -> None:
    edits = {"Makefile": students_makefile, "_toc.yml": _students_toc, "tools/setup.sh": _students_setup}
    if name in edits:
        copy.write_text(edits[name](source.read_text("utf-8")), encoding="utf-8")
        copy.chmod(source.stat().st_mode & 0o777)
    else:
        shutil.copy(source, copy)


def students_makefile(text: str) -> str:
    """The Makefile without the targets that need files students do not have."""
    names = "|".join(INSTRUCTORS_TARGETS)
    text = re.sub(rf"^(?:{names}):.*\n(?:\t.*\n)*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(?:#\s+)?(?:ASSIGNMENT|JOBS)\b.*\n", "", text, flags=re.MULTILINE)
    return re.sub(
        r"^\.PHONY:.*$",
        lambda line: " ".join(word for word in line[0].split() if word not in INSTRUCTORS_TARGETS),
        text,
        flags=re.MULTILINE,
    )


def _students_toc(text: str) -> str:
    pages = [name.removesuffix(".md") for name in INSTRUCTORS]
    return "".join(line for line in text.splitlines(keepends=True) if not any(page in line for page in pages))


def _students_setup(text: str) -> str:
    return text.replace("'.[book,grade,test]'", "'.[book,student]'")


def _zip(folder: Path, archive: Path) -> int:
    """Pack a folder so that the same files give the same bytes."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            entry = zipfile.ZipInfo((Path("student") / path.relative_to(folder)).as_posix())
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
    return len(files)
