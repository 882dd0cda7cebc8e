"""Which norm for texts? A BERT-like classifier with five of them, at batches of 2 and 16 texts.

The task: name the topic of a passage of one to five sentences. Models differ in nothing but what stands
where BERT has its layer norms (after each sublayer's sum). All see the same batches and take the same steps.
The learning rate was the best of 1e-3, 3e-3 and 1e-2 for layer norm and for batch norm alike at 2 texts, on
seed 9, which is not recorded. Batch norm gets two chances: over all positions, and over words only.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.nn.masks import key_mask, length_mask, pad
from course_lib.nn.norm import BatchNorm, LayerNorm, RMSNorm
from course_lib.nn.transformer import Encoder, Residual, TransformerConfig
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="normalisation-text",
    statement="In a BERT-like encoder trained on 2 padded texts a step, layer norm beats batch norm.",
    metric="accuracy of a passage's topic on unseen passages, from 0 to 1, in evaluation mode",
    control="batch norm over all positions; over words only; RMS norm; no norm; batches of 16 texts",
    smallest_effect=0.03,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, TRAIN, TEST, MOST_SENTENCES = 2000, 4000, 1000, 5
STEPS = {2: 500, 16: 150}
RATE, ASKED = 3e-3, 300
CONFIG = TransformerConfig(64, 2, 4, 128, hidden_act="gelu", dropout=0.0)
NORMS: dict[str, Callable[[], nn.Module]] = {
    "layer": lambda: LayerNorm(64),
    "rms": lambda: RMSNorm(64),
    "batch": lambda: BatchNorm(64, channel_axis=-1),
    "batch, words": lambda: WordNorm(64, channel_axis=-1),
    "none": nn.Identity,
}
Passage = tuple[np.ndarray, int]


class WordNorm(BatchNorm):
    """Batch norm that is told beforehand which positions are words."""

    words: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return super().forward(x, self.words if mask is None else mask)


class Classifier(nn.Module):
    """Embeddings, two encoder layers, the mean over the words, a linear layer."""

    def __init__(self, norm: str, classes: int, longest: int = 256) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY + 1, 64), nn.Embedding(longest, 64)
        self.encoder, self.output = Encoder(CONFIG), nn.Linear(64, classes)
        for module in self.encoder.modules():
            if isinstance(module, Residual):
                setattr(module, "norm", NORMS[norm]())  # noqa: B010

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, C) of padded ids (B, T)."""
        mask = length_mask(lengths, ids.shape[1])
        for module in self.encoder.modules():
            if isinstance(module, WordNorm):
                module.words = mask
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        x = self.encoder(x, mask=key_mask(mask)).last_hidden_state
        return self.output(x.masked_fill(~mask.unsqueeze(-1), 0.0).sum(1) / lengths.unsqueeze(-1))


def passages(language: Language, n: int, seed: int) -> list[Passage]:
    """n passages of one to five sentences (ids from 1, 0 is padding), each with its document's topic."""
    corpus = language.sample(90 * n, seed=seed)
    rng = np.random.default_rng(seed)
    out = []
    for d in rng.permutation(len(corpus.topics))[:n]:
        first, end = corpus.documents[d], corpus.documents[d + 1]
        length = min(int(rng.integers(1, MOST_SENTENCES + 1)), end - first)
        start = int(rng.integers(first, end - length + 1))
        ids = corpus.ids[corpus.sentences[start] : corpus.sentences[start + length]]
        out.append((ids.astype(np.int64) + 1, int(corpus.topics[d])))
    return out


def collate(batch: list[Passage]) -> tuple[Tensor, Tensor, Tensor]:
    """Padded ids (B, T), lengths (B,) and topics (B,)."""
    return *pad([ids for ids, _ in batch]), torch.tensor([topic for _, topic in batch])


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the topic."""
    ids, lengths, topic = batch
    return nn.functional.cross_entropy(model(ids, lengths), topic)


def train(model: Classifier, size: int, data: list[Passage], seed: int) -> None:
    """Train in place."""
    steps = STEPS[size]
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    batches = Batches(data, size, collate, seed=seed)
    config = FitConfig(steps=steps, log_every=steps, seed=seed)
    fit(model, batches, loss, optimizer, config, schedule=schedules.linear(steps, warmup=steps // 10))


@torch.no_grad()
def answers(model: Classifier, data: list[Passage], size: int, device: str) -> Tensor:
    """The topics (N,) that the model names, in batches of the given size, in whichever mode it is."""
    batches = Batches(data, size, collate, seed=0, shuffle=False).epoch(0)
    return torch.cat([model(ids.to(device), n.to(device)).argmax(1) for ids, n, _ in batches]).cpu()


def shuffled_answers(model: Classifier, data: list[Passage], size: int, seed: int, device: str) -> Tensor:
    """The same answers, in the order of `data`, but in batches of other neighbours."""
    order = np.random.default_rng(seed).permutation(len(data))
    named = answers(model, [data[i] for i in order], size, device)
    return torch.empty_like(named).scatter_(0, torch.from_numpy(order), named)


def measure(seed: int, device: str, minutes: float) -> dict:
    """All norms at all batch sizes on one language."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    data, test = passages(language, TRAIN, seed=1), passages(language, TEST, seed=2)
    topics = torch.tensor([topic for _, topic in test])
    lengths = np.array([len(ids) for ids, _ in test])
    figures: dict = {
        "majority": float(topics.bincount().max()) / TEST,
        "lengths": np.percentile(lengths, [0, 50, 100]),
    }
    for size in STEPS:
        pairs = lengths[: TEST // size * size].reshape(-1, size)
        figures[f"padding {size}"] = float(1 - pairs.mean(1).sum() / pairs.max(1).sum())
        for norm in NORMS:
            torch.manual_seed(seed)
            model = Classifier(norm, language.topics).to(device)
            figures[f"untrained {norm}"] = float(
                (answers(model.eval(), test, 50, device) == topics).float().mean()
            )
            train(model, size, data, seed)
            named = answers(model, test, 50, device)
            figures[f"{norm} {size}"] = float((named == topics).float().mean())
            figures[f"{norm} {size} by length"] = [
                float((named == topics)[torch.from_numpy(part)].float().mean())
                for part in np.array_split(np.argsort(lengths, kind="stable"), 4)
            ]
            model.train()  # the batch's own statistics, as in training
            one, other = (shuffled_answers(model, test[:ASKED], size, k, device) for k in (1, 2))
            figures[f"{norm} {size} batch mode"] = float((one == topics[:ASKED]).float().mean())
            figures[f"{norm} {size} flips"] = float((one != other).float().mean())
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("normalisation_text", CLAIM, measure, __file__)
