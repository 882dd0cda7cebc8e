"""Long short-term memory, in equations and as layers that padding does not touch.

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000, in the form that torch
computes. `lstm_step` is the definition; the layers run torch's fused kernel, which the tests hold
against it. Directions are separate layers, because several models must not mix them.
"""

import warnings

import torch
from torch import Tensor, nn

from course_lib.nn.masks import reverse

State = tuple[Tensor, Tensor]


def lstm_step(x: Tensor, state: State, w_x: Tensor, w_h: Tensor, bias: Tensor) -> State:
    """One step of one layer.

    Args:
        x: (B, E) input.
        state: hidden h and cell c, (B, D) each.
        w_x: (4D, E); rows in the order input gate, forget gate, candidate, output gate.
        w_h: (4D, D).
        bias: (4D,).
    Returns:
        The next h and c.
    """
    h, c = state
    gates = x @ w_x.T + h @ w_h.T + bias  # (B, 4D)
    i, f, g, o = gates.chunk(4, dim=-1)
    # c ← σ(f)⊙c + σ(i)⊙tanh(g);   h ← σ(o)⊙tanh(c)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


class DirectedLSTM(nn.Module):
    """An LSTM that reads each padded sequence forwards, or backwards from its own last token.

    Args:
        input_size: E.
        hidden_size: D.
        num_layers: L.
        backward: read from right to left.
        dropout: between layers.
        projection_size: P, below D: each state is h = W·(σ(o)⊙tanh(c)) of that width instead (Sak et al.
            2014, arXiv:1402.1128).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        backward: bool = False,
        dropout: float = 0.0,
        projection_size: int | None = None,
    ) -> None:
        super().__init__()
        if projection_size is not None and not 1 <= projection_size < hidden_size:
            raise ValueError(
                f"projection_size must be 1 to {hidden_size - 1}, below hidden_size, got {projection_size}"
            )
        self.backward_ = backward
        self.lstm = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            proj_size=projection_size or 0,
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States at every position, in reading order of the text.

        Args:
            x: (B, T, E); what stands in the padding does not matter.
            lengths: (B,).
        Returns:
            (B, T, D), or (B, T, P): position t has read x[0..t] (backwards: x[t..length-1]). Padding holds
            numbers without meaning.
        """
        if not self.backward_:
            return self._read(x)
        return reverse(self._read(reverse(x, lengths)), lengths)

    def _read(self, x: Tensor) -> Tensor:
        if not self.lstm.proj_size:
            return self.lstm(x)[0]
        with warnings.catch_warnings():  # that a CPU computes projections without oneDNN
            warnings.filterwarnings("ignore", "LSTM with projections", UserWarning)
            return self.lstm(x)[0]


class BiLSTM(nn.Module):
    """Layers of a forward and a backward LSTM, each reading both directions of the layer below.

    Args:
        input_size: E.
        hidden_size: D of each direction.
        num_layers: L, 1 or more.
        dropout: before each layer but the first.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * (num_layers - 1)
        self.forwards = nn.ModuleList(DirectedLSTM(size, hidden_size) for size in sizes)
        self.backwards = nn.ModuleList(DirectedLSTM(size, hidden_size, backward=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States (B, T, 2D), forward then backward, of inputs (B, T, E); padding holds no meaning."""
        for layer, (right, left) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            x = self.dropout(x) if layer else x
            x = torch.cat([right(x, lengths), left(x, lengths)], dim=-1)
        return x
