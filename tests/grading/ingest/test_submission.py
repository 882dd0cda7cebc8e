"""What a folder may hold and what bytes may say, before anything of it is believed."""

import codecs
import json
import os
import socket
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from course_lib.grading.ingest import RefusedError, read_notebook, read_submission
from course_lib.grading.submission import source_text
from course_lib.grading.submission_file import fetch, printable


def notebook(*cells, **more):
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}
    ).encode()


def code(source, **more):
    return {"cell_type": "code", "source": source, "metadata": {}, **more}


def sources(data):
    return [cell.source for cell in read_notebook(data).cells]


# what bytes may say


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\0" * 50, "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"{", r"not valid JSON: Expecting property name .* \(line 1, column 2\)"),
        (b'{"nbformat": 4, "cells": [\xff]}', r"not UTF-8 text \(byte 26\)"),
        ('{"cells": "中文"}'.encode("gbk"), "not UTF-8 text"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"9" * 5000, "a number is too long"),
        (b"[]", "JSON, but not a notebook"),
        (b'"nbformat"', "JSON, but not a notebook"),
        (b'{"nbformat": 99, "cells": []}', "its format is 99"),
        (b'{"nbformat": true, "cells": []}', "format is 1|format is True|format is unknown"),
        (b'{"nbformat": [4], "cells": []}', "its format is unknown"),
        (b'{"nbformat": NaN, "cells": []}', "its format is unknown"),
        (b'{"nbformat": "4", "cells": []}', "its format is unknown"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": 7}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": [{"cells": 5}, 5]}', "no list of cells"),
        (notebook(code(7)), "the source of cell 1 is not text"),
        (notebook(code(["a", 7])), "the source of cell 1 is not text"),
        (notebook(code({"a": 1})), "the source of cell 1 is not text"),
        (notebook(code("x"), code("x" * 300_000, metadata={"nbgrader": {"grade_id": "a"}})), "in cell 2"),
        (notebook(*[code("x" * 190_000)] * 22), "more than 4000000 characters in its cells"),
        (notebook(*[code("")] * 5001), "more than 5000 cells"),
        (b" " * (20 * 2**20 + 1), "larger than 20 MB"),
        (b"[" + b"[]," * 6_000_000 + b"[]]", "too many parts"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(content, said):
    with pytest.raises(RefusedError, match=said) as caught:
        read_notebook(content, "gelu.ipynb")
    assert str(caught.value).startswith("gelu.ipynb ")


def test_strange_cells_are_left_behind():
    odd = [
        None,
        3,
        [],
        {"cell_type": "video"},
        {"cell_type": ["code"]},
        {"source": "x"},
        {"cell_type": "code"},
    ]
    assert sources(notebook(*odd, code(["a\n", "b"], metadata=[]))) == ["", "a\nb"]


def test_of_a_key_that_stands_twice_the_last_counts_as_in_jupyter():
    data = b'{"nbformat": 99, "nbformat": 4, "cells": [], "cells": [{"cell_type": "code", "source": "x"}]}'
    assert sources(data) == ["x"]


def test_not_a_number_in_an_output_is_no_reason_to_refuse():
    assert sources(notebook(code("x", outputs=[{"data": float("nan")}]))) == ["x"]


def test_line_ends_nul_and_half_characters_are_put_right_and_chinese_is_kept():
    assert sources(notebook(code("a\r\nb\rc\0\ud800 \U0001f600 词向量"))) == ["a\nb\nc� \U0001f600 词向量"]
    assert source_text("\ude00\ud83d") == "��"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_every_unicode_encoding_is_read(encoding):
    text = json.dumps({"nbformat": 4, "cells": [code("词 = 1")]}, ensure_ascii=False)
    assert sources(text.encode(encoding)) == ["词 = 1"]
    assert sources(codecs.BOM_UTF16_BE + text.encode("utf-16-be")) == ["词 = 1"]


def test_a_long_text_of_the_students_own_is_left_out_with_a_note():
    read = read_notebook(notebook({"cell_type": "markdown", "source": "x" * 300_000}, code("y")))
    assert [cell.source for cell in read.cells] == ["y"]
    assert read.notes == ("cell 1 has more than 200000 characters and is left out",)


@pytest.mark.oracle
@pytest.mark.parametrize("version", [2, 3])
def test_old_notebooks_are_read_as_nbformat_converts_them(version):
    graded = {"grade_id": "double", "grade": False, "solution": True, "locked": False}
    cells = [
        new_markdown_cell("# Title\n\ntext"),
        new_code_cell("def double(x):\n    return x", metadata={"nbgrader": graded}),
        new_raw_cell("raw"),
    ]
    old = nbformat.convert(new_notebook(cells=cells), 3)
    old.worksheets[0].cells.append(nbformat.v3.new_heading_cell("A heading", level=2))
    data = nbformat.v3.writes_json(old).encode()
    modern = nbformat.reads(data.decode(), as_version=4)
    if version == 2:
        data = data.replace(b'"nbformat": 3', b'"nbformat": 2')
    read = read_notebook(data)
    assert [(c.cell_type, c.source) for c in read.cells] == [(c.cell_type, c.source) for c in modern.cells]
    assert [cell.grade_id for cell in read.cells] == ["", "double", "", ""]
    assert read.notes == (f"converted from notebook format {version}",)


def test_a_large_notebook_takes_less_than_200_mb():
    plot = {"data": {"image/png": "A" * 18_000_000, "text/plain": "\U0001f600"}}
    numbers = b'{"nbformat": 4, "cells": [], "n": [' + b"[],[]," * 180_000 + b"[]]}"
    for data in (
        notebook(code("x", outputs=[plot])).replace(b"\\ud83d\\ude00", "\U0001f600".encode()),
        numbers,
    ):
        tracemalloc.start()
        read_notebook(data)
        peak = tracemalloc.get_traced_memory()[1] + len(data)
        tracemalloc.stop()
        assert peak < 200e6


# what a folder may hold


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "李雷" / "gelu"
    made.mkdir(parents=True)
    return made


def test_the_notebook_is_read_with_the_time_of_the_file_and_not_of_a_timestamp_in_it(folder):
    (folder / "gelu.ipynb").write_bytes(notebook(code("x")))
    (folder / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
    os.utime(folder / "gelu.ipynb", (1_700_000_000, 1_700_000_000))
    read = read_submission(folder, "gelu")
    assert [cell.source for cell in read.cells] == ["x"]
    assert read.when == datetime.fromtimestamp(1_700_000_000, UTC)
    assert read.notes == ()


@pytest.mark.parametrize("seconds", [2**40, -(2**40), 2**62])
def test_an_impossible_time_is_put_right(folder, seconds):
    (folder / "gelu.ipynb").write_bytes(notebook(code("x")))
    try:
        os.utime(folder / "gelu.ipynb", (seconds, seconds))
    except OverflowError:
        pytest.skip("this system does not know such a time")
    assert datetime.fromtimestamp(0, UTC) <= read_submission(folder, "gelu").when <= datetime.now(UTC)


def test_the_messages_name_the_file(folder):
    (folder / "gelu.ipynb").write_bytes(b"{")
    with pytest.raises(RefusedError, match=r"^gelu\.ipynb is not valid JSON"):
        read_submission(folder, "gelu")


def test_a_single_notebook_under_another_name_is_taken_with_a_note(folder):
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".~gelu.ipynb").write_text("hidden")
    (folder / "data.csv").write_text("1")
    (folder / "作业 (1).IPYNB").write_bytes(notebook(code("x")))
    read = read_submission(folder, "gelu")
    assert [cell.source for cell in read.cells] == ["x"]
    assert read.notes == ("handed in as 作业 (1).IPYNB instead of gelu.ipynb",)


def test_which_of_several_notebooks_is_meant_is_not_guessed(folder):
    for name in ("gelu (1)", "gelu (2)\n\x1b[31m"):
        (folder / f"{name}.ipynb").write_bytes(notebook(code("x")))
    with pytest.raises(
        RefusedError, match=r"^no gelu.ipynb \(but gelu \(1\).ipynb, gelu \(2\) �\[31m.ipynb\)$"
    ):
        read_submission(folder, "gelu")


def test_copies_beside_the_notebook_are_noted(folder):
    for name in ("gelu", "gelu-Copy1", "scratch"):
        (folder / f"{name}.ipynb").write_bytes(notebook(code(name)))
    read = read_submission(folder, "gelu")
    assert [cell.source for cell in read.cells] == ["gelu"]
    assert read.notes == ("not looked at: gelu-Copy1.ipynb",)


def test_a_folder_without_a_notebook_and_no_folder_say_so(folder):
    with pytest.raises(RefusedError, match=r"^no gelu\.ipynb$"):
        read_submission(folder, "gelu")
    with pytest.raises(RefusedError, match="there is no folder tanh"):
        read_submission(folder.parent / "tanh", "tanh")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(path.parent)  # a socket's path must be short
        server.bind(path.name)
        os.chdir(before)


@pytest.mark.parametrize("name", ["gelu", "gelu (1)"])
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("/dev/zero"),
        os.mkfifo,
        lambda path: path.mkdir(),
        a_socket,
    ],
    ids=["link", "circle", "device", "pipe", "folder", "socket"],
)
def test_what_is_no_ordinary_file_is_refused_and_never_waited_for(folder, make, name):
    make(folder / f"{name}.ipynb")
    with pytest.raises(RefusedError, match="is a link or no ordinary file"):
        read_submission(folder, "gelu")


