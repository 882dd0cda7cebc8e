"""One fastText step: skip-gram with negative sampling on vectors that are means of rows.

Bojanowski et al. 2017, arXiv:1607.04606, section 3.1. The loss, its blocks and its shared noise words
are those of `sgns`; what differs is where a centre's vector comes from and where its error goes. As in
the released program, each row of a word takes the word's whole error, although the mean's true gradient
is 1/|G_w| of it; the word's vector then moves as far as word2vec's would.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.embeddings.noise import draw_noise
from course_lib.embeddings.rows import add_rows_, gather
from course_lib.embeddings.sgns import block_gradients, cut_blocks


def take_bags(values: Tensor, offsets: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """Some lists out of many that are stored end to end.

    Args:
        values: (R,) all lists.
        offsets: (N + 1,) where each begins.
        items: (U,) which lists.
    Returns:
        Their values (r,), and for each value which of the U lists it is in (r,).
    """
    first, length = offsets[items], offsets[items + 1] - offsets[items]
    owner = torch.repeat_interleave(torch.arange(len(items), device=items.device), length)
    start = length.cumsum(0) - length
    inside = torch.arange(len(owner), device=items.device) - start[owner]
    return values[first[owner] + inside], owner


def bag_means(table: Tensor, values: Tensor, owner: Tensor, count: int) -> Tensor:
    """Mean of each list's rows, (count, E); lists must not be empty.

    Args:
        table: (M, E) rows.
        values: (r,) row numbers, list by list.
        owner: (r,) which list each is in, rising.
        count: number of lists.
    """
    length = torch.bincount(owner, minlength=count)
    return F.embedding_bag(values, table, length.cumsum(0) - length, mode="mean")


@dataclass
class SubwordStep:
    """One step of stochastic gradient descent on a stretch of text, in place.

    Attributes:
        rows: (V + buckets, E), changed by each call.
        output: (V, E), changed too.
        values, offsets: (R,), (V + 1,) the rows of each word.
        table: (V,) noise table.
        generator: randomness, on the rows' device like all of the above.
        window, negative, shared, width, limit: as in `sgns.BlockStep`.
    """

    rows: Tensor
    output: Tensor
    values: Tensor
    offsets: Tensor
    table: Tensor
    generator: torch.Generator
    window: int
    negative: int
    shared: int
    width: int
    limit: float

    def __call__(self, ids: Tensor, sentence: Tensor, reach: Tensor, lr: float) -> Tensor:
        """Learn from T centres between margins of `window` tokens.

        Args:
            ids: (T + 2·window,) word ids.
            sentence: (T + 2·window,) sentence numbers, those of margins outside the text different.
            reach: (T,) reach of each centre.
            lr: step size.
        Returns:
            The number of pairs, a scalar tensor.
        """
        filling = (0, -len(reach) % self.width)
        ids, sentence, reach = (F.pad(part, filling) for part in (ids, sentence, reach))
        blocks = cut_blocks(ids, sentence, reach, self.width, self.window)
        noise = draw_noise(self.table, (len(blocks.band), self.shared), self.generator)
        other_ids = torch.cat([blocks.context, noise], dim=1)  # (n, J+K)
        # 1 for each pair, and k/K of a centre's pairs for each of its K noise words
        band = blocks.band.to(self.rows.dtype)
        pairs = band.sum(-1, keepdim=True)  # (n, W, 1)
        weight = torch.cat(
            [band, (pairs * (self.negative / self.shared)).expand(-1, -1, self.shared)], dim=-1
        )
        words, place = torch.unique(blocks.center, return_inverse=True)  # (U,), (n, W)
        numbers, owner = take_bags(self.values, self.offsets, words)
        means = bag_means(self.rows, numbers, owner, len(words))  # (U, E)
        other = gather(self.output, other_ids)
        d_center, d_other = block_gradients(gather(means, place), other, weight, band.shape[-1])
        self._spread(place, d_center, weight.sum(2), numbers, owner, lr, len(words))
        add_rows_(self.output, other_ids, d_other, lr, weight.sum(1), self.limit)
        return pairs.sum()

    def _spread(
        self,
        place: Tensor,
        error: Tensor,
        terms: Tensor,
        numbers: Tensor,
        owner: Tensor,
        lr: float,
        count: int,
    ) -> None:
        """Sum the centres' errors by word, (U, E), and give each word's sum to all of its rows."""
        place = place.reshape(-1)
        width = error.shape[-1]
        summed = error.new_zeros(count, width)
        summed.scatter_add_(0, place[:, None].expand(-1, width), error.reshape(-1, width))
        met = terms.new_zeros(count).scatter_add_(0, place, terms.reshape(-1))
        # z_g ← z_g − lr · ∂ℓ/∂v_w   for every g ∈ G_w
        add_rows_(self.rows, numbers, summed[owner], lr, met[owner], self.limit)
