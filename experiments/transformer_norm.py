"""Does pre-norm train without warm-up where post-norm does not?

The same model and the same stream of sequences to reverse, twice: normalised after each sublayer, and
before it. Two depths, two learning rates, with and without warm-up. And, before any training, how the
gradient is spread over the layers (Xiong et al. 2020, arXiv:2002.04745, section 3).
"""

import math

import torch

from course_lib.data.reversal import PAD, Reversals, reversals
from course_lib.nn.encoder_decoder import EncoderDecoderConfig, Transformer
from course_lib.training import schedules
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="transformer-norm",
    statement="Without warm-up a deep pre-norm Transformer trains, and a post-norm one does not.",
    metric=(
        "share of held-out target tokens predicted from the true tokens before them, from 0 to 1, "
        "mean of two learning rates"
    ),
    control="post-norm, same weights at the start, same batches; both with and without warm-up",
    smallest_effect=0.1,
    seeds=(0, 1, 2),
)
SYMBOLS, SHORTEST, LONGEST, BATCH = 17, 4, 9, 32
STEPS, WARMUP = 300, 100  # steps and rates were chosen on seed 9
DEEP, SHALLOW, RATES = 6, 2, (1e-3, 3e-3)
DEPTHS = (2, 4, 8, 16)  # of the encoder in the gradient measurement


def model(seed: int, layers: int, norm_first: bool, device: str) -> Transformer:
    """Equal weights for both places of the norm; pre-norm has two final norms more, at 1 and 0."""
    torch.manual_seed(seed)
    config = EncoderDecoderConfig(
        64, layers, 4, 128, dropout=0.0, norm_first=norm_first, vocab_size=SYMBOLS + 3
    )
    return Transformer(config).to(device)


def learn(seed: int, layers: int, norm_first: bool, rate: float, warmup: int, device: str) -> dict:
    """Train one model; held-out accuracy and loss, and the course of the training loss."""
    network = model(seed, layers, norm_first, device)
    history = fit(
        network,
        Reversals(BATCH, SYMBOLS, SHORTEST, LONGEST, seed=seed),
        lambda network, batch: network.loss(*batch),
        torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.98), eps=1e-9),
        FitConfig(steps=STEPS, clip=None, log_every=10, seed=seed),
        schedule=schedules.linear(STEPS, warmup=warmup),
    )
    steps, losses = history.column("loss")
    return held_out(network, device) | {"steps": steps, "training loss": losses}


@torch.no_grad()
def held_out(network: Transformer, device: str) -> dict[str, float]:
    """Accuracy and loss on 1000 sequences that are the same for every model."""
    generator = torch.Generator().manual_seed(12_345)
    source, target, mask = (x.to(device) for x in reversals(1000, SYMBOLS, SHORTEST, LONGEST, generator))
    wanted = target[:, 1:]
    right = network(source, target[:, :-1], mask).argmax(-1) == wanted
    loss, count = network.loss(source, target, mask)
    return {"accuracy": float(right[wanted != PAD].float().mean()), "loss": float(loss / count)}


def gradient_by_layer(seed: int, layers: int, norm_first: bool, device: str) -> list[float]:
    """Norm of the loss's gradient at W₂ of each encoder layer's network, before any step.

    The encoder reads, and the shared output matrix predicts at each place the symbol that stands there
    reversed: one stack, as in the paper's analysis.
    """
    network = model(seed, layers, norm_first, device)
    batch = reversals(128, SYMBOLS, LONGEST, LONGEST, torch.Generator().manual_seed(seed))
    source, target, _ = (x.to(device) for x in batch)
    logits = network.logits(network.encode(source)).flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(logits, target[:, 1:-1].flatten())
    weights = [layer.feed_forward.down.weight for layer in network.encoder.layers]
    return [float(g.norm()) for g in torch.autograd.grad(loss, weights)]


def measure(seed: int, device: str, minutes: float) -> dict:
    """All conditions of one seed."""
    figures: dict = {"chance": 1 / SYMBOLS, "loss of a guess": math.log(SYMBOLS)}
    for norm_first, name in ((False, "post"), (True, "pre")):
        for layers, warmup in ((DEEP, 0), (DEEP, WARMUP), (SHALLOW, 0)):
            key = f"{name} {layers} {'with' if warmup else 'without'}"
            runs = {f"{rate:g}": learn(seed, layers, norm_first, rate, warmup, device) for rate in RATES}
            figures[key] = sum(figures_of["accuracy"] for figures_of in runs.values()) / len(runs)
            figures[f"{key}, runs"] = runs
        figures[f"{name} gradients"] = {n: gradient_by_layer(seed, n, norm_first, device) for n in DEPTHS}
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("transformer_norm", CLAIM, measure, __file__)
