"""Do ReLU units die, and do GELU units live? A network on digits, watched while it trains.

Three hidden layers of 128 units, Adam at a usual and at a rash learning rate. A hidden unit is counted as
dead where its slope is below 1e-3 for every training image: exactly 0 for ReLU, and small enough for GELU
that it hardly learns. All activations start from the same weights and see the same batches. Leaky ReLU,
whose slope is 0.01 on the left, is the control that cannot die by this count. Rates were looked at on seed
9, which is not recorded.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_lib.nn.activations import gelu, gelu_derivative, relu
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="gelu",
    statement="At a rash learning rate more of ReLU's units than of GELU's are dead after training.",
    metric="share of hidden units whose slope is below 1e-3 for every training image, from 0 to 1",
    control="leaky ReLU; the networks before training; a usual learning rate; accuracy on unseen digits",
    smallest_effect=0.05,
    seeds=(0, 1, 2, 3, 4),
)
WIDTH, LAYERS, TRAIN, BATCH, STEPS, EVERY = 128, 3, 1000, 32, 500, 25
RATES = {"usual": 1e-3, "rash": 3e-2}
ASLEEP = 1e-3
Function = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": (relu, lambda z: (z > 0).float()),
    "gelu": (gelu, gelu_derivative),
    "leaky": (lambda z: torch.where(z > 0, z, 0.01 * z), lambda z: torch.where(z > 0, 1.0, 0.01)),
}


class Network(nn.Module):
    """Linear layers with one activation between them; remembers what went into it."""

    def __init__(self, activation: Function) -> None:
        super().__init__()
        sizes = [64, *[WIDTH] * LAYERS]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.output, self.activation = nn.Linear(WIDTH, 10), activation

    def inputs(self, x: Tensor) -> list[Tensor]:
        """What goes into the activation in each layer, (N, WIDTH) each, for images (N, 64)."""
        found = []
        for linear in self.hidden:
            found.append(linear(x))
            x = self.activation(found[-1])
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10)."""
        return self.output(self.activation(self.inputs(x)[-1]))


def digits(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images (N, 64) and labels, then unseen ones."""
    bundle = load_digits()
    images, labels = torch.tensor(bundle.data, dtype=torch.float32) / 8 - 1, torch.tensor(bundle.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return images[order[:TRAIN]], labels[order[:TRAIN]], images[order[TRAIN:]], labels[order[TRAIN:]]


def stack(batch: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Images (B, 64) and labels (B,)."""
    return torch.stack([x for x, _ in batch]), torch.stack([y for _, y in batch])


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the digit."""
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


@torch.no_grad()
def dead(model: nn.Module, slope: Function, images: Tensor, threshold: float = ASLEEP) -> float:
    """The share of hidden units whose slope is small, or 0, for each of the images."""
    assert isinstance(model, Network)
    largest = [slope(z).abs().amax(0) for z in model.inputs(images)]  # (WIDTH,) each
    return float(torch.cat(largest).le(threshold).float().mean())


def measure(seed: int, device: str, minutes: float) -> dict:
    """Every activation at both rates."""
    images, labels, new_images, new_labels = (part.to(device) for part in digits(seed))
    examples = list(zip(images, labels, strict=True))
    figures: dict = {}
    for rate, lr in RATES.items():
        for name, (activation, slope) in ACTIVATIONS.items():
            torch.manual_seed(seed)
            model = Network(activation).to(device)
            figures[f"{name} untrained"] = dead(model, slope, images)
            config = FitConfig(steps=STEPS, evaluate_every=EVERY, log_every=EVERY, clip=None, seed=seed)

            def evaluate(model: nn.Module, slope: Function = slope) -> dict[str, float]:
                return {"dead": dead(model, slope, images)}

            history = fit(
                model,
                Batches(examples, BATCH, stack, seed=seed),
                loss,
                torch.optim.Adam(model.parameters(), lr=lr),
                config,
                evaluate=evaluate,
            )
            key = f"{name} {rate}"
            figures["steps"], figures[f"{key} curve"] = history.column("dead", of="evaluations")
            figures[f"{key} dead"] = figures[f"{key} curve"][-1]
            figures[f"{key} exactly 0"] = dead(model, slope, images, 0.0)
            with torch.no_grad():
                right = (model(new_images).argmax(1) == new_labels).float().mean()
            figures[f"{key} accuracy"] = float(right)
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("activations", CLAIM, measure, __file__)
