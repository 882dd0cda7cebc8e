"""What word2vec minimises: full softmax, negative sampling and hierarchical softmax, as formulas.

Mikolov et al. 2013, arXiv:1310.4546, equations 2 to 4; derivation in Goldberg & Levy 2014, arXiv:1402.3722.
A hidden vector h (the centre word's row in skip-gram, the mean of the context's rows in CBOW) predicts a
target word. The functions take the rows that they need, already looked up, so that only those rows get a
gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.embeddings.huffman import HuffmanTree


def full_softmax_loss(hidden: Tensor, output: Tensor, target: Tensor) -> Tensor:
    """−log softmax(U h)[target]; every word's row takes part.

    Args:
        hidden: (B, E).
        output: U, (V, E).
        target: (B,) word ids.
    Returns:
        (B,) losses.
    """
    return F.cross_entropy(hidden @ output.T, target, reduction="none")


def negative_sampling_loss(hidden: Tensor, positive: Tensor, negative: Tensor, weight: float = 1.0) -> Tensor:
    """−log σ(u·h) − weight · Σₖ log σ(−uₖ·h)   (arXiv:1310.4546, equation 4).

    Args:
        hidden: h, (B, E).
        positive: u, the target's output rows, (B, E).
        negative: uₖ, the noise words' output rows, (B, K, E).
        weight: of each noise word; k/K when K shared draws stand for k.
    Returns:
        (B,) losses.
    """
    right = (hidden * positive).sum(-1)  # (B,)
    wrong = torch.einsum("be,bke->bk", hidden, negative)  # (B, K)
    return -F.logsigmoid(right) - weight * F.logsigmoid(-wrong).sum(-1)


def negative_sampling_gradients(
    hidden: Tensor, positive: Tensor, negative: Tensor, weight: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the summed `negative_sampling_loss` in closed form.

    Returns:
        Gradients with respect to hidden (B, E), positive (B, E) and negative (B, K, E).
    """
    # ∂L/∂(u·h) = σ(u·h) − 1 for the target, weight · σ(uₖ·h) for noise
    right = torch.sigmoid((hidden * positive).sum(-1, keepdim=True)) - 1  # (B, 1)
    wrong = weight * torch.sigmoid(torch.einsum("be,bke->bk", hidden, negative))  # (B, K)
    d_hidden = right * positive + torch.einsum("bk,bke->be", wrong, negative)
    return d_hidden, right * hidden, wrong[..., None] * hidden[:, None, :]


def hierarchical_softmax_loss(hidden: Tensor, nodes: Tensor, code: Tensor, mask: Tensor) -> Tensor:
    """−Σ_d log σ(±n_d·h), + where the code has 0: the cost of walking from the root to the word.

    Args:
        hidden: (B, E).
        nodes: rows of the inner nodes on the target's way, (B, D, E).
        code: (B, D) bool, the branches taken.
        mask: (B, D) bool, True where the way goes on.
    Returns:
        (B,) losses.
    """
    scores = torch.einsum("be,bde->bd", hidden, nodes)  # (B, D)
    scores = torch.where(code, -scores, scores)
    return -(F.logsigmoid(scores) * mask).sum(-1)


def hierarchical_log_probs(hidden: Tensor, nodes: Tensor, tree: HuffmanTree) -> Tensor:
    """log p(w | h) of every word; exp of it sums to 1 by the shape of a tree.

    Args:
        hidden: (B, E).
        nodes: one row an inner node, (V−1, E).
        tree: over V words.
    Returns:
        (B, V); memory grows as B × V × D, so keep B small.
    """
    device = hidden.device
    path = torch.from_numpy(tree.nodes).to(device)  # (V, D)
    sign = torch.from_numpy(1.0 - 2.0 * tree.codes).to(hidden)  # (V, D): +1 for branch 0, −1 for branch 1
    mask = torch.from_numpy(tree.mask).to(device)
    scores = (hidden @ nodes.T)[:, path]  # (B, V, D)
    return (F.logsigmoid(scores * sign) * mask).sum(-1)
