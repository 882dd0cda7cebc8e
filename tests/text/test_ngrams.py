"""Character and word n-grams against their definitions and against the released programs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.text.ngrams import Rows, fnv1a, ngram_buckets, ngrams, word_hashes, word_ngram_buckets

WORDS = ["where", "", "a", "café", "电视剧", "naïve", "nul\0byte", "🙂 smile", "<>", "Ünicode"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_the_paper_s_example_where_gives_the_paper_s_trigrams() -> None:
    assert ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]


def test_a_word_boundary_distinguishes_the_word_her_from_the_middle_of_where() -> None:
    assert "<her>" in ngrams("her")
    assert "<her>" not in ngrams("where")


def test_fnv1a_of_plain_bytes_gives_the_published_values() -> None:
    # the FNV authors' own test vectors for 32-bit FNV-1a
    assert fnv1a(b"") == 0x811C9DC5
    assert fnv1a(b"a") == 0xE40C292C
    assert fnv1a(b"foobar") == 0xBF9CF968


def test_a_byte_above_127_is_read_as_signed() -> None:
    textbook = ((0x811C9DC5 ^ 0xE9) * 16777619) & 0xFFFFFFFF
    assert fnv1a(b"\xe9") != textbook
    assert fnv1a(b"\xe9") == ((0x811C9DC5 ^ 0xFFFFFFE9) * 16777619) & 0xFFFFFFFF


@given(st.lists(TEXT, max_size=6), st.integers(1, 4), st.integers(0, 6), st.integers(1, 10_000))
@settings(deadline=None, max_examples=100)
def test_the_vectorised_hashes_equal_the_written_out_ones(
    words: list[str], low: int, high: int, buckets: int
) -> None:
    rows = ngram_buckets(words, low, high, buckets)
    assert len(rows) == len(words)
    for i, word in enumerate(words):
        assert rows[i].tolist() == [fnv1a(g.encode()) % buckets for g in ngrams(word, low, high)]
    assert word_hashes(words).tolist() == [fnv1a(word.encode()) for word in words]


@pytest.mark.oracle
@pytest.mark.parametrize(("low", "high"), [(3, 6), (1, 2), (1, 6), (2, 2), (5, 4)])
def test_ngram_hashes_equal_gensim_s_for_ascii_and_chinese(low: int, high: int) -> None:
    from gensim.models.fasttext import ft_ngram_hashes

    rows = ngram_buckets(WORDS, low, high, 1_000_003)
    for i, word in enumerate(WORDS):
        assert rows[i].tolist() == ft_ngram_hashes(word, low, high, 1_000_003), word


@pytest.mark.oracle
def test_the_released_fasttext_cuts_and_numbers_words_the_same_way(tmp_path) -> None:
    import fasttext

    (tmp_path / "text").write_text("where café 电视剧 naïve the\n" * 30, encoding="utf-8")
    options = {
        "bucket": 1000,
        "minn": 2,
        "maxn": 5,
        "dim": 2,
        "epoch": 1,
        "thread": 1,
        "minCount": 1,
        "verbose": 0,
    }
    model = fasttext.train_unsupervised(str(tmp_path / "text"), **options)
    size = len(model.get_words())
    for word in ["where", "café", "电视剧", "naïve", "the"]:
        pieces, numbers = model.get_subwords(word)
        assert pieces[1:] == ngrams(word, 2, 5)
        assert (numbers[1:] - size).tolist() == ngram_buckets([word], 2, 5, 1000)[0].tolist()


def test_runs_of_words_stay_inside_their_document() -> None:
    hashes = word_hashes(["a", "b", "c", "d"])
    split = word_ngram_buckets(hashes, np.array([0, 2, 4]), 2, 1009)
    whole = word_ngram_buckets(hashes, np.array([0, 4]), 2, 1009)
    assert split.lengths.tolist() == [1, 1]
    assert whole.lengths.tolist() == [3]
    assert split[0][0] == whole[0][0]
    assert split[1][0] == whole[0][2]


def test_the_order_of_two_words_changes_their_bucket() -> None:
    forward = word_ngram_buckets(word_hashes(["not", "good"]), np.array([0, 2]), 2, 10**6)
    backward = word_ngram_buckets(word_hashes(["good", "not"]), np.array([0, 2]), 2, 10**6)
    assert forward[0][0] != backward[0][0]


def test_documents_shorter_than_the_run_have_no_runs() -> None:
    assert word_ngram_buckets(word_hashes(["a"]), np.array([0, 0, 1]), 5, 10).lengths.tolist() == [0, 0]
    assert word_ngram_buckets(word_hashes([]), np.array([0]), 3, 10).lengths.tolist() == []


def test_rows_take_and_join_keep_every_list_whole() -> None:
    left = Rows(np.array([1, 2, 3, 4]), np.array([0, 1, 1, 4]))
    right = Rows(np.array([7, 8]), np.array([0, 0, 2, 2]))
    taken, joined = left.take(np.array([2, 1, 0, 2])), left.join(right)
    assert [taken[i].tolist() for i in range(4)] == [[2, 3, 4], [], [1], [2, 3, 4]]
    assert [joined[i].tolist() for i in range(3)] == [[1], [7, 8], [2, 3, 4]]


def test_a_word_of_ten_thousand_characters_is_gives_every_one_of_its_ngrams() -> None:
    rows = ngram_buckets(["x" * 10_000, "short"], 3, 6, 2_000_000)
    assert rows.lengths.tolist() == [sum(10_002 - n + 1 for n in range(3, 7)), 5 + 4 + 3 + 2]


def test_no_words_give_no_rows() -> None:
    assert len(ngram_buckets([], 3, 6, 10)) == 0


@pytest.mark.parametrize("buckets", [0, -1, 2**31, 1.5, True])
def test_an_impossible_number_of_buckets_is_refused(buckets) -> None:
    with pytest.raises(ValueError, match="buckets"):
        ngram_buckets(["a"], 3, 6, buckets)


def test_impossible_lengths_and_lone_surrogates_are_refused() -> None:
    with pytest.raises(ValueError, match="min_n"):
        ngram_buckets(["a"], 0, 6, 10)
    with pytest.raises(ValueError, match="max_n"):
        ngram_buckets(["a"], 1, -1, 10)
    with pytest.raises(ValueError, match="surrogate"):
        ngram_buckets(["bad \udce9"], 3, 6, 10)
