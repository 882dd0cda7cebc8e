"""The whole way of an assignment, walked in a real JupyterLab in headless Chromium.

Released through nbgrader's exchange, fetched, solved and validated, submitted, collected, graded, graded by
hand in Formgrader, and its feedback fetched and opened. WALK_SHOTS=FOLDER keeps a picture of each step.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "for_students"))
CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (p := shutil.which(name))),
    None,
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAME, STUDENT, TOKEN = "gelu", "amelie", "walk"
SLOW = 90_000  # milliseconds for a server or a kernel on a busy machine
TEXT, COMMENT = "Because of its slope.", "Good. Which constant is it, though?"
EARNED, BY_HAND, FULL = 20, 3, 25  # the right answer loses digits far to the left: a hidden test sees it
WRONG = "def gelu_exact(x, mean=0.0, std=1.0):\n    return x * torch.special.ndtr(x)"
RIGHT = "def gelu_exact(x, mean=0.0, std=1.0):\n    return x * torch.special.ndtr((x - mean) / std)"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


class Place:
    """An instructor's course folder, an exchange, and a student's folder, on one course server."""

    def __init__(self, root: Path) -> None:
        self.course, self.exchange = root / "course", root / "exchange"
        self.student, self.work = root / "nlp" / "student", root / "nlp" / "my-work"
        self.settings, self.root = root / "settings", root
        shutil.copytree(ROOT / "solutions" / NAME, self.course / "solutions" / NAME)
        shutil.copy(ROOT / "nbgrader_config.py", self.course)
        for source, target in (
            ("tools/for_students/config/nbgrader_config.py", ""),
            ("tools/for_students/config/page_config.json", "labconfig"),
            (".jupyter/labconfig/default_setting_overrides.json", "labconfig"),
        ):
            folder = self.student / ".jupyter" / target
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder)
        self.work.mkdir()
        self._set("server", f"c.Exchange.root = {str(self.exchange)!r}")
        self._set("server", "c.ExchangeCollect.check_owner = False  # everybody has one account here")
        self._set("account", f"c.CourseDirectory.student_id = {STUDENT!r}")

    def _set(self, name: str, line: str) -> None:
        file = self.settings / name / "nbgrader_config.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "a", encoding="utf-8") as settings:
            settings.write(f"c = get_config()\n{line}\n")

    def environment(self, *settings: str) -> dict[str, str]:
        folders = [str(self.settings / name) for name in settings]
        return dict(os.environ, HOME=str(self.root), JUPYTER_CONFIG_PATH=os.pathsep.join(folders))

    def run(self, program: str, *arguments: str) -> str:
        """An instructor's command in the course folder; what it prints."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=self.course,
            env=self.environment("server"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def jupyterlab(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A JupyterLab of its own; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--allow-root", f"--port={port}", "--no-browser", f"--IdentityProvider.token={TOKEN}"]
    with open(folder.parent / f"{folder.name}.log", "w") as log:
        server = subprocess.Popen(
            [*command, *options], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(address: str) -> None:
    for _ in range(SLOW // 200):
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


class Tab:
    """A page of the browser; `shot` keeps a picture where WALK_SHOTS asks for it."""

    def __init__(self, browser, **options) -> None:
        self.page = browser.new_context(viewport={"width": 1100, "height": 700}, **options).new_page()
        self.page.set_default_timeout(SLOW)

    def shot(self, name: str) -> None:
        if folder := os.environ.get("WALK_SHOTS"):
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def menu(self, *names: str) -> None:
        for name in names:
            self.page.get_by_role("menuitem", name=name, exact=True).click()


@pytest.fixture
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_way_from_release_to_feedback(browser, walled, tmp_path, monkeypatch):
    place = Place(tmp_path)
    assert "no leak found" in place.run("course-grade", "release", NAME, "--course", ".")
    assert "Released as" in place.run("nbgrader", "release_assignment", NAME)
    with students_lab(place, monkeypatch) as address:
        tab = Tab(browser)
        fetch_in_the_assignment_list(tab, address, place)
        solve_and_validate(tab, place)
        submit_in_the_assignment_list(tab, place)
        assert f"Collecting submission: {STUDENT} {NAME}" in place.run("nbgrader", "collect", NAME)
        said = place.run("course-grade", "grade", NAME, "--course", ".")
        assert "1 submission: 1 graded" in said
        assert "1 answer of 1 student to grade by hand" in said
        grade_by_hand_in_formgrader(browser, place)
        assert "1 of them unchanged" in place.run("course-grade", "grade", NAME, "--course", ".")
        assert f"Feedback of {STUDENT} for {NAME} is released" in place.run(
            "nbgrader", "release_feedback", NAME
        )
        page = fetch_the_feedback(tab, place)
    read_offline(browser, page)


@contextmanager
def students_lab(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """JupyterLab as `python start.py` starts it."""
    from launcher.course import Course

    for name, value in place.environment("account", "server").items():
        monkeypatch.setenv(name, value)
    course = Course(place.student, place.work)
    course.python = Path(sys.executable)
    with jupyterlab(course.lab_command(browser=False), place.work, course.environment()) as address:
        yield address


def fetch_in_the_assignment_list(tab: Tab, address: str, place: Place) -> None:
    tab.page.goto(f"{address}/lab/tree/my-work?token={TOKEN}")
    tab.menu("Nbgrader", "Assignment List")
    released = tab.page.locator("#released_assignments_list")
    released.get_by_text(NAME, exact=True).first.wait_for()
    tab.shot("1-released")
    released.get_by_role("button", name="Fetch").click()
    tab.page.locator("#fetched_assignments_list").get_by_text(NAME, exact=True).first.wait_for()
    assert (place.work / NAME / f"{NAME}.ipynb").is_file()
    tab.shot("2-fetched")


def solve_and_validate(tab: Tab, place: Place) -> None:
    """All but one answer are there already; that one is typed, wrong and then right."""
    answer_all_but(place.work / NAME / f"{NAME}.ipynb", "gelu_exact")
    tab.page.goto(re.sub(r"/lab.*", f"/lab/tree/my-work/{NAME}/{NAME}.ipynb", tab.page.url))
    tab.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    type_into(tab, "gelu_exact", WRONG)
    tab.shot("3-typed")
    words = validate(tab, "4-validate-wrong")
    assert "mean" in words
    assert "Traceback" not in words
    type_into(tab, "gelu_exact", RIGHT)
    words = validate(tab, "5-validate-right")
    assert "Success" in words


def answer_all_but(path: Path, name: str) -> None:
    """Fill in the reference's answers, and a text."""
    source = nbformat.read(ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
    known = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in source.cells}
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution") and meta["grade_id"] != name:
            cell.source = known[meta["grade_id"]].source if cell.cell_type == "code" else TEXT
    nbformat.write(notebook, path)


def type_into(tab: Tab, name: str, text: str) -> None:
    """Walk down to a cell with the keyboard, and type its new content."""
    tab.page.locator(".jp-Notebook .jp-Cell").first.click()
    tab.page.keyboard.press("Escape")
    for _ in range(60):
        if f"def {name}(" in tab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active").inner_text():
            break
        tab.page.keyboard.press("j")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.insert_text(text)


def validate(tab: Tab, shot: str) -> str:
    tab.page.get_by_role("button", name="Validate").click()
    dialog = tab.page.locator(".jp-Dialog")
    dialog.wait_for()
    words = dialog.inner_text()
    tab.shot(shot)
    dialog.get_by_role("button").last.click()
    return words


def submit_in_the_assignment_list(tab: Tab, place: Place) -> None:
    tab.page.keyboard.press("Control+s")
    tab.page.wait_for_timeout(1000)
    assert RIGHT.splitlines()[-1].strip() in (place.work / NAME / f"{NAME}.ipynb").read_text("utf-8")
    tab.menu("Nbgrader", "Assignment List")
    fetched = tab.page.locator("#fetched_assignments_list")
    fetched.get_by_role("button", name="Submit").click()
    tab.page.locator("#submitted_assignments_list").get_by_text(NAME, exact=True).first.wait_for()
    tab.shot("6-submitted")


def grade_by_hand_in_formgrader(browser, place: Place) -> None:
    """The instructor's `make lab`: the points are there, the text waits, and gets 3 of 4 points."""
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir=."]
    environment = place.environment("server")
    environment["JUPYTER_CONFIG_PATH"] += os.pathsep + str(ROOT / ".jupyter")
    with jupyterlab(command, place.course, environment) as address:
        tab = Tab(browser)
        tab.page.goto(f"{address}/lab?token={TOKEN}&reset")
        tab.menu("Nbgrader", "Formgrader")
        tab.page.keyboard.press("Control+b")  # room for the page
        frame = tab.page.frame_locator("iframe").first
        frame.get_by_role("link", name="Manual Grading").click()
        frame.get_by_role("link", name=NAME, exact=True).first.click()
        frame.get_by_role("link", name=NAME, exact=True).last.click()
        row = frame.locator("tr", has_text="Submission #1")
        row.wait_for()
        row.scroll_into_view_if_needed()
        tab.shot("7-formgrader")
        earned = [float(text) for text in re.findall(r"\d+(?:\.\d+)?", row.inner_text())]
        assert EARNED in earned, row.inner_text()
        frame.get_by_text("Submission #1").click()
        answer = frame.locator(".nbgrader_cell", has_text=TEXT)
        answer.locator(".extra-credit[placeholder]").wait_for()  # the page is ready to save
        for field, kind, text in (("input.score", "grade", str(BY_HAND)), ("textarea", "comment", COMMENT)):
            with tab.page.expect_response(lambda r, kind=kind: is_saved(r, kind)):
                answer.locator(field).first.fill(text)
                answer.locator(field).first.blur()
        answer.scroll_into_view_if_needed()
        tab.shot("8-by-hand")


def is_saved(response, kind: str) -> bool:
    return f"/api/{kind}/" in response.url and response.request.method in ("PUT", "POST") and response.ok


def fetch_the_feedback(tab: Tab, place: Place) -> Path:
    tab.page.locator("#refresh_assignments_list").click()
    submitted = tab.page.locator("#submitted_assignments_list")
    submitted.get_by_role("button", name="Fetch Feedback").click()
    submitted.get_by_text("view feedback").wait_for()
    tab.shot("9-feedback-fetched")
    [page] = (place.work / NAME / "feedback").rglob("*.html")
    return page


def read_offline(browser, page: Path) -> None:
    tab = Tab(browser, offline=True, java_script_enabled=False)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto(page.as_uri())
    words = tab.page.locator("body").inner_text()
    tab.shot("10-feedback")
    assert f"{EARNED + BY_HAND} of {FULL} points" in words
    assert "Hint: far to the left" in words
    assert COMMENT in words
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
