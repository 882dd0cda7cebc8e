"""GloVe: word vectors whose inner products are log co-occurrence counts.

Pennington, Socher and Manning 2014, doi:10.3115/v1/D14-1162. The loss is the weighted least squares
of equation 8 with the weight of equation 9, minimised by AdaGrad over the counts that are not 0;
the vector of a word is the sum w + w~ of its two roles (section 4.2). As in the authors' program the
loss carries a factor 1/2. Changed: their threads update one entry at a time without locks; here a
batch of entries is one step with the sum of their gradients, so that it runs on any device.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix, csr_matrix, issparse
from torch import Tensor
from tqdm import tqdm


@dataclass(frozen=True)
class GloVeConfig:
    """The paper's values; `x_max` suits 10⁹ words, less text wants a smaller one."""

    dimensions: int = 100  # E
    x_max: float = 100.0
    alpha: float = 0.75
    lr: float = 0.05
    epochs: int = 50
    batch_size: int = 4096
    initial_accumulator: float = 1.0  # AdaGrad's sum of squares starts here

    @classmethod
    def tiny(cls) -> "GloVeConfig":
        """The size that the tests use."""
        return cls(dimensions=8, x_max=10.0, epochs=5, batch_size=64)


@dataclass
class GloVeState:
    """Parameters: w and w~ (V, E), their biases (V,), on one device."""

    word: Tensor
    context: Tensor
    word_bias: Tensor
    context_bias: Tensor

    @classmethod
    def random(
        cls,
        vocab_size: int,
        dimensions: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "GloVeState":
        """Uniform in (−1/2, 1/2)/E, drawn on the CPU so that a seed means the same everywhere."""
        generator = torch.Generator().manual_seed(seed)
        shapes = [(vocab_size, dimensions), (vocab_size, dimensions), (vocab_size,), (vocab_size,)]
        draws = [(torch.rand(s, generator=generator, dtype=torch.float64) - 0.5) / dimensions for s in shapes]
        return cls(*(draw.to(device=device, dtype=dtype) for draw in draws))

    def parameters(self) -> list[Tensor]:
        """The four tensors in a fixed order."""
        return [self.word, self.context, self.word_bias, self.context_bias]

    def vectors(self) -> Tensor:
        """w + w~ (V, E)."""
        return self.word + self.context


def weight(counts: Tensor, *, x_max: float = 100.0, alpha: float = 0.75) -> Tensor:
    """f(x) = min((x / x_max)^α, 1) (equation 9), elementwise."""
    return (counts / x_max).pow(alpha).clamp(max=1.0)


def glove_loss(
    state: GloVeState, rows: Tensor, columns: Tensor, counts: Tensor, *, x_max: float, alpha: float
) -> Tensor:
    """½ Σ f(X)·(wᵢᵀw~ⱼ + bᵢ + b~ⱼ − log X)² over the given entries (equation 8).

    Args:
        state: parameters; the result is differentiable in them.
        rows, columns: (N,) long, the entries' words i and contexts j.
        counts: (N,) X > 0.
        x_max, alpha: of the weight f.
    Returns:
        A scalar tensor.
    """
    product = (state.word[rows] * state.context[columns]).sum(-1)  # (N,) wᵢᵀw~ⱼ
    difference = product + state.word_bias[rows] + state.context_bias[columns] - counts.log()
    return 0.5 * (weight(counts, x_max=x_max, alpha=alpha) * difference.square()).sum()


def glove_gradients(
    state: GloVeState, rows: Tensor, columns: Tensor, log_counts: Tensor, weights: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """The loss of a batch and its gradients in closed form.

    Args:
        state: parameters.
        rows, columns: (N,) long.
        log_counts: (N,) log X.
        weights: (N,) f(X).
    Returns:
        The scalar loss, and gradients shaped like `state.parameters()`.
    """
    w, c = state.word[rows], state.context[columns]  # (N, E) each
    bias = state.word_bias[rows] + state.context_bias[columns]
    difference = (w * c).sum(-1) + bias - log_counts  # (N,)
    slope = weights * difference  # (N,)  ∂J/∂(wᵢᵀw~ⱼ)
    gradients = [torch.zeros_like(p) for p in state.parameters()]
    # ∂J/∂wᵢ = Σⱼ f·diff·w~ⱼ,  ∂J/∂w~ⱼ = Σᵢ f·diff·wᵢ
    gradients[0].scatter_add_(0, rows[:, None].expand_as(c), c.mul_(slope[:, None]))
    gradients[1].scatter_add_(0, columns[:, None].expand_as(w), w.mul_(slope[:, None]))
    gradients[2].scatter_add_(0, rows, slope)
    gradients[3].scatter_add_(0, columns, slope)
    return 0.5 * (slope * difference).sum(), gradients


def adagrad_(parameters: list[Tensor], gradients: list[Tensor], sums: list[Tensor], lr: float) -> None:
    """One AdaGrad step in place (Duchi et al. 2011); a zero gradient leaves its entry as it was."""
    for p, g, s in zip(parameters, gradients, sums, strict=True):
        # s ← s + g²,  p ← p − η·g/√s
        s.addcmul_(g, g)
        p.addcdiv_(g, s.sqrt(), value=-lr)


def epochs(
    counts: csr_matrix,
    config: GloVeConfig | None = None,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    state: GloVeState | None = None,
) -> Iterator[tuple[GloVeState, float]]:
    """Train; after each epoch yield the parameters and the epoch's mean loss for an entry.

    Args:
        counts: (V, V) sparse X, for example `window_counts(..., window=10, distance_weighting=True)`.
        config: see `GloVeConfig`.
        seed: of the start and of the order of the entries.
        device: where the training runs.
        state: parameters to start from, changed in place; random ones when None.
    Raises:
        ValueError: on counts that are not square, empty or negative, on a bad configuration, and on steps so
            large that the loss diverges.
    """
    config = config or GloVeConfig()
    matrix = _check(counts, config)
    if state is None:
        state = GloVeState.random(matrix.shape[0], config.dimensions, seed=seed, device=device)
    dtype, device = state.word.dtype, state.word.device
    rows = torch.from_numpy(matrix.row.astype(np.int64)).to(device)
    columns = torch.from_numpy(matrix.col.astype(np.int64)).to(device)
    x = torch.from_numpy(matrix.data.astype(np.float64)).to(device=device, dtype=dtype)
    log_x, f = x.log(), weight(x, x_max=config.x_max, alpha=config.alpha)
    sums = [torch.full_like(p, config.initial_accumulator) for p in state.parameters()]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(config.epochs):
        order = torch.randperm(len(x), generator=generator).to(device)
        total = torch.zeros((), dtype=torch.float64, device=device)
        for batch in order.split(config.batch_size):
            loss, gradients = glove_gradients(state, rows[batch], columns[batch], log_x[batch], f[batch])
            adagrad_(state.parameters(), gradients, sums, config.lr)
            total += loss
        if not bool(total.isfinite()):
            raise ValueError(f"config.lr must let the loss stay finite, got {config.lr}")
        yield state, float(total) / len(x)


def train(
    counts: csr_matrix,
    config: GloVeConfig | None = None,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> tuple[np.ndarray, list[float]]:
    """All epochs: the vectors w + w~ (V, E) and each epoch's mean loss. Arguments as in `epochs`."""
    config = config or GloVeConfig()
    losses: list[float] = []
    steps = epochs(counts, config, seed=seed, device=device)
    for last, loss in tqdm(steps, total=config.epochs, desc="GloVe", unit="epoch", disable=None):  # noqa: B007
        losses.append(loss)
    return last.vectors().cpu().numpy(), losses


def _check(counts: csr_matrix, config: GloVeConfig) -> coo_matrix:
    """The counts as COO, or an error."""
    if not issparse(counts) or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"counts must be a square sparse matrix (words by words), got {np.shape(counts)}")
    for name in ("dimensions", "x_max", "alpha", "lr", "epochs", "batch_size", "initial_accumulator"):
        if not getattr(config, name) > 0:
            raise ValueError(f"config.{name} must be above 0, got {getattr(config, name)}")
    matrix = csr_matrix(counts, copy=True)
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        raise ValueError("counts must hold at least one positive count (an empty corpus?), got none")
    if matrix.data.min() < 0 or not np.isfinite(matrix.data).all():
        raise ValueError("counts must be finite and at least 0, got a negative or non-finite count")
    return matrix.tocoo()