def test_a_hard_link_to_somebody_elses_file_is_refused(folder, tmp_path):
    (tmp_path / "solution.ipynb").write_bytes(notebook(code("x")))
    os.link(tmp_path / "solution.ipynb", folder / "gelu.ipynb")
    with pytest.raises(RefusedError, match="is a hard link: the same file has 2 names"):
        read_submission(folder, "gelu")


def test_linked_folders_are_refused(folder, tmp_path):
    (folder / "gelu.ipynb").write_bytes(notebook(code("x")))
    (tmp_path / "mallory").symlink_to(folder.parent)
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "gelu").symlink_to(folder)
    for student, name in (("mallory", "mallory"), ("eve", "gelu")):
        with pytest.raises(RefusedError, match=f"^{name} is a link"):
            read_submission(tmp_path / student / "gelu", "gelu")


def test_a_file_that_nobody_may_read_is_refused(folder, monkeypatch):
    (folder / "gelu.ipynb").write_bytes(notebook(code("x")))
    real = os.open

    def locked(path, *rest, **more):
        if str(path).endswith(".ipynb"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", locked)
    with pytest.raises(RefusedError, match=r"gelu\.ipynb cannot be read: Permission denied"):
        read_submission(folder, "gelu")


def test_of_a_file_that_is_too_large_no_more_than_the_limit_is_read(folder):
    with (folder / "gelu.ipynb").open("wb") as file:
        file.truncate(10**12)
    tracemalloc.start()
    with pytest.raises(RefusedError, match="larger than 20 MB"):
        fetch(folder, "gelu")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_no_descriptor_is_left_open(folder):
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    (folder / "gelu.ipynb").write_bytes(notebook(code("x")))
    read_submission(folder, "gelu")
    os.mkfifo(folder.parent / "other")
    with pytest.raises(RefusedError):
        read_submission(folder.parent / "other", "other")
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_foreign_texts_are_shown_on_one_line_without_control_characters():
    assert printable("a\n\tb\x1b[2J\udc80中\u202e") == "a b�[2J�中�"
    assert printable("x" * 500) == "x" * 99 + "…"
