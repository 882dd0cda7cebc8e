"""A submission is refused with a reason, or rebuilt: tests and metadata always come from the instructor."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.grading.ingest import MISSING, RefusedError, read_submission, rebuild

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source():
    return nbformat.read(ROOT / "solutions" / "gelu" / "gelu.ipynb", as_version=4)


@pytest.fixture
def student():
    return nbformat.read(ROOT / "assignments" / "gelu" / "gelu.ipynb", as_version=4)


def find(nb, name):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def position(nb, name):
    return nb.cells.index(find(nb, name))


def names(nb):
    return [cell.metadata["nbgrader"]["grade_id"] for cell in nb.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b"[]", "not a notebook"),
        (b'{"nbformat": 99, "cells": []}', "not a notebook"),
        (b'{"nbformat": 4, "cells": {}}', "not a notebook"),
        (json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}).encode(), "not text"),
        (
            json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x" * 300_000}]}).encode(),
            "long",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(tmp_path, content, said):
    (tmp_path / "gelu.ipynb").write_bytes(content)
    with pytest.raises(RefusedError, match=said):
        read_submission(tmp_path, "gelu")


def test_a_missing_notebook_names_what_is_there_instead(tmp_path):
    (tmp_path / "gelu (1).ipynb").write_text("{}")
    with pytest.raises(RefusedError, match=r"no gelu.ipynb \(but gelu \(1\).ipynb\)"):
        read_submission(tmp_path, "gelu")


def test_links_pipes_and_folders_in_the_notebooks_place_are_refused(tmp_path):
    for make in (lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, lambda p: p.mkdir()):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        make(folder / "gelu.ipynb")
        with pytest.raises(RefusedError, match="link or no ordinary file"):
            read_submission(folder, "gelu")
    (tmp_path / "linked").symlink_to(folder)
    with pytest.raises(RefusedError, match="linked is a link"):
        read_submission(tmp_path / "linked", "gelu")


def test_strange_cells_and_metadata_do_not_matter(tmp_path):
    cells = [
        None,
        3,
        {"cell_type": "video"},
        {"cell_type": "code", "source": ["a\n", 5, "b"], "metadata": []},
    ]
    (tmp_path / "gelu.ipynb").write_text(json.dumps({"nbformat": 4, "cells": cells, "metadata": None}))
    assert [cell.source for cell in read_submission(tmp_path, "gelu").cells] == ["a\nb"]


def test_rebuilding_keeps_the_answers_and_restores_everything_else(source, student):
    find(student, "gelu_exact").source = "def gelu_exact(x): return x"
    find(student, "test_gelu_exact").source = "pass"
    find(student, "test_gelu_exact").metadata.nbgrader.points = 1000
    find(student, "setup").metadata["tags"] = ["skip-execution"]
    student.metadata["kernelspec"] = {"name": "evil", "display_name": "evil"}
    nb, notes = rebuild(source, student)
    assert notes == []
    assert find(nb, "gelu_exact").source == "def gelu_exact(x): return x"
    assert find(nb, "test_gelu_exact").source == find(source, "test_gelu_exact").source
    assert find(nb, "test_gelu_exact").metadata.nbgrader.points == 1
    assert "tags" not in find(nb, "setup").metadata
    assert nb.metadata.kernelspec.name == "python3"
    assert names(nb) == names(source)
    nbformat.validate(nb)


def test_the_instructors_notebook_is_not_changed(source, student):
    before = nbformat.writes(source)
    rebuild(source, student)
    assert nbformat.writes(source) == before


def test_the_students_own_cells_stay_where_they_were(source, student):
    at = position(student, "gelu_exact")
    student.cells.insert(at, new_code_cell("helper = 1"))
    student.cells.append(new_markdown_cell("a last note"))
    nb, _ = rebuild(source, student)
    texts = [cell.source for cell in nb.cells]
    assert position(nb, "setup") < texts.index("helper = 1") < position(nb, "gelu_exact")
    assert texts[-1] == "a last note" or texts.index("a last note") > position(nb, "written_answer")
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)


def test_of_a_duplicated_answer_the_last_filled_in_copy_counts_and_the_others_still_run(source, student):
    at = position(student, "gelu_exact")
    cells = [nbformat.from_dict(dict(student.cells[at])) for _ in range(3)]
    cells[0].source, cells[1].source = "first = 1", "def gelu_exact(x): return first * x"
    student.cells[at : at + 1] = cells
    nb, notes = rebuild(source, student)
    assert find(nb, "gelu_exact").source == "def gelu_exact(x): return first * x"
    assert nb.cells[position(nb, "gelu_exact") - 1].source == "first = 1"
    assert any("gelu_exact was duplicated" in note for note in notes)
    assert names(nb) == names(source)


def test_deleted_and_duplicated_tests_are_restored_and_noted(source, student):
    student.cells.append(nbformat.from_dict(dict(find(student, "test_gelu_tanh"))))
    student.cells.remove(find(student, "hidden_gelu_grad"))
    nb, notes = rebuild(source, student)
    assert names(nb) == names(source)
    assert sum("restored" in note for note in notes) == 2


def test_a_missing_answer_leaves_a_function_that_stands_elsewhere_alone(source, student):
    cell = find(student, "gelu_grad")
    cell.metadata = nbformat.NotebookNode()  # the student pasted the text into a cell of their own
    cell.id = "mine"
    cell.source = "def gelu_grad(x): return 1"
    nb, notes = rebuild(source, student)
    assert find(nb, "gelu_grad").source == MISSING
    assert "def gelu_grad(x): return 1" in [c.source for c in nb.cells]
    assert notes == ["answer cell gelu_grad is missing"]


def test_moved_cells_are_put_back_in_order(source, student):
    student.cells.reverse()
    assert names(rebuild(source, student)[0]) == names(source)
