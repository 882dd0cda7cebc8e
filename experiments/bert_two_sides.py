"""Does a masked LM use the right side of a gap where a left-to-right LM cannot?

One network, one text, one order of batches, one number of steps; only the task differs. The left-to-right
model learns from every token, the masked one from 15 % of them. The gaps are kept apart by the side on which
the word stands that decides them. Sizes, rate, number of epochs and the start were chosen on seed 9, which is
not recorded: with dropout and BERT's own start of 0.02, made for a width of 768, the masked model hardly
learns at this width.
"""

from dataclasses import replace

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.cloze_probe import located_cloze
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import word2vec
from course_lib.embeddings.context_probes import average_contexts, fill_gaps, nearest_senses
from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, collate, single
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.tasks import MaskedLM, left_to_right_loss, left_to_right_states
from course_lib.text.vocab import Vocabulary
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="bert-two-sides",
    statement="A masked LM fills more gaps whose deciding word stands on the right than a left-to-right LM.",
    metric="accuracy, from 0 to 1: five candidates for a gap or a name, two for a verb, nearest sense",
    control=(
        "the same network trained from left to right on the same batches, at the gap and by scoring the "
        "whole sentence; the network before training; averages of word2vec vectors"
    ),
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, WIDTH = 500, 200_000, 64
EPOCHS, BATCH, RATE = 20, 32, 3e-3
START = 0.02 * (768 / WIDTH) ** 0.5  # a linear map's output varies as at BERT's width
LABELLED, ASKED = 1500, 1000
SPECIAL, MASK, FIRST = Special(0, 1, 2), 3, 4  # ids below FIRST are special


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train both tasks on one language and ask both the same questions."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    corpus = language.sample(TOKENS, seed=1)
    questions = Questions(language)
    sentences = np.split(corpus.ids + FIRST, corpus.sentences[1:-1])
    examples = [single(ids.tolist(), SPECIAL) for ids in sentences]
    masked = MaskedLM(VocabFacts(FIRST + VOCABULARY, MASK, tuple(range(FIRST))))
    figures: dict = {}
    for name, loss in {"masked": masked, "left": left_to_right_loss}.items():
        torch.manual_seed(seed)
        small = BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH)
        config = replace(small, dropout=0.0, attention_dropout=0.0, initializer_range=START)
        model = BertForPreTraining(config, next_sentence=False).to(device).eval()
        reader = Reader(model, from_left=name == "left")
        figures |= {f"untrained {name} {k}": v for k, v in questions.ask(reader).items()}
        data = Batches(examples, BATCH, collate, seed=seed, lengths=[len(e) for e in examples])
        steps = EPOCHS * len(data)
        history = fit(
            model,
            data,
            loss,
            torch.optim.AdamW(model.parameters(), lr=RATE),
            FitConfig(steps=steps, clip=1.0, log_every=max(1, steps // 40), seed=seed),
            schedule=schedules.linear(steps, warmup=steps // 20),
        )
        figures |= {f"{name} {k}": v for k, v in questions.ask(reader).items()}
        figures |= {f"{name} loss": history.column("loss")[1], f"{name} steps": history.column("loss")[0]}
        figures[f"{name} seconds"] = history.training[-1]["seconds"]
    static = Static(language, corpus, seed)
    return figures | {f"static {k}": v for k, v in questions.ask(static).items()}


class Reader:
    """A trained network as a way to answer: by the logits at a gap, and by the state of a word."""

    def __init__(self, model: BertForPreTraining, *, from_left: bool) -> None:
        self.model, self.from_left = model, from_left
        self.device = next(model.parameters()).device

    @torch.no_grad()
    def states(self, sentences: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """All states (N, T, D) and the batch's ids."""
        batch = collate([single(ids, SPECIAL) for ids in sentences], SPECIAL.pad_id)
        batch = type(batch)(*(x if x is None else x.to(self.device) for x in batch))
        if self.from_left:
            return left_to_right_states(self.model.bert, batch), batch.input_ids
        return self.model.bert(batch.input_ids, batch.attention_mask).last_hidden_state, batch.input_ids

    @torch.no_grad()
    def choose(self, sentences: list[list[int]], places: list[int], options: torch.Tensor) -> np.ndarray:
        """The most probable candidate at each gap; [CLS] moves every place by one."""
        states, _ = self.states([[*s[:p], MASK, *s[p + 1 :]] for s, p in zip(sentences, places, strict=True)])
        at = torch.tensor(places) + (0 if self.from_left else 1)
        logits = self.model.word_logits(states[torch.arange(len(at)), at])
        return logits.gather(1, options.to(self.device)).argmax(1).cpu().numpy()

    @torch.no_grad()
    def rescore(self, sentences: list[list[int]], places: list[int], options: torch.Tensor) -> np.ndarray:
        """The candidate whose whole sentence is most probable, read from the left."""
        scores = []
        for column in options.T.tolist():
            filled = [[*s[:p], c, *s[p + 1 :]] for s, p, c in zip(sentences, places, column, strict=True)]
            states, ids = self.states(filled)
            logs = self.model.word_logits(states[:, :-1]).log_softmax(-1).gather(2, ids[:, 1:, None])
            scores.append(logs.squeeze(2).masked_fill(ids[:, 1:] == SPECIAL.pad_id, 0.0).sum(1))
        return torch.stack(scores, 1).argmax(1).cpu().numpy()

    def contexts(self, sentences: list[list[int]], places: list[int]) -> torch.Tensor:
        """The state of one word of each sentence."""
        states, _ = self.states(sentences)
        return states[torch.arange(len(places)), torch.tensor(places) + 1]


class Static:
    """word2vec: the average of two words on each side against output vectors; of the sentence for senses."""

    from_left = False

    def __init__(self, language: Language, corpus, seed: int) -> None:
        counts = np.bincount(corpus.ids, minlength=len(language.forms))
        settings = word2vec.Word2VecConfig(size=WIDTH, epochs=10, learning_rate=0.05, seed=seed)
        self.vectors = word2vec.train(corpus, Vocabulary(language.forms, counts), settings)

    def contexts(self, sentences, places, window=None):
        """Average vectors; special ids do not count."""
        return average_contexts(
            self.vectors.input, [[i - FIRST for i in s] for s in sentences], places, window
        )

    def choose(self, sentences, places, options):
        """The candidate nearest to the average."""
        return fill_gaps(self.contexts(sentences, places, 2), self.vectors.output, options - FIRST).numpy()


class Questions:
    """Gaps by the side of their cue, names, verbs and senses."""

    def __init__(self, language: Language) -> None:
        self.encode = lambda words: [language.index.get(word, MASK - FIRST) + FIRST for word in words]
        located, _ = located_cloze(language, 2 * ASKED, seed=2)
        self.right = np.array([head > token for _, token, head, _ in located])
        self.choices = {
            "gaps": [question for question, _, _, _ in located],
            "names": probes.names(language, ASKED, seed=5),
            "agreement": [
                ([*words, probes.GAP], place, forms, answer)
                for words, place, forms, answer in probes.agreement(language, ASKED, seed=6)
            ],
        }
        self.labelled = {
            same: probes.senses(language, LABELLED, seed=3, same_pos=same) for same in (True, False)
        }
        self.asked = {same: probes.senses(language, ASKED, seed=4, same_pos=same) for same in (True, False)}

    def ask(self, reader) -> dict[str, float]:
        """Accuracies of one way to answer."""
        figures: dict[str, float] = {}
        for task, questions in self.choices.items():
            sentences, places = [self.encode(q[0]) for q in questions], [q[1] for q in questions]
            options = torch.tensor([self.encode(q[2]) for q in questions])
            ways = {"": reader.choose}
            if reader.from_left and task != "agreement":
                ways[" rescored"] = reader.rescore
            for way, choose in ways.items():
                correct = choose(sentences, places, options) == np.array([q[3] for q in questions])
                figures[task + way] = float(correct.mean())
                if task == "gaps":
                    figures[f"cue right{way}"] = float(correct[self.right].mean())
                    figures[f"cue left{way}"] = float(correct[~self.right].mean())
        for same, name in ((True, "senses of one part of speech"), (False, "senses of two")):
            known, asked = self.labelled[same], self.asked[same]
            vectors = [
                reader.contexts([self.encode(q[0]) for q in g], [q[1] for q in g]) for g in (known, asked)
            ]
            guesses = nearest_senses(
                vectors[0], np.array([q[2] for q in known]), [q[3] for q in known],
                vectors[1], [q[3] for q in asked],
            )  # fmt: skip
            figures[name] = float(np.mean(guesses == [q[2] for q in asked]))
        return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("bert_two_sides", CLAIM, measure, __file__)
