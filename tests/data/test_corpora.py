"""Real text: properties, never exact text, which depends on the versions installed."""

import logging
import subprocess
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import corpora, prose

ENGLISH = corpora.english(60_000)


def test_the_english_is_mostly_common_english_words():
    tokens = [token for sentence in ENGLISH.sentences() for token in sentence]
    common = {"the", "of", "a", "is", "to", "and", "in", "if", "for", "be", "this", "that"}
    assert 0.15 < sum(token in common for token in tokens) / len(tokens) < 0.5
    assert all(token == token.lower() for token in tokens)
    assert ENGLISH.n_tokens == len(tokens)


def test_max_tokens_stops_soon_after_and_a_larger_read_begins_the_same():
    assert 60_000 <= ENGLISH.n_tokens < 90_000
    small = corpora.english(5_000)
    assert small.documents == ENGLISH.documents[: len(small.documents)]


def test_reading_twice_gives_the_same_digest_and_a_changed_text_another():
    assert corpora.english(5_000).sha256 == corpora.english(5_000).sha256
    a, b = corpora.from_texts(["ab", "c"]), corpora.from_texts(["a", "bc"])
    assert a.sha256 != b.sha256


def test_code_prompts_and_tables_are_gone():
    text = ENGLISH.text()
    for mark in (">>>", "----", "====", ":: ", ":math:", "|  ", "\x00"):
        assert mark not in text


def test_no_paragraph_stands_in_two_documents():
    paragraphs = [p for document in ENGLISH.documents for p in document.text.splitlines()]
    assert len(paragraphs) == len(set(paragraphs))


def test_several_sources_are_in_it_and_each_states_its_licence():
    about = ENGLISH.about()
    assert {"python", "numpy", "scipy", "sklearn", "torch"} <= set(about["licences"])
    assert all("BSD" in text or "Python" in text for text in about["licences"].values())
    assert len(about["sha256"]) == 64


def test_reading_imports_none_of_the_packages():
    code = (
        "import sys; from course_lib.data import corpora; corpora.english(30000);"
        "print([m for m in ('scipy', 'sklearn', 'networkx', 'torch', 'datasets') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
    assert ran.stderr == ""


def test_a_split_shares_no_document_and_keeps_all_of_them():
    parts = ENGLISH.split(0)
    names = [{(d.source, d.name) for d in part.documents} for part in parts]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]
    assert sum(map(len, names)) == len(ENGLISH.documents)
    assert abs(parts.train.n_tokens / ENGLISH.n_tokens - 0.8) < 0.1
    assert parts == ENGLISH.split(0)
    assert parts != ENGLISH.split(1)


@given(st.integers(3, 12), st.integers(0, 5))
def test_small_corpora_split_into_three_parts_that_are_not_empty(n, seed):
    parts = corpora.from_texts([f"text {i}" for i in range(n)]).split(seed)
    assert sorted(d.name for part in parts for d in part.documents) == sorted(map(str, range(n)))


def test_sentences_without_punctuation_hold_words_and_numbers_only():
    corpus = corpora.from_texts(["One, two! Three (3)."])
    assert corpus.sentences() == [["one", ",", "two", "!"], ["three", "(", "3", ")", "."]]
    assert corpus.sentences(punctuation=False) == [["one", "two"], ["three", "3"]]


def test_docstrings_are_read_in_order_and_nothing_is_run():
    source = 'raise SystemExit\n"""no"""\n'
    assert prose.docstrings(source) == []
    source = (
        '"""M."""\nclass A:\n    """A."""\n    def f(self):\n        """F."""\ndef g(x="""s"""):\n    pass\n'
    )
    assert prose.docstrings(source) == ["M.", "A.", "F."]
    assert prose.docstrings(b'"""broken') == []
    assert prose.docstrings(b'"""nul\x00"""') == []


