"""fastText word vectors: a word is the mean of its character n-grams.

Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", arXiv:1607.04606, section 3.
Skip-gram with negative sampling in which a word's vector is computed from rows: one of its own, and one for
each of its n-grams, which share a fixed number of hashed buckets. A word that training never saw still has
n-grams, so it has a vector. The training step is in `fasttext_step`.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.embeddings.fasttext_step import SubwordStep
from course_lib.embeddings.noise import cumulative_table, keep_probability
from course_lib.embeddings.token_stream import Source, passes, pieces
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.windows import draw_reach
from course_lib.text.ngrams import Rows, check_buckets, ngram_buckets
from course_lib.text.vocab import Vocabulary
from course_lib.training import checkpoint

KIND = {"kind": "fastText word vectors"}


@dataclass(frozen=True)
class FastTextConfig:
    """Settings; the defaults are those of the released program, or of `word2vec` where it has none.

    Attributes:
        size: E, width of the vectors.
        min_n, max_n: shortest and longest n-gram, marks included; max_n=0 has none: plain skip-gram.
        buckets: rows that all n-grams share.
        window, negative, noise_power, subsample, epochs, seed: as in `Word2VecConfig`.
        learning_rate, min_learning_rate: the step falls in a line from one to the other.
        batch_tokens: centres a step.
        block, shared_noise: centres that share noise words, and how many of these.
        limit: the most that step size times terms of one row may be in one step (`rows`).
    """

    size: int = 100
    min_n: int = 3
    max_n: int = 6
    buckets: int = 2_000_000
    window: int = 5
    negative: int = 5
    noise_power: float = 0.75
    subsample: float = 1e-4
    learning_rate: float = 0.05
    min_learning_rate: float = 1e-4
    epochs: int = 5
    batch_tokens: int = 2048
    block: int = 32
    shared_noise: int = 32
    limit: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_buckets(self.buckets)
        for name in (
            "size",
            "min_n",
            "window",
            "negative",
            "epochs",
            "batch_tokens",
            "block",
            "shared_noise",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("max_n", "noise_power", "subsample", "min_learning_rate", "limit"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate must be at most {self.learning_rate}, got {self.min_learning_rate}"
            )

    @classmethod
    def tiny(cls, seed: int = 0) -> "FastTextConfig":
        """The size used in tests."""
        sizes = {"size": 16, "buckets": 500, "window": 2, "batch_tokens": 64, "block": 8, "shared_noise": 8}
        return cls(**sizes, epochs=1, subsample=0.0, seed=seed)


class FastText(nn.Module):
    """Rows of words and n-grams, and the vectors that are their means.

    Attributes:
        rows: (V + buckets, E) input rows: first the words', then the buckets'.
        output: (V, E) vectors of the words as neighbours.
    """

    def __init__(self, vocabulary: Vocabulary, config: FastTextConfig) -> None:
        """Small uniform rows and zero output, as in the released program.

        Raises:
            ValueError: if the vocabulary is empty.
        """
        super().__init__()
        if len(vocabulary) == 0:
            raise ValueError("vocabulary must hold at least one word, got none")
        self.vocabulary, self.config = vocabulary, config
        generator = torch.Generator().manual_seed(config.seed)
        first = torch.rand(len(vocabulary) + config.buckets, config.size, generator=generator)
        self.rows = nn.Parameter(first.sub_(0.5).mul_(2 / config.size))  # uniform in [−1/E, 1/E]
        self.output = nn.Parameter(torch.zeros(len(vocabulary), config.size))

    def rows_of(self, words: Sequence[str]) -> Rows:
        """Which rows make up each word: its own, if it has one, then those of its n-grams."""
        if isinstance(words, str):
            raise ValueError(f"words must be a list of words, got the string {words[:50]!r}")
        known = self.vocabulary.encode(words, unknown=-1).astype(np.int64)
        own = Rows(known[known >= 0], np.concatenate([[0], np.cumsum(known >= 0)]))
        c = self.config
        grams = ngram_buckets(words, c.min_n, c.max_n, c.buckets)
        return own.join(Rows(grams.values + len(self.vocabulary), grams.offsets))

    def forward(self, words: Sequence[str]) -> Tensor:
        """Vectors of any words, seen or not, (N, E); zeros for a word without a single row."""
        bags = self.rows_of(words)
        values = torch.from_numpy(bags.values).to(self.rows.device)
        offsets = torch.from_numpy(bags.offsets[:-1]).to(self.rows.device)
        # v_w ← 1/|G_w| · Σ_{g ∈ G_w} z_g    (the program's mean; section 3.2 of the paper prints the sum)
        return F.embedding_bag(values, self.rows, offsets, mode="mean")

    @torch.no_grad()
    def vectors(self, words: Sequence[str] | None = None) -> WordVectors:
        """The vectors of the vocabulary, or of any distinct words, ready to compare and save."""
        words = self.vocabulary.words if words is None else words
        return WordVectors(words, self(words))

    @torch.no_grad()
    def most_similar(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The n words of the vocabulary nearest to `word`, which need not be one of them."""
        words = self.vocabulary.words
        return self.vectors(words if word in self.vocabulary else [*words, word]).most_similar(word, n)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write words, settings and parameters; the old file stays until the new one is whole."""
        weights = {name: tensor.cpu() for name, tensor in self.state_dict().items()}
        counts = torch.from_numpy(self.vocabulary.counts)
        words = {"words": self.vocabulary.words, "counts": counts}
        checkpoint.save(path, KIND, {"config": asdict(self.config), "weights": weights, **words})

    @classmethod
    def load(cls, path: str | os.PathLike[str], config: FastTextConfig | None = None) -> "FastText":
        """Read what `save` wrote, on the CPU.

        Args:
            path: the file.
            config: if given, the settings that the file must have been saved with.
        Raises:
            ValueError: if the file is damaged, is another thing, or holds other settings than `config`.
        """
        state = checkpoint.load(path, KIND)
        found = FastTextConfig(**state["config"])
        if config is not None and config != found:
            raise ValueError(f"config must be that of the file, {found}, got {config}")
        model = cls(Vocabulary(state["words"], state["counts"].numpy()), found)
        model.load_state_dict(state["weights"])
        return model


def train(
    source: Source,
    vocabulary: Vocabulary,
    config: FastTextConfig | None = None,
    *,
    device: str | torch.device = "cpu",
    remap: np.ndarray | None = None,
    total_tokens: int | None = None,
) -> FastText:
    """Learn subword vectors from a text of any length. Arguments as in `word2vec.train`.

    Args:
        source: ids and sentence offsets, sentences of ids, or a stream of those (`token_stream.parts`).
        vocabulary: words, their spelling and their counts.
        config: settings; the defaults when None.
        device: where the rows live.
        remap: source id -> vocabulary id or −1, when the source has another numbering.
        total_tokens: tokens of one epoch, which times the falling step; the vocabulary's counts by default.
    Raises:
        ValueError: for a vocabulary of fewer than two words, or a text without one pair of neighbours.
    """
    config = config or FastTextConfig()
    if len(vocabulary) < 2 or vocabulary.counts.sum() == 0:
        raise ValueError(f"vocabulary must have at least 2 words and counts, got {len(vocabulary)} words")
    model = FastText(vocabulary, config).to(device)
    step = _stepper(model)
    keep = keep_probability(vocabulary.counts, config.subsample)
    total = config.epochs * (total_tokens or int(vocabulary.counts.sum()))
    rng, windows = np.random.default_rng(config.seed), torch.Generator().manual_seed(config.seed + 2)
    again, seen, pairs = passes(source, config.epochs), 0, torch.zeros((), device=device)
    for _ in range(config.epochs):
        for piece in pieces(again(), keep, rng, remap):
            ids, sentence = (
                F.pad(torch.from_numpy(x), (config.window,) * 2) for x in (piece.ids, piece.sentence + 1)
            )
            reach = draw_reach(len(piece.ids), config.window, windows)
            ids, sentence, reach = ids.to(device), sentence.to(device), reach.to(device)
            for start in range(0, len(piece.ids), config.batch_tokens):
                done = (seen + piece.seen * start / len(piece.ids)) / total
                lr = max(config.learning_rate * (1 - done), config.min_learning_rate)
                end = start + config.batch_tokens
                stretch = slice(start, end + 2 * config.window)
                pairs += step(ids[stretch], sentence[stretch], reach[start:end], lr)
            seen += piece.seen
    if pairs == 0:
        raise ValueError(
            f"source must hold two neighbouring words of the vocabulary, got {seen} known tokens"
        )
    if not bool(torch.isfinite(model.rows).all()):
        raise ValueError(f"learning_rate must let the rows stay finite, got {config.learning_rate}")
    return model


def _stepper(model: FastText) -> SubwordStep:
    """The learner for a model, with each word's rows looked up once."""
    config, device = model.config, model.rows.device
    bags = model.rows_of(model.vocabulary.words)
    table = cumulative_table(model.vocabulary.counts, config.noise_power)
    return SubwordStep(
        rows=model.rows.data,
        output=model.output.data,
        values=torch.from_numpy(bags.values).to(device),
        offsets=torch.from_numpy(bags.offsets).to(device),
        table=torch.from_numpy(table).to(device),
        generator=torch.Generator(device=device).manual_seed(config.seed + 1),
        window=config.window,
        negative=config.negative,
        shared=config.shared_noise,
        width=config.block,
        limit=config.limit,
    )
