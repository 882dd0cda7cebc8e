"""Writing a text token by token: greedy, by beam search, or by sampling.

All three take a `Stepper`, a model with the memory of what it has read: it is given the last tokens and
returns logits for the next one. Length normalisation of beams: Wu et al. 2016, arXiv:1609.08144, section 7
(without its coverage penalty). Nucleus sampling: Holtzman et al. 2020, arXiv:1904.09751, section 3.1; top-k:
Fan et al. 2018, arXiv:1805.04833, section 5.4.
"""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Stepper(Protocol):
    """A model in the middle of a text."""

    def step(self, ids: Tensor) -> Tensor:
        """Read (N, t) further ids; return logits (N, V) for the token after them."""
        ...

    def reorder(self, rows: Tensor) -> None:
        """Go on with these rows (N,) int64 of the batch, in this order."""
        ...


@torch.no_grad()
def greedy(stepper: Stepper, start: Tensor, end_id: int | None, max_length: int) -> list[list[int]]:
    """The likeliest token at each step.

    Args:
        stepper: fresh, with N rows.
        start: (N, t) ids to begin with.
        end_id: stops a text; None for no such token.
        max_length: steps at most, 1 or more; the end takes one of them.
    Returns:
        N lists of new ids, without the end.
    """
    return _write(stepper, start, end_id, max_length, lambda logits: logits.argmax(-1))


@torch.no_grad()
def sample(
    stepper: Stepper,
    start: Tensor,
    end_id: int | None,
    max_length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Draw each token from the model's distribution, which may be sharpened and cut.

    Args:
        stepper, start, end_id, max_length: as in `greedy`.
        temperature, top_k, top_p: as in `next_token_probabilities`.
        generator: on the device of the logits.
    Returns:
        N lists of new ids, without the end.
    """

    def draw(logits: Tensor) -> Tensor:
        p = next_token_probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        return torch.multinomial(p, 1, generator=generator).squeeze(-1)

    return _write(stepper, start, end_id, max_length, draw)


def next_token_probabilities(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The distribution that `sample` draws from.

    Args:
        logits: (N, V).
        temperature: above 0 and finite; below 1 sharpens.
        top_k: keep the k likeliest tokens (and those as likely as the k-th).
        top_p: then keep the smallest set of likeliest tokens whose probability reaches p, in (0, 1].
    Returns:
        (N, V), rows summing to 1, in float32 at least.
    Raises:
        ValueError: for an argument outside its range.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0 and finite, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be 1 or more, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p}")
    logits = _at_least_float32(logits) / temperature
    if top_k is not None:
        least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    p = logits.softmax(-1)
    if top_p is not None:
        ordered, index = p.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered  # mass of the likelier tokens
        p = p.masked_fill((before >= top_p).gather(-1, index.argsort(-1)), 0.0)
    return p / p.sum(-1, keepdim=True)


@torch.no_grad()
def beam_search(
    stepper: Stepper,
    start: Tensor,
    end_id: int,
    max_length: int,
    *,
    beams: int = 4,
    length_penalty: float = 0.6,
) -> tuple[list[list[int]], Tensor]:
    """The best of several texts that are written side by side.

    A finished text keeps its place among the beams, and its score, until all are finished.

    Args:
        stepper: fresh, with N rows.
        start: (N, t) ids to begin with.
        end_id: stops a text.
        max_length: as in `greedy`.
        beams: W, texts kept for each row.
        length_penalty: α; 0 compares plain log-probabilities.
    Returns:
        N lists of new ids without the end, and their scores (N,): log p / ((5 + length) / 6)^α.
    Raises:
        ValueError: for fewer than one beam or a `max_length` below 1.
    """
    if beams < 1:
        raise ValueError(f"beams must be 1 or more, got {beams}")
    if max_length < 1:
        raise ValueError(f"max_length must be 1 or more, got {max_length}")
    N, device = start.shape[0], start.device
    logits = stepper.step(start)
    V = logits.shape[-1]
    stepper.reorder(torch.arange(N, device=device).repeat_interleave(beams))
    logits = logits.repeat_interleave(beams, 0)
    # Only the first beam of each row counts at the start: the others are copies of it.
    scores = _at_least_float32(logits.new_full((N, beams), -torch.inf))
    scores[:, 0] = 0.0
    texts = torch.empty(N * beams, 0, dtype=torch.int64, device=device)
    done = torch.zeros(N * beams, dtype=torch.bool, device=device)
    lengths = torch.zeros(N * beams, dtype=scores.dtype, device=device)
    for step in range(max_length):
        log_p = _at_least_float32(logits).log_softmax(-1)
        log_p[done] = -torch.inf  # a finished text goes on as itself alone
        log_p[done, end_id] = 0.0
        scores, best = (scores.reshape(-1, 1) + log_p).reshape(N, beams * V).topk(beams, dim=-1)
        rows = (best // V + beams * torch.arange(N, device=device).unsqueeze(-1)).flatten()
        words = (best % V).flatten()
        texts = torch.cat([texts[rows], words.unsqueeze(-1)], dim=-1)
        lengths = lengths[rows] + ~done[rows]
        done = done[rows] | (words == end_id)
        if step + 1 == max_length or bool(done.all()):
            break
        stepper.reorder(rows)
        logits = stepper.step(words.unsqueeze(-1))
    # lp(Y) = ((5 + |Y|) / 6)^α   (arXiv:1609.08144, eq. 14)
    final = scores / ((5.0 + lengths.view(N, beams)) / 6.0) ** length_penalty
    score, which = final.max(-1)
    chosen = texts.view(N, beams, -1)[torch.arange(N, device=device), which]
    return [_until(row, end_id) for row in chosen.tolist()], score


def _write(
    stepper: Stepper,
    start: Tensor,
    end_id: int | None,
    max_length: int,
    choose: Callable[[Tensor], Tensor],
) -> list[list[int]]:
    """Feed each chosen token back until every text has ended."""
    if max_length < 1:
        raise ValueError(f"max_length must be 1 or more, got {max_length}")
    new, ids = [], start
    done = torch.zeros(len(start), dtype=torch.bool, device=start.device)
    for _ in range(max_length):
        word = choose(stepper.step(ids))
        new.append(word)
        ids = word.unsqueeze(-1)
        if end_id is not None:
            done = done | (word == end_id)
            if bool(done.all()):
                break
    return [_until(row, end_id) for row in torch.stack(new, dim=1).tolist()]


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _until(row: list[int], end_id: int | None) -> list[int]:
    return row[: row.index(end_id)] if end_id in row else row
