"""Training on a stream holds one piece of the text, however long the text is."""

import subprocess
import sys

SCRIPT = """
import numpy as np
import psutil
import torch
from course_lib.embeddings.word2vec import Word2VecConfig, train
from course_lib.text.vocab import Vocabulary

torch.set_num_threads(1)
PARTS, TOKENS, WORDS = 24, 1_000_000, 1000
sizes = []

def stream():
    for seed in range(PARTS):
        ids = np.random.default_rng(seed).integers(WORDS, size=TOKENS)
        yield ids, np.arange(0, TOKENS + 1, 20)
        sizes.append(psutil.Process().memory_info().rss)

vocabulary = Vocabulary([str(i) for i in range(WORDS)], [PARTS * TOKENS // WORDS] * WORDS)
# Strong thinning leaves little to compute; the stream is read whole all the same.
config = Word2VecConfig(size=8, window=2, epochs=1, subsample=1e-6, negative=1)
train(stream, vocabulary, config)
print(max(sizes[:4]), max(sizes))
"""


def test_twenty_more_million_tokens_need_no_more_memory():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    early, late = map(int, done.stdout.split())
    assert late - early < 50 * 1024**2  # holding the text would take 160 MB
    assert late < 2 * 1024**3
