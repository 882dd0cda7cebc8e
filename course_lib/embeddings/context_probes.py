"""What a context vector is good for: filling a gap, and telling the senses of a word apart.

The two probes of Melamud et al. 2016, ACL K16-1006, section 4 (sentence completion by the nearest
target word, senses by the nearest labelled context), and the baseline that they are held against: the
average of the context's word vectors.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.nn.masks import length_mask, pad


def average_contexts(
    vectors: Tensor,
    sentences: Sequence[Sequence[int]],
    positions: Sequence[int],
    window: int | None = None,
) -> Tensor:
    """The mean vector of the words around a slot, the slot's own left out.

    Args:
        vectors: (V, E).
        sentences: N sentences of ids from 0 to V - 1; other ids (the gap's, unknown words') do not count.
        positions: N slots.
        window: how far to look to each side; the whole sentence if not given.
    Returns:
        (N, E) on the device of `vectors`; zeros where no word is left.
    Raises:
        ValueError: for lists of different lengths, a slot outside its sentence, or a window below 1.
    """
    if window is not None and window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    _check_slots(sentences, positions)
    ids, lengths = (x.to(vectors.device) for x in pad(sentences))
    distance = torch.arange(ids.shape[1], device=ids.device) - torch.as_tensor(positions).to(ids).unsqueeze(1)
    counts = length_mask(lengths, ids.shape[1]) & (distance != 0) & (ids >= 0) & (ids < len(vectors))
    if window is not None:
        counts &= distance.abs() <= window
    total = torch.zeros(len(ids), vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    rows, columns = counts.nonzero(as_tuple=True)
    total.index_add_(0, rows, vectors[ids[rows, columns]])
    return total / counts.sum(1, keepdim=True).clamp(min=1)


@torch.no_grad()
def states_at(
    encode: Callable[[Tensor, Tensor], Tensor],
    sentences: Sequence[Sequence[int]],
    positions: Sequence[int],
    device: torch.device | str = "cpu",
    batch_size: int = 256,
) -> Tensor:
    """What an encoder says of one word of each sentence.

    Args:
        encode: ids (B, T) and lengths (B,) to states (..., B, T, D); leading axes may be layers.
        sentences: N sentences of ids, at least one.
        positions: N places, counted from 0.
        device: where the encoder is.
        batch_size: sentences at a time.
    Returns:
        (..., N, D).
    Raises:
        ValueError: for no sentences, lists of different lengths, or a place outside its sentence.
    """
    _check_slots(sentences, positions)
    parts = []
    for start in range(0, max(1, len(sentences)), batch_size):
        ids, lengths = (x.to(device) for x in pad(sentences[start : start + batch_size]))
        index = torch.as_tensor(positions[start : start + batch_size], device=device)
        parts.append(encode(ids, lengths)[..., torch.arange(len(index), device=device), index, :])
    return torch.cat(parts, dim=-2)


def fill_gaps(contexts: Tensor, words: Tensor, candidates: Tensor) -> Tensor:
    """Which candidate is nearest to the context, by cosine.

    Args:
        contexts: (N, D).
        words: (V, D) target vectors.
        candidates: (N, K) ids.
    Returns:
        (N,) int64, the chosen candidate's number, 0 to K - 1.
    """
    return F.cosine_similarity(contexts.unsqueeze(1), words[candidates], dim=-1).argmax(1)


def nearest_senses(
    labelled: Tensor,
    senses: np.ndarray,
    labelled_forms: Sequence[str],
    contexts: Tensor,
    forms: Sequence[str],
) -> np.ndarray:
    """The sense of the nearest labelled context of the same spelling, by cosine.

    Args:
        labelled: (M, D) contexts whose sense is known.
        senses: (M,) their sense ids.
        labelled_forms: M spellings.
        contexts: (N, D).
        forms: N spellings.
    Returns:
        (N,) sense ids; -1 for a spelling without a labelled context.
    """
    if not len(labelled) == len(senses) == len(labelled_forms):
        raise ValueError(f"senses must have one id a labelled context ({len(labelled)}), got {len(senses)}")
    similarity = F.normalize(contexts, dim=-1) @ F.normalize(labelled, dim=-1).T  # (N, M)
    names = {form: i for i, form in enumerate(dict.fromkeys([*labelled_forms, *forms]))}
    own, other = (
        torch.tensor([names[f] for f in group], dtype=torch.int64) for group in (forms, labelled_forms)
    )
    allowed = (own.unsqueeze(1) == other).to(similarity.device)
    nearest = similarity.masked_fill(~allowed, -torch.inf).argmax(1).cpu().numpy()
    return np.where(allowed.any(1).cpu().numpy(), np.asarray(senses)[nearest], -1)


def _check_slots(sentences: Sequence[Sequence[int]], positions: Sequence[int]) -> None:
    if len(sentences) != len(positions):
        raise ValueError(f"positions must have one slot a sentence ({len(sentences)}), got {len(positions)}")
    for sentence, position in zip(sentences, positions, strict=True):
        if not 0 <= position < len(sentence):
            raise ValueError(f"positions must be within 0..{len(sentence) - 1}, got {position}")
