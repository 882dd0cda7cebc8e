"""A whole masked-LM training step (forward, loss, backward) against transformers' BertForMaskedLM.

Both sides have the same weights, ids, masks and no dropout, and their losses are compared: a ratio counts
only for equal losses. Transformers computes logits over the vocabulary at every position; this library at
the masked ones. The encoder alone is timed beside it, to show where the gain does not come from.

    python benchmarks/mlm_step.py [--device cuda] [--repeats 7] [--sizes small base]
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from _common import log, record, start
from torch import Tensor, nn

from course_lib.pretraining.bert import BertForPreTraining

VOCABULARY, LENGTH, RATE = 30_522, 128, 0.15


@dataclass(frozen=True)
class Size:
    """What is trained: layers x width, and the batch."""

    layers: int
    width: int
    batch: int


SIZES = {"small": Size(4, 256, 16), "base": Size(12, 768, 8)}


@dataclass
class Pair:
    """The two models with one set of weights, and one batch."""

    ours: BertForPreTraining
    theirs: nn.Module
    ids: Tensor
    inputs: Tensor
    chosen: Tensor

    def our_loss(self) -> Tensor:
        """Logits at the chosen positions alone."""
        states = self.ours.bert(self.inputs).last_hidden_state
        total, count = self.ours.masked_lm_loss(states, self.ids, self.chosen)
        return total / count

    def their_loss(self) -> Tensor:
        """Logits everywhere; -100 marks what does not count."""
        return self.theirs(self.inputs, labels=self.ids.masked_fill(~self.chosen, -100)).loss

    def our_encoder(self) -> Tensor:
        """The encoder without a head, and a loss that costs nothing."""
        return self.ours.bert(self.inputs).last_hidden_state.square().mean()

    def their_encoder(self) -> Tensor:
        """The same of transformers."""
        return self.theirs.bert(self.inputs).last_hidden_state.square().mean()


def make(size: Size, device: str) -> Pair:
    """Models with equal weights and a batch in which exactly 15 % of the tokens are masked."""
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=max(1, size.width // 64),
        intermediate_size=4 * size.width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    theirs = transformers.BertForMaskedLM(config).to(device)
    ours = BertForPreTraining.from_transformers(theirs, next_sentence=False).to(device)
    ids = torch.randint(1000, VOCABULARY, (size.batch, LENGTH), device=device)
    chosen = torch.rand(ids.shape, device=device).argsort(-1) < round(RATE * LENGTH)
    return Pair(ours.train(), theirs.train(), ids, ids.masked_fill(chosen, 103), chosen)


@contextlib.contextmanager
def precision(name: str, device: str) -> Iterator[None]:
    """float32, or bfloat16 by autocast."""
    with torch.autocast(device, torch.bfloat16, enabled=name == "bfloat16"):
        yield


def step(loss: Callable[[], Tensor], model: nn.Module, name: str, device: str) -> float:
    """Forward, loss, backward; returns the loss."""
    model.zero_grad(set_to_none=True)
    with precision(name, device):
        value = loss()
    value.backward()
    return float(value.detach())


def seconds(work: Callable[[], Any], device: str) -> float:
    """One run, waiting for a GPU before and after."""
    if device == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def side_by_side(
    ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int, device: str
) -> dict[str, Any]:
    """The two in turn: median seconds, median and range of the ratio."""
    ours(), theirs()
    pairs = [(seconds(ours, device), seconds(theirs, device)) for _ in range(repeats)]
    ratios = [b / a for a, b in pairs]
    return {
        "seconds": statistics.median(a for a, _ in pairs),
        "seconds_transformers": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }


def measure(name: str, device: str, repeats: int) -> Iterator[dict[str, Any]]:
    """Rows of one size, one for each precision."""
    size = SIZES[name]
    pair = make(size, device)
    for kind in ("float32", "bfloat16"):
        losses = [
            step(pair.our_loss, pair.ours, kind, device),
            step(pair.their_loss, pair.theirs, kind, device),
        ]
        row: dict[str, Any] = {"size": name, "precision": kind, "losses": losses}
        row["whole step"] = side_by_side(
            lambda kind=kind: step(pair.our_loss, pair.ours, kind, device),
            lambda kind=kind: step(pair.their_loss, pair.theirs, kind, device),
            repeats,
            device,
        )
        row["encoder alone"] = side_by_side(
            lambda kind=kind: step(pair.our_encoder, pair.ours, kind, device),
            lambda kind=kind: step(pair.their_encoder, pair.theirs, kind, device),
            repeats,
            device,
        )
        row["peak_mib"] = {side: peak(name, kind, side, device) for side in ("ours", "transformers")}
        log.info(
            "%s, %s: step %.2f times as fast, encoder alone %.2f, losses %.5f and %.5f, peak MiB %s",
            name, kind, row["whole step"]["ratio"], row["encoder alone"]["ratio"], *losses, row["peak_mib"],
        )  # fmt: skip
        yield row
    if device == "cuda":
        yield compiled(name, pair, repeats)


def compiled(name: str, pair: Pair, repeats: int) -> dict[str, Any]:
    """bfloat16 with both encoders compiled."""
    pair.ours.bert.compile()
    pair.theirs.bert.compile()
    row: dict[str, Any] = {"size": name, "precision": "bfloat16, compiled"}
    row["whole step"] = side_by_side(
        lambda: step(pair.our_loss, pair.ours, "bfloat16", "cuda"),
        lambda: step(pair.their_loss, pair.theirs, "bfloat16", "cuda"),
        repeats,
        "cuda",
    )
    return row


def peak(name: str, kind: str, side: str, device: str) -> float:
    """Memory that two steps add at their highest, MiB, in a process of their own."""
    command = [sys.executable, __file__, "--peak", name, kind, side, "--device", device]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(name: str, kind: str, side: str, device: str) -> None:
    """What `peak` runs: both models are there, one of them takes two steps."""
    pair = make(SIZES[name], device)
    loss, model = (pair.our_loss, pair.ours) if side == "ours" else (pair.their_loss, pair.theirs)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the highest resident size starts anew
        before = resident("VmRSS")
    for _ in range(2):
        step(loss, model, kind, device)
    after = torch.cuda.max_memory_allocated() if device == "cuda" else resident("VmHWM")
    print((after - before) / 2**20)


def resident(field: str) -> int:
    """Resident bytes of this process: VmRSS now, VmHWM at their highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print_peak(*options.peak, options.device)
        return
    start()
    rows = [row for name in options.sizes for row in measure(name, options.device, options.repeats)]
    record(
        "mlm_step" if options.device == "cpu" else "mlm_step_cuda",
        __file__,
        question="A masked-LM training step at equal weights and equal loss, against BertForMaskedLM (SDPA).",
        settings={
            "vocabulary": VOCABULARY,
            "length": LENGTH,
            "masked": RATE,
            "sizes": {name: vars(SIZES[name]) for name in options.sizes},
            "repeats": options.repeats,
            "threads": torch.get_num_threads(),
            "dropout": 0,
        },
        results=rows,
        ratios={f"{row['size']}, {row['precision']}": row["whole step"]["ratio"] for row in rows},
        remarks=(
            "The gain is the output layer: logits at 15 % of the positions. The encoders are bound by the "
            "same matrix products. Memory is what two steps add at their highest, gradients included."
        ),
        device=options.device,
    )


if __name__ == "__main__":
    main()
