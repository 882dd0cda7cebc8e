"""Copies are found however they are dressed up; answers written independently are not taken for copies."""

import copy
import random
import re
import time
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.matching import grade_id, is_answer
from course_lib.grading.similar import Pair, groups, near_copies, report

ROOT = Path(__file__).parents[2]
STYLES = sorted((ROOT / "tests" / "assignments").glob("*/right"))

SOURCE = """\
def scores(queries, keys, mask=None, temperature=1.0):
    \"\"\"Attention before the softmax.\"\"\"
    ### BEGIN SOLUTION
    return queries
    ### END SOLUTION


def weights(scores):
    \"\"\"Attention.\"\"\"
    ### BEGIN SOLUTION
    return scores
    ### END SOLUTION
"""
ANSWER = """\
def scores(queries, keys, mask=None, temperature=1.0):
    # every query with every key
    width = queries.shape[-1]
    raw = torch.einsum("bqd,bkd->bqk", queries, keys)
    raw = raw / (temperature * math.sqrt(width))
    if mask is not None:
        raw = raw.masked_fill(~mask[:, None, :], float("-inf"))
    return raw - raw.amax(dim=-1, keepdim=True)


def weights(scores):
    powers = torch.exp(scores)
    total = powers.sum(dim=-1, keepdim=True)
    return powers / total.clamp(min=1e-12)
"""
OTHER = """\
def scores(q, k, mask=None, temperature=1.0):
    out = q @ k.transpose(1, 2)
    out *= q.size(2) ** -0.5 / temperature
    return out if mask is None else torch.where(mask.unsqueeze(1), out, torch.full_like(out, -1e9))


def weights(s):
    s = s - s.logsumexp(-1).unsqueeze(-1)
    return s.exp()
"""
RENAMED = {"queries": "q1", "keys": "k1", "raw": "grid", "width": "size_of_head", "powers": "e", "total": "z"}


def answer_cell(name, text, kind=new_code_cell):
    cell = kind(text)
    cell.metadata["nbgrader"] = {"grade_id": name, "solution": True}
    return cell


def book(code, essay="YOUR ANSWER HERE"):
    setup = new_code_cell(
        "import math\n\nimport torch\n\n\ndef check(name, got):\n    assert got is not None, name"
    )
    return new_notebook(
        cells=[setup, answer_cell("attention", code), answer_cell("why", essay, new_markdown_cell)]
    )


def renamed(code):
    for old, new in RENAMED.items():
        code = re.sub(rf"\b{old}\b", new, code)
    return code


def reordered(code):
    first, second = code.split("\n\n\n")
    return second + "\n\n" + first


def commented(code):
    code = code.replace("# every query with every key", '"""Products."""  # of all pairs, "quoted"')
    return code.replace("\n    raw", "\n\n    # and then\n    raw").replace(" = ", "=").replace("    ", "\t")


def edited(code):
    return code.replace("    return powers", "    print(total.shape)\n    return powers").replace(
        "1e-12", "1e-9"
    )


def pairs_of(**answers):
    return [pair.students for pair in near_copies(book(SOURCE), {k: book(v) for k, v in answers.items()})]


@pytest.mark.parametrize("change", [str, renamed, reordered, commented, edited])
def test_a_copy_is_found_however_it_is_dressed_up(change):
    assert change is str or change(ANSWER) != ANSWER
    found = near_copies(book(SOURCE), {"ann": book(ANSWER), "bob": book(OTHER), "eve": book(change(ANSWER))})
    assert [pair.students for pair in found] == [("ann", "eve")]
    assert found[0].similarity > 0.9
    assert found[0].answers == ("attention",)


def test_a_copy_with_every_change_at_once_is_found():
    changed = renamed(reordered(commented(edited(ANSWER))))
    assert pairs_of(ann=ANSWER, bob=OTHER, eve=changed) == [("ann", "eve")]


def test_two_styles_are_no_copies_of_each_other():
    assert pairs_of(ann=ANSWER, bob=OTHER) == []


def test_what_everybody_was_given_does_not_count():
    stub = re.sub(
        r"    ### BEGIN.*?### END SOLUTION", "    raise NotImplementedError()", SOURCE, flags=re.DOTALL
    )
    assert pairs_of(ann=stub, bob=stub, eve=stub) == []


def test_what_two_students_paste_from_the_instructors_cells_does_not_count():
    source, given = book(SOURCE), invented(random.Random(1))
    source.cells[0].source = given
    assert near_copies(source, {"ann": book(given), "eve": book(given)}) == []


def test_an_answer_of_two_lines_that_everybody_writes_alike_is_not_reported():
    short = "def scores(q, k):\n    s = q @ k.transpose(1, 2)\n    return s / math.sqrt(q.shape[-1])"
    assert pairs_of(ann=short, bob=renamed(short)) == []


