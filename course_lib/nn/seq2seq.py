"""An LSTM decoder that looks back at the source with attention.

Luong et al. 2015, arXiv:1508.04025: bilinear scores, an attentional state h̃ = tanh(W[c; h]), and
input feeding (section 3.3), where h̃ is part of the next step's input. With input feeding the steps
must be taken one after the other; without it all target positions are computed at once.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.nn.attention import BilinearScore, attend


class DecoderState(NamedTuple):
    """What one step hands to the next: h and c (L, B, D) each, and h̃ (B, D)."""

    hidden: Tensor
    cell: Tensor
    attentional: Tensor


class AttentionDecoder(nn.Module):
    """Previous target words and source states → attentional states.

    Args:
        input_size: width E of target embeddings.
        memory_size: width M of source states.
        hidden_size: width D of decoder states.
        num_layers: L.
        input_feeding: whether h̃ goes into the next step.
        dropout: on h̃ and between layers.
    """

    def __init__(
        self,
        input_size: int,
        memory_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        input_feeding: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_feeding = input_feeding
        fed = hidden_size if input_feeding else 0
        between = dropout if num_layers > 1 else 0.0
        self.lstm = nn.LSTM(input_size + fed, hidden_size, num_layers, batch_first=True, dropout=between)
        self.score = BilinearScore(hidden_size, memory_size)
        self.combine = nn.Linear(memory_size + hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def start(self, memory: Tensor) -> DecoderState:
        """The state before the first step, all zeros, for source states (B, S, M)."""
        layers, size = self.lstm.num_layers, self.lstm.hidden_size
        zeros = memory.new_zeros(layers, memory.shape[0], size)
        return DecoderState(zeros, zeros, zeros[0])

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor, state: DecoderState | None = None
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Go on from a state over the given target embeddings.

        Args:
            x: (B, T, E) embeddings of the previous target words.
            memory: (B, S, M) source states.
            mask: (B, S) bool, True where the source has a word.
            state: where to go on; the start if not given.
        Returns:
            attentional states h̃ (B, T, D), attention weights (B, T, S) and the state after the last step.
        """
        state = self.start(memory) if state is None else state
        if not self.input_feeding:
            return self._several(x, memory, mask, state)
        outputs, maps = [], []
        for t in range(x.shape[1]):  # h̃ of one step is an input of the next
            fed = torch.cat([x[:, t : t + 1], state.attentional.unsqueeze(1)], dim=-1)
            output, weights, state = self._several(fed, memory, mask, state)
            outputs.append(output)
            maps.append(weights)
        return torch.cat(outputs, dim=1), torch.cat(maps, dim=1), state

    def _several(
        self, x: Tensor, memory: Tensor, mask: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """LSTM steps over all of `x`, then attention for all of them."""
        h, (hidden, cell) = self.lstm(x, (state.hidden, state.cell))  # (B, T, D)
        # α = softmax(hᵀ W m);  h̃ = tanh(W_c [Σ α m; h])
        context, weights = attend(self.score(h, memory), memory, mask.unsqueeze(1))
        attentional = self.dropout(torch.tanh(self.combine(torch.cat([context, h], dim=-1))))
        return attentional, weights, DecoderState(hidden, cell, attentional[:, -1])
