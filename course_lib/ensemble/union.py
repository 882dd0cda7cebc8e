"""Spans that several taggers found: their union raises recall, their intersection precision.

The contest course's advice where strict decoding loses entities: let another model supply them. Every span
is a vote; `at_least` votes are asked for, from 1 (the union) to the number of models (the intersection). A
tag sequence cannot hold two spans that overlap, so the fused ones are thinned out: of all sets without
overlap the one with most votes is kept (weighted interval scheduling, an exact dynamic program).
"""

from bisect import bisect_right
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
    """The spans with the largest total weight of which no two overlap, in the order of the text.

    Args:
        weights: a number above 0 for each span. Of sets with equal weight, spans that end early win, then
            those that start early, then those whose label comes first.
    Raises:
        ValueError: for a weight that is not above 0.
    """
    if not all(weight > 0 for weight in weights.values()):
        raise ValueError(f"weights must be above 0, got {min(weights.values())}")
    spans = sorted(weights, key=lambda span: (span.end, span.start, span.label))
    ends = [span.end for span in spans]
    best = [0.0] * (len(spans) + 1)
    before = [bisect_right(ends, span.start) for span in spans]
    # best(i) = max( best(i−1), weight_i + best(last span that ends before i starts) )
    for i, span in enumerate(spans):
        best[i + 1] = max(best[i], weights[span] + best[before[i]])
    kept, i = [], len(spans)
    while i:
        span = spans[i - 1]
        if best[i] > best[i - 1]:
            kept.append(span)
            i = before[i - 1]
        else:
            i -= 1
    return kept[::-1]


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
