"""word2vec: skip-gram and CBOW with full softmax, negative sampling or hierarchical softmax.

Mikolov et al. 2013, arXiv:1301.3781 (architectures) and arXiv:1310.4546 (objectives, subsampling).
A word's vector is what predicts its neighbours (skip-gram) or what its neighbours' mean is made of (CBOW).
Different from the program of 2013: steps are taken a batch at a time instead of a pair at a time, and
skip-gram with negative sampling shares its noise words within a block of text (see `sgns`);
`shared_noise=0` gives each pair its own.
"""

import math
from collections.abc import Callable
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
    on_progress: Callable[[Word2Vec, Progress], None] | None = None,
    measure_every: int = 50,
) -> Word2Vec:
    """Learn vectors from a text of any length; memory holds the model and about a million tokens.

    The same seed gives the same vectors on the same processor with the same number of threads.

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
    Returns:
        The trained model.
    Raises:
        ValueError: for a vocabulary of fewer than two words, or a text without one pair of neighbours.
    """
    config = config or Word2VecConfig()
    model = new_model(vocabulary, config, device)
    step = _stepper(model, torch.Generator(device=device).manual_seed(config.seed + 1))
    windows = torch.Generator().manual_seed(config.seed + 2)
    rng = np.random.default_rng(config.seed)
    keep = keep_probability(vocabulary.counts, config.subsample)
    total = config.epochs * (total_tokens or int(vocabulary.counts.sum()))
    batch = config.batch_tokens or default_batch_tokens(config, len(vocabulary), torch.device(device))
    again = passes(source, config.epochs)
    seen = steps = 0
    pairs = torch.zeros((), device=device)
    for _ in range(config.epochs):
        for piece in pieces(again(), keep, rng, remap):
            ids, sentence, reach = _padded(piece, config.window, windows, device)
            for start in range(0, len(piece.ids), batch):
                done = seen + piece.seen * start // len(piece.ids)
                lr = max(config.learning_rate * (1 - done / total), config.min_learning_rate)
                stretch = slice(start, start + batch + 2 * config.window)
                measure = steps % measure_every == 0
                result = step(ids[stretch], sentence[stretch], reach[start : start + batch], lr, measure)
                pairs += result[1]
                if measure:
                    _report(
                        model, Progress(done, total, float(result[0] / result[1].clamp(min=1))), on_progress
                    )
                steps += 1
            seen += piece.seen
    if pairs == 0:
        raise ValueError(
            f"source must hold two neighbouring words of the vocabulary, got {seen} known tokens"
        )
    return model


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


def _report(
    model: Word2Vec, progress: Progress, on_progress: Callable[[Word2Vec, Progress], None] | None
) -> None:
    """Remember and pass on where training stands; a loss that is no number ends it."""
    if not math.isfinite(progress.loss):
        raise ValueError(f"learning_rate must let the loss stay finite, got {model.config.learning_rate}")
    model.history.append(progress)
    if on_progress is not None:
        on_progress(model, progress)
