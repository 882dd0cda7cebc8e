"""Which position encodings still work on texts longer than all training texts?

The task: at each place, name the symbol that stands three places to the left. Symbols are drawn at random,
so nothing but the place helps. All models are the same encoder, trained on 8 to 32 symbols; only the
position encoding differs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.positions import LearnedPositions, RelativePosition, SinusoidalPositions, T5Bias
from course_lib.nn.relative_positions import FunctionalRelative, ShawRelative, TransformerXLRelative
from course_lib.nn.transformer import Encoder, TransformerConfig
from course_lib.training import schedules
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="positions",
    statement=(
        "On texts four times as long as those of training, relative schemes without untrained parameters "
        "still find the right place, and absolute positions do not."
    ),
    metric="accuracy from 0 to 1 at the places beyond the longest training text; chance is 1/16",
    control="learned absolute positions; no positions at all; accuracy at lengths seen in training",
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)
SYMBOLS, BACK = 16, 3
SHORTEST, LONGEST, TESTED = 8, 32, 128
WIDTH, HEADS, LAYERS = 64, 4, 2
STEPS, BATCH, RATE = 700, 64, 2e-3  # the rate was chosen on seed 9, which is not recorded

SCHEMES = (
    "none",
    "learned",
    "learned, random start",
    "sinusoidal",
    "sinusoidal, random start",
    "Shaw",
    "NEZHA",
    "T5, buckets to 128",
    "T5, buckets to 16",
    "Transformer-XL",
)


class Reader(nn.Module):
    """An encoder with one of the SCHEMES, and a softmax over the symbols at each place."""

    def __init__(self, scheme: str) -> None:
        super().__init__()
        self.absolute, self.random_start = absolute(scheme), scheme.endswith("random start")
        config = TransformerConfig(WIDTH, LAYERS, HEADS, 2 * WIDTH, dropout=0.0, norm_first=True)
        self.symbols = nn.Embedding(SYMBOLS, WIDTH)
        self.encoder = Encoder(config, [relative(scheme) for _ in range(LAYERS)])
        self.output = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, T, SYMBOLS) of ids (B, T)."""
        x = self.symbols(ids)
        if self.absolute is not None:
            start = 0
            if self.training and self.random_start:
                start = int(torch.randint(TESTED - ids.shape[1] + 1, ()))
            x = self.absolute(x, offset=start)
        return self.output(self.encoder(x).last_hidden_state)


def absolute(scheme: str) -> nn.Module | None:
    """The module that adds vectors to the words, if the scheme has one."""
    kind = scheme.split(",")[0]
    if kind == "learned":
        module = LearnedPositions(TESTED, WIDTH)
        nn.init.normal_(module.table.weight)  # as large as the symbols' vectors
        return module
    return SinusoidalPositions(WIDTH) if kind == "sinusoidal" else None


def relative(scheme: str) -> RelativePosition | None:
    """One layer's relative module, if the scheme has one."""
    head = WIDTH // HEADS
    makers = {
        "Shaw": lambda: ShawRelative(head, max_distance=16),
        "NEZHA": lambda: FunctionalRelative(head, max_distance=64),
        "T5, buckets to 128": lambda: T5Bias(HEADS),  # beyond 31 they meet no example
        "T5, buckets to 16": lambda: T5Bias(HEADS, max_distance=16),
        "Transformer-XL": lambda: TransformerXLRelative(WIDTH, HEADS),
    }
    return makers[scheme]() if scheme in makers else None


class Strings:
    """STEPS batches of random strings, each of one random length."""

    def __init__(self, seed: int, steps: int) -> None:
        self.seed, self.steps = seed, steps

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int, start: int = 0):
        generator = torch.Generator().manual_seed(self.seed + 1000 * number)
        for step in range(self.steps):
            length = int(torch.randint(SHORTEST, LONGEST + 1, (), generator=generator))
            ids = torch.randint(SYMBOLS, (BATCH, length), generator=generator)
            if step >= start:
                yield ids


def loss(model: nn.Module, ids: Tensor) -> Tensor:
    """Cross entropy at all places that have a symbol BACK places to their left."""
    return F.cross_entropy(model(ids)[:, BACK:].flatten(0, 1), ids[:, :-BACK].flatten())


@torch.no_grad()
def by_place(model: nn.Module, seed: int, device: str, length: int = TESTED, texts: int = 100) -> Tensor:
    """Accuracy (length,) at each place of new strings; the first BACK places have no answer and get 0."""
    generator = torch.Generator().manual_seed(1_000_000 + seed)
    ids = torch.randint(SYMBOLS, (texts, length), generator=generator).to(device)
    right = model(ids)[:, BACK:].argmax(-1) == ids[:, :-BACK]
    return F.pad(right.float().mean(0), (BACK, 0))


def train(scheme: str, seed: int, device: str = "cpu", steps: int = STEPS) -> Reader:
    """A Reader, trained; in evaluation mode."""
    torch.manual_seed(seed)
    model = Reader(scheme).to(device)
    fit(
        model,
        Strings(seed, steps),
        loss,
        torch.optim.Adam(model.parameters(), lr=RATE),
        FitConfig(steps=steps, log_every=steps, seed=seed, clip=1.0),
        schedule=schedules.linear(steps, warmup=steps // 10),
    )
    return model


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train every scheme on the same strings; accuracy at the trained and at four times the length."""
    figures: dict = {}
    for scheme in SCHEMES:
        model = train(scheme, seed, device)
        places = by_place(model, seed, device)
        figures[f"{scheme} seen"] = float(by_place(model, seed, device, LONGEST)[BACK:].mean())
        figures[f"{scheme} beyond"] = float(places[LONGEST:].mean())
        figures[f"{scheme} by place"] = [round(x, 3) for x in places.tolist()]
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("positions", CLAIM, measure, __file__)
