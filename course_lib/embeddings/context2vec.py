"""context2vec: one vector for the whole sentence around an empty slot.

Melamud, Goldberger & Dagan 2016, "context2vec: Learning Generic Context Embedding with Bidirectional
LSTM", ACL K16-1006, section 3. Two LSTMs read up to the slot from the left and from the right, a small
network joins them, and word2vec's negative sampling pulls the result to the word that stood there.
Left out: the authors' tricks of scale (batches of equal length, sorting), which change speed only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.embeddings.noise import cumulative_table, draw_noise
from course_lib.nn.lstm import DirectedLSTM
from course_lib.nn.masks import length_mask, pad


@dataclass(frozen=True)
class Context2VecConfig:
    """Sizes; the defaults are the paper's (its Table 1).

    Attributes:
        vocab_size: V.
        embedding_size: E, width of the words that the LSTMs read.
        hidden_size: width of each LSTM; their pair goes into the network.
        output_size: D, width of contexts and of target words.
        negatives: k, noise words a slot.
        noise_power: exponent on the words' counts.
    """

    vocab_size: int
    embedding_size: int = 300
    hidden_size: int = 600
    output_size: int = 600
    negatives: int = 10
    noise_power: float = 0.75

    def __post_init__(self) -> None:
        for name in ("embedding_size", "hidden_size", "output_size", "negatives"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.vocab_size < 2:
            raise ValueError(f"vocab_size must be 2 or more, got {self.vocab_size}")

    @classmethod
    def tiny(cls, vocab_size: int) -> "Context2VecConfig":
        """The size used in tests."""
        return cls(vocab_size, embedding_size=8, hidden_size=10, output_size=6, negatives=3)


class Context2Vec(nn.Module):
    """The context encoder and the target words' vectors.

    Args:
        config: sizes.
        counts: (V,) how often each word occurs; the noise is drawn from their power.
    """

    noise: Tensor

    def __init__(self, config: Context2VecConfig, counts: np.ndarray) -> None:
        super().__init__()
        if np.shape(counts) != (config.vocab_size,):
            raise ValueError(f"counts must have shape ({config.vocab_size},), got {np.shape(counts)}")
        self.config = config
        size, hidden = config.embedding_size, config.hidden_size
        # Two sets of context words, as in the paper; two more rows for the sentence's start and end.
        self.left_words = nn.Embedding(config.vocab_size + 2, size)
        self.right_words = nn.Embedding(config.vocab_size + 2, size)
        self.left = DirectedLSTM(size, hidden)
        self.right = DirectedLSTM(size, hidden, backward=True)
        self.join = nn.Sequential(
            nn.Linear(2 * hidden, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, config.output_size)
        )
        self.targets = nn.Embedding(config.vocab_size, config.output_size)
        nn.init.normal_(self.targets.weight, std=config.output_size**-0.5)
        self.register_buffer("noise", torch.as_tensor(cumulative_table(counts, config.noise_power)))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The context of every slot, as if its own word were not there.

        Args:
            ids: (B, T) words, 0 to V - 1; anything in the padding.
            lengths: (B,) lengths, 1 to T.
        Returns:
            (B, T, D); padding holds numbers without meaning.
        """
        before, after = shifted(ids, lengths, self.config.vocab_size)
        # c = L₂(ReLU(L₁([lLS(w₁…wᵢ₋₁); rLS(wₙ…wᵢ₊₁)])))   (section 3.1)
        left = self.left(self.left_words(before), lengths)  # (B, T, hidden)
        right = self.right(self.right_words(after), lengths)  # (B, T, hidden)
        return self.join(torch.cat([left, right], dim=-1))

    def loss(
        self, ids: Tensor, lengths: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Negative sampling over all slots of a batch.

        Args:
            ids: (B, T).
            lengths: (B,).
            generator: of the noise; torch's default on the device if not given.
        Returns:
            The loss summed over the slots that hold a word, and their number.
        """
        mask = length_mask(lengths, ids.shape[1])
        context, word = self(ids, lengths)[mask], ids[mask]  # (N, D), (N,)
        generator = generator or _default_generator(ids.device)
        noise = draw_noise(self.noise, (len(word), self.config.negatives), generator)  # (N, k)
        positive, negative = slot_scores(context, self.targets(word), self.targets(noise))
        # −S = −Σ (log σ(t·c) + Σₖ log σ(−tₖ·c))   (eq. 1)
        return -(F.logsigmoid(positive).sum() + F.logsigmoid(-negative).sum()), mask.sum()

    @torch.no_grad()
    def slots(
        self, sentences: Sequence[Sequence[int]], positions: Sequence[int], batch_size: int = 256
    ) -> Tensor:
        """The context of one slot of each sentence.

        Args:
            sentences: N sentences of ids; what stands in the slot does not matter.
            positions: N slots, counted from 0.
            batch_size: sentences at a time.
        Returns:
            (N, D) on the model's device.
        Raises:
            ValueError: for a slot outside its sentence or lists of different lengths.
        """
        if len(sentences) != len(positions):
            raise ValueError(
                f"positions must have one slot a sentence ({len(sentences)}), got {len(positions)}"
            )
        for sentence, position in zip(sentences, positions, strict=True):
            if not 0 <= position < len(sentence):
                raise ValueError(f"positions must be within 0..{len(sentence) - 1}, got {position}")
        device, parts = self.targets.weight.device, []
        for start in range(0, len(sentences), batch_size):
            ids, lengths = (x.to(device) for x in pad(sentences[start : start + batch_size]))
            index = torch.as_tensor(positions[start : start + batch_size], device=device)
            parts.append(self(ids, lengths)[torch.arange(len(index), device=device), index])
        return torch.cat(parts) if parts else torch.zeros(0, self.config.output_size, device=device)

    @torch.no_grad()
    def similarity(self, contexts: Tensor, words: Tensor) -> Tensor:
        """Cosine of contexts (N, D) with words (N, K): (N, K), from -1 to 1."""
        return F.cosine_similarity(contexts.unsqueeze(1), self.targets(words), dim=-1)


def shifted(ids: Tensor, lengths: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
    """What the left and the right LSTM read at each slot: the words before it, the words after it.

    Args:
        ids: (B, T).
        lengths: (B,).
        vocab_size: V; V stands for the sentence's start, V + 1 for its end.
    Returns:
        (B, T) each: column i holds word i - 1 (the start for i = 0), and word i + 1 (the end in the last
        slot).
    """
    batch = torch.arange(len(ids), device=ids.device)
    before = F.pad(ids[:, :-1], (1, 0), value=vocab_size)
    after = F.pad(ids[:, 1:], (0, 1), value=vocab_size + 1)
    after[batch, lengths - 1] = vocab_size + 1
    return before, after


def slot_scores(context: Tensor, target: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Dot products with the word that stood there and with the noise words.

    Args:
        context: (N, D).
        target: (N, D).
        noise: (N, k, D).
    Returns:
        (N,) and (N, k).
    """
    return (context * target).sum(-1), (noise @ context.unsqueeze(-1)).squeeze(-1)


def context2vec_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss function for `training.fit`: a batch is ids (B, T) and lengths (B,)."""
    assert isinstance(model, Context2Vec)
    return model.loss(*batch)


def _default_generator(device: torch.device) -> torch.Generator:
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.random.default_generator
