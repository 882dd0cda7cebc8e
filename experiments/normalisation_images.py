"""Which norm for which batch size? A small convolutional network on digits, at batches of 2 to 16 images.

The five networks differ in nothing but what stands after each convolution. All see the same images in the
same order for the same number of passes. The learning rate grows with the root of the batch size; its value
at 16 images was the better of 1e-3 and 3e-3 for every norm on seed 9, which is not recorded.
"""

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_lib.nn.norm import BatchNorm, GroupNorm, InstanceNorm
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="normalisation-images",
    statement="At batches of 2 images group norm is more accurate than batch norm.",
    metric="accuracy on unseen digits, from 0 to 1, in evaluation mode, after the same number of passes",
    control="batch norm, layer norm (one group), instance norm, no norm; batches of 4 and 16",
    smallest_effect=0.01,
    seeds=(0, 1, 2, 3, 4),
)
SIZES = (2, 4, 16)
TRAIN, PASSES, WIDTH, LAYERS = 400, 4, 24, 4
RATE = 3e-3  # at 16 images
NORMS: dict[str, Callable[[], nn.Module]] = {
    "batch": lambda: BatchNorm(WIDTH),
    "group": lambda: GroupNorm(6, WIDTH),
    "layer": lambda: GroupNorm(1, WIDTH),
    "instance": lambda: InstanceNorm(WIDTH, affine=True),
    "none": nn.Identity,
}


def network(norm: str) -> nn.Sequential:
    """Convolution, norm, ReLU, several times; then a linear layer."""
    layers: list[nn.Module] = []
    for i in range(LAYERS):
        stride = 1 + i % 2  # 8 x 8, 4 x 4, 4 x 4, 2 x 2
        convolution = nn.Conv2d(WIDTH if i else 1, WIDTH, 3, stride, padding=1, bias=norm == "none")
        layers += [convolution, NORMS[norm](), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * WIDTH, 10))


def digits(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, then unseen ones."""
    bundle = load_digits()
    images = torch.tensor(bundle.images, dtype=torch.float32).unsqueeze(1) / 8 - 1  # (N, 1, 8, 8)
    labels = torch.tensor(bundle.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    first, rest = order[:TRAIN], order[TRAIN:]
    return images[first], labels[first], images[rest], labels[rest]


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the digit."""
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def stack(batch: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Images (B, 1, 8, 8) and labels (B,)."""
    return torch.stack([x for x, _ in batch]), torch.stack([y for _, y in batch])


def train(norm: str, size: int, images: Tensor, labels: Tensor, seed: int, device: str) -> nn.Module:
    """One network."""
    torch.manual_seed(seed)
    model = network(norm).to(device)
    examples = list(zip(images, labels, strict=True))
    data = Batches(examples, size, stack, seed=seed)
    steps = PASSES * len(data)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE * (size / 16) ** 0.5)
    fit(model, data, loss, optimizer, FitConfig(steps=steps, log_every=steps, seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 10))  # fmt: skip
    return model


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor, size: int) -> float:
    """The share of right answers in batches of the given size, in whichever mode the network is."""
    right = [
        (model(x).argmax(1) == y).sum() for x, y in zip(images.split(size), labels.split(size), strict=True)
    ]
    return float(sum(right)) / len(labels)


def measure(seed: int, device: str, minutes: float) -> dict:
    """All norms at all batch sizes on one split of the digits."""
    images, labels, new_images, new_labels = (part.to(device) for part in digits(seed))
    figures = {}
    for size in SIZES:
        for norm in NORMS:
            model = train(norm, size, images, labels, seed, device)
            figures[f"{norm} {size}"] = accuracy(model, new_images, new_labels, 500)
            model.train()  # the batch's own statistics, as in training
            figures[f"{norm} {size} batch mode"] = accuracy(model, new_images, new_labels, size)
    torch.manual_seed(seed)
    figures["untrained"] = accuracy(network("group").to(device).eval(), new_images, new_labels, 500)
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("normalisation_images", CLAIM, measure, __file__)
