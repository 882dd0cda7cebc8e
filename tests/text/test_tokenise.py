"""Splitters."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from course_lib.text import tokenise


def is_old(character):
    """Same category in Unicode 3.2 and now: the oracle's tables are of another version than Python's."""
    return unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character)


def test_words_keeps_inner_apostrophes_and_hyphens_and_isolates_marks():
    assert tokenise.words("Don't re-run it, 3.5 times!") == [
        "don't",
        "re-run",
        "it",
        ",",
        "3.5",
        "times",
        "!",
    ]
    assert tokenise.words("A, b.", lower=False, punctuation=False) == ["A", "b"]


def test_a_word_of_ten_thousand_characters_is_one_word_at_once():
    assert tokenise.words("x" * 10_000) == ["x" * 10_000]
    assert tokenise.gpt2_words("x" * 10_000) == ["x" * 10_000]


def test_sentences_end_at_stops_but_not_at_abbreviations():
    text = "See e.g. Fig. 2 for J. Smith. It holds. Version 3.11 is next! (Really?) Yes"
    assert tokenise.sentences(text) == [
        "See e.g. Fig. 2 for J. Smith.",
        "It holds.",
        "Version 3.11 is next!",
        "(Really?)",
        "Yes",
    ]
    assert tokenise.sentences("See e.g. Smith. It holds.") == ["See e.g. Smith.", "It holds."]
    assert tokenise.sentences(" \n ") == []


@given(st.text())
def test_gpt2_words_lose_no_character(text):
    assert "".join(tokenise.gpt2_words(text)) == text


@given(st.text())
def test_words_lose_only_whitespace(text):
    assert "".join(tokenise.words(text, lower=False)) == regex.sub(r"\s+", "", text)


def test_the_256_byte_symbols_differ_and_are_visible():
    symbols = tokenise.byte_symbols()
    assert len(set(symbols)) == 256
    assert all(symbol.isprintable() and not symbol.isspace() for symbol in symbols)


@pytest.mark.oracle
@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]).filter(is_old)))
def test_bert_words_equal_the_bert_pre_tokenizer(text):
    from tokenizers import normalizers, pre_tokenizers

    for lower in (True, False):
        normal = normalizers.BertNormalizer(lowercase=lower).normalize_str(text)
        expected = [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normal)]
        assert tokenise.bert_words(text, lower=lower) == expected


@pytest.mark.oracle
@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]).filter(is_old)))
def test_gpt2_words_and_byte_symbols_equal_the_byte_level_pre_tokenizer(text):
    from tokenizers import pre_tokenizers

    names = tokenise.byte_symbols()
    expected = [w for w, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)]
    ours = ["".join(names[b] for b in word.encode()) for word in tokenise.gpt2_words(text)]
    assert ours == expected


def test_an_unknown_splitter_is_named():
    with pytest.raises(ValueError, match="splitter must be one of"):
        tokenise.splitter("spaces")
