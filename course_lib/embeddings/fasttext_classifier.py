"""fastText's classifier: the mean of a text's rows, then one linear layer.

Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759.
Rows belong to words and, hashed into buckets, to runs of words. The mean is the text's vector: nobody labels
it, it is a hidden variable learnt on the way to the label. The output layer is a softmax, or, for many
classes, a hierarchical softmax over a Huffman tree of the labels.
Different from the released program: steps sum the gradients of a small batch, and no end-of-line token
is added.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.embeddings.fasttext_step import take_bags
from course_lib.embeddings.huffman import huffman_tree
from course_lib.embeddings.objectives import hierarchical_log_probs
from course_lib.embeddings.output_layers import FullSoftmax, HierarchicalSoftmax, OutputLayer
from course_lib.embeddings.rows import add_rows_
from course_lib.text.ngrams import Rows, check_buckets, word_hashes, word_ngram_buckets
from course_lib.text.vocab import Vocabulary
from course_lib.training import checkpoint

KIND = {"kind": "fastText classifier"}
Documents = Sequence[Sequence[str]]


@dataclass(frozen=True)
class ClassifierConfig:
    """Settings; the defaults are those of the released program.

    Attributes:
        size: E, width of the hidden vector.
        word_ngrams: longest run of words that has a row; 1 means words only.
        buckets: rows that all runs share.
        objective: "softmax" or "hierarchical".
        learning_rate: step of one text, falling in a line to 0.
        epochs: passes over the texts.
        batch: texts a step.
        seed: of the first values and the order of texts.
    """

    size: int = 100
    word_ngrams: int = 1
    buckets: int = 2_000_000
    objective: Literal["softmax", "hierarchical"] = "softmax"
    learning_rate: float = 0.1
    epochs: int = 5
    batch: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        check_buckets(self.buckets)
        for name in ("size", "word_ngrams", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if self.objective not in ("softmax", "hierarchical"):
            raise ValueError(f"objective must be 'softmax' or 'hierarchical', got {self.objective!r}")

    @classmethod
    def tiny(cls) -> "ClassifierConfig":
        """The size used in tests."""
        return cls(size=8, word_ngrams=2, buckets=500, batch=4)


class FastTextClassifier(nn.Module):
    """log p(label | text) from the mean of the text's rows.

    Attributes:
        rows: (V + buckets, E), or (V, E) without runs of words.
        output: (C, E) for softmax; (C−1, E), one row an inner node, for hierarchical softmax.
        labels: the C labels with their counts, most frequent first.
    """

    def __init__(self, vocabulary: Vocabulary, labels: Vocabulary, config: ClassifierConfig) -> None:
        """Small uniform rows and zero output.

        Raises:
            ValueError: if there is no word, or fewer than two labels.
        """
        super().__init__()
        if len(vocabulary) == 0:
            raise ValueError("vocabulary must hold at least one word, got none")
        if len(labels) < 2:
            raise ValueError(f"labels must be at least two different ones, got {labels.words}")
        self.vocabulary, self.labels, self.config = vocabulary, labels, config
        self.tree = huffman_tree(labels.counts) if config.objective == "hierarchical" else None
        size = len(vocabulary) + (config.buckets if config.word_ngrams > 1 else 0)
        first = torch.rand(size, config.size, generator=torch.Generator().manual_seed(config.seed))
        self.rows = nn.Parameter(first.sub_(0.5).mul_(2 / config.size))
        self.output = nn.Parameter(torch.zeros(len(labels) - (self.tree is not None), config.size))

    def rows_of(self, documents: Documents) -> Rows:
        """The rows of each text: of its known words, then of its runs of words, known or not."""
        lexicon = Vocabulary.from_sentences(documents)
        ids, offsets = lexicon.encode_sentences(documents)
        known = self.vocabulary.remap(lexicon.words)[ids].astype(np.int64)
        seen = np.concatenate([[0], np.cumsum(known >= 0)])[offsets]
        words = Rows(known[known >= 0], seen)
        hashes = word_hashes(lexicon.words)[ids]
        runs = word_ngram_buckets(hashes, offsets, self.config.word_ngrams, self.config.buckets)
        return words.join(Rows(runs.values + len(self.vocabulary), runs.offsets))

    def hidden(self, bags: Rows) -> Tensor:
        """The texts' vectors, (N, E); zeros for a text without a row."""
        values = torch.from_numpy(bags.values).to(self.rows.device)
        offsets = torch.from_numpy(bags.offsets[:-1]).to(self.rows.device)
        # h ← 1/n · Σᵢ A xᵢ
        return F.embedding_bag(values, self.rows, offsets, mode="mean")

    def log_probs(self, hidden: Tensor) -> Tensor:
        """log p(label | h), (N, C), from the texts' vectors (N, E)."""
        if self.tree is not None:
            return hierarchical_log_probs(hidden, self.output, self.tree)
        # p ← softmax(B h)
        return F.log_softmax(hidden @ self.output.T, dim=-1)

    def forward(self, documents: Documents) -> Tensor:
        """log p(label | text), (N, C)."""
        return self.log_probs(self.hidden(self.rows_of(documents)))

    @torch.no_grad()
    def predict(self, documents: Documents) -> list[str]:
        """The most probable label of each text."""
        return self.labels.decode(self(documents).argmax(-1).tolist())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write words, labels, settings and parameters; the old file stays until the new one is whole."""
        state: dict = {
            "config": asdict(self.config),
            "weights": {k: v.cpu() for k, v in self.state_dict().items()},
        }
        for name, part in (("words", self.vocabulary), ("labels", self.labels)):
            state[name] = (part.words, torch.from_numpy(part.counts))
        checkpoint.save(path, KIND, state)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], config: ClassifierConfig | None = None
    ) -> "FastTextClassifier":
        """Read what `save` wrote, on the CPU.

        Raises:
            ValueError: if the file is damaged, is another thing, or holds other settings than `config`.
        """
        state = checkpoint.load(path, KIND)
        found = ClassifierConfig(**state["config"])
        if config is not None and config != found:
            raise ValueError(f"config must be that of the file, {found}, got {config}")
        words, labels = (Vocabulary(state[name][0], state[name][1].numpy()) for name in ("words", "labels"))
        model = cls(words, labels, found)
        model.load_state_dict(state["weights"])
        return model


def train(
    documents: Documents,
    labels: Sequence[str],
    config: ClassifierConfig | None = None,
    *,
    min_count: int = 1,
    device: str | torch.device = "cpu",
) -> FastTextClassifier:
    """Learn to predict the labels of tokenised texts.

    Args:
        documents: N lists of words.
        labels: N labels.
        config: settings; the defaults when None.
        min_count: rarer words get no row.
        device: where to train.
    Raises:
        ValueError: for no texts, one label only, lengths that differ, or steps so large that they diverge.
    """
    config = config or ClassifierConfig()
    if len(documents) != len(labels) or not len(documents):
        raise ValueError(f"labels must be one for each text, got {len(labels)} for {len(documents)} texts")
    vocabulary = Vocabulary.from_sentences(documents, min_count)
    model = FastTextClassifier(vocabulary, Vocabulary.from_sentences([labels]), config).to(device)
    fit(model, model.rows_of(documents), model.labels.encode(labels))
    return model


def fit(model: FastTextClassifier, bags: Rows, targets: np.ndarray) -> None:
    """Stochastic gradient descent on encoded texts, in place.

    Args:
        model: on the device to train on.
        bags: the rows of N texts (`model.rows_of`).
        targets: (N,) label ids.
    """
    config, device = model.config, model.rows.device
    values, offsets = (torch.from_numpy(part).to(device) for part in (bags.values, bags.offsets))
    target = torch.from_numpy(targets.astype(np.int64)).to(device)
    layer = _output_layer(model)
    generator = torch.Generator().manual_seed(config.seed + 1)
    steps = [
        b
        for _ in range(config.epochs)
        for b in torch.randperm(len(target), generator=generator).split(config.batch)
    ]
    for done, batch in enumerate(steps):
        batch = batch.to(device)
        _step(
            model.rows.data,
            layer,
            *take_bags(values, offsets, batch),
            target[batch],
            config.learning_rate * (1 - done / len(steps)),
        )
    if not bool(torch.isfinite(model.output).all()):
        raise ValueError(f"learning_rate must let the weights stay finite, got {config.learning_rate}")


def _step(rows: Tensor, layer: OutputLayer, values: Tensor, owner: Tensor, target: Tensor, lr: float) -> None:
    """One step on B texts, whose rows `values` (r,) belong to the texts `owner` (r,); target (B,)."""
    length = torch.bincount(owner, minlength=len(target))
    hidden = F.embedding_bag(values, rows, length.cumsum(0) - length, mode="mean")  # (B, E)
    _, error, _ = layer.step(hidden, target, lr)
    # ∂ℓ/∂z ← 1/n · ∂ℓ/∂h    for each of a text's n rows
    share = error / length.clamp(min=1)[:, None]
    add_rows_(rows, values, share[owner], lr, torch.ones_like(owner), float("inf"))


def _output_layer(model: FastTextClassifier) -> OutputLayer:
    if model.tree is not None:
        return HierarchicalSoftmax(model.output.data, model.tree, float("inf"))
    return FullSoftmax(model.output.data, float("inf"))
