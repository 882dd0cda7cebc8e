"""Whatever a submission is: it is refused, or rebuilt with the instructor's cells untouched. Quickly."""

import copy
import json
import time
import tracemalloc

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.grading.ingest import RefusedError, read_notebook, rebuild

SHORT = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG = settings(SHORT, max_examples=20_000, derandomize=False)
SECONDS, MEGABYTES = 1.0, 200

words = st.text(max_size=30) | st.sampled_from(
    ["double", "pair", "test_double", "def double(x): ", "\ud800\0\r"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=15,
)


def either(good: st.SearchStrategy) -> st.SearchStrategy:
    """Mostly what belongs in a place, now and then anything."""
    return st.integers(0, 9).flatmap(lambda n: values if n == 0 else good)


def record(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """A dictionary with all of these keys, or some."""
    optional = {key: either(value) for key, value in fields.items()}
    return st.fixed_dictionaries({}, optional=optional)


grade_ids = st.sampled_from(["double", "pair", "why", "setup", "test_double", "test_pair", "unknown", ""])
nbgrader = record(
    grade_id=grade_ids,
    points=scalars,
    grade=scalars,
    solution=scalars,
    locked=scalars,
    schema_version=scalars,
)
cells = record(
    cell_type=st.sampled_from(["code", "markdown", "raw", "heading", "html"]),
    source=words | st.lists(words, max_size=3),
    input=words,
    level=scalars,
    id=grade_ids | words,
    metadata=record(nbgrader=nbgrader, tags=st.lists(words | st.just("skip-execution"), max_size=2)),
    outputs=values,
    attachments=values,
)
cell_lists = st.lists(either(cells), max_size=12)
notebooks = record(
    nbformat=st.sampled_from([4, 4, 4, 3, 2, 99]),
    nbformat_minor=st.integers(0, 9),
    metadata=values,
    cells=cell_lists,
    worksheets=st.lists(record(cells=cell_lists), max_size=2),
)


def check(source, data):
    """Take the bytes in, and hold the result against everything that is promised."""
    before = copy.deepcopy(source)
    tracemalloc.start()
    start = time.process_time()
    try:
        rebuilt, notes = rebuild(source, read_notebook(data))
    except RefusedError:
        return None
    finally:
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < 4 * SECONDS, "tracing memory costs up to four times the time"
        assert peak < MEGABYTES * 1e6
    assert source == before
    assert all(isinstance(note, str) and len(note) < 500 for note in notes)
    nbformat.validate(rebuilt)
    nbformat.writes(rebuilt).encode("utf-8")
    theirs = [cell for cell in rebuilt.cells if not cell.id.startswith("extra-")]
    assert len(theirs) == len(source.cells)
    for mine, cell in zip(source.cells, theirs, strict=True):
        changed = "source" if mine.metadata.get("nbgrader", {}).get("solution") else None
        assert set(cell) == set(mine)
        assert all(cell[key] == mine[key] for key in mine if key != changed)
    for cell in rebuilt.cells:
        assert cell.id.startswith("extra-") <= (cell.metadata == {})
    again = [cell for cell in rebuild(source, rebuilt)[0].cells if not cell.id.startswith("extra-")]
    assert again == theirs, "taking in what was taken in changes no answer"
    return rebuilt


def mutate(draw, data: bytes) -> bytes:
    """A submission with some pieces overwritten, cut out, doubled or swapped."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        stop = start + draw(st.integers(0, 60))
        piece = draw(
            st.binary(max_size=8)
            | st.just(data[start:stop] * 2)
            | st.sampled_from([b"{", b"]", b'"', b"1e9"])
        )
        data = data[:start] + piece + data[stop:]
    return data


def rearrange(draw, notebook: dict) -> dict:
    """A submission whose cells are dropped, doubled, shuffled, or robbed of what they are."""
    pool = draw(st.lists(st.sampled_from(notebook["cells"]), max_size=25))
    for cell in pool:
        match draw(st.integers(0, 6)):
            case 0:
                cell.pop(draw(st.sampled_from(["metadata", "id", "source", "cell_type"])), None)
            case 1:
                cell["source"] = draw(words)
            case 2:
                cell["cell_type"] = draw(st.sampled_from(["code", "markdown", "raw"]))
            case 3:
                cell["metadata"] = draw(either(record(nbgrader=nbgrader)))
            case 4:
                cell["id"] = draw(grade_ids)
    return {**notebook, "cells": pool}


def any_bytes(source, release, data):
    check(source, data.draw(st.binary(max_size=400)))


def any_json(source, release, data):
    text = json.dumps(data.draw(values | notebooks))
    check(source, text.encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))))


def mutated_bytes(source, release, data):
    check(source, mutate(data.draw, nbformat.writes(release).encode()))


def rearranged_cells(source, release, data):
    notebook = rearrange(data.draw, json.loads(nbformat.writes(release)))
    check(source, json.dumps(notebook).encode())


def through_nbformat(source, release, data):
    """The way of plain nbgrader, which hands over what nbformat has read."""
    notebook = rearrange(data.draw, json.loads(nbformat.writes(release)))
    submitted = nbformat.from_dict(notebook)
    try:
        rebuilt, _ = rebuild(source, submitted)
    except RefusedError:
        return
    nbformat.validate(rebuilt)


KINDS = [any_bytes, any_json, mutated_bytes, rearranged_cells, through_nbformat]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_submission_is_refused_or_rebuilt(kind, small_source, small_release):
    SHORT(given(st.data())(lambda data: kind(small_source, small_release, data)))()


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_submission_is_refused_or_rebuilt_however_long_one_looks(kind, small_source, small_release):
    LONG(given(st.data())(lambda data: kind(small_source, small_release, data)))()


def test_the_fuzzing_also_meets_notebooks_that_are_rebuilt(small_source, small_release):
    """A strategy that only ever makes what is refused would test nothing."""
    rebuilt = []

    def look(data):
        notebook = rearrange(data.draw, json.loads(nbformat.writes(small_release)))
        rebuilt.append(check(small_source, json.dumps(notebook).encode()) is not None)

    SHORT(given(st.data())(look))()
    assert sum(rebuilt) > len(rebuilt) / 2


FRONT, BACK = '{"nbformat": 4, "cells": [', "]}"
ANSWER = '{"cell_type": "code", "source": "%s", "metadata": {"nbgrader": {"grade_id": "double"}}}'
OWN = '{"cell_type": "code", "source": "%s"}'
TEXT = '{"nbformat": 4, "a": "%s", "cells": []}'
HEAVY = {
    "lists": lambda size: FRONT + "[]," * (size // 3) + "0" + BACK,
    "objects": lambda size: FRONT + '{"":0},' * (size // 7) + "0" + BACK,
    "strings": lambda size: FRONT + '"ab",' * (size // 5) + "0" + BACK,
    "wide strings": lambda size: FRONT + '"é€",' * (size // 8) + "0" + BACK,
    "long numbers": lambda size: FRONT + ("9" * 4000 + ",") * (size // 4001) + "0" + BACK,
    "one number": lambda size: FRONT + "1" * size + ".5" + BACK,
    "escapes": lambda size: TEXT % ("\\\\" * (size // 2)),
    "an emoji": lambda size: TEXT % ("\U0001f600" + "a" * size),
    "copies": lambda size: FRONT + ",".join([ANSWER % ("a = 1\\n" * 550)] * 1200) + BACK,
    "definitions": lambda size: FRONT + ",".join([OWN % ("def up(x)\\n" * 330)] * 1200) + BACK,
    "long names": lambda size: FRONT + ",".join([OWN % ("a" * 199_000)] * 20) + BACK,
    "annotations": lambda size: FRONT + ",".join([OWN % ("a: b" * 49_000)] * 20) + BACK,
    "blank lines": lambda size: FRONT + ",".join([OWN % (" \\n" * 60_000)] * 30) + BACK,
    "worksheets": lambda size: '{"nbformat": 3, "worksheets": [' + '{"cells": []},' * (size // 14) + "0]}",
}


def take(source, data):
    try:
        rebuild(source, read_notebook(data))
    except RefusedError:
        return


@pytest.mark.parametrize("kind", HEAVY)
def test_what_is_made_to_be_slow_takes_less_than_a_second(kind, small_source):
    data = HEAVY[kind](19 * 2**20).encode()
    start = time.process_time()
    take(small_source, data)
    assert time.process_time() - start < SECONDS


@pytest.mark.soak
@pytest.mark.parametrize("kind", HEAVY)
def test_what_is_made_to_be_large_takes_less_than_200_mb(kind, small_source):
    data = HEAVY[kind](19 * 2**20).encode()
    tracemalloc.start()
    take(small_source, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + len(data) < MEGABYTES * 1e6
