"""Do the states of a translator's encoder help tasks that have few labels?

A new language, a new foreign language, new texts and a new model for each seed. The same frozen GloVe
vectors stand below every variant; the variants differ in what is put beside them.
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from course_lib.data import probes, sentence_probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.parallel import ParallelLanguage
from course_lib.embeddings import glove
from course_lib.embeddings.context_probes import nearest_senses
from course_lib.embeddings.cooccurrence import window_counts
from course_lib.embeddings.cove import END, CoVeConfig, Encoder, Translator, collate, translation_loss
from course_lib.nn.masks import length_mask, pad
from course_lib.text.metrics import corpus_bleu
from course_lib.text.vocab import Vocabulary
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="cove",
    statement="With few labels, GloVe beside CoVe beats GloVe alone.",
    metric="accuracy, from 0 to 1: the topic of a sentence from 50 to 800 labels; the sense of a word",
    control="GloVe alone; GloVe beside the untrained encoder; GloVe beside random vectors of CoVe's size",
    smallest_effect=0.02,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, WIDTH = 1000, 400_000, 64
PAIRS, HELD_OUT, EPOCHS, BATCH, RATE = 60_000, 300, 1, 32, 5e-3  # the rate was chosen on seed 9
LABELS, ASKED = (50, 100, 200, 400, 800), 1000


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train vectors and translator, then put every variant to the same tasks."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    corpus = language.sample(TOKENS, seed=1)
    counts = window_counts(corpus.ids, corpus.sentences, VOCABULARY, window=10, distance_weighting=True)
    settings = glove.GloVeConfig(dimensions=WIDTH, epochs=15, x_max=10)
    static = torch.as_tensor(glove.train(counts, settings, seed=seed)[0], dtype=torch.float32, device=device)
    static = F.normalize(static, dim=-1) * WIDTH**0.5  # components of unit size: what an LSTM can read

    pairs = ParallelLanguage(language).pairs(PAIRS + HELD_OUT, seed=5)
    foreign = Vocabulary.from_sentences([target for _, target in pairs[HELD_OUT:]])
    encoded = [
        (encode(language, source), foreign.encode(target) + END + 1)
        for source, target in pairs[HELD_OUT:]
        if all(word in foreign for word in target)
    ]
    torch.manual_seed(seed)
    config = CoVeConfig(
        len(foreign) + END + 1, embedding_size=64, hidden_size=64, dropout=0.1, input_feeding=False
    )
    model = Translator(static, config).to(device)
    untrained = Encoder(static, config).to(device).eval()
    translations = Translations(language, foreign, pairs[:HELD_OUT], device)
    before = translations.bleu(model)
    history = learn(model, encoded, seed)

    random = torch.randn(VOCABULARY, 2 * config.hidden_size, generator=torch.Generator().manual_seed(seed))
    random = random.to(device)
    beside = {
        "GloVe": None,
        "CoVe": model.encoder,
        "untrained": untrained,
        "random": lambda ids, lengths: F.embedding(ids, random),
    }
    figures: dict = {
        "bleu": [before, translations.bleu(model)],
        "held out": HELD_OUT,
        "labels": list(LABELS),
        "steps": history.column("loss")[0],
        "loss": history.column("loss")[1],
        "examples": translations.examples(model, 6),
    }
    tasks = Tasks(language, device)
    for name, encoder in beside.items():
        figures |= {f"{name} {task}": value for task, value in tasks.ask(static, encoder).items()}
    return figures


def encode(language: Language, words: list[str]) -> list[int]:
    """Ids of a sentence of the language."""
    return [language.index[word] for word in words]


def learn(model, encoded, seed):
    """Train the translator on pairs of ids."""
    data = Batches(encoded, BATCH, collate, seed=seed, lengths=[len(s) for s, _ in encoded])
    steps = EPOCHS * len(data)
    return fit(
        model,
        data,
        translation_loss,
        torch.optim.Adam(model.parameters(), lr=RATE),
        FitConfig(steps=steps, log_every=max(1, steps // 40), seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 20),
    )


class Translations:
    """Held-out pairs: how well they are translated, and where the translator looks."""

    def __init__(self, language: Language, foreign: Vocabulary, pairs: list, device: str) -> None:
        self.foreign, self.pairs = foreign, pairs
        self.source, self.lengths = (x.to(device) for x in pad([encode(language, s) for s, _ in pairs]))

    def translate(self, model):
        """Words of every held-out sentence, and attention weights."""
        words, weights = model.eval().translate(self.source, self.lengths, 40)
        return [self.foreign.decode(np.array(w, dtype=np.int64) - END - 1) for w in words], weights

    def bleu(self, model) -> float:
        """Corpus BLEU, 0 to 100."""
        return corpus_bleu(self.translate(model)[0], [[target] for _, target in self.pairs]).score

    def examples(self, model, n: int) -> list:
        """The first n sentences of 7 to 12 words with translation, reference and attention map."""
        words, weights = self.translate(model)
        chosen = [i for i, (source, _) in enumerate(self.pairs) if 7 <= len(source) <= 12][:n]
        return [
            {
                "source": self.pairs[i][0],
                "reference": self.pairs[i][1],
                "output": words[i],
                "weights": weights[i, : len(words[i]) + 1, : len(self.pairs[i][0])]
                .double()
                .cpu()
                .numpy()
                .round(3),
            }
            for i in chosen
        ]


class Tasks:
    """Sentences with a topic and words with a sense, asked of one variant at a time."""

    def __init__(self, language: Language, device: str) -> None:
        self.language, self.device = language, device
        self.topics = sentence_probes.topics(language, max(LABELS) + ASKED, seed=2)
        self.labelled = probes.senses(language, 2000, seed=3)
        self.asked = probes.senses(language, ASKED, seed=4)

    def ask(self, static, encoder) -> dict:
        """Accuracies of [static; encoder(ids, lengths)], or of static alone."""

        @torch.no_grad()
        def features(sentences):
            ids, lengths = (x.to(self.device) for x in pad([encode(self.language, s) for s in sentences]))
            vectors = F.embedding(ids, static)
            if encoder is not None:
                extra = encoder(ids, lengths)
                # Both halves get the same mean length, so that neither rules the distances.
                mask = length_mask(lengths, ids.shape[1])
                vectors = torch.cat([vectors, extra / extra[mask].norm(dim=-1).mean()], dim=-1)
            return vectors, length_mask(lengths, ids.shape[1])

        def slots(questions):
            vectors, _ = features([q[0] for q in questions])
            return vectors[torch.arange(len(questions)), torch.tensor([q[1] for q in questions])]

        def pooled(sentences):
            vectors, mask = features(sentences)
            out = mask.unsqueeze(-1)
            mean = (vectors * out).sum(1) / out.sum(1)
            return torch.cat([mean, vectors.masked_fill(~out, -1e9).amax(1)], dim=-1).cpu().numpy()

        guesses = nearest_senses(
            slots(self.labelled), np.array([q[2] for q in self.labelled]), [q[3] for q in self.labelled],
            slots(self.asked), [q[3] for q in self.asked],
        )  # fmt: skip
        x, y = pooled([q[0] for q in self.topics]), np.array([q[1] for q in self.topics])
        curve = [classify(x[:n], y[:n], x[-ASKED:], y[-ASKED:]) for n in LABELS]
        return {
            "senses": float(np.mean(guesses == [q[2] for q in self.asked])),
            "topics": float(np.mean(curve)),
            "topics by labels": curve,
        }


def classify(x, y, x_test, y_test) -> float:
    """Accuracy of a logistic regression on standardised features."""
    scale = StandardScaler().fit(x)
    model = LogisticRegression(C=0.1, max_iter=300).fit(scale.transform(x), y)
    return float(model.score(scale.transform(x_test), y_test))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("cove", CLAIM, measure, __file__)
