"""BLEU: how many of a translation's n-grams stand in a reference.

Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL P02-1040,
section 2.
Tokens come in as lists; tokenization changes scores, so it is the caller's to name. Scores run from 0 to 100.
With several references the brevity penalty takes the closest length, the shorter of two equally close.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Tokens = Sequence[str]
SMOOTHING = ("none", "floor", "add-k", "exp")


@dataclass(frozen=True)
class Bleu:
    """A score with its parts.

    Attributes:
        score: 0 to 100.
        precisions: p_n of n = 1..N as shares, after smoothing.
        brevity_penalty: 1 where the candidates are not shorter than the references.
        candidate_length, reference_length: in tokens, over the corpus.
    """

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    candidate_length: int
    reference_length: int


def ngrams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n tokens occurs."""
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def clipped_matches(candidate: Tokens, references: Sequence[Tokens], n: int) -> tuple[int, int]:
    """Matched and present n-grams; one matches at most as often as in the reference that has it most."""
    found = ngrams(candidate, n)
    allowed: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        allowed |= ngrams(reference, n)
    return (found & allowed).total(), found.total()


def corpus_bleu(
    candidates: Sequence[Tokens],
    references: Sequence[Sequence[Tokens]],
    *,
    max_order: int = 4,
    smoothing: str = "none",
    smoothing_value: float | None = None,
    effective_order: bool = False,
) -> Bleu:
    """BLEU over a corpus: matches and lengths are summed first and divided once (eq. in section 2.3).

    Args:
        candidates: one token list a sentence.
        references: one or more token lists a sentence.
        max_order: the largest n.
        smoothing: what a precision without any match becomes, after Chen and Cherry 2014 (W14-3346):
            "none" leaves 0; "floor" puts `smoothing_value` matches (0.1); "add-k" adds `smoothing_value`
            (1) to matches and n-grams for n > 1; "exp" takes 1/2, 1/4, ... match for the first, second, ...
            empty order.
        smoothing_value: see there.
        effective_order: leave out orders longer than the candidate, for single sentences (not with add-k,
            which fills them).
    Raises:
        ValueError: for unequal numbers of sentences, a sentence without reference, a string instead of
            tokens.
    """
    _check(candidates, references, max_order, smoothing)
    matches, present, length, reference_length = [0] * max_order, [0] * max_order, 0, 0
    for candidate, group in zip(candidates, references, strict=True):
        length += len(candidate)
        reference_length += min((abs(len(r) - len(candidate)), len(r)) for r in group)[1]
        for n in range(1, max_order + 1):
            matched, total = clipped_matches(candidate, group, n)
            matches[n - 1] += matched
            present[n - 1] += total
    precisions = _precisions(matches, present, smoothing, smoothing_value)
    # BP = 1 if c > r, else exp(1 − r/c)
    penalty = 0.0 if length == 0 else min(1.0, math.exp(1 - reference_length / length))
    used = [p for p in precisions if p is not None] if effective_order else [p or 0.0 for p in precisions]
    if not any(matches) or not used or min(used) == 0:
        score = 0.0
    else:
        # BLEU = BP · exp( Σ_n 1/N · log p_n )
        score = 100 * penalty * math.exp(math.fsum(map(math.log, used)) / len(used))
    return Bleu(score, tuple(p or 0.0 for p in precisions), penalty, length, reference_length)


def sentence_bleu(
    candidate: Tokens, references: Sequence[Tokens], *, max_order: int = 4, smoothing: str = "exp"
) -> Bleu:
    """BLEU of one sentence; smoothed, because a single sentence often has no 4-gram match at all."""
    return corpus_bleu(
        [candidate], [references], max_order=max_order, smoothing=smoothing, effective_order=True
    )


def _precisions(
    matches: list[int], present: list[int], smoothing: str, smoothing_value: float | None
) -> list[float | None]:
    """Shares by order; None where the candidates have no n-gram of that order (add-k gives them k of k)."""
    floor = 0.1 if smoothing_value is None else smoothing_value
    k = 1.0 if smoothing_value is None else smoothing_value
    shares: list[float | None] = []
    halving = 1.0
    for n, (matched, total) in enumerate(zip(matches, present, strict=True), start=1):
        hits, of = float(matched), float(total)
        if smoothing == "add-k" and n > 1:
            hits, of = hits + k, of + k
        elif matched == 0 and total and smoothing == "floor":
            hits = floor
        elif matched == 0 and total and smoothing == "exp":
            halving *= 2
            hits = 1 / halving
        # p_n = Σ clipped matches / Σ n-grams in the candidates
        shares.append(hits / of if of else None)
    return shares


def _check(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]], max_order: int, smoothing: str
) -> None:
    if smoothing not in SMOOTHING:
        raise ValueError(f"smoothing must be one of {SMOOTHING}, got {smoothing!r}")
    if max_order < 1:
        raise ValueError(f"max_order must be at least 1, got {max_order}")
    if len(candidates) != len(references) or not candidates:
        raise ValueError(
            f"candidates must be as many as references and at least one, "
            f"got {len(candidates)} and {len(references)}"
        )
    for i, (candidate, group) in enumerate(zip(candidates, references, strict=True)):
        if isinstance(candidate, str) or isinstance(group, str) or any(isinstance(r, str) for r in group):
            raise ValueError(f"sentence {i} must be lists of tokens, got a string")
        if len(group) == 0:
            raise ValueError(f"references of sentence {i} must be at least one, got none")
