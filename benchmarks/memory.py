"""Memory: 100 million tokens stream through word2vec; how high does the process's memory rise?

The text is generated while it is read, so that nothing but the model and about a million tokens is held.
The result is the highest resident memory of a fresh process, with Python, PyTorch and the language in it.
"""

import argparse
import resource
import sys
import time

import numpy as np
import torch
from _common import log, record, start

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings.word2vec import Progress, Word2Vec, Word2VecConfig, train
from course_lib.text.vocab import Vocabulary

LIMIT = 2 * 1024**3


def highest() -> int:
    """Highest resident memory of this process so far, in bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--vocabulary", type=int, default=50_000)
    parser.add_argument("--name", default="memory", help="of the JSON")
    options = parser.parse_args()
    start()
    torch.set_num_threads(1)
    language = Language(LanguageConfig(vocab_size=options.vocabulary, seed=0))
    counts = np.maximum(1, np.round(language.frequencies * options.tokens)).astype(np.int64)
    ready, begin = highest(), time.perf_counter()
    curve: list[tuple[int, int]] = []

    def watch(_: Word2Vec, now: Progress) -> None:
        if not curve or now.tokens - curve[-1][0] >= options.tokens // 50:
            curve.append((now.tokens, highest() >> 20))
            log.info("%d tokens: %d MiB, loss %.3f", *curve[-1], now.loss)

    train(
        lambda: language.stream(options.tokens, seed=1),
        Vocabulary(language.forms, counts),
        Word2VecConfig(epochs=1, learning_rate=0.05),
        total_tokens=options.tokens,
        on_progress=watch,
    )
    record(
        options.name,
        __file__,
        question="How much memory does word2vec need for 100 million tokens?",
        settings={"tokens": options.tokens, "vocabulary": options.vocabulary, "size": 100},
        results={
            "highest_mib": highest() >> 20,
            "before_training_mib": ready >> 20,
            "seconds": round(time.perf_counter() - begin),
            "mib_by_tokens": curve,
        },
        ratios={"limit_over_highest": round(LIMIT / highest(), 2)},
        remarks="The limit is 2 GiB. Generating the text takes a part of the time.",
    )
    if highest() > LIMIT:
        raise SystemExit(f"memory rose to {highest() >> 20} MiB, above the limit of {LIMIT >> 20} MiB")


if __name__ == "__main__":
    main()
