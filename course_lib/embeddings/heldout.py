"""The negative-sampling loss on text that was not trained on: one yardstick for any trainer's two matrices.

The objective of Mikolov et al. 2013, arXiv:1310.4546, equation 4, averaged over the pairs of a window of
fixed reach, without subsampling and with noise drawn from one seed, so that two models meet the same
questions.
"""

import numpy as np
import torch
from torch import Tensor

from course_lib.embeddings.noise import cumulative_table, draw_noise
from course_lib.embeddings.objectives import negative_sampling_loss
from course_lib.embeddings.rows import gather
from course_lib.embeddings.token_stream import Source, pieces
from course_lib.embeddings.windows import context_windows, skipgram_pairs


@torch.no_grad()
def heldout_loss(
    word: Tensor,
    context: Tensor,
    counts: np.ndarray,
    source: Source,
    *,
    window: int = 5,
    negative: int = 5,
    keep: np.ndarray | None = None,
    seed: int = 0,
) -> float:
    """Mean loss a (centre, neighbour) pair, in nats; (k+1)·log 2 for vectors that are all 0.

    Args:
        word: (V, E) vectors of centres.
        context: (V, E) vectors of neighbours.
        counts: (V,) training counts, for the noise.
        source: held-out text (`token_stream.parts`).
        window: reach, the same for every centre.
        negative: k, noise words a pair.
        keep: (V,) chance of each token to be kept; all are when None.
        seed: of noise and thinning.
    Raises:
        ValueError: if the text has no pair.
    """
    generator = torch.Generator(device=word.device).manual_seed(seed)
    table = torch.from_numpy(cumulative_table(counts)).to(word.device)
    rng = np.random.default_rng(seed)
    loss, pairs = 0.0, 0
    for piece in pieces(source, np.ones(len(counts)) if keep is None else keep, rng):
        for start in range(0, len(piece.ids), 4096):
            ids = torch.from_numpy(piece.ids[start : start + 4096]).to(word.device)
            sentence = torch.from_numpy(piece.sentence[start : start + 4096]).to(word.device)
            center, target = skipgram_pairs(
                context_windows(ids, sentence, torch.full_like(ids, window), window)
            )
            noise = draw_noise(table, (len(center), negative), generator)
            losses = negative_sampling_loss(
                gather(word, center), gather(context, target), gather(context, noise)
            )
            loss += float(losses.sum())
            pairs += len(center)
    if pairs == 0:
        raise ValueError("source must hold two neighbouring words, got none")
    return loss / pairs
