"""Sequences of unequal length in one tensor: padding, masks, and what respects them.

Everywhere in the course True means that a position counts or may be attended to.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def pad(sequences: Sequence[Sequence[int] | np.ndarray | Tensor], value: int = 0) -> tuple[Tensor, Tensor]:
    """Stack sequences of ids, filling up at the end.

    Args:
        sequences: B sequences of at least one id each.
        value: the id that fills up.
    Returns:
        ids (B, T) int64 and lengths (B,) int64, T being the longest length.
    Raises:
        ValueError: for no sequences or an empty one.
    """
    if len(sequences) == 0:
        raise ValueError("sequences must hold at least one sequence, got none")
    if any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("sequences must have at least one id each, got an empty one")
    tensors = [torch.as_tensor(sequence, dtype=torch.int64) for sequence in sequences]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return pad_sequence(tensors, batch_first=True, padding_value=float(value)), lengths


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True at the positions that a sequence fills.

    Args:
        lengths: (B,) integers, from 0 to `size`.
        size: T, the length of the padded sequences.
    Returns:
        (B, T) bool on the device of `lengths`.
    """
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(-1)


def causal_mask(size: int, device: torch.device | str | None = None, *, past: int = 0) -> Tensor:
    """(T, past + T) bool: row t may attend to columns 0 to past + t."""
    return torch.ones(size, past + size, dtype=torch.bool, device=device).tril(past)


def key_mask(attention_mask: Tensor) -> Tensor:
    """From (B, S) bool, True where a token counts, the attention mask (B, 1, 1, S): only those are seen."""
    return attention_mask[:, None, None, :]


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Turn each sequence round within its own length; padding stays where it is.

    Args:
        x: (B, T) or (B, T, D).
        lengths: (B,) integers, from 0 to T.
    Returns:
        A new tensor of the same shape. Applying the function twice gives `x` back.
    """
    positions = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    turned = lengths.to(x.device).unsqueeze(1) - 1 - positions  # (B, T), negative in the padding
    index = torch.where(turned >= 0, turned, positions)
    return x.gather(1, index if x.dim() == 2 else index.unsqueeze(-1).expand_as(x))


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax over the last axis that gives masked positions exactly 0.

    Args:
        scores: (..., S).
        mask: bool, broadcastable to `scores`; None masks nothing.
    Returns:
        Weights of the shape of `scores`; each row sums to 1, or is all 0 where everything is masked.
    Raises:
        ValueError: if the mask is not boolean.
    """
    if mask is None:
        return scores.softmax(-1)
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean (True = may be attended to), got {mask.dtype}")
    # The lowest finite number, not -inf: a row of -inf would be 0/0, and so would its gradient.
    low = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, low).softmax(-1).masked_fill(~mask, 0.0)
