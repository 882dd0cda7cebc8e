"""nbgrader's exchange: what is collected came when, and from whom, the system says; feedback arrives."""

import getpass
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeFactory

from course_lib.grading.course import load_config
from course_lib.grading.exchange import SECRET, TIME
from course_lib.grading.submission_file import fetch

ROOT = Path(__file__).parents[2]
ME, NAME = getpass.getuser(), "toy"
LONG_AGO = "1999-01-01 00:00:00.000000 UTC"


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    """An empty gradebook: to make one takes nbgrader seconds."""
    load_config(ROOT / "nbgrader_config.py", ROOT)  # lets nbgrader find its own programs
    url = f"sqlite:///{tmp_path_factory.mktemp('books')}/gradebook.db"
    Gradebook(url).close()
    return url


@pytest.fixture
def exchange(tmp_path, caplog, gradebook):
    """A course with an exchange, as `release_assignment` makes it; `collect(...)` and `release()` use it."""
    config = load_config(ROOT / "nbgrader_config.py", tmp_path / "course")
    config.CourseDirectory.db_url = gradebook
    config.Exchange.root = str(tmp_path / "exchange")
    inbound = tmp_path / "exchange" / config.CourseDirectory.course_id / "inbound"
    inbound.mkdir(parents=True)
    (tmp_path / "exchange").chmod(0o777)
    (tmp_path / "course").mkdir()
    log = logging.Logger("exchange", logging.INFO)  # of its own: what others do to loggers is no matter here
    log.addHandler(caplog.handler)

    def run(kind, **settings):
        caplog.clear()
        course = CourseDirectory(config=config)
        course.assignment_id = NAME
        step = getattr(ExchangeFactory(config=config), kind)(
            coursedir=course, authenticator=Authenticator(config=config), config=config, log=log, **settings
        )
        step.start()
        return caplog.text

    def hand_in(student=ME, text="{}", when=LONG_AGO, tail="x1", name=f"{NAME}.ipynb"):
        folder = inbound / f"{student}+{NAME}+{when}+{tail}"
        folder.mkdir()
        (folder / name).write_text(text, "utf-8")
        os.utime(folder / name, (0, 0))
        (folder / TIME).write_text(when)
        (folder / SECRET).write_text(f"secret of {folder.name}")
        return folder

    submitted = tmp_path / "course" / "submitted"
    feedback = tmp_path / "exchange" / config.CourseDirectory.course_id / "feedback"
    return SimpleNamespace(
        run=run, hand_in=hand_in, inbound=inbound, submitted=submitted, root=tmp_path, feedback=feedback
    )


def time_of(exchange, student=ME):
    folder = exchange.submitted / student / NAME
    written = datetime.strptime((folder / TIME).read_text(), "%Y-%m-%d %H:%M:%S.%f %Z")
    assert abs(fetch(folder, NAME).when.timestamp() - written.replace(tzinfo=UTC).timestamp()) < 1e-3
    return written.replace(tzinfo=UTC).timestamp()


def test_the_time_is_the_systems_and_not_the_students(exchange):
    before = time.time()
    exchange.hand_in()
    exchange.run("Collect")
    assert before - 1 <= time_of(exchange) <= time.time()


def test_the_last_one_that_came_counts_whatever_time_its_name_claims(exchange):
    exchange.hand_in(text="first", when="2099-01-01 00:00:00.0 UTC")
    time.sleep(0.05)
    exchange.hand_in(text="second")
    exchange.run("Collect")
    assert fetch(exchange.submitted / ME / NAME, NAME).data == b"second"


def test_a_notebook_that_is_changed_after_it_was_handed_in_is_as_late_as_the_change(exchange):
    folder = exchange.hand_in()
    exchange.run("Collect")
    first = time_of(exchange)
    assert "No newer submission" in exchange.run("Collect", update=True)
    time.sleep(0.05)
    with open(folder / f"{NAME}.ipynb", "r+") as file:
        file.write("later")
    os.utime(folder / f"{NAME}.ipynb", (0, 0))
    assert "Updating submission" in exchange.run("Collect", update=True)
    assert time_of(exchange) >= first + 0.05


def test_a_folder_that_was_prepared_elsewhere_came_when_it_was_moved_in(exchange):
    folder = exchange.hand_in()
    time.sleep(0.05)
    moved = time.time()
    folder.rename(folder.with_name(folder.name.replace("x1", "x2")))
    exchange.run("Collect")
    assert time_of(exchange) >= moved - 0.02  # the system's clock for files is a little coarser


