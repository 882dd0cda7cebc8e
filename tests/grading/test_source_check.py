"""What may not be released is refused, with a sentence that says what to do."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

from course_lib.grading.source_check import check_source

SOURCE = Path(__file__).parents[2] / "solutions" / "gelu"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SOURCE, tmp_path / "gelu"))


def change(folder, edit):
    path = folder / "gelu.ipynb"
    nb = nbformat.read(path, as_version=4)
    edit({cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in nb.cells}, nb)
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return " ".join(check_source(folder))


def test_the_courses_own_assignment_is_fit(folder):
    assert check_source(folder) == []


def test_a_stray_file_is_named_because_nbgrader_would_ship_it(folder):
    (folder / "answers.txt").write_text("42")
    assert "answers.txt" in " ".join(check_source(folder))


def test_a_link_is_refused(folder):
    (folder / "data").mkdir()
    (folder / "data" / "x.csv").symlink_to("/etc/hostname")
    assert "x.csv" in " ".join(check_source(folder))


def test_jupyterlabs_checkpoints_are_overlooked_and_other_hidden_files_are_not(folder):
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(folder / "gelu.ipynb", folder / ".ipynb_checkpoints" / "gelu-checkpoint.ipynb")
    assert check_source(folder) == []
    (folder / ".notes").write_text("42")
    assert ".notes" in " ".join(check_source(folder))


def test_data_files_are_allowed(folder):
    (folder / "data").mkdir()
    (folder / "data" / "points.csv").write_text("1,2")
    assert check_source(folder) == []


def test_a_typo_in_a_delimiter_stops_the_release(folder):
    def edit(cells, nb):
        cells["hidden_gelu_exact"].source = cells["hidden_gelu_exact"].source.replace("TESTS", "TEST")

    assert "looks like a delimiter" in change(folder, edit)


def test_groups_of_functions_that_do_not_exist_or_overlap_are_found(folder):
    def edit(cells, nb):
        nb.metadata.course["together"] = [["gelu_exact", "gelu_tan"], ["gelu_exact"]]

    said = change(folder, edit)
    assert "no answer defines gelu_tan" in said
    assert "gelu_exact is in two groups" in said


def test_committed_outputs_stop_the_release(folder):
    def edit(cells, nb):
        cells["gelu_exact"].outputs = [new_output("stream", text="0.5")]

    assert "has outputs" in change(folder, edit)


def test_two_cells_with_one_id_are_found(folder):
    def edit(cells, nb):
        cells["test_gelu_tanh"].metadata.nbgrader.grade_id = "test_gelu_exact"

    assert "second cell with this id" in change(folder, edit)


def test_hidden_tests_outside_of_a_test_cell_are_found(folder):
    def edit(cells, nb):
        cells["draw_gelu"].source += "\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS"

    assert "outside of a locked, graded test cell" in change(folder, edit)


def test_an_unlocked_test_and_a_test_without_points_are_found(folder):
    def edit(cells, nb):
        cells["test_gelu_tanh"].metadata.nbgrader.locked = False
        cells["test_gelu_grad"].metadata.nbgrader.points = 0

    said = change(folder, edit)
    assert "must be locked" in said
    assert "points above 0" in said


def test_a_solution_cell_without_a_region_is_found(folder):
    def edit(cells, nb):
        cells["gelu_grad"].source = "def gelu_grad(x):\n    return x"

    assert "without '### BEGIN SOLUTION'" in change(folder, edit)


def test_a_code_cell_without_metadata_and_another_kernel_are_found(folder):
    def edit(cells, nb):
        del cells["setup"].metadata["nbgrader"]
        nb.metadata.kernelspec.name = "julia"

    said = change(folder, edit)
    assert "needs nbgrader metadata" in said
    assert "python3" in said


def test_a_missing_or_broken_notebook_is_one_sentence(folder, tmp_path):
    (folder / "gelu.ipynb").write_text("{")
    assert "not a valid notebook" in " ".join(check_source(folder))
    assert "does not exist" in " ".join(check_source(tmp_path / "nothing"))
