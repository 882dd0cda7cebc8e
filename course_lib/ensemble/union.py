"""Spans that several taggers found: votes for them, and the recall that one tagger lacks.

The contest course's advice where strict decoding loses entities: let another model supply them. Every span
is a vote; `fuse_spans` asks for a number of votes, from 1 (the union) to the number of models (the
intersection), and of spans that overlap, which no tag sequence can hold, keeps the one with more votes.
`supplement` never touches what the best tagger found: the others only fill the gaps, so that recall cannot
fall.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Tokens start up to, but not with, end; and what they are."""

    start: int
    end: int
    label: str


class Scores(NamedTuple):
    """Shares from 0 to 1."""

    precision: float
    recall: float
    f1: float


def span_votes(predictions: Sequence[Iterable[Span]]) -> Counter[Span]:
    """How many models found each span; boundaries and label must agree, and a model has one vote a span.

    Args:
        predictions: the spans of one text, as each of the models marked them.
    Raises:
        ValueError: for no models, or a span without tokens.
    """
    if not predictions:
        raise ValueError("predictions must come from one model or more, got none")
    votes = Counter(span for found in predictions for span in {Span(*span) for span in found})
    for span in votes:
        if not 0 <= span.start < span.end:
            raise ValueError(f"predictions must be spans with 0 <= start < end, got {tuple(span)}")
    return votes


def without_overlaps(weights: Mapping[Span, float]) -> list[Span]:
    """Spans of which no two overlap, in the order of the text: the heaviest first, then what still fits.

    Of equally heavy ones the longer goes first, then the earlier, then the first label in the alphabet.
    The largest sum of weights would be the wrong aim: it prefers two halves of a name to the name.

    Args:
        weights: a number for each span.
    """
    kept: list[Span] = []
    for span in sorted(weights, key=lambda s: (-weights[s], s.start - s.end, s)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def fuse_spans(predictions: Sequence[Iterable[Span]], at_least: int = 1) -> list[Span]:
    """Spans with enough votes, without overlaps.

    Args:
        predictions: the spans of one text, as each of M models marked them.
        at_least: votes that a span needs: 1 is the union, M the intersection.
    Raises:
        ValueError: for votes outside 1..M.
    """
    if not 1 <= at_least <= len(predictions):
        raise ValueError(f"at_least must lie in 1..{len(predictions)}, got {at_least}")
    votes = span_votes(predictions)
    return without_overlaps({span: count for span, count in votes.items() if count >= at_least})


def supplement(first: Iterable[Span], others: Sequence[Iterable[Span]], at_least: int = 1) -> list[Span]:
    """What one tagger found, and what others found where it found nothing.

    Args:
        first: the spans of the tagger that is trusted; no two overlap.
        others: the spans of one or more further taggers for the same text.
        at_least: votes among the others that a span needs, 1 to their number.
    Returns:
        All of `first`, and the others' fused spans that overlap none of them.
    """
    kept = sorted(Span(*span) for span in first)
    fitting = [
        [s for s in map(Span._make, found) if all(s.end <= k.start or k.end <= s.start for k in kept)]
        for found in others
    ]
    return sorted([*kept, *fuse_spans(fitting, at_least)])


def span_scores(predicted: Sequence[Iterable[Span]], true: Sequence[Iterable[Span]]) -> Scores:
    """Precision, recall and F1 of whole spans over all texts: a wrong boundary is a miss and a false alarm.

    Args:
        predicted, true: the spans of each of N texts. Without any predicted span precision is 0, without
            any true one recall is 0.
    """
    if len(predicted) != len(true):
        raise ValueError(f"predicted must be one list for each of {len(true)} texts, got {len(predicted)}")
    pairs = [({Span(*s) for s in a}, {Span(*s) for s in b}) for a, b in zip(predicted, true, strict=True)]
    hits = sum(len(a & b) for a, b in pairs)
    marked, existing = sum(len(a) for a, _ in pairs), sum(len(b) for _, b in pairs)
    # F₁ = 2·TP / (predicted + true)
    return Scores(hits / max(marked, 1), hits / max(existing, 1), 2 * hits / max(marked + existing, 1))
