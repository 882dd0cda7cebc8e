"""Reviews between two domains: books' reviews that have taken over some of television's ways, and not others.

The two domains of `reviews` differ in three ways at once: in the share of positive reviews ("labels"), in
their own nouns and adjectives ("words"), and in what some shared adjectives mean ("meanings"). Here each can
be switched on alone, which no real pair of domains allows.
"""

from collections.abc import Collection

import numpy as np

from course_lib.data.grammar import Language
from course_lib.data.reviews import POSITIVE, Domain, domain_words, write_reviews

SHIFTS = ("labels", "words", "meanings")


def shifted_reviews(
    lang: Language, shifts: Collection[str], n: int, seed: int = 0
) -> list[tuple[list[str], int]]:
    """n reviews (tokens, label) that differ from reviews of books in the named ways only.

    Args:
        lang: the language whose words are used.
        shifts: any of "labels", "words", "meanings"; all three give `reviews(lang, "television", n, seed)`.
        n: how many, at least 1.
        seed: of the choice.
    """
    if unknown := set(shifts) - set(SHIFTS):
        raise ValueError(f"shifts must be among {SHIFTS}, got {sorted(unknown)}")
    positive = POSITIVE["television" if "labels" in shifts else "books"]
    return write_reviews(_mixed(lang, shifts), positive, n, np.random.default_rng([53, 1, seed]))


def _mixed(lang: Language, shifts: Collection[str]) -> Domain:
    """Nouns and adjectives of one domain, and what the shared adjectives mean in one."""
    books, series = domain_words(lang, "books"), domain_words(lang, "television")
    own = series if "words" in shifts else books
    shared = int(own.shared.sum())  # they come first
    meaning = series if "meanings" in shifts else books
    praises = np.concatenate([meaning.praises[:shared], own.praises[shared:]])
    return Domain(own.nouns, own.adjectives, praises, own.shared)


def turned_adjectives(books: Domain, series: Domain) -> np.ndarray:
    """Rows of the shared adjectives that praise in one domain and blame in the other."""
    shared = int(books.shared.sum())
    return np.flatnonzero(books.praises[:shared] != series.praises[:shared])
