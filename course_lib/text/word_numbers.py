"""Which token belongs to which word: the numbers that whole word masking chooses by.

Cui et al. 2021, arXiv:1906.08101, section 3.1. English word pieces carry the answer in their spelling: "##"
(WordPiece) continues a word, "Ġ" (GPT-2's and RoBERTa's byte-level BPE) starts one. Chinese is written
without spaces and its tokens are characters, so a segmenter must say where words begin and end: here jieba,
where the paper used LTP.
"""

import logging
import os
import tempfile
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def continuations(vocab: Sequence[str], mark: str = "##", *, starts: bool = False) -> Tensor:
    """Which symbols of a vocabulary continue a word.

    Args:
        vocab: V symbols.
        mark: what a marked symbol begins with.
        starts: False where the mark says that a symbol continues a word ("##"), True where it says that a
            symbol starts one ("Ġ").
    Returns:
        (V,) bool.
    """
    if not mark:
        raise ValueError("mark must be one or more characters, got an empty string")
    return torch.tensor([symbol.startswith(mark) != starts for symbol in vocab])


def word_numbers(ids: Tensor, continues: Tensor, is_word: Tensor) -> Tensor:
    """Number the words of each row by their pieces.

    The first piece of a text starts a word whatever its mark, and so does a piece behind a special token: a
    text may have been cut in the middle of a word.

    Args:
        ids: (B, T).
        continues: (V,) bool, as `continuations` returns.
        is_word: (B, T) bool, False at special tokens and padding.
    Returns:
        (B, T) int64: 0, 1, 2, ... in each row, -1 where `is_word` is False.
    Raises:
        ValueError: for shapes that do not fit.
    """
    if ids.dim() != 2 or is_word.shape != ids.shape:
        raise ValueError(
            f"ids and is_word must both be (B, T), got {list(ids.shape)} and {list(is_word.shape)}"
        )
    before = F.pad(is_word[:, :-1], (1, 0))  # whether the token to the left is a word's
    starts = is_word & ~(continues.to(ids.device)[ids] & before)
    return (starts.cumsum(1) - 1).masked_fill(~is_word, -1)


def numbers_of_bounds(bounds: Sequence[int] | np.ndarray) -> np.ndarray:
    """The word of each character, from the offsets at which words begin and end.

    Args:
        bounds: (words + 1,) rising offsets, the first 0; word i is text[bounds[i]:bounds[i + 1]].
    Returns:
        (characters,) int64.
    Raises:
        ValueError: if the offsets do not rise from 0.
    """
    offsets = np.asarray(bounds, dtype=np.int64)
    if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or (np.diff(offsets) <= 0).any():
        raise ValueError(f"bounds must rise from 0, got {list(bounds)[:10]}")
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def jieba_bounds(texts: Sequence[str], *, cache: str | os.PathLike[str] | None = None) -> list[np.ndarray]:
    """Where jieba sees words begin and end.

    Args:
        texts: N strings, written without spaces.
        cache: folder for jieba's compiled dictionary; the system's temporary one if not given.
    Returns:
        N arrays (words + 1,) int64 of offsets, the first 0, the last the text's length.
    """
    import jieba

    jieba.setLogLevel(logging.ERROR)  # it would tell stderr that it builds its dictionary
    jieba.dt.tmp_dir = os.fspath(cache) if cache is not None else tempfile.gettempdir()
    return [np.cumsum([0, *map(len, jieba.cut(text))]) for text in texts]