def test_nobody_submits_in_another_ones_name(exchange):
    exchange.hand_in("amelie" if ME != "amelie" else "bo")
    exchange.hand_in()
    said = exchange.run("Collect")
    assert [path.name for path in exchange.submitted.iterdir()] == [ME]
    assert f"belongs to {ME}, not to" in said
    exchange.run("Collect", check_owner=False)
    assert len(list(exchange.submitted.iterdir())) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_submission_is_taken_as_that_users(exchange):
    os.chown(exchange.hand_in("nobody"), 65534, -1)
    exchange.run("Collect")
    assert [path.name for path in exchange.submitted.iterdir()] == ["nobody"]


@pytest.mark.parametrize("student", ["..", ".", "", "a b", "-x", "a+b", "\x1b[31m"])
def test_a_name_that_is_none_leads_nowhere(exchange, student):
    exchange.hand_in(student)
    exchange.hand_in()
    exchange.run("Collect", check_owner=False)
    assert [path.name for path in (exchange.root / "course").iterdir() if path.is_dir()] == ["submitted"]
    assert [path.name for path in exchange.submitted.iterdir()] == [ME]


def test_links_pipes_and_odd_folders_bring_nothing_in_and_stop_nobody(exchange):
    secret = exchange.root / "course" / "grades.csv"
    secret.write_text("everybody's grades")
    linked = exchange.hand_in("linked", tail="1")
    (linked / f"{NAME}.ipynb").unlink()
    (linked / f"{NAME}.ipynb").symlink_to(secret)
    (linked / SECRET).unlink()
    (linked / SECRET).symlink_to(secret)
    (linked / "data").symlink_to(exchange.root / "course")
    piped = exchange.hand_in("piped", tail="2")
    (piped / f"{NAME}.ipynb").unlink()
    os.mkfifo(piped / f"{NAME}.ipynb")
    (exchange.inbound / f"folder+{NAME}+{LONG_AGO}+3").symlink_to(exchange.root / "course")
    (exchange.inbound / f"file+{NAME}+when?+4").write_text("no folder")
    exchange.hand_in("honest", tail="5")
    said = exchange.run("Collect", check_owner=False)
    assert "linked" in said
    assert "is a link or no folder" in said
    assert sorted(path.name for path in exchange.submitted.iterdir()) == ["honest", "linked", "piped"]
    found = [path for path in exchange.submitted.rglob("*") if path.is_file()]
    assert all(b"everybody" not in path.read_bytes() for path in found)
    assert not list((exchange.submitted / "linked").rglob("*.ipynb"))


def test_only_the_notebook_is_taken(exchange):
    (exchange.hand_in() / "torch.py").write_text("raise SystemExit")
    exchange.run("Collect")
    found = {path.name for path in (exchange.submitted / ME / NAME).iterdir()}
    assert found == {f"{NAME}.ipynb", TIME, SECRET}


def write_page(exchange, student=ME, text="your points"):
    page = exchange.root / "course" / "feedback" / student / NAME / f"{NAME}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)
    page.chmod(0o600)


def test_feedback_is_found_under_the_students_own_secret_and_can_be_read(exchange):
    from nbgrader.utils import notebook_hash

    folder = exchange.hand_in()
    exchange.run("Collect")
    write_page(exchange)
    write_page(exchange, "bo.by.mail")
    umask = os.umask(0o077)
    try:
        said = exchange.run("ReleaseFeedback")
    finally:
        os.umask(umask)
    [page] = exchange.feedback.iterdir()
    assert page.stem == notebook_hash(secret=(folder / SECRET).read_text(), notebook_id=NAME)
    assert page.read_text() == "your points"
    assert page.stat().st_mode & 0o777 == 0o644
    assert exchange.feedback.stat().st_mode & 0o066 == 0  # nobody can list it
    assert "bo.by.mail did not submit through the exchange" in said


def test_the_feedback_of_an_earlier_submission_is_not_given_for_a_later_one(exchange):
    exchange.hand_in()
    exchange.run("Collect")
    write_page(exchange)
    time.sleep(0.05)
    exchange.hand_in(text="again", tail="x2")
    exchange.run("Collect", update=True)
    assert "grade that first" in exchange.run("ReleaseFeedback")
    assert list(exchange.feedback.iterdir()) == []
