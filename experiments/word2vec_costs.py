"""What one step costs in each output layer, as the vocabulary grows."""

import time

import numpy as np
import torch

from course_lib.embeddings.huffman import huffman_tree
from course_lib.embeddings.noise import cumulative_table
from course_lib.embeddings.output_layers import (
    FullSoftmax,
    HierarchicalSoftmax,
    NegativeSampling,
    OutputLayer,
)
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="word2vec-costs",
    statement="A step of the full softmax grows with the vocabulary, one of negative sampling does not",
    metric="slope of log step time over log vocabulary size (0: no growth, 1: in proportion)",
    control="the full softmax on the same examples",
    smallest_effect=0.5,
    seeds=(0, 1, 2),
)
SIZES = (1_000, 4_000, 16_000, 64_000)
EXAMPLES, WIDTH = 256, 100


def layers(size: int, seed: int, device: str) -> dict[str, OutputLayer]:
    """The three output layers over a vocabulary with Zipf's frequencies."""
    counts = np.round(1e7 / np.arange(1, size + 1)).astype(np.int64)
    generator = torch.Generator(device=device).manual_seed(seed)
    rows = torch.randn(size, WIDTH, generator=generator, device=device) / WIDTH
    table = torch.from_numpy(cumulative_table(counts)).to(device)
    limit = float("inf")
    return {
        "softmax": FullSoftmax(rows.clone(), limit),
        "hierarchical": HierarchicalSoftmax(rows[:-1].clone(), huffman_tree(counts), limit),
        "negative": NegativeSampling(rows.clone(), table, 5, generator, limit),
    }


def step_time(layer: OutputLayer, target: torch.Tensor, hidden: torch.Tensor, repeats: int) -> float:
    """Median milliseconds of one step."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        layer.step(hidden, target, 1e-3)
        if hidden.is_cuda:
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - begin))
    return float(np.median(times[1:]))


def measure(
    seed: int, device: str, minutes: float, sizes: tuple[int, ...] = SIZES, repeats: int = 25
) -> dict:
    """Step times and code lengths by vocabulary size, and their slopes."""
    torch.set_num_threads(1)
    figures: dict = {"sizes": list(sizes), "code_length": []}
    for size in sizes:
        share = 1 / np.arange(1, size + 1)
        target = np.random.default_rng(seed).choice(size, EXAMPLES, p=share / share.sum())
        hidden = torch.randn(EXAMPLES, WIDTH, generator=torch.Generator().manual_seed(seed)).to(device)
        for name, layer in layers(size, seed, device).items():
            milliseconds = step_time(layer, torch.from_numpy(target).to(device), hidden, repeats)
            figures.setdefault(name, []).append(milliseconds)
            if isinstance(layer, HierarchicalSoftmax):
                figures["code_length"].append(float(layer.mask[target].sum(1).double().mean()))
    for name in ("softmax", "hierarchical", "negative"):
        figures[f"slope_{name}"] = float(np.polyfit(np.log(sizes), np.log(figures[name]), 1)[0])
    return figures


if __name__ == "__main__":
    run("word2vec_costs", CLAIM, measure, __file__)
