"""A submission is refused with a reason, or rebuilt: tests and metadata always come from the instructor."""

import copy
import json
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.grading.ingest import MISSING, RefusedError, read_notebook, rebuild
from course_lib.grading.stubs import defined_names, released
from course_lib.grading.submission import Submission


def find(nb, name):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def position(nb, name):
    return nb.cells.index(find(nb, name))


def names(nb):
    return [cell.metadata["nbgrader"]["grade_id"] for cell in nb.cells if "nbgrader" in cell.metadata]


def texts(nb):
    return [cell.source for cell in nb.cells]


def own_cell(nb, text, before=None, kind=new_code_cell):
    made = kind(text)
    nb.cells.insert(len(nb.cells) if before is None else position(nb, before), made)
    return made


def as_sent(nb):
    """The notebook as it comes back from its bytes."""
    return read_notebook(nbformat.writes(nb).encode())


def test_an_untouched_release_comes_back_as_the_instructors_notebook_with_stubs_and_without_a_note(
    small_source, small_release
):
    nb, notes = rebuild(small_source, as_sent(small_release))
    assert notes == []
    assert find(nb, "double").source == find(small_release, "double").source
    assert find(nb, "test_double").source == find(small_source, "test_double").source
    nbformat.validate(nb)


@pytest.mark.oracle
def test_stubs_are_those_that_nbgrader_makes(small_source, small_release):
    for name in ("double", "pair", "why"):
        assert released(find(small_source, name)) == find(small_release, name).source


def test_rebuilding_keeps_the_answers_and_restores_and_notes_everything_else(small_source, small_release):
    find(small_release, "double").source = "def double(x): return 2 * x"
    find(small_release, "test_double").source = "pass"
    find(small_release, "test_pair").metadata.nbgrader.points = 1000
    find(small_release, "setup").metadata["tags"] = ["skip-execution"]
    small_release.metadata["kernelspec"] = {"name": "evil", "display_name": "evil"}
    nb, notes = rebuild(small_source, as_sent(small_release))
    assert notes == [
        "cells tagged to be skipped, now restored: setup",
        "cells edited, now restored: test_double",
        "cells given other points or rights, now restored: test_pair",
    ]
    assert find(nb, "double").source == "def double(x): return 2 * x"
    assert find(nb, "test_double").source == find(small_source, "test_double").source
    assert find(nb, "test_pair").metadata.nbgrader.points == 2
    assert "tags" not in find(nb, "setup").metadata
    assert nb.metadata.kernelspec.name == "python3"
    assert names(nb) == names(small_source)
    nbformat.validate(nb)


def test_nothing_but_type_and_source_of_a_students_cell_gets_through(small_source, small_release):
    own = own_cell(small_release, "print(1)", before="pair")
    own.update(id="x" * 64, metadata={"tags": ["a"], "nbgrader": {"points": 9}}, execution_count=7)
    own["outputs"] = [nbformat.v4.new_output("stream", text="secret")]
    text = own_cell(small_release, "![](attachment:a.png)", kind=new_markdown_cell)
    text["attachments"] = {"a.png": {"image/png": "AAAA"}}
    find(small_release, "double")["outputs"] = [nbformat.v4.new_output("stream", text="secret")]
    nb, _ = rebuild(small_source, as_sent(small_release))
    extras = [cell for cell in nb.cells if cell.id.startswith("extra-")]
    assert extras == [
        {
            "cell_type": "code",
            "id": "extra-1",
            "metadata": {},
            "source": "print(1)",
            "execution_count": None,
            "outputs": [],
        },
        {"cell_type": "markdown", "id": "extra-2", "metadata": {}, "source": "![](attachment:a.png)"},
    ]
    assert "secret" not in nbformat.writes(nb)


def test_the_instructors_notebook_is_neither_changed_nor_shared(small_source, small_release):
    before = copy.deepcopy(small_source)
    nb, _ = rebuild(small_source, small_release)
    for cell in nb.cells:
        cell.source += "!"
        cell.metadata.setdefault("nbgrader", {})["points"] = 99
        if cell.cell_type == "code":
            cell.outputs.append("something")
    nb.metadata.kernelspec["name"] = "other"
    assert small_source == before


def test_the_students_own_cells_stay_where_they_were(small_source, small_release):
    own_cell(small_release, "helper = 1", before="double")
    own_cell(small_release, "a last note", kind=new_markdown_cell)
    own_cell(small_release, "  \n")
    small_release.cells.insert(0, new_code_cell("import this"))
    nb, _ = rebuild(small_source, small_release)
    assert texts(nb)[0] == "import this"
    assert texts(nb).index("helper = 1") == position(nb, "double") - 1
    assert texts(nb)[-1] == "a last note", "the empty cell is left out"
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)


