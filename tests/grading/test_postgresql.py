"""The gradebook in PostgreSQL holds the same rows as in SQLite, and lets one grader in at a time."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from course_lib.grading.cli import main

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.server


def _programs() -> Path | None:
    """Where initdb and pg_ctl are; Debian keeps them out of the path."""
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    return next(iter([*debians[-1:], *found]), None)


@pytest.fixture(scope="module")
def server():
    """The URL of a database on a server of its own, which listens on a socket file only."""
    programs = _programs()
    if programs is None:
        pytest.skip("NO PostgreSQL SERVER HERE: install the package postgresql to test such gradebooks")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    as_user = {}
    if os.geteuid() == 0:  # it refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def call(program, *options):
        command = [programs / program, *options]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_user)

    settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
    data = ["-D", folder / "data"]
    call("initdb", *data, "-U", "grader", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    call("pg_ctl", *data, "-w", "-l", folder / "log", "-o", settings, "start")
    try:
        yield lambda name: _database(call, folder, name)
    finally:
        call("pg_ctl", *data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _database(call, folder, name):
    call("createdb", "-h", folder, "-U", "grader", name)
    return f"postgresql+psycopg://grader@/{name}?host={folder}"


def hand_in(toy, root):
    toy.course(root)
    toy.submit(root, "reference")
    toy.submit(root, "wrong", {"double": "def double(x):\n    return 3 * x"})
    toy.submit(root, "李雷", {"written": "因为。"})
    toy.submit(root, "broken", text="{")
    return root


def rows(url):
    """All grades, comments and names of the gradebook."""
    with Gradebook(url) as gradebook:
        return {
            (s.student.id, entry.name): (
                getattr(entry, "auto_score", None),
                getattr(entry, "max_score", None),
                getattr(entry, "needs_manual_grade", None),
                getattr(entry, "auto_comment", None),
                getattr(entry, "manual_comment", None),
            )
            for s in gradebook.assignment_submissions("toy")
            for entry in (*s.notebooks[0].grades, *s.notebooks[0].comments)
        }


def test_the_same_rows_are_in_postgresql_and_in_sqlite(toy, walled, server, tmp_path):
    ours, theirs = (hand_in(toy, tmp_path / name) for name in ("sqlite", "postgresql"))
    url = server("course")
    assert main(["grade", "toy", "--course", str(ours)]) == 0
    assert main(["grade", "toy", "--course", str(theirs), "--db", url]) == 0
    assert len({student for student, _ in rows(url)}) == 3
    assert rows(url) == rows(f"sqlite:///{ours}/gradebook.db")
    assert not (theirs / "gradebook.db").exists()
    for kind in ("autograded", "feedback"):
        files = [
            sorted(p.relative_to(root) for p in root.glob(f"{kind}/*/toy/toy.*")) for root in (ours, theirs)
        ]
        assert files[0] == files[1]


def test_the_url_of_nbgraders_own_settings_is_used(toy, walled, server, tmp_path, capsys):
    root, url = hand_in(toy, tmp_path), server("settings")
    (root / "nbgrader_config.py").write_text(
        f"load_subconfig('nbgrader_config.py', path={str(ROOT)!r})\nc = get_config()\n"
        f"c.CourseDirectory.db_url = {url!r}\n"
    )
    assert main(["grade", "toy", "--course", str(root), "--student", "wrong"]) == 0
    assert ("wrong", "hidden_double") in rows(url)
    assert main(["grade", "toy", "--course", str(root), "--student", "wrong"]) == 0
    assert "1 of them unchanged" in capsys.readouterr().out


def test_two_graders_of_one_gradebook_take_turns(toy, walled, server, tmp_path, capsys):
    root, url = hand_in(toy, tmp_path), server("turns")
    engine = create_engine(url)
    with engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(hashtext('course-grade'))"))
        assert main(["grade", "toy", "--course", str(root), "--db", url]) == 1
        assert "another run is grading into this gradebook" in capsys.readouterr().err
        assert not (root / "autograded").exists()
    engine.dispose()
    assert main(["grade", "toy", "--course", str(root), "--db", url]) == 0


def test_a_server_that_cannot_be_reached_is_one_clear_line(toy, walled, tmp_path, capsys):
    root, nowhere = hand_in(toy, tmp_path), "postgresql+psycopg://grader@/x?host=/nowhere"
    assert main(["grade", "toy", "--course", str(root), "--db", nowhere]) == 1
    said = capsys.readouterr().err
    assert "Nothing was graded: the gradebook cannot be opened" in said
    assert "Traceback" not in said
