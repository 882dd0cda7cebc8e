"""Does a Transformer learn to translate, and is it ahead of an attentional LSTM after the same epoch?

A new language, a new foreign language, new texts and new models for each seed. The LSTM translator reads
the same pairs in the same order. Of CoVe's translator it keeps everything but the fixed source vectors.
"""

import torch

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.parallel import ParallelLanguage
from course_lib.embeddings.cove import END, Batch, CoVeConfig, Translator, collate
from course_lib.nn.encoder_decoder import EncoderDecoderConfig, Transformer
from course_lib.nn.generation import beam_search, greedy
from course_lib.nn.masks import length_mask, pad
from course_lib.text.metrics import corpus_bleu
from course_lib.text.vocab import Vocabulary
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="transformer",
    statement="A Transformer learns to translate, better than an attentional LSTM after the same epoch.",
    metric="corpus BLEU of greedy translations of 300 held-out sentences, 0 to 100",
    control="the model before its first step; the LSTM translator",
    smallest_effect=2.0,
    seeds=(0, 1, 2),
)
VOCABULARY, PAIRS, HELD_OUT, LONGEST = 1000, 60_000, 300, 40
WIDTH, LAYERS, HEADS, INNER, BATCH = 64, 2, 4, 256, 32
RATES = {"transformer": 5e-3, "lstm": 5e-3}  # chosen on seed 9


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train both translators on the same pairs."""
    text = Text(seed, device)
    figures: dict = {"held out": HELD_OUT, "pairs": len(text.pairs)}
    for name in RATES:
        torch.manual_seed(seed)
        model = (lstm if name == "lstm" else transformer)(text).to(device)
        if name == "transformer":
            figures["untrained"] = text.bleu(text.write(model.eval()))
        history = learn(model, text, RATES[name], seed)
        figures[f"{name} parameters"] = sum(p.numel() for p in model.parameters())
        figures[f"{name} steps"], figures[f"{name} loss"] = history.column("loss")
        written = text.write(model)
        figures[name] = text.bleu(written)
        if name == "transformer":
            figures["beam 4"] = text.bleu(text.write(model, beams=4))
            figures["examples"] = [
                {"source": s, "reference": t, "output": o}
                for (s, t), o in zip(text.held_out[:8], written, strict=False)
            ]
    return figures


def transformer(text: "Text") -> Transformer:
    """Pre-norm, one embedding matrix for both languages and the output."""
    config = EncoderDecoderConfig(
        WIDTH, LAYERS, HEADS, INNER, dropout=0.1, norm_first=True, vocab_size=text.size
    )
    return Transformer(config)


def lstm(text: "Text") -> Translator:
    """CoVe's translator; here the source vectors are learnt as well, as in the Transformer."""
    config = CoVeConfig(text.size, embedding_size=64, hidden_size=64, dropout=0.1, input_feeding=False)
    model = Translator(torch.zeros(text.size, 64), config)
    del model.encoder.vectors
    model.encoder.vectors = torch.nn.Parameter(torch.randn(text.size, 64))
    return model


def translation_loss(model: Transformer | Translator, batch: Batch):
    """Summed loss and number of target tokens, for either model."""
    if isinstance(model, Translator):
        return model.loss(batch)
    mask = length_mask(batch.source_lengths, batch.source.shape[1])
    return model.loss(batch.source, batch.target, mask)


def learn(model, text: "Text", rate: float, seed: int):
    """One epoch."""
    data = Batches(text.pairs, BATCH, collate, seed=seed, lengths=[len(s) for s, _ in text.pairs])
    steps = len(data)
    return fit(
        model,
        data,
        translation_loss,
        torch.optim.Adam(model.parameters(), lr=rate, betas=(0.9, 0.98), eps=1e-9),
        FitConfig(steps=steps, log_every=max(1, steps // 40), seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 20),
    )


class Text:
    """Pairs to learn from, as ids of one joint vocabulary, and held-out ones."""

    def __init__(self, seed: int, device: str) -> None:
        language = Language(LanguageConfig(VOCABULARY, seed=seed))
        pairs = ParallelLanguage(language).pairs(PAIRS + HELD_OUT, seed=5)
        self.held_out = pairs[:HELD_OUT]
        # Equal spellings of the two languages are different words.
        foreign = Vocabulary.from_sentences([target for _, target in pairs[HELD_OUT:]])
        first = END + 1 + len(foreign)
        self.words = ["", "", "", *foreign.words]
        self.size = first + VOCABULARY
        self.read = lambda words: [first + language.index[word] for word in words]
        self.pairs = [(self.read(s), foreign.encode(t) + END + 1) for s, t in pairs[HELD_OUT:]]
        ids, lengths = pad([self.read(source) for source, _ in self.held_out])
        self.source, self.lengths = ids.to(device), lengths.to(device)

    @torch.no_grad()
    def write(self, model, beams: int | None = None) -> list[list[str]]:
        """Translations of the held-out sentences: greedy, or with so many beams."""
        if isinstance(model, Translator):
            rows, _ = model.translate(self.source, self.lengths, LONGEST)
        else:
            mask = length_mask(self.lengths, self.source.shape[1])
            stepper = model.stepper(self.source, mask)
            start = model.start_ids(HELD_OUT, self.source.device)
            if beams is None:
                rows = greedy(stepper, start, END, LONGEST)
            else:
                rows, _ = beam_search(stepper, start, END, LONGEST, beams=beams)
        # A source word in a translation counts as a wrong word.
        return [[self.words[i] if i < len(self.words) else "?" for i in row] for row in rows]

    def bleu(self, written: list[list[str]]) -> float:
        """Corpus BLEU, 0 to 100."""
        return corpus_bleu(written, [[target] for _, target in self.held_out]).score


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("transformer", CLAIM, measure, __file__)
