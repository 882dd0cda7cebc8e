"""The Chinese written form."""

import logging
import tempfile
from itertools import pairwise

import numpy as np
import pytest

from course_lib.data.chinese import ChineseForm
from course_lib.data.function_words import FUNCTION_WORDS
from course_lib.data.grammar import Language, LanguageConfig


@pytest.fixture(scope="module")
def form() -> ChineseForm:
    return ChineseForm(Language(LanguageConfig.tiny()))


def test_every_form_has_a_chinese_word_of_its_own(form: ChineseForm) -> None:
    assert len(set(form.words)) == len(form.lang.forms)
    assert all(form.words)
    assert form.words[form.lang.index["the"]] == "那个"
    assert all(form.lang.index[word] >= 0 for word in FUNCTION_WORDS)


def test_boundaries_cut_the_text_into_the_words_written(form: ChineseForm) -> None:
    corpus = form.lang.sample(3000, seed=1)
    texts, bounds = form.write(corpus)
    assert len(texts) == len(bounds) == len(corpus.asides)
    words = []
    for text, ends in zip(texts, bounds, strict=True):
        assert " " not in text
        assert ends[0] == 0
        assert ends[-1] == len(text)
        words += [text[a:b] for a, b in pairwise(ends)]
    assert words == form.words[corpus.ids].tolist()


@pytest.mark.oracle
def test_jieba_finds_nearly_all_word_boundaries(form: ChineseForm) -> None:
    import jieba

    jieba.setLogLevel(logging.ERROR)
    jieba.dt.tmp_dir = tempfile.gettempdir()
    texts, bounds = form.write(form.lang.sample(5000, seed=2))
    found, true, both = 0, 0, 0
    for text, ends in zip(texts, bounds, strict=True):
        cut = set(np.cumsum([len(word) for word in jieba.cut(text)]).tolist())
        known = set(ends[1:].tolist())
        found, true, both = found + len(cut), true + len(known), both + len(cut & known)
    assert both / true > 0.97
    assert both / found > 0.95
