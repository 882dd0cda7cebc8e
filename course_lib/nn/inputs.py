"""What a model checks before it computes: ids that it has rows for, and masks that are masks."""

import torch
from torch import Tensor


def check_ids(
    input_ids: Tensor, vocab_size: int, *, longest: int | None = None, name: str = "input_ids"
) -> None:
    """Refuse ids that would fail deep inside, or not at all.

    The range of the ids is looked at on the processor only: on a GPU the look would wait for the device.

    Args:
        input_ids: should be (B, T) integers from 0 to `vocab_size` - 1, neither B nor T being 0.
        vocab_size: V.
        longest: the largest T that the model has positions for; None for no limit.
        name: what the message calls them.
    Raises:
        ValueError: with what was expected and what came.
    """
    if input_ids.dim() != 2 or 0 in input_ids.shape:
        raise ValueError(f"{name} must be (B, T) with B, T of 1 or more, got {list(input_ids.shape)}")
    if input_ids.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"{name} must be integers, got {input_ids.dtype}")
    if longest is not None and input_ids.shape[1] > longest:
        raise ValueError(
            f"{name} must have at most {longest} positions, got {input_ids.shape[1]}: "
            "truncate the text or cut it into windows"
        )
    if input_ids.device.type == "cpu" and not torch.compiler.is_compiling():
        low, high = int(input_ids.min()), int(input_ids.max())
        if low < 0 or high >= vocab_size:
            raise ValueError(f"{name} must lie in 0..{vocab_size - 1}, got {low if low < 0 else high}")


def check_mask(attention_mask: Tensor | None, shape: torch.Size) -> None:
    """Refuse masks of another type or shape than (B, T) bool.

    Raises:
        ValueError: with what was expected and what came.
    """
    if attention_mask is None:
        return
    if attention_mask.dtype != torch.bool:
        raise ValueError(
            f"attention_mask must be boolean (True = counts), got {attention_mask.dtype}: "
            "a mask of 0 and 1 becomes one with .bool()"
        )
    if attention_mask.shape != shape:
        raise ValueError(f"attention_mask must be {list(shape)}, got {list(attention_mask.shape)}")
