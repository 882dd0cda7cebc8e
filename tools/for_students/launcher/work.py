"""The student's working folder: each assignment once, and nothing of the student's ever overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

RECORD = ".handed-out.json"  # in the working folder: what the course handed out, so that changes are seen


class StopError(Exception):
    """Something the student has to do first; the message says what."""


def update_work(assignments: Path, work: Path, say: Callable[[str], None] = print) -> list[str]:
    """Give the student each assignment, and write over nothing that may be theirs.

    A new assignment is copied to `work/NAME`. When the course hands out a changed one, it replaces a copy
    in which nobody has changed a byte; otherwise the new version goes to `work/NAME-updated`.

    Returns:
        The names of the folders that were written.
    """
    work.mkdir(parents=True, exist_ok=True)
    record = read_json(work / RECORD)
    written = []
    for source in sorted(p for p in assignments.iterdir() if p.is_dir() and p.name[0] not in "._"):
        name, now, before = source.name, fingerprint(source), record.get(source.name)
        target = work / name
        if not target.exists():
            say(f"new assignment: {target}")
        elif before is None:  # a folder of this name that we did not make, or whose record is lost
            target = _beside(work, name, now, say) if fingerprint(target) != now else None
        elif before == now:
            target = None
        elif fingerprint(target) == before:
            say(f"{name} has a new version; you had not begun, so yours is replaced")
        else:
            target = _beside(work, name, now, say)
        if target is not None:
            copy_folder(source, target)
            written.append(target.name)
        record[name] = now
    write_json(work / RECORD, record)
    return written


def _beside(work: Path, name: str, now: dict, say: Callable[[str], None]) -> Path | None:
    """A free folder for the new version of an assignment that the student has begun; None if it is there."""
    for number in range(1, 100):
        target = work / "{}-updated{}".format(name, "" if number == 1 else f"-{number}")
        if not target.exists():
            say(f"{name} has a new version. Yours is left as it is; the new one is in {target}")
            say("  copy your answers into the new one, and hand that in")
            return target
        if fingerprint(target) == now:
            return None
    raise StopError(f"too many folders called {name}-updated in {work}: remove some")


def fresh_copy(assignments: Path, work: Path, name: str) -> Path:
    """A new, empty copy of one assignment beside the others, for a student whose own is broken."""
    source = assignments / name
    if not name or not source.is_dir() or source.parent != assignments:
        known = ", ".join(sorted(p.name for p in assignments.iterdir() if p.is_dir()))
        raise StopError(f"there is no assignment {name!r}; there are: {known}")
    number = 1
    while (work / f"{name}-fresh-{number}").exists():
        number += 1
    return copy_folder(source, work / f"{name}-fresh-{number}")


def copy_folder(source: Path, target: Path) -> Path:
    """Copy a folder so that it is either whole or not there, and everything in it may be changed."""
    scratch = target.with_name(f".{target.name}.copying")
    if scratch.exists():
        shutil.rmtree(str(scratch))
    for path in (source, *_files(source)):
        copy = scratch / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    if target.exists():
        shutil.rmtree(str(target))
    scratch.rename(target)
    return target


def fingerprint(folder: Path) -> dict[str, str]:
    """The hash of each file of a folder; what JupyterLab leaves there aside."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
    }


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if (
            path.is_file()
            and ".ipynb_checkpoints" not in parts
            and parts[-1] not in (".DS_Store", "Thumbs.db")
        ):
            yield path


def read_json(path: Path) -> dict:
    """What a file of ours holds; nothing if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict) -> None:
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(str(scratch), str(path))
