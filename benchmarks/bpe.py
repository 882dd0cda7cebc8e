"""BPE training and encoding against Hugging Face tokenizers, in one run, as ratios.

Both learn byte-level BPE of the same size from the same text on one thread, after which the merges
and ids are compared: a ratio counts only for equal results. Encoding is of 2,000 lines, words cached on both
sides. Writes `benchmarks/results/bpe.json`.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("RAYON_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from course_lib.data import corpora
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.files import atomic_write
from course_lib.text.bpe import BPE, BPEConfig
from course_lib.text.tokenise import gpt2_words
from course_lib.training import machine

RESULT = Path(__file__).parent / "results" / "bpe.json"
REPEATS = 3


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The median time of `REPEATS` runs, and the last result."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def theirs(texts: list[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def generated(tokens: int, forms: int) -> list[str]:
    corpus = Language(LanguageConfig(vocab_size=forms)).sample(tokens, seed=1)
    return [" ".join(sentence) for sentence in corpus.tokens()]


def measure(name: str, texts: list[str], size: int) -> dict[str, Any]:
    """One row: training and encoding times and their ratios (above 1: course_lib is slower)."""
    train_ours, bpe = seconds(lambda: BPE.learn(texts, BPEConfig(vocab_size=size, level="byte")))
    train_theirs, tokenizer = seconds(lambda: theirs(texts, size))
    merges = [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    held = list(islice((line for text in texts for line in text.splitlines()), 2000))
    encode_ours, ids = seconds(lambda: [bpe.encode(text) for text in held])
    encode_theirs, expected = seconds(lambda: [e.ids for e in tokenizer.encode_batch_fast(held)])
    return {
        "text": name,
        "characters": sum(map(len, texts)),
        "different_words": len({word for text in texts for word in gpt2_words(text)}),
        "vocab_size": size,
        "same_merges": merges == bpe.merges,
        "same_ids": ids == expected,
        "train_seconds": train_ours,
        "train_seconds_tokenizers": train_theirs,
        "train_ratio": train_ours / train_theirs,
        "encode_seconds": encode_ours,
        "encode_seconds_tokenizers": encode_theirs,
        "encode_ratio": encode_ours / encode_theirs,
    }


def main() -> None:
    here = Path(__file__).resolve()
    revision, dirty = machine.revision(machine.loaded_sources(here))
    real = [document.text for document in corpora.english().documents]
    rows = [
        measure("generated, 200 k tokens", generated(200_000, 5000), 2000),
        measure("generated, 1 M tokens", generated(1_000_000, 50_000), 10_000),
        measure("real English", real, 10_000),
    ]
    record = {
        "name": "bpe",
        "command": "python benchmarks/bpe.py",
        "date": datetime.now(UTC).date().isoformat(),
        "revision": revision,
        "dirty": dirty,
        "cpu": machine.cpu_model(),
        "threads": 1,
        "repeats": REPEATS,
        "versions": machine.versions(),
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    with atomic_write(RESULT) as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    for row in rows:
        print(
            f"{row['text']}, {row['vocab_size']:,} symbols: training {row['train_ratio']:.1f}x, "
            f"encoding {row['encode_ratio']:.1f}x the time of tokenizers; same merges: {row['same_merges']}"
        )


if __name__ == "__main__":
    main()
