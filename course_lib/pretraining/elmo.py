"""ELMo: word vectors out of every layer of a forward and a backward language model.

Peters et al. 2018, "Deep contextualized word representations", arXiv:1802.05365, section 3. Two stacks of
LSTMs read a sentence in opposite directions and never see each other's states; they share the word inputs
and the softmax. A task mixes their layers with weights of its own (`course_lib.nn.scalar_mix`).
Left out: the sampled softmax and the clipping of cells and projections, which the paper's scale needed.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.inputs import check_ids
from course_lib.nn.lstm import DirectedLSTM
from course_lib.nn.masks import length_mask


@dataclass(frozen=True)
class ElmoConfig:
    """Sizes; the defaults are the paper's.

    Attributes:
        vocab_size: V words; id V is the sentence's start, V + 1 its end, in inputs and softmax alike.
        embedding_size: E of the inputs and, through the projections, of every layer's states.
        hidden_size: of the LSTMs' cells; where it is above E, states are projected down to E.
        num_layers: L of each direction.
        residual: whether each layer after the first adds its input to its output.
        dropout: before each LSTM layer and before the softmax.
    """

    vocab_size: int
    embedding_size: int = 512
    hidden_size: int = 4096
    num_layers: int = 2
    residual: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("vocab_size", "embedding_size", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.hidden_size < self.embedding_size:
            raise ValueError(
                f"hidden_size must be embedding_size ({self.embedding_size}) or more, got {self.hidden_size}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 or more and below 1, got {self.dropout}")

    @classmethod
    def tiny(cls, vocab_size: int) -> "ElmoConfig":
        """The size used in tests."""
        return cls(vocab_size, embedding_size=6, hidden_size=9, dropout=0.0)


class DirectedLM(nn.Module):
    """The layers of one direction; nothing of the other direction comes in anywhere.

    Args:
        config: sizes.
        backward: read from right to left.
    """

    def __init__(self, config: ElmoConfig, *, backward: bool = False) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.hidden_size
        projection = size if hidden > size else None
        self.layers = nn.ModuleList(
            DirectedLSTM(size, hidden, backward=backward, projection_size=projection)
            for _ in range(config.num_layers)
        )
        self.residual = config.residual
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> list[Tensor]:
        """States of each layer.

        Args:
            x: (B, T, E) inputs, boundaries included.
            lengths: (B,).
        Returns:
            L tensors (B, T, E): position t has read x[0..t], or x[t..length-1] backwards.
        """
        states = []
        for number, layer in enumerate(self.layers):
            out = layer(self.dropout(x), lengths)
            # h_{k,j} = LSTM_j(h_{k,j−1}) + h_{k,j−1} for j ≥ 2   (section 3.4)
            x = out + x if self.residual and number else out
            states.append(x)
        return states


class Elmo(nn.Module):
    """A bidirectional language model (biLM) and its layers as word vectors.

    Args:
        config: sizes.
        inputs: maps ids (B, T), 0 to V + 1, to vectors (B, T, E), for example
            `elmo_inputs.CharacterInputs`; a table of vectors if not given.
    """

    def __init__(self, config: ElmoConfig, inputs: nn.Module | None = None) -> None:
        super().__init__()
        for name in ("vocab_size", "embedding_size"):
            ours = getattr(config, name)
            if (theirs := getattr(inputs, name, ours)) != ours:
                raise ValueError(f"inputs must have {name} {ours} like config, got {theirs}")
        self.config = config
        self.inputs = (
            inputs if inputs is not None else nn.Embedding(config.vocab_size + 2, config.embedding_size)
        )
        self.forwards, self.backwards = DirectedLM(config), DirectedLM(config, backward=True)
        self.dropout = nn.Dropout(config.dropout)
        self.softmax = nn.Linear(config.embedding_size, config.vocab_size + 2)

    def states(self, input_ids: Tensor, lengths: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Inputs and both directions' states for sentences with their boundaries.

        Args:
            input_ids: (B, T) words, 0 to V - 1; anything in the padding.
            lengths: (B,) lengths, 1 to T.
        Returns:
            x (B, T + 2, E), and L tensors of that shape for each direction. Column 0 is the sentence's
            start, column k is word k counted from 1.
        """
        _check(input_ids, lengths, self.config.vocab_size)
        x = self.inputs(bounded(input_ids, lengths, self.config.vocab_size))
        return x, self.forwards(x, lengths + 2), self.backwards(x, lengths + 2)

    def forward(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        """The L + 1 layers of every word, made of the biLM's 2L + 1 vectors.

        Args:
            input_ids: (B, T).
            lengths: (B,).
        Returns:
            (L + 1, B, T, 2E), 0 in the padding: layer 0 holds the input twice, layer j the forward and
            the backward state.
        """
        x, forwards, backwards = self.states(input_ids, lengths)
        # h_{k,0} = [x_k; x_k],  h_{k,j} = [→h_{k,j}; ←h_{k,j}]   (section 3.2)
        pairs = [(x, x), *zip(forwards, backwards, strict=True)]
        layers = torch.stack([torch.cat(pair, dim=-1)[:, 1:-1] for pair in pairs])
        return layers.masked_fill(~length_mask(lengths, input_ids.shape[1]).unsqueeze(-1), 0.0)

    def loss(self, input_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Both language models' negative log-likelihood; logits exist only where a target is.

        Args:
            input_ids: (B, T).
            lengths: (B,).
        Returns:
            The loss summed over both directions' targets, and their number, 2·Σ(length + 1).
        """
        _, forwards, backwards = self.states(input_ids, lengths)
        words = bounded(input_ids, lengths, self.config.vocab_size)
        mask = length_mask(lengths + 1, input_ids.shape[1] + 1)  # (B, T + 1): there is something to predict
        # Σ_k log p(t_k | t_1…t_{k−1}; Θ_x, →Θ, Θ_s) + log p(t_k | t_{k+1}…t_N; Θ_x, ←Θ, Θ_s)   (section 3.1)
        states = torch.cat([forwards[-1][:, :-1][mask], backwards[-1][:, 1:][mask]])  # (N, E)
        targets = torch.cat([words[:, 1:][mask], words[:, :-1][mask]])  # (N,)
        loss = F.cross_entropy(self.softmax(self.dropout(states)), targets, reduction="sum")
        return loss, 2 * mask.sum()


def bounded(input_ids: Tensor, lengths: Tensor, vocab_size: int) -> Tensor:
    """Sentences between their boundaries.

    Args:
        input_ids: (B, T).
        lengths: (B,).
        vocab_size: V; V becomes the sentence's start, V + 1 its end.
    Returns:
        (B, T + 2): the start, the words, the end; then ends again, whatever the padding held.
    """
    out = F.pad(input_ids.long(), (1, 1), value=vocab_size + 1)
    out[:, 0] = vocab_size
    return out.masked_fill(~length_mask(lengths + 1, out.shape[1]), vocab_size + 1)


def elmo_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss function for `training.fit`: a batch is ids (B, T) and lengths (B,)."""
    assert isinstance(model, Elmo)
    return model.loss(*batch)


def _check(input_ids: Tensor, lengths: Tensor, vocab_size: int) -> None:
    """Refuse what would be read as something else; the numbers are looked at on the processor only."""
    batch, size = input_ids.shape if input_ids.dim() == 2 else (-1, 0)
    if batch < 0 or lengths.shape != (batch,):
        got = f"{list(input_ids.shape)} and {list(lengths.shape)}"
        raise ValueError(f"input_ids must be (B, T) and lengths (B,), got {got}")
    if lengths.device.type == "cpu" and batch:
        low, high = int(lengths.min()), int(lengths.max())
        if low < 1 or high > size:
            raise ValueError(f"lengths must be from 1 to {size}, got {low} to {high}")
    known = length_mask(lengths, size)  # the padding may hold anything
    check_ids(input_ids.masked_fill(~known, 0), vocab_size)
