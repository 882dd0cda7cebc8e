"""nbgrader's exchange, with a time, an owner and files that students cannot choose.

`nbgrader collect` believes the time in the folder's name and in `timestamp.txt`, takes a submission in
somebody else's name with a warning, follows links, and stops at a name that it cannot read. Here the time is
the one at which the system last changed the entry of the notebook or of its folder, which no user can set.
"""

import contextlib
import glob
import os
import pwd
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash

from course_lib.files import atomic_write
from course_lib.grading.batch import STUDENT_ID
from course_lib.grading.submission_file import RefusedError, fetch, printable

SECRET, TIME = "submission_secret.txt", "timestamp.txt"  # nbgrader's files beside a notebook
LONGEST_SECRET = 1000  # bytes; nbgrader's own has 128


class Collect(ExchangeCollect):
    """`nbgrader collect`: the notebook alone, at the time when it came."""

    src_records: list[dict[str, Any]]

    def init_src(self) -> None:
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        """Whose submission it is and when it came; the name is "" for one that is not taken."""
        folder = Path(path)
        student = folder.name.rsplit("+", 3)[0]
        try:
            problem = self._problem(folder, student)
            when = arrived(folder, f"{self.coursedir.assignment_id}.ipynb")
        except OSError as error:
            problem, when = str(error.strerror), datetime.now(UTC)
        if problem:
            self.log.warning("Not collected: %s %s", printable(folder.name), problem)
        record = {"username": "" if problem else student, "filename": folder.name}
        return {**record, "timestamp": when.replace(tzinfo=None)}

    def _problem(self, folder: Path, student: str) -> str:
        """Why a folder is nobody's submission; "" if it is one."""
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return "is a link or no folder"
        if not STUDENT_ID.fullmatch(student):
            return "has no student id in front (letters, digits and . _ @ - only)"
        if self.check_owner and (owner := _owner(status.st_uid)) != student:
            return f"belongs to {owner}, not to {student} (where all have one account: check_owner = False)"
        return ""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Take the notebook over, and the secret under which its feedback will be found."""
        folder, target = Path(src), Path(dest)
        target.mkdir()
        try:
            handed = fetch(folder, target.name)
        except RefusedError as error:
            self.log.warning("%s: %s", printable(folder.name), error)
            handed = None
        read = handed.name if handed is not None else f"{target.name}.ipynb"
        when = arrived(folder, read)  # after the reading: a change meanwhile makes it later
        if handed is not None:
            path = target / handed.name
            path.write_bytes(handed.data)
            os.utime(path, (when.timestamp(), when.timestamp()))
        (target / TIME).write_text(when.strftime("%Y-%m-%d %H:%M:%S.%f %Z"), "utf-8")
        if secret := _read_small(folder / SECRET):
            (target / SECRET).write_bytes(secret)
        if self.coursedir.groupshared:
            self.set_perms(dest, 0o664, 0o2775)


class ReleaseFeedback(ExchangeReleaseFeedback):
    """`nbgrader release_feedback` for the pages that `course-grade grade` writes."""

    def copy_files(self) -> None:
        excluded = set((self.coursedir.student_id_exclude or "").split(","))
        for page in map(Path, sorted(glob.glob(os.path.join(self.src_path, "*.html")))):
            name, student = page.parent.name, page.parent.parent.name
            if student in excluded:
                continue
            secret = (
                Path(self.coursedir.format_path(self.coursedir.submitted_directory, student, name)) / SECRET
            )
            if not secret.is_file():
                self.log.warning("%s did not submit through the exchange: send %s", student, page)
            elif page.stat().st_mtime < secret.stat().st_mtime:
                self.log.warning("%s has submitted again since: grade that first", student)
            else:
                self._release(page, secret.read_text("utf-8"))
                self.log.info("Feedback of %s for %s is released", student, name)

    def _release(self, page: Path, secret: str) -> None:
        target = Path(self.dest_path) / f"{notebook_hash(secret=secret, notebook_id=page.stem)}.html"
        with atomic_write(target, "wb") as file:
            file.write(page.read_bytes())
        target.chmod(0o644)


def arrived(folder: Path, notebook: str) -> datetime:
    """When a submission came: neither its folder nor its notebook has been changed since.

    A user can give a file any time of last change, but the time of its entry's change is the system's.
    """
    seconds = folder.lstat().st_ctime
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        seconds = max(seconds, (folder / notebook).lstat().st_ctime)
    return datetime.fromtimestamp(seconds, UTC)


def _owner(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _read_small(path: Path) -> bytes:
    """A small file's content; nothing if it is none, or a link, or large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        ordinary = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = file.read(LONGEST_SECRET + 1) if ordinary else b""
    return content if len(content) <= LONGEST_SECRET else b""
