"""BPE training and encoding against Hugging Face tokenizers, in one run, as ratios.

Both learn byte-level BPE of the same size from the same text on one thread, after which the merges
and ids are compared: a ratio counts only for equal results. Encoding is of 2,000 lines, words cached on both
sides. Writes `benchmarks/results/bpe.json`.
"""

import json
import os
import statistics
import sysconfig
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
REPEATS = 5


def side_by_side(
    ours: Callable[[], Any], theirs: Callable[[], Any]
) -> tuple[dict[str, float | list[float]], Any, Any]:
    """Run the two in turn `REPEATS` times: median times, median and range of the ratio, both results."""
    pairs, results = [], (None, None)
    for _ in range(REPEATS):
        start = time.perf_counter()
        first = ours()
        middle = time.perf_counter()
        second = theirs()
        pairs.append((middle - start, time.perf_counter() - middle))
        results = (first, second)
    ratios = [a / b for a, b in pairs]
    times = {
        "seconds": statistics.median(a for a, _ in pairs),
        "seconds_tokenizers": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }
    return times, *results


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


def source_code() -> list[str]:
    """The standard library's modules: few words of English, very many different strings."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return [file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.glob("*.py"))]


def measure(name: str, texts: list[str], size: int) -> dict[str, Any]:
    """One row: training and encoding times and their ratios (above 1: course_lib is slower)."""
    train, bpe, tokenizer = side_by_side(
        lambda: BPE.learn(texts, BPEConfig(vocab_size=size, level="byte")), lambda: theirs(texts, size)
    )
    merges = [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    held = list(islice((line for text in texts for line in text.splitlines()), 2000))
    encode, ids, expected = side_by_side(
        lambda: [bpe.encode(text) for text in held],
        lambda: [e.ids for e in tokenizer.encode_batch_fast(held)],
    )
    return {
        "text": name,
        "characters": sum(map(len, texts)),
        "different_words": len({word for text in texts for word in gpt2_words(text)}),
        "vocab_size": size,
        "same_merges": merges == bpe.merges,
        "same_ids": ids == expected,
        "train": train,
        "encode": encode,
    }


def main() -> None:
    here = Path(__file__).resolve()
    revision, dirty = machine.revision(machine.loaded_sources(here))
    real = [document.text for document in corpora.english().documents]
    rows = [
        measure("generated, 200 k tokens", generated(200_000, 5000), 2000),
        measure("generated, 1 M tokens", generated(1_000_000, 50_000), 10_000),
        measure("real English", real, 10_000),
        measure("Python's own source code", source_code(), 20_000),
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
            f"{row['text']}, {row['vocab_size']:,} symbols: training {row['train']['ratio']:.1f}x, encoding "
            f"{row['encode']['ratio']:.1f}x the time of tokenizers; same merges: {row['same_merges']}"
        )


if __name__ == "__main__":
    main()
