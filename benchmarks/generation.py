"""Greedy generation with cached keys and values: linear in the length, beside transformers' generate.

Equal weights, one prompt of 16 tokens; the ids written must be the same, or nothing is recorded. Without a
cache every token costs a pass over the whole text.

    python benchmarks/generation.py [--device cuda] [--repeats 5]
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from _common import log, record, start
from torch import Tensor

from course_lib.nn.generation import greedy
from course_lib.pretraining.gpt import GPT
from course_lib.pretraining.gpt_stepper import GPTStepper

SIZES = {"4 x 256": (4, 256), "12 x 768 (GPT-2)": (12, 768)}
VOCABULARY, PROMPT = 50_257, 16
LENGTHS = (32, 64, 128, 256, 512)
UNCACHED_UP_TO = 256


def make(layers: int, width: int, device: str) -> tuple[GPT, Any, Tensor]:
    """The two models with one set of weights, and a prompt."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=width, n_layer=layers, n_head=width // 64, n_positions=1024,
        attn_implementation="sdpa", bos_token_id=0, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).to(device).eval()
    return (
        GPT.from_transformers(theirs).to(device),
        theirs,
        torch.randint(VOCABULARY, (1, PROMPT), device=device),
    )


class Uncached:
    """A stepper that reads the whole text again for each token."""

    def __init__(self, model: GPT) -> None:
        self.model, self.ids = model, None

    def step(self, ids: Tensor) -> Tensor:
        """Logits (N, V) of the next token."""
        self.ids = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        states = self.model(self.ids).last_hidden_state
        return self.model.logits(states[:, -1])

    def reorder(self, rows: Tensor) -> None:
        """Keep these rows."""
        self.ids = self.ids[rows]


def seconds(write: Callable[[], list[int]], repeats: int, device: str) -> tuple[float, list[int]]:
    """Median time and the ids written."""
    taken, ids = [], []
    for _ in range(repeats):
        begin = time.perf_counter()
        ids = write()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken), ids


def rows_of(name: str, device: str, repeats: int) -> list[dict[str, Any]]:
    """One row for each number of new tokens."""
    ours, theirs, prompt = make(*SIZES[name], device)

    def cached(n: int) -> list[int]:
        return greedy(GPTStepper(ours, max_length=PROMPT + n), prompt, None, n)[0]

    def generate(n: int) -> list[int]:
        out = theirs.generate(prompt, max_new_tokens=n, min_new_tokens=n, do_sample=False, use_cache=True)
        return out[0, PROMPT:].tolist()

    rows = []
    cached(8), generate(8)
    for n in LENGTHS:
        mine, ids = seconds(lambda n=n: cached(n), repeats, device)
        his, their_ids = seconds(lambda n=n: generate(n), repeats, device)
        if ids != their_ids:
            raise SystemExit(f"{name}, {n} tokens: the two texts differ, so their times mean nothing")
        row = {
            "size": name,
            "new_tokens": n,
            "seconds": mine,
            "seconds_transformers": his,
            "ratio": his / mine,
        }
        if n <= UNCACHED_UP_TO:
            row["seconds_uncached"], again = seconds(
                lambda n=n: greedy(Uncached(ours), prompt, None, n)[0], 1, device
            )
            row["same_uncached"] = again == ids
        log.info("%s: %s", name, row)
        rows.append(row)
    return rows


def growth(rows: list[dict[str, Any]], key: str) -> float:
    """The exponent of time over length between the longest length and a quarter of it; 1 is linear."""
    known = [row for row in rows if key in row]
    last, early = known[-1], next(r for r in known if r["new_tokens"] == known[-1]["new_tokens"] // 4)
    return math.log(last[key] / early[key]) / math.log(last["new_tokens"] / early["new_tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    start()
    results = {name: rows_of(name, options.device, options.repeats) for name in SIZES}
    record(
        "generation" if options.device == "cpu" else "generation_cuda",
        __file__,
        question="Greedy generation of the same ids with cached keys, against transformers' generate.",
        settings={
            "prompt": PROMPT,
            "vocabulary": VOCABULARY,
            "repeats": options.repeats,
            "threads": torch.get_num_threads(),
        },
        results={
            name: {
                "rows": rows,
                "growth": {
                    key: growth(rows, key) for key in ("seconds", "seconds_transformers", "seconds_uncached")
                },
            }
            for name, rows in results.items()
        },
        ratios={name: rows[-1]["ratio"] for name, rows in results.items()},
        remarks="growth is the exponent of time over length between the longest length and a quarter of it.",
        device=options.device,
    )


if __name__ == "__main__":
    main()
