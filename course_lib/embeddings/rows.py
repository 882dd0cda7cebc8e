"""Read many rows of an embedding matrix, and add their gradients back, stably.

word2vec takes one step a pair, one after the other. A batch sums the gradients of many pairs taken at one
point; a word met a thousand times would take a thousand steps blindly, and overshoot. So where step size
times number of terms exceeds `limit`, the row's step is shortened to it. Rare rows, which are nearly all,
are untouched.
"""

import torch
from torch import Tensor


def gather(matrix: Tensor, ids: Tensor) -> Tensor:
    """matrix[ids] by the faster `index_select`: (V, E) and ids of any shape (...) give (..., E)."""
    return matrix.index_select(0, ids.reshape(-1)).view(*ids.shape, matrix.shape[1])


def add_rows_(matrix: Tensor, ids: Tensor, rows: Tensor, lr: float, terms: Tensor, limit: float) -> None:
    """matrix[ids] += −lr · rows, repeated ids summed and limited; `matrix` and `rows` are changed.

    Args:
        matrix: (V, E).
        ids: (...) int64.
        rows: (..., E) gradients; used as scratch space.
        lr: step size of one term of the loss.
        terms: (...) how many terms of the loss each row of gradients sums.
        limit: the most that lr · (terms of one word) may be; infinity is plain gradient descent.
    """
    ids, terms, rows = ids.reshape(-1), terms.reshape(-1), rows.reshape(-1, matrix.shape[1])
    if limit == float("inf"):
        rows.mul_(-lr)
    else:
        total = torch.zeros(len(matrix), dtype=rows.dtype, device=rows.device)
        total.scatter_add_(0, ids, terms.to(rows.dtype))  # (V,)
        # step ← min(lr, limit / n)
        rows.mul_((limit / total.index_select(0, ids)).clamp_(max=lr).neg_()[:, None])
    matrix.scatter_add_(0, ids[:, None].expand_as(rows), rows)
