"""Fused layers: a head that reads the last n layers of an encoder, not the last alone.

The contest course's question "BERT's last layer, or several?". Devlin et al. 2019, arXiv:1810.04805, table 7,
concatenate or sum the last four; Peters et al. 2018, arXiv:1802.05365, equation 1, learn a weight for each
layer (`course_lib.nn.scalar_mix`). Over a text the states are averaged, or the first token's is taken.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.nn.scalar_mix import ScalarMix
from course_lib.nn.transformer import initialise
from course_lib.pretraining.bert import Bert
from course_lib.pretraining.heads import Head

How = Literal["concat", "mean", "mix"]
Where = Literal["mean", "first", "tokens"]


class FusedLayers(nn.Module):
    """One state a token out of the last n states of a stack.

    Args:
        last: n, 1 or more.
        how: "concat" puts them side by side, "mean" averages them, "mix" learns their weights.
    """

    def __init__(self, last: int = 1, how: How = "mean") -> None:
        super().__init__()
        if last < 1:
            raise ValueError(f"last must be 1 or more, got {last}")
        if how not in ("concat", "mean", "mix"):
            raise ValueError(f"how must be 'concat', 'mean' or 'mix', got {how!r}")
        self.last, self.how = last, how
        self.mix = ScalarMix(last) if how == "mix" else None

    def size(self, hidden_size: int) -> int:
        """Width of the result for states of width D."""
        return hidden_size * (self.last if self.how == "concat" else 1)

    def forward(self, hidden_states: Sequence[Tensor]) -> Tensor:
        """(B, T, D), or (B, T, n·D) for "concat", from L + 1 states of (B, T, D), the embeddings first.

        Raises:
            ValueError: for fewer than n states.
        """
        if len(hidden_states) < self.last:
            raise ValueError(f"hidden_states must be {self.last} or more, got {len(hidden_states)}")
        chosen = list(hidden_states)[-self.last :]
        if self.how == "concat":
            return torch.cat(chosen, dim=-1)
        stacked = torch.stack(chosen)
        return stacked.mean(0) if self.mix is None else self.mix(stacked)


def mean_over_tokens(states: Tensor, attention_mask: Tensor | None) -> Tensor:
    """The mean state of each text, padding left out.

    Args:
        states: (B, T, D).
        attention_mask: (B, T) bool, True where a token counts; all if not given.
    Returns:
        (B, D); zeros for a row that is all padding.
    """
    if attention_mask is None:
        return states.mean(1)
    counts = attention_mask.unsqueeze(-1).to(states.dtype)  # (B, T, 1)
    return (states * counts).sum(1) / counts.sum(1).clamp(min=1)


class FusedClassifier(Head):
    """A label for a text, or for each token, from fused layers.

    Args:
        encoder: `Bert` or one of its kind; its pooler is not used.
        num_labels: C.
        last, how: as in `FusedLayers`; at most the encoder's L + 1 states.
        where: "mean" over a text's tokens, its "first" token, or all "tokens".
        dropout: on what the linear map reads; the encoder's own rate if not given.
    """

    def __init__(
        self,
        encoder: Bert,
        num_labels: int,
        *,
        last: int = 1,
        how: How = "mean",
        where: Where = "mean",
        dropout: float | None = None,
    ) -> None:
        super().__init__(encoder, num_labels, dropout=dropout)
        if where not in ("mean", "first", "tokens"):
            raise ValueError(f"where must be 'mean', 'first' or 'tokens', got {where!r}")
        if last > encoder.config.num_hidden_layers + 1:
            raise ValueError(f"last must be at most {encoder.config.num_hidden_layers + 1}, got {last}")
        self.where, self.fused = where, FusedLayers(last, how)
        self.classifier = nn.Linear(self.fused.size(encoder.config.hidden_size), num_labels)
        initialise(self.classifier, encoder.config.initializer_range)

    def features(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> Tensor:
        """(B, D') for a text, or (B, T, D') for tokens; D' is n·D for "concat", else D."""
        out = self.encoder(input_ids, attention_mask, token_type_ids, output_hidden_states=True)
        assert out.hidden_states is not None
        states = self.fused(out.hidden_states)
        if self.where == "tokens":
            return states
        return states[:, 0] if self.where == "first" else mean_over_tokens(states, attention_mask)
