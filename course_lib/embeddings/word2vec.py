"""word2vec: skip-gram and CBOW with full softmax, negative sampling or hierarchical softmax.

Mikolov et al. 2013, arXiv:1301.3781 (architectures) and arXiv:1310.4546 (objectives, subsampling).
A word's vector is what predicts its neighbours (skip-gram) or what its neighbours' mean is made of (CBOW).
Different from the program of 2013: steps are taken a batch at a time instead of a pair at a time, and
skip-gram with negative sampling shares its noise words within a block of text (see `sgns`);
`shared_noise=0` gives each pair its own.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.embeddings.huffman import HuffmanTree, huffman_tree
from course_lib.embeddings.noise import cumulative_table, keep_probability
from course_lib.embeddings.output_layers import (
    FullSoftmax,
    HierarchicalSoftmax,
    NegativeSampling,
    OutputLayer,
)
from course_lib.embeddings.pair_step import PairStep
from course_lib.embeddings.sgns import BlockStep
from course_lib.embeddings.token_stream import Piece, Source, passes, pieces
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.windows import draw_reach
from course_lib.embeddings.word2vec_config import Word2VecConfig
from course_lib.text.vocab import Vocabulary


class Progress(NamedTuple):
    """Tokens read (before subsampling), all tokens to read, mean loss a pair just now."""

    tokens: int
    total: int
    loss: float


@dataclass
class Word2Vec:
    """A model: its words, its two matrices, and how its loss fell.

    Attributes:
        input: (V, E), the word vectors.
        output: (V, E), the context vectors; (V−1, E) inner nodes for hierarchical softmax.
        history: measurements during training.
    """

    vocabulary: Vocabulary
    config: Word2VecConfig
    input: Tensor
    output: Tensor
    tree: HuffmanTree | None = None
    history: list[Progress] = field(default_factory=list)

    def vectors(self) -> WordVectors:
        """The word vectors, ready to look up, compare and save."""
        return WordVectors(self.vocabulary.words, self.input)

    def context_vectors(self) -> WordVectors:
        """The output layer's vectors of the words.

        Raises:
            ValueError: for hierarchical softmax, whose output rows are nodes of a tree.
        """
        if self.tree is not None:
            raise ValueError("objective must not be 'hierarchical': its output rows belong to no word")
        return WordVectors(self.vocabulary.words, self.output)


Report = Callable[[Word2Vec, Progress], None]


def new_model(vocabulary: Vocabulary, config: Word2VecConfig, device: str | torch.device = "cpu") -> Word2Vec:
    """An untrained model: small uniform word vectors, zero output rows, as in word2vec's program.

    Raises:
        ValueError: if the vocabulary has fewer than two words, or no counts.
    """
    size = len(vocabulary)
    if size < 2:
        raise ValueError(f"vocabulary must have at least 2 words, got {size}")
    if vocabulary.counts.sum() == 0:
        raise ValueError("vocabulary must have counts, got only zeros")
    start = torch.rand(size, config.size, generator=torch.Generator().manual_seed(config.seed))
    tree = huffman_tree(vocabulary.counts) if config.objective == "hierarchical" else None
    output = torch.zeros(size - (tree is not None), config.size, device=device)
    return Word2Vec(vocabulary, config, ((start - 0.5) / config.size).to(device), output, tree)


def train(
    source: Source,
    vocabulary: Vocabulary,
    config: Word2VecConfig | None = None,
    *,
    device: str | torch.device = "cpu",
    remap: np.ndarray | None = None,
    total_tokens: int | None = None,
    on_progress: Report | None = None,
    measure_every: int = 50,
    workers: int = 1,
) -> Word2Vec:
    """Learn vectors from a text of any length; memory holds the model and about a million tokens.

    With one worker, the same seed gives the same vectors on the same processor. Several workers write to the
    same matrices without waiting for each other (Niu et al. 2011, "Hogwild!", arXiv:1106.5730), so no two
    runs are quite the same; call `torch.set_num_threads(1)` before, or threads get in each other's way.

    Args:
        source: ids and sentence offsets, sentences of ids, or a stream of those (`token_stream.parts`).
        vocabulary: words and counts.
        config: settings; the defaults when None.
        device: where the matrices live.
        remap: source id -> vocabulary id or −1, when the source has another numbering.
        total_tokens: tokens of one epoch, which times the falling step size; by default the vocabulary's
            counts.
        on_progress: called with the model every `measure_every` steps.
        measure_every: steps between two measurements of the loss.
        workers: threads that take steps at the same time.
    Returns:
        The trained model.
    Raises:
        ValueError: for a vocabulary of fewer than two words, or a text without one pair of neighbours.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    config = config or Word2VecConfig()
    model = new_model(vocabulary, config, device)
    total = config.epochs * (total_tokens or int(vocabulary.counts.sum()))
    run = _Run(model, total, workers, on_progress, measure_every)
    rng = np.random.default_rng(config.seed)
    keep = keep_probability(vocabulary.counts, config.subsample)
    again = passes(source, config.epochs)
    for _ in range(config.epochs):
        for piece in pieces(again(), keep, rng, remap):
            run.learn(piece)
    if run.pairs == 0:
        raise ValueError(f"source must hold two neighbours, got {run.seen} known tokens and no pair of them")
    return model