def test_prose_is_what_remains_of_a_numpy_docstring():
    text = """Return the :func:`~a.b.mean` of ``x`` along an axis, see [1]_.

    Parameters
    ----------
    axis : int or None, optional
        Axis along which the mean
        is computed by this function.

    Examples
    --------
    >>> mean([1, 2]) # this is a line of code that ends like a sentence.
    The output of this line is not prose at all.

    === ===
    a   b
    === ===
    """
    assert prose.paragraphs(text) == [
        "Return the mean of x along an axis, see.",
        "Axis along which the mean is computed by this function.",
    ]


@given(st.text())
def test_any_docstring_is_cleaned_without_an_error(text):
    assert all(prose.is_prose(p) and "\n" not in p for p in prose.paragraphs(text))


def test_a_folder_of_text_files_is_read_by_name(tmp_path):
    (tmp_path / "b.txt").write_text("Second file.", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("\ufeffDrittes Stück. " + "x" * 10_000, encoding="utf-8")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "other.md").write_text("not this")
    corpus = corpora.folder(tmp_path)
    assert [d.name for d in corpus.documents] == ["b.txt", "sub/a.txt"]
    assert corpus.sentences()[1] == ["drittes", "stück", ".", "x" * 10_000]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"ok \xff\xfe", "invalid byte at 3"), (b"ab\x00c", "NUL character at 2"), (b"  \n", "1 empty files")],
)
def test_files_that_are_not_text_are_named_with_the_place(tmp_path, data, message):
    (tmp_path / "bad.txt").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        corpora.folder(tmp_path)


def test_an_empty_or_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"match '\*\.txt', got none"):
        corpora.folder(tmp_path)
    with pytest.raises(ValueError, match="must be a folder"):
        corpora.folder(tmp_path / "none")


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="max_tokens"):
        corpora.english(0)
    with pytest.raises(ValueError, match="at least one token, got 0"):
        corpora.from_texts([" ", ""])
    with pytest.raises(ValueError, match="at least 3"):
        corpora.from_texts(["a", "b"]).split(0)
    with pytest.raises(ValueError, match="shares"):
        ENGLISH.split(0, (0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="shares"):
        ENGLISH.split(0, (0.5, 0.5, float("nan")))
    with pytest.raises(ValueError, match="texts must be a list of texts, got the string 'a text'"):
        corpora.from_texts("a text")


def fake_datasets(monkeypatch, load):
    module = types.ModuleType("datasets")
    module.load_dataset = load
    monkeypatch.setitem(sys.modules, "datasets", module)


class Rows(list):
    column_names = ("text",)

    def select(self, which):
        return Rows(self[i] for i in which)


def test_a_hub_dataset_becomes_a_corpus(monkeypatch, caplog):
    fake_datasets(monkeypatch, lambda *a, **k: Rows([{"text": "One."}, {"text": ""}, {"text": "Two."}]))
    with caplog.at_level(logging.INFO):
        assert len(corpora.hugging_face("some/set").documents) == 2
    assert "some/set" in caplog.text
    assert len(corpora.hugging_face("some/set", max_documents=1).documents) == 1
    with pytest.raises(ValueError, match="column must be one of"):
        corpora.hugging_face("some/set", column="body")


@pytest.mark.parametrize(("offline", "message"), [("1", "HF_HUB_OFFLINE is set"), ("0", "not be reached")])
def test_a_hub_out_of_reach_is_a_clear_error(monkeypatch, offline, message):
    def load(*args, **kwargs):
        try:
            raise ConnectionError("no route")
        except ConnectionError as error:
            raise RuntimeError("deep inside") from error

    fake_datasets(monkeypatch, load)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with pytest.raises(ConnectionError, match=message):
        corpora.hugging_face("some/set")


def test_other_errors_of_the_hub_are_passed_on(monkeypatch):
    fake_datasets(monkeypatch, lambda *a, **k: {}["missing"])
    with pytest.raises(KeyError):
        corpora.hugging_face("some/set")


def test_a_missing_datasets_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match="pip install datasets"):
        corpora.hugging_face("some/set")
