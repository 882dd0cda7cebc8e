"""Skip-gram with negative sampling, fast: matrix products over blocks of text.

The objective is Mikolov et al. 2013, arXiv:1310.4546, equation 4. Ji et al. 2016, arXiv:1604.04661, turn
its dot products into matrix products by sharing noise words; here a block of consecutive centres shares
them, and its windows are a band of the product of centres and neighbours. Noise words that happen to be
neighbours are kept, as in the derivation (arXiv:1402.3722); word2vec's program skips them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.embeddings.noise import draw_noise
from course_lib.embeddings.rows import add_rows_, gather


class Blocks(NamedTuple):
    """n blocks of W centres with their J = W + 2·window neighbours.

    Attributes:
        center: (n, W) ids.
        context: (n, J) ids; neighbour j stands j − window places right of the block's first centre.
        band: (n, W, J) bool, True where centre and neighbour are a pair.
    """

    center: Tensor
    context: Tensor
    band: Tensor


def cut_blocks(ids: Tensor, sentence: Tensor, reach: Tensor, width: int, window: int) -> Blocks:
    """Blocks that cover the centres of a stretch of text, every pair exactly once.

    Args:
        ids: (T + 2·window,) word ids: T centres between margins of `window` tokens that are neighbours only.
        sentence: (T + 2·window,) sentence numbers.
        reach: (T,) how far each centre looks; 0 for filling.
        width: W; T is a multiple of it.
        window: the largest reach.
    """
    span = width + 2 * window
    context = ids.unfold(0, span, width)  # (n, J)
    center = ids[window:-window].view(-1, width)  # (n, W)
    near = sentence.unfold(0, span, width)
    own = sentence[window:-window].view(-1, width)
    columns = torch.arange(span, device=ids.device) - window
    distance = (columns - torch.arange(width, device=ids.device)[:, None]).abs_()  # (W, J)
    distance.masked_fill_(distance == 0, span)  # a word is no neighbour of itself
    band = distance <= reach.view(-1, width, 1)
    band &= near[:, None, :] == own[:, :, None]
    return Blocks(center, context, band)


def block_loss(center: Tensor, other: Tensor, weight: Tensor, positives: int) -> Tensor:
    """Σ −w · log σ(sⱼ uⱼ·vᵢ) with sⱼ = +1 for neighbours and −1 for noise words.

    Args:
        center: v, (n, W, E).
        other: u, (n, J + K, E): neighbours first, then noise words.
        weight: w ≥ 0, (n, W, J + K): 1 for a pair, 0 outside the band, (pairs of i)·k/K for noise.
        positives: J.
    Returns:
        The sum, a scalar.
    """
    score = center @ other.mT  # (n, W, J+K)
    score = torch.cat([score[..., :positives], -score[..., positives:]], dim=-1)
    return -(weight * F.logsigmoid(score)).sum()


def block_gradients(center: Tensor, other: Tensor, weight: Tensor, positives: int) -> tuple[Tensor, Tensor]:
    """Gradients of `block_loss` in closed form; same arguments.

    A noise word is treated as a neighbour whose row has changed its sign, so one formula serves both.

    Returns:
        Gradient of center (n, W, E) and of other (n, J + K, E).
    """
    signed = other.clone()
    signed[:, positives:].neg_()
    score = center @ signed.mT  # (n, W, J+K)
    # ∂L/∂score = −w · σ(−score)
    slope = score.neg_().sigmoid_().mul_(weight).neg_()
    d_center = slope @ signed  # (n, W, E)
    d_other = slope.mT @ center  # (n, J+K, E)
    d_other[:, positives:].neg_()
    return d_center, d_other


@dataclass
class BlockStep:
    """One step of stochastic gradient descent on a stretch of text, in place.

    Attributes:
        input, output: (V, E) matrices, changed by each call.
        table: (V,) noise table on their device.
        generator: randomness on their device.
        window: largest reach.
        negative: k, noise words a pair.
        shared: K, noise words drawn a block, standing for k a pair.
        width: W, centres a block.
        limit: see `course_lib.embeddings.rows`.
    """

    input: Tensor
    output: Tensor
    table: Tensor
    generator: torch.Generator
    window: int
    negative: int
    shared: int
    width: int
    limit: float

    def __call__(self, ids: Tensor, sentence: Tensor, reach: Tensor, lr: float, measure: bool) -> Tensor:
        """Learn from T centres between margins of `window` tokens.

        Args:
            ids: (T + 2·window,) word ids.
            sentence: (T + 2·window,) sentence numbers.
            reach: (T,) reach of each centre.
            lr: step size.
            measure: whether the loss is wanted.
        Returns:
            (2,): the loss before the step (0 if not wanted) and the number of pairs.
        """
        filling = -len(reach) % self.width
        blocks = cut_blocks(
            F.pad(ids, (0, filling)),
            F.pad(sentence, (0, filling)),
            F.pad(reach, (0, filling)),
            self.width,
            self.window,
        )
        n, _, positives = blocks.band.shape
        noise = draw_noise(self.table, (n, self.shared), self.generator)
        other_ids = torch.cat([blocks.context, noise], dim=1)  # (n, J+K)
        weight = self._weights(blocks.band)
        center, other = gather(self.input, blocks.center), gather(self.output, other_ids)
        loss = block_loss(center, other, weight, positives) if measure else weight.new_zeros(())
        d_center, d_other = block_gradients(center, other, weight, positives)
        add_rows_(self.input, blocks.center, d_center, lr, weight.sum(2), self.limit)
        add_rows_(self.output, other_ids, d_other, lr, weight.sum(1), self.limit)
        return torch.stack([loss, weight[..., :positives].sum()])

    def _weights(self, band: Tensor) -> Tensor:
        """1 for each pair of the band, (pairs of i)·k/K for each noise word: (n, W, J+K)."""
        n, width, positives = band.shape
        weight = torch.empty(n, width, positives + self.shared, device=band.device, dtype=self.input.dtype)
        weight[..., :positives] = band
        pairs = weight[..., :positives].sum(-1, keepdim=True)  # (n, W, 1)
        weight[..., positives:] = pairs * (self.negative / self.shared)
        return weight
