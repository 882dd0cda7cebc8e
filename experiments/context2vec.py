"""Does a context encoder beat the average of word vectors at filling gaps and at telling senses apart?

A new language, text and model for each seed. All methods see the same text; the untrained encoder is
the trained one before its first step.
"""

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import word2vec
from course_lib.embeddings.context2vec import Context2Vec, Context2VecConfig, context2vec_loss
from course_lib.embeddings.context_probes import average_contexts, fill_gaps, nearest_senses
from course_lib.nn.masks import pad
from course_lib.text.vocab import Vocabulary
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="context2vec",
    statement="context2vec fills gaps and tells senses apart better than averaged word2vec vectors.",
    metric="accuracy, from 0 to 1: five candidates for a gap; the nearest labelled context for a sense",
    control=(
        "the mean word2vec vector of the sentence's other words; of the two words on each side; "
        "that mean against word2vec's output vectors; an untrained encoder"
    ),
    smallest_effect=0.03,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, WIDTH = 2000, 600_000, 96
EPOCHS, BATCH, RATE = 4, 32, 6e-3  # rates and word2vec's passes were chosen on seed 9, which is not recorded
STATIC_EPOCHS, STATIC_RATE = 10, 0.05
LABELLED, ASKED = 2000, 1000


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train on one language and ask every method the same questions."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    corpus = language.sample(TOKENS, seed=1)
    counts = np.bincount(corpus.ids, minlength=VOCABULARY)
    vocabulary = Vocabulary(language.forms, counts)
    settings = word2vec.Word2VecConfig(size=WIDTH, epochs=STATIC_EPOCHS, learning_rate=STATIC_RATE, seed=seed)
    static = word2vec.train(corpus, vocabulary, settings, device=device)

    torch.manual_seed(seed)
    config = Context2VecConfig(VOCABULARY, embedding_size=64, hidden_size=96, output_size=WIDTH)
    model = Context2Vec(config, counts).to(device)
    questions = Questions(language, vocabulary, device)
    figures = {f"untrained {k}": v for k, v in questions.ask(model.slots, model.targets.weight).items()}
    sentences = np.split(corpus.ids, corpus.sentences[1:-1])
    data = Batches(sentences, BATCH, pad, seed=seed, lengths=np.diff(corpus.sentences))
    steps = EPOCHS * len(data)
    history = fit(
        model,
        data,
        context2vec_loss,
        torch.optim.Adam(model.parameters(), lr=RATE),
        FitConfig(steps=steps, log_every=max(1, steps // 40), seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 20),
    )
    figures |= {f"context2vec {k}": v for k, v in questions.ask(model.slots, model.targets.weight).items()}
    controls = (("average", None, static.input), ("window", 2, static.input), ("output", 2, static.output))
    for name, window, words in controls:

        def contexts(sentences, positions, window=window):
            return average_contexts(static.input, sentences, positions, window)

        figures |= {f"{name} {k}": v for k, v in questions.ask(contexts, words).items()}
    return figures | {"steps": history.column("loss")[0], "loss": history.column("loss")[1]}


class Questions:
    """The gaps and the ambiguous words, asked of one way to make a context vector at a time."""

    def __init__(self, language: Language, vocabulary: Vocabulary, device: str) -> None:
        self.encode = lambda words: vocabulary.encode(words, unknown=0).tolist()
        self.device = device
        self.cloze = probes.cloze(language, ASKED, seed=2)
        self.candidates = torch.tensor([self.encode(c) for _, _, c, _ in self.cloze], device=device)
        self.labelled = {
            same: probes.senses(language, LABELLED, seed=3, same_pos=same) for same in (True, False)
        }
        self.asked = {same: probes.senses(language, ASKED, seed=4, same_pos=same) for same in (True, False)}

    def ask(self, contexts, words) -> dict[str, float]:
        """Accuracies of `contexts(sentences, positions) -> (N, D)` with target vectors `words` (V, D)."""

        def vectors(questions):
            return contexts([self.encode(q[0]) for q in questions], [q[1] for q in questions])

        chosen = fill_gaps(vectors(self.cloze), words, self.candidates).tolist()
        figures = {"gaps": np.mean([a == q[3] for a, q in zip(chosen, self.cloze, strict=True)])}
        for same, name in ((True, "senses of one part of speech"), (False, "senses of two")):
            known, asked = self.labelled[same], self.asked[same]
            guesses = nearest_senses(
                vectors(known), np.array([q[2] for q in known]), [q[3] for q in known],
                vectors(asked), [q[3] for q in asked],
            )  # fmt: skip
            figures[name] = np.mean(guesses == [q[2] for q in asked])
        figures["senses"] = (figures["senses of one part of speech"] + figures["senses of two"]) / 2
        return {name: float(value) for name, value in figures.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("context2vec", CLAIM, measure, __file__)
