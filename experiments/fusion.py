"""What does fusing models gain, when, and by which method?

A new language and new texts for each seed. The task: of which of four topics is a sentence, that may hold an
aside about another one? Sets of five models of growing diversity; all pairs of a pool; eight ways to fuse the
pool, one of them leaky;
weight averages and snapshots of one training run.
"""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.ensemble import diversity
from course_lib.ensemble.averaging import average, geometric_average, rank_average
from course_lib.ensemble.folds import stratified_folds
from course_lib.ensemble.snapshots import Snapshots, cyclic_cosine
from course_lib.ensemble.stacking import from_estimator, meta_features, out_of_fold
from course_lib.ensemble.swa import SWA
from course_lib.ensemble.voting import hard_vote
from course_lib.ensemble.weighting import fit_weights, hit_rate, log_score, select
from course_lib.pretraining.bert import Bert, BertConfig
from course_lib.pretraining.examples import NO_LABEL, Special, collate, single
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.ema import EMA
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig
from course_lib.transfer.finetune import Strategy, finetune, predict
from course_lib.transfer.fusion import FusedClassifier

CLAIM = Claim(
    id="fusion",
    statement=(
        "Over sets of models and over pairs: the less the errors correlate, the more the average gains over "
        "the mean member. Fusing different models beats the best of them. Stacking on out-of-fold "
        "predictions beats stacking on predictions about the training examples."
    ),
    metric="accuracy on 2000 unseen sentences, from 0 to 1; over sets and pairs Spearman's rank correlation",
    control=(
        "the mean member and the best one; the single model that is best on held-out predictions; the same "
        "stack fitted on predictions about the training examples; one training run of as many steps"
    ),
    smallest_effect=0.01,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, LABELLED, ASKED, FOLDS = 500, 600, 2000, 4  # all settings were chosen on seed 9, not recorded
WIDTH, STEPS, RATE, BATCH = 64, 240, 3e-3, 16
CYCLES, CYCLE = 3, 120
SPECIAL, FIRST = Special(0, 1, 2), 4


# ------------------------------------------------------------------ models that read lists of words


def words(text):
    """A bag of words."""
    return text


def bigrams(text):
    """Words and pairs of neighbours."""
    return [*text, *(f"{a} {b}" for a, b in pairwise(text))]


def places(text):
    """Each word with its place, and each without."""
    return [*text, *(f"{i} {word}" for i, word in enumerate(text))]


def pieces(text):
    """Runs of three characters."""
    return [word[i : i + 3] for word in (f"<{w}>" for w in text) for i in range(len(word) - 2)]


def ends(text):
    """The last six words."""
    return text[-6:]


def on(view, make):
    """A learner that counts what a view shows and gives it to a new estimator."""
    return from_estimator(lambda: make_pipeline(CountVectorizer(analyzer=view), make()))


def logistic(strength=1.0):
    """Logistic regression."""
    return lambda: LogisticRegression(C=strength, max_iter=500)


def resampled(learner, seed):
    """The learner on as many examples drawn with replacement (bagging)."""

    def learn(examples, labels):
        rows = np.random.default_rng(seed).integers(len(labels), size=len(labels))
        return learner([examples[i] for i in rows], labels[rows])

    return learn


class Encoder:
    """A one-layer encoder that learns from the labelled sentences alone."""

    def __init__(self, language, device):
        self.language, self.device = language, device

    def learner(self, seed, steps=STEPS, **hooks):
        """A learner with its own start and order; `hooks` go to the training loop."""

        def learn(texts, labels):
            model = self.train(texts, labels, seed, steps, **hooks)
            return lambda asked: self.ask(model, asked)

        return learn

    def examples(self, texts, labels=None):
        """Framed ids, with their labels where there are any."""
        labels = [NO_LABEL] * len(texts) if labels is None else labels.tolist()
        ids = [[FIRST + self.language.index[word] for word in text] for text in texts]
        return [single(i, SPECIAL, label=label) for i, label in zip(ids, labels, strict=True)]

    def train(self, texts, labels, seed, steps, every=0, ema=None, **hooks):
        """A trained model."""
        torch.manual_seed(seed)
        config = replace(
            BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH, num_hidden_layers=1),
            dropout=0.1,
            attention_dropout=0.0,
            initializer_range=0.05,
        )
        model = FusedClassifier(Bert(config, pooler=False), self.language.topics, dropout=0.2).to(self.device)
        examples = self.examples(texts, labels)
        data = Batches(examples, BATCH, collate, seed=seed, lengths=[len(e) for e in examples])
        settings = FitConfig(steps=steps, seed=seed, log_every=steps, evaluate_every=every, ema=ema)
        finetune(model, data, Strategy.full(RATE), settings, **hooks)
        return model

    def ask(self, model, texts):
        """(n, C) probabilities."""
        examples = self.examples(texts)
        batches = [collate(examples[i : i + 500]) for i in range(0, len(examples), 500)]
        return torch.cat(predict(model, batches)).double().softmax(-1).cpu().numpy()


