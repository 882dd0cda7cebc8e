"""Which attention score learns to look something up, and what does the scale 1/√K change?

The task: 16 pairs of a key and a value, and a query. Each query has one partner among the keys, fixed at
random; the answer is the value that stands beside the partner. Queries and keys are rows of tables whose
numbers start with variance 1, the case for which the scale was proposed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.attention import AdditiveScore, BilinearScore, attend, dot_scores, scaled_dot_scores
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="attention-scores",
    statement="At a large key width, attention without the scale 1/√K learns to look up worse than with it.",
    metric="accuracy from 0 to 1 on new examples at K = 256, at the best learning rate; chance 1/16",
    control="the dot product without the scale; bilinear and additive scores; widths 8 and 64",
    smallest_effect=0.05,
    seeds=(0, 1, 2, 3, 4),
)
SYMBOLS, PAIRS, VALUES = 64, 16, 16
WIDTHS = (8, 64, 256)
RATES = (0.003, 0.01, 0.03, 0.1)
SCORES = ("dot", "scaled dot", "bilinear", "additive")
# steps, batch and the range of the rates were chosen on seed 9, which is not recorded
STEPS, BATCH, ASKED, HIDDEN = 200, 64, 2000, 64


class LookUp(nn.Module):
    """One attention from a query to PAIRS keys, and a linear map from the mean of the values.

    Args:
        score: one of SCORES.
        width: K, of queries and keys.
    """

    def __init__(self, score: str, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Embedding(SYMBOLS, width), nn.Embedding(SYMBOLS, width)
        self.value = nn.Embedding(VALUES, VALUES)
        self.output = nn.Linear(VALUES, VALUES)
        makers = {
            "dot": lambda: dot_scores,
            "scaled dot": lambda: scaled_dot_scores,
            "bilinear": lambda: BilinearScore(width, width),
            "additive": lambda: AdditiveScore(width, width, HIDDEN),
        }
        self.score = makers[score]()

    def forward(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Logits (B, VALUES) of query (B,), keys and values (B, PAIRS)."""
        scores = self.score(self.query(query).unsqueeze(1), self.key(keys))  # (B, 1, PAIRS)
        return self.output(attend(scores, self.value(values))[0].squeeze(1))


class Tables:
    """Batches of look-ups. The partners and the batches follow from the seed."""

    def __init__(self, seed: int, steps: int) -> None:
        self.seed, self.steps = seed, steps
        self.partner = torch.randperm(SYMBOLS, generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return self.steps

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """query (N,), keys and values (N, PAIRS), and the value beside the partner (N,)."""
        keys = torch.rand(count, SYMBOLS, generator=generator).argsort(-1)[:, :PAIRS]
        values = torch.randint(VALUES, (count, PAIRS), generator=generator)
        place = torch.randint(PAIRS, (count,), generator=generator)
        rows = torch.arange(count)
        query = self.partner.argsort()[keys[rows, place]]
        return query, keys, values, values[rows, place]

    def epoch(self, number: int, start: int = 0):
        generator = torch.Generator().manual_seed(1 + 1000 * self.seed + number)
        for step in range(self.steps):
            batch = self.draw(BATCH, generator)
            if step >= start:
                yield batch


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Cross entropy of the value beside the partner."""
    query, keys, values, answer = batch
    return F.cross_entropy(model(query, keys, values), answer)


def learn(score: str, width: int, rate: float, seed: int, device: str = "cpu", steps: int = STEPS) -> float:
    """Train one model; its accuracy on new examples."""
    torch.manual_seed(seed)
    model, data = LookUp(score, width).to(device), Tables(seed, steps)
    fit(
        model,
        data,
        loss,
        torch.optim.Adam(model.parameters(), lr=rate),
        FitConfig(steps=steps, log_every=steps, seed=seed),
    )
    query, keys, values, answer = (
        x.to(device) for x in data.draw(ASKED, torch.Generator().manual_seed(10**6 + seed))
    )
    with torch.no_grad():
        return float((model(query, keys, values).argmax(-1) == answer).float().mean())


def measure(seed: int, device: str, minutes: float) -> dict:
    """Every score at every width and learning rate."""
    return {
        f"{score} {width}": [round(learn(score, width, rate, seed, device), 4) for rate in RATES]
        for score in SCORES
        for width in WIDTHS
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # saturated weights have gradients so small that the processor crawls
    run("attention_scores", CLAIM, measure, __file__)