def test_of_a_duplicated_answer_the_last_filled_in_copy_counts_and_the_others_still_run(
    small_source, small_release
):
    at = position(small_release, "double")
    cells = [copy.deepcopy(small_release.cells[at]) for _ in range(3)]
    cells[0].source, cells[1].source = "first = 1", "def double(x): return first * x"
    small_release.cells[at : at + 1] = cells
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == "def double(x): return first * x"
    assert nb.cells[position(nb, "double") - 1].source == "first = 1"
    assert any("double was duplicated" in note for note in notes)
    assert names(nb) == names(small_source)


def test_a_half_finished_answer_is_not_lost_to_an_untouched_copy_behind_it(small_source, small_release):
    answer = find(small_release, "pair")
    small_release.cells.append(copy.deepcopy(answer))
    answer.source = answer.source.replace(
        "    # YOUR CODE HERE\n    raise NotImplementedError()", "    return x + 1", 1
    )
    nb, _ = rebuild(small_source, small_release)
    assert find(nb, "pair").source == answer.source


def test_deleted_and_duplicated_tests_are_restored_and_noted(small_source, small_release):
    small_release.cells.append(copy.deepcopy(find(small_release, "test_double")))
    small_release.cells.remove(find(small_release, "test_pair"))
    nb, notes = rebuild(small_source, small_release)
    assert names(nb) == names(small_source)
    assert notes == [
        "cells duplicated, now restored: test_double",
        "cells deleted, now restored: test_pair",
    ]


def test_moved_cells_are_put_back_in_order_and_noted(small_source, small_release):
    small_release.cells.reverse()
    nb, notes = rebuild(small_source, small_release)
    assert names(nb) == names(small_source)
    assert notes == ["cells moved, now restored to their order"]


def test_an_answer_in_a_cell_of_the_students_own_is_taken_when_the_answer_cell_is_missing(
    small_source, small_release
):
    cell = find(small_release, "double")
    cell.metadata, cell.id = nbformat.NotebookNode(), "mine"
    cell.source = "def double(x): return 2 * x"
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == cell.source
    assert notes == ["answer cell double is missing; its answer is taken from cell 4"]


def test_an_answer_in_a_cell_of_the_students_own_is_taken_when_the_answer_cell_is_untouched(
    small_source, small_release
):
    own_cell(small_release, "def up(x):\n    return 0")
    own_cell(small_release, "def up(x):\n    return one + x")
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "pair").source == "def up(x):\n    return one + x"
    assert texts(nb)[-1] == "def up(x):\n    return one + x", "it still runs where it stood"
    assert notes == ["answer cell pair is untouched; its answer is taken from cell 11"]


def test_a_stub_in_a_cell_of_the_students_own_is_no_answer(small_source, small_release):
    stub = find(small_release, "double").source
    own_cell(small_release, "def double(x):\n    return 2 * x")
    own_cell(small_release, stub)
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == "def double(x):\n    return 2 * x"
    assert notes == ["answer cell double is untouched; its answer is taken from cell 10"]


def test_of_the_students_own_answers_the_last_to_run_counts(small_source, small_release):
    """The instructor's cells are put back in order, and what follows a cell moves with it."""
    setup = find(small_release, "setup")
    small_release.cells.remove(setup)
    own_cell(small_release, "def up(x):\n    return one + x")
    small_release.cells.append(setup)
    own_cell(small_release, "def up(x):\n    return 0")
    nb, _ = rebuild(small_source, small_release)
    assert find(nb, "pair").source == "def up(x):\n    return one + x"
    assert texts(nb)[-1] == "def up(x):\n    return one + x"
    assert rebuild(small_source, nb)[0].cells == nb.cells


def test_an_answer_in_a_spare_copy_of_another_answers_cell_is_taken(small_source, small_release):
    spare = copy.deepcopy(find(small_release, "pair"))
    spare.source = "def double(x):\n    return 2 * x"
    find(small_release, "pair").source = "def up(x):\n    return x + 1"
    small_release.cells.insert(0, spare)
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == spare.source
    assert "answer cell double is untouched; its answer is taken from cell 1" in notes
    assert rebuild(small_source, nb)[0].cells == nb.cells


def test_an_answer_given_is_never_replaced_by_an_experiment_with_the_same_name(small_source, small_release):
    find(small_release, "double").source = "def double(x): return 2 * x"
    own_cell(small_release, "double = None")
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == "def double(x): return 2 * x"
    assert notes == []


def test_a_missing_answer_that_stands_nowhere_says_so(small_source, small_release):
    small_release.cells.remove(find(small_release, "double"))
    small_release.cells.remove(find(small_release, "why"))
    nb, notes = rebuild(small_source, small_release)
    assert find(nb, "double").source == MISSING
    assert find(nb, "why").source == "YOUR ANSWER HERE"
    assert notes == ["answer cell double is missing", "answer cell why is missing"]