def test_a_long_answer_that_the_whole_class_writes_alike_is_not_reported_but_a_copied_one_among_others_is():
    answers = {f"student{n}": invented(random.Random(0)) for n in range(30)}
    assert pairs_of(**answers) == []
    answers["eve"], answers["mallory"] = OTHER * 2, renamed(OTHER) * 2
    assert pairs_of(**answers) == [("eve", "mallory")]


def test_essays_are_compared_too_in_english_and_chinese():
    essay = "Because the mean over a batch depends on who else is in it, a text is read differently. "
    essay += "In inference there may be no batch at all, so running statistics have to stand in for it. "
    essay += "Padding makes this worse, since texts of different lengths share the positions of a batch."
    chinese = "因为批次的均值取决于同批的其他样本，所以同一句话在不同的批次里会得到不同的结果，"
    chinese += "这对语言模型不合适。"
    other = "Another text altogether, which has its own words and its own end, I think."
    for text in (essay, chinese):
        essays = {"ann": f"{text} One.", "bob": other, "eve": f"{text.upper()}\n\nTwo!"}
        found = near_copies(book(SOURCE), {name: book("pass", said) for name, said in essays.items()})
        assert [pair.students for pair in found] == [("ann", "eve")]
        assert "why" in found[0].answers


def in_cells(source, text):
    """The notebook with a file of answers (`# cell: NAME` above each) in it, and without the reference's."""
    parts = re.split(r"^# cell: (\S+)\n", text, flags=re.MULTILINE)
    answers = dict(zip(parts[1::2], parts[2::2], strict=True))
    notebook = copy.deepcopy(source)
    for cell in filter(is_answer, notebook.cells):
        cell.source = answers.get(grade_id(cell), "")
    return notebook


@pytest.mark.parametrize("folder", STYLES, ids=lambda folder: folder.parent.name)
def test_right_answers_in_different_styles_are_no_copies_and_a_renamed_one_is(folder):
    name = folder.parent.name
    source = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
    submissions = {"reference": source} | {stem: in_cells(source, text) for stem, text in texts.items()}
    assert near_copies(source, submissions) == []
    stem = next(iter(texts))
    words = sorted(set(re.findall(r"^    (\w+) = ", texts[stem], flags=re.MULTILINE)))
    copied = re.sub(rf"(?<![\w.])({'|'.join(words)})\b(?!=)", r"my_\1", texts[stem])
    found = near_copies(source, submissions | {"thief": in_cells(source, copied)})
    assert [set(pair.students) for pair in found] == [{stem, "thief"}]


def test_pairs_are_joined_to_groups_and_told_without_control_characters():
    pairs = [Pair(names, 0.9, 50.0, ("a", "b")) for names in (("d", "e"), ("a", "b"), ("b", "c\x1b"))]
    assert groups(pairs) == [["a", "b", "c\x1b"], ["d", "e"]]
    assert report(pairs).splitlines()[-1] == "  b and c�: 90% alike, most of all a, b"
    assert report([]) == ""


def test_a_class_of_nobody_and_of_one_has_no_copies():
    assert pairs_of() == pairs_of(ann=ANSWER) == []


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.lists(st.text(max_size=80) | st.text("\"'\\#\n rdef", max_size=80), min_size=2, max_size=4))
def test_any_text_can_be_compared(texts):
    near_copies(book(SOURCE), {str(n): book(text, text) for n, text in enumerate(texts)})


def invented(generator):
    """An answer of some 60 lines that no other student has."""
    names = ["exp", "log", "where", "stack", "einsum", "cumsum", "softmax", "zeros_like"]
    parts = ["q", "k", "mask", "2", "0.5", "q.mean(0)", "k[:, 1]", "len(q)"]
    pick = generator.choice
    lines = [
        f"    v{n} = torch.{pick(names)}({pick(parts)} {pick('+-*/@')} {pick(parts)}, dim={pick('0123')})"
        for n in range(60)
    ]
    return "def scores(q, k, mask):\n" + "\n".join(lines)


def test_three_hundred_submissions_take_less_than_ten_seconds():
    generator = random.Random(0)
    answers = [invented(generator) for _ in range(300)]
    class_ = {f"s{n}": book(text) for n, text in enumerate([*answers, answers[7].replace("v", "w")])}
    start = time.process_time()
    found = near_copies(book(SOURCE), class_)
    assert time.process_time() - start < 10
    assert [pair.students for pair in found] == [("s300", "s7")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ['"""' * 60_000, "'\\" * 90_000, "(" * 190_000, "a." * 90_000, "\n" * 190_000, "def " * 40_000]
)
def test_what_is_made_to_be_slow_is_not(text):
    start = time.process_time()
    near_copies(book(SOURCE), {"ann": book(text, text), "eve": book(text + "x", text)})
    assert time.process_time() - start < 5
