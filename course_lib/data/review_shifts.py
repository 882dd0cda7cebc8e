"""Reviews between two domains: books' reviews that have taken over some of television's ways, and not others.

The two domains of `reviews` differ in three ways at once: in the share of positive reviews ("labels"), in
their own nouns and adjectives ("words"), and in what some shared adjectives mean ("meanings"). Here each can
be switched on alone, which no real pair of domains allows: reviews of television, of which the other ways
are undone word by word.
"""

from collections.abc import Collection

import numpy as np

from course_lib.data.grammar import Language
from course_lib.data.reviews import POSITIVE, Domain, domain_words, reviews
from course_lib.data.word_probes import check_count

SHIFTS = ("labels", "words", "meanings")
Review = tuple[list[str], int]


def shifted_reviews(lang: Language, shifts: Collection[str], n: int, seed: int = 0) -> list[Review]:
    """n reviews (tokens, label) that differ from reviews of books in the named ways only.

    Args:
        lang: the language whose words are used.
        shifts: any of "labels", "words", "meanings"; all three give `reviews(lang, "television", n, seed)`.
        n: how many, at least 1.
        seed: of the choice.
    """
    check_count(n)
    if unknown := set(shifts) - set(SHIFTS):
        raise ValueError(f"shifts must be among {SHIFTS}, got {sorted(unknown)}")
    books, series = domain_words(lang, "books"), domain_words(lang, "television")
    if "labels" in shifts:
        drawn = reviews(lang, "television", n, seed)
    else:
        drawn = _with_share(reviews(lang, "television", 4 * n + 40, seed), POSITIVE["books"], n, seed)
    adjectives: dict[str, str] = {}
    nouns: dict[str, str] = {}
    if "meanings" not in shifts:
        adjectives |= _turned_back(books, series)
    if "words" not in shifts:
        nouns = _one_to_one(series.nouns, books.nouns)
        adjectives |= _own_adjectives(books, series)
    return [(_respelled(tokens, nouns, adjectives), label) for tokens, label in drawn]


def _with_share(drawn: list[Review], positive: float, n: int, seed: int) -> list[Review]:
    """n of the reviews, each label drawn with the share of positive ones."""
    wanted = np.random.default_rng([54, seed]).random(n) < positive
    left = {label: iter([review for review in drawn if review[1] == label]) for label in (0, 1)}
    return [next(left[int(label)]) for label in wanted]


def turned_adjectives(books: Domain, series: Domain) -> np.ndarray:
    """Rows of the shared adjectives that praise in one domain and blame in the other."""
    shared = int(books.shared.sum())
    return np.flatnonzero(books.praises[:shared] != series.praises[:shared])


def _turned_back(books: Domain, series: Domain) -> dict[str, str]:
    """Both forms of each turned adjective, exchanged: what is said stays, as books would say it."""
    table: dict[str, str] = {}
    for plain, negated in series.adjectives[turned_adjectives(books, series)]:
        table |= {plain: negated, negated: plain}
    return table


def _own_adjectives(books: Domain, series: Domain) -> dict[str, str]:
    """The series' own adjectives in the words of books, praise for praise."""
    table: dict[str, str] = {}
    for praises in (True, False):
        ours, theirs = (
            words.adjectives[~words.shared & (words.praises == praises)] for words in (series, books)
        )
        table |= _one_to_one(ours, theirs)
    return table


def _one_to_one(ours: np.ndarray, theirs: np.ndarray) -> dict[str, str]:
    """Spellings (a, 2) to spellings (b, 2), row by row; from the start again where b is smaller."""
    rows = theirs[np.arange(len(ours)) % len(theirs)]
    return dict(zip(ours.flatten().tolist(), rows.flatten().tolist(), strict=True))


def _respelled(tokens: list[str], nouns: dict[str, str], adjectives: dict[str, str]) -> list[str]:
    """Each clause is "... noun verb degree adjective .": these two places are looked up."""
    out = list(tokens)
    for i, token in enumerate(tokens):
        if token == ".":
            out[i - 4], out[i - 1] = (
                nouns.get(out[i - 4], out[i - 4]),
                adjectives.get(out[i - 1], out[i - 1]),
            )
    return out