# ------------------------------------------------------------------ diversity


def sets_of(encoder):
    """Six sets of five learners or, where a model of the pool serves again, its name."""
    return {
        "five strengths": [on(bigrams, logistic(c)) for c in (0.1, 0.3, 1.0, 3.0, 10.0)],
        "five samples": [resampled(on(bigrams, logistic()), seed) for seed in range(5)],
        "five starts": ["encoder", *(encoder.learner(seed) for seed in range(1, 5))],
        "five trees": [resampled(on(bigrams, tree), seed) for seed in range(5)],
        "five views": ["bigrams", "places", "pieces", on(words, logistic()), on(ends, logistic())],
        "five kinds": ["encoder", "Bayes", "bigrams", "places", "forest"],
    }


def tree():
    """A decision tree, grown until it knows every label."""
    return DecisionTreeClassifier(random_state=0)


MEMORISERS = ("tree", "neighbour")  # they answer 0 or 1, and always 1 for a label that they were trained on


def pool_of(encoder):
    """What somebody might have at the end of a contest: eight models, good ones and bad ones."""
    return {
        "encoder": encoder.learner(0),
        "Bayes": on(bigrams, lambda: MultinomialNB(alpha=0.1)),
        "bigrams": on(bigrams, logistic()),
        "places": on(places, logistic()),
        "pieces": on(pieces, logistic()),
        "forest": on(bigrams, lambda: RandomForestClassifier(100, random_state=0)),
        "tree": on(bigrams, tree),
        "neighbour": on(bigrams, lambda: KNeighborsClassifier(1)),
    }


def facts(p, labels):
    """What a set of models is like: (M, N, C) probabilities to figures."""
    votes = p.argmax(-1)
    members = [hit_rate(each, labels) for each in p]
    parts = diversity.squared_error(p, labels)
    return {
        "members": float(np.mean(members)),
        "best": max(members),
        "fused": hit_rate(average(p), labels),
        "error correlation": diversity.mean_of_pairs(diversity.error_correlation(votes, labels)),
        "disagreement": diversity.mean_of_pairs(diversity.disagreement(votes)),
        "squared error": parts.ensemble.mean(),
        "members' squared error": parts.members.mean(),
        "ambiguity": parts.ambiguity.mean(),
    }


def correlated(rows):
    """Spearman's correlation of error correlation with each kind of gain, over sets of models."""
    apart = [row["error correlation"] for row in rows]
    gains = {
        "over the mean": [row["fused"] - row["members"] for row in rows],
        "over the best": [row["fused"] - row["best"] for row in rows],
        "in squared error": [row["ambiguity"] for row in rows],
    }
    return {name: spearmanr(apart, gain).statistic for name, gain in gains.items()}


def pairs(p, names, labels):
    """All pairs of models: their figures, and the correlations over all and over those without memorisers."""
    couples = list(combinations(range(len(p)), 2))
    rows = [facts(p[list(couple)], labels) for couple in couples]
    soft = [
        row
        for row, couple in zip(rows, couples, strict=True)
        if not {names[i] for i in couple} & {*MEMORISERS}
    ]
    figures = {f"pairs, {key}": [row[key] for row in rows] for key in rows[0]}
    for title, some in (("all", rows), ("no memorisers", soft)):
        figures |= {f"pairs {gain}, {title}": value for gain, value in correlated(some).items()}
    return figures | {"pairs of memorisers": [bool({names[i] for i in c} & {*MEMORISERS}) for c in couples]}


# ------------------------------------------------------------------ ways to fuse


def ways(p, held_out, in_sample, truth):
    """(N, C) scores of each way to fuse the M models' test predictions p (M, N, C).

    held_out, in_sample: (M, n, C) out-of-fold and training predictions about the labelled examples.
    """
    judge = from_estimator(logistic())

    def stacked(known):
        return judge(meta_features(known), truth)(meta_features(p))

    best = int(np.argmax([hit_rate(each, truth) for each in held_out]))
    classes, above = p.shape[2], p.clip(1e-6)  # no veto of a model that says 0
    return {
        "best single": p[best],
        "hard vote": np.eye(classes)[hard_vote(p.argmax(-1), classes)],
        "average": average(p),
        "geometric average": geometric_average(above / above.sum(-1, keepdims=True)),
        "rank average": np.stack([rank_average(p[..., c]) for c in range(classes)], axis=1),
        "fitted weights": average(p, fit_weights(held_out, truth)),
        "greedy selection": average(p, select(held_out, truth)),
        "stacking": stacked(held_out),
        "leaky weights": average(p, fit_weights(in_sample, truth)),
        "leaky stacking": stacked(in_sample),
    }


