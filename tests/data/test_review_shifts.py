"""Reviews between two domains: each way of differing alone."""

import numpy as np
import pytest

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.review_shifts import SHIFTS, shifted_reviews, turned_adjectives
from course_lib.data.reviews import POSITIVE, domain_words, reviews


@pytest.fixture(scope="module")
def lang() -> Language:
    return Language(LanguageConfig(vocab_size=2000))


def praise(lang: Language, domain: str) -> dict[str, bool]:
    """Whether each form of an adjective praises in a domain."""
    words = domain_words(lang, domain)
    pairs = zip(words.adjectives, words.praises, strict=True)
    return {form: bool(p) ^ bool(i) for forms, p in pairs for i, form in enumerate(forms)}


def test_all_shifts_are_television_and_none_are_books(lang: Language) -> None:
    assert shifted_reviews(lang, SHIFTS, 50, seed=3) == reviews(lang, "television", 50, seed=3)
    none = shifted_reviews(lang, (), 2000, seed=3)
    books = reviews(lang, "books", 2000, seed=3)
    assert {t for text, _ in none for t in text} <= {t for text, _ in books for t in text}
    assert np.mean([y for _, y in none]) == pytest.approx(POSITIVE["books"], abs=0.03)
    told = praise(lang, "books")
    assert all(told[text[-2]] == bool(label) for text, label in none)


@pytest.mark.parametrize("shift", SHIFTS)
def test_one_shift_changes_its_own_thing_alone(lang: Language, shift: str) -> None:
    some, books = shifted_reviews(lang, [shift], 2000, seed=4), reviews(lang, "books", 2000, seed=5)
    share = np.mean([y for _, y in some])
    assert share == pytest.approx(POSITIVE["television" if shift == "labels" else "books"], abs=0.03)
    known = {t for text, _ in books for t in text}
    strange = np.mean([t not in known for text, _ in some for t in text])
    assert strange > 0.1 if shift == "words" else strange == 0
    told = praise(lang, "television") | praise(lang, "books")
    wrong = np.mean([told[text[-2]] != bool(label) for text, label in some])
    assert wrong > 0 if shift == "meanings" else wrong == 0


def test_the_turned_adjectives_are_shared_and_differ_in_praise(lang: Language) -> None:
    books, series = domain_words(lang, "books"), domain_words(lang, "television")
    rows = turned_adjectives(books, series)
    assert len(rows)
    assert (books.adjectives[rows] == series.adjectives[rows]).all()
    assert (books.praises[rows] != series.praises[rows]).all()


def test_bad_input_is_refused_by_name(lang: Language) -> None:
    with pytest.raises(ValueError, match="shifts must be among"):
        shifted_reviews(lang, ["length"], 3)
    with pytest.raises(ValueError, match="n must be"):
        shifted_reviews(lang, [], 0)
