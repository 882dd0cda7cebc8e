"""ELMo in a task model: beside its input, beside its output, or both.

Peters et al. 2018, arXiv:1802.05365, section 3.3. The task model is a bidirectional LSTM that labels each
word; it keeps its own word vectors x, and the biLM stays frozen unless told otherwise.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.lstm import BiLSTM
from course_lib.nn.scalar_mix import ScalarMix
from course_lib.pretraining.elmo import Elmo

PLACES = ("input", "output")


class ElmoTagger(nn.Module):
    """A label for each word.

    Args:
        elmo: the biLM.
        num_labels: C.
        hidden_size: D of each direction of the task's LSTM.
        vectors: (V, E) the task's own word vectors, trained along.
        where: "input", "output", both, or none for the model without ELMo. Each place has a mix of its own.
        dropout: on what goes into the LSTM and into the last layer.
        frozen: whether the biLM stays as it is.
    """

    def __init__(
        self,
        elmo: Elmo,
        num_labels: int,
        hidden_size: int,
        vectors: Tensor,
        *,
        where: Collection[str] = PLACES,
        dropout: float = 0.5,
        frozen: bool = True,
    ) -> None:
        super().__init__()
        if unknown := set(where) - set(PLACES):
            raise ValueError(f"where must hold only {PLACES}, got {sorted(unknown)}")
        if vectors.dim() != 2 or len(vectors) != elmo.config.vocab_size:
            raise ValueError(f"vectors must be ({elmo.config.vocab_size}, E), got {list(vectors.shape)}")
        self.elmo, self.frozen = elmo, frozen
        self.words = nn.Embedding.from_pretrained(vectors.detach().clone(), freeze=False)
        layers, width = elmo.config.num_layers + 1, 2 * elmo.config.embedding_size
        self.mixes = nn.ModuleDict({place: ScalarMix(layers) for place in PLACES if place in where})
        self.dropout = nn.Dropout(dropout)
        self.lstm = BiLSTM(vectors.shape[1] + width * ("input" in where), hidden_size)
        self.output = nn.Linear(2 * hidden_size + width * ("output" in where), num_labels)
        elmo.requires_grad_(not frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ElmoTagger":
        """Training mode for all but a frozen biLM, which keeps its dropout off."""
        super().train(mode)
        if self.frozen:
            self.elmo.eval()
        return self

    def forward(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, T, C) for input_ids (B, T) and lengths (B,); padding holds numbers without meaning."""
        layers = self.elmo(input_ids, lengths) if self.mixes else None  # (L + 1, B, T, 2E)
        # [x_k; ELMo_k] goes into the task's RNN, [h_k; ELMo_k] comes out of it   (section 3.3)
        h = self.lstm(self._beside("input", self.words(input_ids), layers), lengths)
        return self.output(self._beside("output", h, layers))

    def _beside(self, place: str, x: Tensor, layers: Tensor | None) -> Tensor:
        if place in self.mixes:
            x = torch.cat([x, self.mixes[place](layers)], dim=-1)
        return self.dropout(x)

    def loss(self, input_ids: Tensor, lengths: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Cross entropy summed over the labelled words, and their number.

        Args:
            input_ids: (B, T).
            lengths: (B,).
            labels: (B, T), -1 where there is no label (the padding, for one).
        """
        mask = labels >= 0
        return F.cross_entropy(self(input_ids, lengths)[mask], labels[mask], reduction="sum"), mask.sum()


def tagging_loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss function for `training.fit`: a batch is ids (B, T), lengths (B,) and labels (B, T)."""
    assert isinstance(model, ElmoTagger)
    return model.loss(*batch)
