"""The committed student version is the generated one, and shows nothing it must not."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException

from course_lib.grading.cli import main
from course_lib.grading.course import convert, load_config
from course_lib.grading.regions import HIDDEN, SOLUTION, collapse, lines
from course_lib.grading.release import ReleaseError, assignments, check_release, generate, release, same_files

ROOT = Path(__file__).parents[2]
NAMES = assignments(ROOT)


@pytest.fixture
def config():
    return load_config(ROOT / "nbgrader_config.py", ROOT)


@pytest.fixture
def course(tmp_path):
    shutil.copytree(ROOT / "solutions" / "gelu", tmp_path / "solutions" / "gelu")
    return tmp_path


def test_every_assignment_has_a_student_version_and_the_reverse():
    assert "gelu" in NAMES
    assert sorted(p.name for p in (ROOT / "assignments").iterdir() if p.is_dir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_student_version_is_the_generated_one(name, config, tmp_path):
    made = generate(ROOT, name, config, tmp_path)
    assert same_files(made, ROOT / "assignments" / name), (
        f"run `make release ASSIGNMENT={name}` and commit it"
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_solution_or_a_hidden_test_is_in_the_student_version(name):
    """Written without the checker that the release itself uses, as a second opinion."""
    source = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    student = nbformat.read(ROOT / "assignments" / name / f"{name}.ipynb", as_version=4)
    shown = {collapse(text) for cell in student.cells for text in cell.source.split("\n")}
    regions = [
        line for cell in source.cells for line in lines(cell.source) if line.kind in (HIDDEN, SOLUTION)
    ]
    secret = {text for line in regions if len(text := collapse(line.text)) > 3}
    assert len(secret) > 20
    assert shown & secret == set()
    for cell in student.cells:
        assert not cell.get("outputs")
        assert "HIDDEN" not in cell.source
        assert "Model answer" not in cell.source


def test_the_student_version_asks_for_every_answer():
    student = nbformat.read(ROOT / "assignments" / "gelu" / "gelu.ipynb", as_version=4)
    solutions = [c for c in student.cells if c.metadata.get("nbgrader", {}).get("solution")]
    assert len(solutions) == 6
    assert all("raise NotImplementedError()" in c.source or c.source == "YOUR ANSWER HERE" for c in solutions)
    points = [
        c.metadata.nbgrader.points for c in student.cells if c.metadata.get("nbgrader", {}).get("grade")
    ]
    assert sum(points) == 25


def test_a_typo_in_a_delimiter_stops_the_release_and_leaves_the_old_one(course, config, capsys):
    assert release(course, "gelu", config)
    before = (course / "assignments" / "gelu" / "gelu.ipynb").read_bytes()
    path = course / "solutions" / "gelu" / "gelu.ipynb"
    path.write_text(
        path.read_text("utf-8").replace("### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST", 1), "utf-8"
    )
    assert main(["release", "gelu", "--course", str(course)]) == 1
    assert "write exactly '### BEGIN HIDDEN TESTS'" in capsys.readouterr().err
    assert (course / "assignments" / "gelu" / "gelu.ipynb").read_bytes() == before
    assert sorted(p.name for p in course.iterdir()) == ["assignments", "solutions"]


def test_plain_nbgrader_refuses_the_typo_too(course, config):
    path = course / "solutions" / "gelu" / "gelu.ipynb"
    path.write_text(
        path.read_text("utf-8").replace("### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST", 1), "utf-8"
    )
    with pytest.raises(NbGraderException):
        convert(GenerateAssignment, config, "gelu", root=str(course), db_url=f"sqlite:///{course}/x.db")
    assert not list((course / "assignments").rglob("*.ipynb"))


def test_a_leak_that_slips_through_nbgrader_is_caught(course, config, tmp_path):
    path = course / "solutions" / "gelu" / "gelu.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[0].source += "\n\n    gate = torch.erfc(-z / math.sqrt(2.0)) / 2.0"
    path.write_text(nbformat.writes(nb), "utf-8")
    with pytest.raises(ReleaseError, match="shows 'gate = "):
        generate(course, "gelu", config, tmp_path / "out")


def test_checkpoints_that_jupyterlab_leaves_change_nothing(course, config):
    assert release(course, "gelu", config)
    for step in ("solutions", "assignments"):
        folder = course / step / "gelu" / ".ipynb_checkpoints"
        folder.mkdir()
        (folder / "gelu-checkpoint.ipynb").write_text("{}")
    assert not release(course, "gelu", config)


def test_a_foreign_file_in_the_release_is_caught(course, config, tmp_path):
    made = generate(course, "gelu", config, tmp_path)
    (made / "notes.txt").write_text("pass")
    assert check_release(course / "solutions" / "gelu", made) == ["notes.txt: not a file of the source"]


def test_an_unknown_assignment_is_one_line(course, capsys):
    assert main(["release", "gleu", "--course", str(course)]) == 2
    assert "There are: gelu" in capsys.readouterr().err