def test_an_answer_cell_that_lost_its_metadata_is_known_by_its_id(small_source, small_release):
    cell = find(small_release, "double")
    cell.metadata, cell.source = nbformat.NotebookNode(), "y = 1"
    nb, notes = rebuild(small_source, as_sent(small_release))
    assert find(nb, "double").source == "y = 1"
    assert notes == []


def test_a_text_of_the_students_own_behind_an_untouched_written_answer_is_pointed_out(
    small_source, small_release
):
    own_cell(small_release, "I think that it is so.", kind=new_markdown_cell)
    assert rebuild(small_source, small_release)[1] == [
        "answer cell why is empty; a text of the student's own follows it"
    ]


def test_what_a_student_wrote_into_the_instructors_text_is_kept_beside_it(small_source, small_release):
    small_release.cells[2].source += "\n\nMy answer: 42."
    nb, _ = rebuild(small_source, small_release)
    at = texts(nb).index("Write `double`.\n\nMy answer: 42.")
    assert texts(nb)[at - 1] == "Write `double`."


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_turned_into_another_kind_of_cell_is_turned_back(small_source, small_release, kind):
    answer = find(small_release, "double")
    answer.update(cell_type=kind, source="def double(x): return 2 * x")
    del answer["outputs"], answer["execution_count"]
    why = find(small_release, "why")
    why.update(cell_type="code", source="Since 1 < 2.", outputs=[], execution_count=None)
    nb, notes = rebuild(small_source, as_sent(small_release))
    assert (find(nb, "double").cell_type, find(nb, "why").cell_type) == ("code", "markdown")
    assert (find(nb, "double").source, find(nb, "why").source) == (answer.source, why.source)
    assert notes == [
        f"answer cell double had become a {kind} cell and is code again",
        "answer cell why had become a code cell and is markdown again",
    ]
    nbformat.validate(nb)


def test_cell_magics_are_left_alone(small_source, small_release):
    own_cell(small_release, "%%timeit\ndouble = 3", before="double")
    find(small_release, "pair").source = "%%capture\n!ls\nup = down = abs  # 中文"
    nb, notes = rebuild(small_source, as_sent(small_release))
    assert nb.cells[position(nb, "double") - 1].source == "%%timeit\ndouble = 3"
    assert find(nb, "pair").source == "%%capture\n!ls\nup = down = abs  # 中文"
    assert "NotImplementedError" in find(nb, "double").source, "a timed cell defines nothing"
    assert notes == []


def test_too_many_cells_of_the_students_own_are_left_out_and_noted(small_source, small_release):
    small_release.cells += [new_code_cell(f"{n}") for n in range(310)]
    nb, notes = rebuild(small_source, small_release)
    assert len(nb.cells) == len(small_source.cells) + 300
    assert notes == ["10 extra cells beyond 300 were left out"]


def test_a_notebook_of_something_else_is_refused(small_source):
    for cells in ([], [new_code_cell("print(1)"), new_markdown_cell("hello")]):
        with pytest.raises(RefusedError, match="no cell of this assignment"):
            rebuild(small_source, nbformat.v4.new_notebook(cells=cells))


def test_a_notebook_without_any_metadata_is_known_by_its_functions(small_source):
    cells = [new_code_cell("def double(x): return 2 * x"), new_code_cell("def up(x): return x + 1")]
    nb, _ = rebuild(small_source, nbformat.v4.new_notebook(cells=cells))
    assert find(nb, "double").source == cells[0].source
    assert find(nb, "pair").source == cells[1].source


@pytest.mark.parametrize("odd", [None, 3, [], {"nbgrader": None}, {"nbgrader": {"grade_id": ["double"]}}])
def test_odd_metadata_hurts_nobody(small_source, small_release, odd):
    raw = json.loads(nbformat.writes(small_release))
    for cell in raw["cells"]:
        cell["metadata"] = odd
    nb, _ = rebuild(small_source, read_notebook(json.dumps(raw).encode()))
    assert names(nb) == names(small_source)


def test_names_are_found_in_code_that_python_cannot_read():
    code = "def f(x):\n  y = 1\nasync def g(): pass\nclass  C: (\n!ls\na: int = 1\nb == 2\nc, d = 1, 2\ne=0"
    assert defined_names(code) == {"f", "g", "C", "a", "e"}


def test_rebuilding_takes_less_than_five_milliseconds(small_source, small_release):
    small_source.cells += [copy.deepcopy(cell) for cell in small_source.cells[:5] for _ in range(6)]
    submitted = as_sent(small_release)
    assert isinstance(submitted, Submission)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        rebuild(small_source, submitted)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005
