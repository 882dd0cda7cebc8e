"""Texts that are longer than a model: which part to keep.

The contest course names three ways: "pre" cuts at the beginning and keeps the end, "post" cuts at the end,
"middle" keeps head and tail (Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?",
arXiv:1905.05583, section 5.1).
"""

from collections.abc import Sequence
from typing import Literal, TypeVar

Item = TypeVar("Item")
How = Literal["pre", "post", "middle"]


def truncate(
    items: Sequence[Item], length: int, how: How = "post", *, head_share: float = 0.25
) -> list[Item]:
    """At most `length` items of a text.

    Args:
        items: ids or words.
        length: how many may stay, 0 or more.
        how: "pre" keeps the end, "post" the beginning, "middle" both ends.
        head_share: of "middle", the share of `length` that the head gets (the paper: 128 of 510).
    Returns:
        A new list, in the text's order; the whole text where it is short enough.
    Raises:
        ValueError: for a negative length, a share outside 0 to 1, or another word for `how`.
    """
    if length < 0:
        raise ValueError(f"length must be 0 or more, got {length}")
    if not 0 <= head_share <= 1:
        raise ValueError(f"head_share must lie in 0..1, got {head_share}")
    if how not in ("pre", "post", "middle"):
        raise ValueError(f"how must be 'pre', 'post' or 'middle', got {how!r}")
    items = list(items)
    if len(items) <= length:
        return items
    head = {"pre": 0, "post": length, "middle": round(length * head_share)}[how]
    return items[:head] + items[len(items) - (length - head) :]


def truncate_pair(
    first: Sequence[Item], second: Sequence[Item], length: int
) -> tuple[list[Item], list[Item]]:
    """Two texts that fit together: tokens are taken from the end of the longer one, one after the other.

    Args:
        first, second: ids or words.
        length: how many may stay in both together, 0 or more.
    Returns:
        Two new lists. Of texts of equal length the second loses first, as in BERT's code.
    """
    if length < 0:
        raise ValueError(f"length must be 0 or more, got {length}")
    kept = min(len(second), max(length // 2, length - len(first)))
    return list(first[: length - kept]), list(second[:kept])