def fused(p, held_out, in_sample, names, truth, labels):
    """Accuracy of each model and of each way to fuse, with and without the memorisers."""
    figures: dict = {}
    for title, known, y in (
        ("alone", p, labels),
        ("in sample", in_sample, truth),
        ("held out", held_out, truth),
    ):
        figures |= {f"{title} {name}": hit_rate(each, y) for name, each in zip(names, known, strict=True)}
    soft = [i for i, name in enumerate(names) if name not in MEMORISERS]
    for title, rows in (("all", list(range(len(names)))), ("no memorisers", soft)):
        scores = ways(p[rows], held_out[rows], in_sample[rows], truth)
        figures |= {f"{way}, {title}": hit_rate(each, labels) for way, each in scores.items()}
        for way in ("best single", "average", "fitted weights", "stacking", "leaky stacking"):
            figures[f"log loss {way}, {title}"] = -log_score(scores[way], labels)
    return figures | {"weights": fit_weights(held_out, truth), "leaky weights": fit_weights(in_sample, truth)}


# ------------------------------------------------------------------ weights and snapshots of one run


def one_run(encoder, texts, truth, asked, labels, seed):
    """Runs of equally many steps: what to take home from each?"""
    steps, every = CYCLES * CYCLE, 12
    straight = encoder.train(texts, truth, seed, steps)
    keep, mean = Snapshots(), []
    cyclic = encoder.train(
        texts, truth, seed, steps, every=CYCLE, evaluate=keep, schedule=cyclic_cosine(steps, CYCLES)
    )
    snapshots = np.stack([encoder.ask(model, asked) for model in keep.models(cyclic)])

    def follow(model):
        """Made at the first call, because the model is made inside `train`."""
        if not mean:
            mean.extend([SWA(model, start=steps // (2 * every)), EMA(model, 0.8)])
        mean[1].update(model)
        return mean[0](model)

    constant = encoder.train(
        texts,
        truth,
        seed,
        steps,
        every=every,
        evaluate=follow,
        schedule=schedules.constant(warmup=steps // 10),
    )
    figures = {
        "run, rate to zero": hit_rate(encoder.ask(straight, asked), labels),
        "run, constant rate": hit_rate(encoder.ask(constant, asked), labels),
        "last snapshot": hit_rate(snapshots[-1], labels),
        "snapshots": hit_rate(average(snapshots), labels),
        "snapshot correlation": facts(snapshots, labels)["error correlation"],
    }
    for name, averaged in zip(("SWA", "EMA"), mean, strict=True):
        with averaged.applied(constant):
            figures[name] = hit_rate(encoder.ask(constant, asked), labels)
    return figures


# ------------------------------------------------------------------ one seed


def measure(seed: int, device: str, minutes: float) -> dict:
    """All questions about one language."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    told = probes.topics(language, LABELLED + ASKED, seed=3)
    labels = np.array([int(topic) for _, topic in told])
    texts, asked = [t for t, _ in told[:LABELLED]], [t for t, _ in told[LABELLED:]]
    truth, labels = labels[:LABELLED], labels[LABELLED:]
    encoder = Encoder(language, device)
    pool = pool_of(encoder)
    trained = {name: learn(texts, truth) for name, learn in pool.items()}
    said = {name: model(asked) for name, model in trained.items()}
    rows, figures = [], {}
    for name, learners in sets_of(encoder).items():
        each = [said[a] if isinstance(a, str) else a(texts, truth)(asked) for a in learners]
        rows.append(facts(np.stack(each), labels))
        figures |= {f"{name}: {key}": value for key, value in rows[-1].items()}
    figures |= {f"sets {gain}": value for gain, value in correlated(rows).items()}
    folds = stratified_folds(truth, FOLDS, seed=seed)
    held_out = np.stack([out_of_fold(learn, texts, truth, folds) for learn in pool.values()])
    in_sample = np.stack([model(texts) for model in trained.values()])
    p, names = np.stack(list(said.values())), list(pool)
    figures |= fused(p, held_out, in_sample, names, truth, labels) | pairs(p, names, labels)
    return figures | one_run(encoder, texts, truth, asked, labels, seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("fusion", CLAIM, measure, __file__)
