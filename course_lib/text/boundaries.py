"""Do the cuts of a tokenizer fall where morphemes meet?

A cut is a place inside a word, counted in characters from its start. Precision is the share of a tokenizer's
cuts that are true, recall the share of the true ones that it made, both summed over words. The control makes
as many cuts in each word at random places, so its precision is what chance gives.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class BoundaryScores(NamedTuple):
    """Shares in 0..1 (precision is 0 where nothing is cut), and cuts a word."""

    precision: float
    recall: float
    chance: float
    cuts_per_word: float


def cuts(pieces: Sequence[str], end_of_word: str = "") -> tuple[int, ...]:
    """Where the pieces of one word meet: ("un", "do", "ing</w>") is cut at 2 and 4."""
    places, at = [], 0
    for piece in pieces:
        at += len(piece.removesuffix(end_of_word)) if end_of_word else len(piece)
        places.append(at)
    return tuple(places[:-1])


def boundary_scores(
    found: Mapping[str, Sequence[int]], true: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> BoundaryScores:
    """Compare cuts with the true ones.

    Args:
        found: word -> the tokenizer's cuts.
        true: word -> the true cuts; words that `found` lacks are ignored.
        weights: word -> how much it counts, for example its frequency.
    Raises:
        ValueError: if a cut lies outside its word, or nothing is left to compare.
    """
    right = made = wanted = luck = total = 0.0
    for word, places in found.items():
        if any(not 0 < place < len(word) for place in (*places, *true[word])):
            raise ValueError(
                f"cuts of {word!r} must lie in 1..{len(word) - 1}, got {places} and {true[word]}"
            )
        weight = weights[word]
        right += weight * len({*places} & {*true[word]})
        made += weight * len(places)
        wanted += weight * len(true[word])
        # k random cuts among n−1 places hit one of t true ones k·t/(n−1) times on average
        luck += weight * len(places) * len(true[word]) / max(1, len(word) - 1)
        total += weight
    if not total:
        raise ValueError("found must hold words of positive weight, got none")
    return BoundaryScores(
        right / made if made else 0.0,
        right / wanted if wanted else 0.0,
        luck / made if made else 0.0,
        made / total,
    )