class _Run:
    """One training: its learners, one a thread, and where it stands."""

    def __init__(
        self, model: Word2Vec, total: int, workers: int, on_progress: Report | None, measure_every: int
    ) -> None:
        config, device = model.config, model.input.device
        seeds = range(config.seed + 2, config.seed + 2 + workers)
        self.steppers = [_stepper(model, torch.Generator(device=device).manual_seed(seed)) for seed in seeds]
        self.windows = torch.Generator().manual_seed(config.seed + 1)
        self.batch = config.batch_tokens or default_batch_tokens(config, len(model.vocabulary), device)
        self.model, self.total = model, total
        self.on_progress, self.measure_every = on_progress, measure_every
        self.seen = self.steps = self.pairs = 0

    def learn(self, piece: Piece) -> None:
        """Take all steps of one piece; the first learner works in this thread, the others in their own."""
        tensors = _padded(piece, self.model.config.window, self.windows, self.model.input.device)
        others = range(1, len(self.steppers))
        with ThreadPoolExecutor(max(1, len(others))) as pool:
            shares = [pool.submit(self._share, worker, piece, *tensors) for worker in others]
            self.pairs += self._share(0, piece, *tensors)
            self.pairs += sum(share.result() for share in shares)
        self.seen += piece.seen

    def _share(self, worker: int, piece: Piece, ids: Tensor, sentence: Tensor, reach: Tensor) -> int:
        """Every n-th stretch of the piece, n being the number of learners; returns the number of pairs."""
        config, step = self.model.config, self.steppers[worker]
        pairs = torch.zeros((), dtype=torch.float64, device=ids.device)
        for start in range(worker * self.batch, len(piece.ids), len(self.steppers) * self.batch):
            done = self.seen + piece.seen * start // len(piece.ids)
            # η falls in a line with the tokens read
            lr = max(config.learning_rate * (1 - done / self.total), config.min_learning_rate)
            end = start + self.batch
            stretch = slice(start, end + 2 * config.window)
            measure = worker == 0 and self.steps % self.measure_every == 0
            result = step(ids[stretch], sentence[stretch], reach[start:end], lr, measure)
            pairs += result[1]
            if measure:
                loss = float(result[0] / result[1].clamp(min=1))
                _report(self.model, Progress(done, self.total, loss), self.on_progress)
            self.steps += worker == 0
        return int(pairs)


def default_batch_tokens(config: Word2VecConfig, size: int, device: torch.device) -> int:
    """Centres a step: enough to keep a device busy, few enough that words seldom meet twice in a step."""
    if config.objective == "softmax":
        return max(8, min(256, 2**22 // size))  # logits: (6 · batch, V)
    if device.type != "cpu":
        return max(64, min(16_384, size))
    return max(64, min(2048 if is_blockwise(config) else 256, size // 2))


def is_blockwise(config: Word2VecConfig) -> bool:
    """Whether training goes block by block with shared noise."""
    return config.architecture == "skipgram" and config.objective == "negative" and config.shared_noise > 0


def _stepper(model: Word2Vec, generator: torch.Generator) -> BlockStep | PairStep:
    """The learner that the configuration asks for."""
    config, device = model.config, model.input.device
    table = torch.from_numpy(cumulative_table(model.vocabulary.counts, config.noise_power)).to(device)
    if is_blockwise(config):
        return BlockStep(
            input=model.input,
            output=model.output,
            table=table,
            generator=generator,
            window=config.window,
            negative=config.negative,
            shared=config.shared_noise,
            width=config.block,
            limit=config.limit,
        )
    layer: OutputLayer
    if model.tree is not None:
        layer = HierarchicalSoftmax(model.output, model.tree, config.limit)
    elif config.objective == "softmax":
        layer = FullSoftmax(model.output, config.limit)
    else:
        layer = NegativeSampling(model.output, table, config.negative, generator, config.limit)
    return PairStep(model.input, layer, config.architecture, config.window, config.limit)


def _padded(
    piece: Piece, window: int, generator: torch.Generator, device: str | torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """A piece between margins of `window` tokens that are no centres: ids, sentence numbers, reach."""
    ids = F.pad(torch.from_numpy(piece.ids), (window, window))
    sentence = F.pad(torch.from_numpy(piece.sentence), (window, window), value=-1)
    reach = draw_reach(len(piece.ids), window, generator)
    return ids.to(device), sentence.to(device), reach.to(device)


def _report(model: Word2Vec, progress: Progress, on_progress: Report | None) -> None:
    """Remember and pass on where training stands; a loss that is no number ends it."""
    if not math.isfinite(progress.loss):
        raise ValueError(f"learning_rate must let the loss stay finite, got {model.config.learning_rate}")
    model.history.append(progress)
    if on_progress is not None:
        on_progress(model, progress)
