"""Words, characters or pieces: unknown words, size of the vocabulary, length of the text.

On the generated language, whose morphemes are known, also whether cuts fall where morphemes meet, against as
many cuts at random places. Real English is the documentation on this machine (`data.corpora`), so its figures
depend on the installed versions; its digest is recorded.
"""

from collections import Counter
from collections.abc import Mapping

from course_lib.data import corpora
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.morphology import true_cuts
from course_lib.text.boundaries import boundary_scores, cuts
from course_lib.text.bpe import BPE, BPEConfig
from course_lib.text.wordpiece import WordPiece, WordPieceConfig
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="bpe",
    statement="BPE cuts words at morpheme boundaries more often than chance, and leaves no word unknown.",
    metric="precision of the cuts inside inflected words that training lacks, at 1,000 symbols, in 0..1",
    control="as many cuts in each word at random places",
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)
SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000)
VOCABULARY, TRAIN, TEST = 20_000, 200_000, 50_000
ENGLISH = 400_000


def coverage(train: Mapping[str, int], test: Mapping[str, int], sizes=SIZES) -> dict[str, list[list[float]]]:
    """For each kind of unit: rows of (vocabulary size, unknown share of the units, units a test word)."""
    total = sum(test.values())
    characters = Counter(c for word in train for c in word)
    letters = sum(len(word) * n for word, n in test.items())
    strange = sum(n for word, n in test.items() for c in word if c not in characters)
    rows: dict[str, list[list[float]]] = {
        "character": [[len(characters), strange / letters, letters / total]],
        "word": [],
        "bpe": [],
    }
    ranked = [word for word, _ in sorted(train.items(), key=lambda item: (-item[1], item[0]))]
    for size in [*(size for size in sizes if size < len(ranked)), len(ranked)]:
        known = set(ranked[:size])
        unknown = sum(n for word, n in test.items() if word not in known)
        rows["word"].append([size, unknown / total, 1.0])
    for size in sizes:
        bpe = BPE.learn_counts(train, BPEConfig(vocab_size=size, min_frequency=2))
        pieces = unknown = 0
        for word, n in test.items():
            ids = bpe.encode_word(word)
            pieces += n * len(ids)
            unknown += n * ids.count(0)
        rows["bpe"].append([len(bpe), unknown / pieces, pieces / total])
    return rows


def morphemes(
    train: Mapping[str, int], truth: Mapping[str, tuple[int, ...]], sizes=SIZES
) -> dict[str, list[list[float]]]:
    """Rows of (size, precision, recall, chance, cuts a word) over inflected words that training lacks.

    Every word counts once. Words that training saw are left out: large vocabularies hold them whole.
    """
    words = [word for word, places in truth.items() if places and word not in train]
    weights = dict.fromkeys(words, 1.0)
    rows: dict[str, list[list[float]]] = {"bpe": [], "wordpiece": []}
    for size in sizes:
        bpe = BPE.learn_counts(train, BPEConfig(vocab_size=size, min_frequency=2))
        found = {w: cuts([bpe.vocab[i] for i in bpe.encode_word(w)], "</w>") for w in words}
        rows["bpe"].append([len(bpe), *boundary_scores(found, truth, weights)])
        piece = WordPiece.learn_counts(train, WordPieceConfig(vocab_size=size))
        found = {w: cuts([p.removeprefix("##") for p in piece.word_pieces(w)]) for w in words}
        rows["wordpiece"].append([len(piece), *boundary_scores(found, truth, weights)])
    return rows


def affix_recall(
    train: Mapping[str, int], truth: Mapping[str, tuple[int, ...]], sizes=SIZES
) -> dict[str, list[float]]:
    """For each affix: how often BPE cuts between it and the stem, by vocabulary size."""
    words = [word for word, places in truth.items() if places and word not in train]
    shares: dict[str, list[float]] = {}
    for size in sizes:
        bpe = BPE.learn_counts(train, BPEConfig(vocab_size=size, min_frequency=2))
        hits, seen = Counter(), Counter()
        for word in words:
            made = cuts([bpe.vocab[i] for i in bpe.encode_word(word)], "</w>")
            place = truth[word][0]
            affix = "un-" if place == 2 and word.startswith("un") else "-" + word[place:]
            seen[affix] += 1
            hits[affix] += place in made
        for affix in seen:
            shares.setdefault(affix, []).append(hits[affix] / seen[affix])
    return shares


def english_cuts(train: Mapping[str, int], test: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Unseen English words made of a seen word and an ending, or of "un" and a seen word: a rule of thumb."""
    found = {}
    for word in test:
        if word in train:
            continue
        ends = [e for e in ("ing", "ed", "ly", "er", "ers", "s") if train.get(word.removesuffix(e), 0) > 1]
        ends = [e for e in ends if word.endswith(e) and len(word) - len(e) >= 3]
        if ends:
            found[word] = (len(word) - len(max(ends, key=len)),)
        elif word.startswith("un") and train.get(word[2:], 0) > 1:
            found[word] = (2,)
    return found


def word_counts(sentences) -> Counter[str]:
    return Counter(word for sentence in sentences for word in sentence if word[0].isalpha())


def measure(seed: int, device: str = "cpu", minutes: float = 20.0) -> dict:
    lang = Language(LanguageConfig(vocab_size=VOCABULARY, seed=seed))
    train = word_counts(lang.sample(TRAIN, seed=1).tokens())
    test = word_counts(lang.sample(TEST, seed=2).tokens())
    english = corpora.english(ENGLISH)
    parts = english.split(seed)
    real_train = word_counts(parts.train.sentences(punctuation=False))
    real_test = word_counts(parts.test.sentences(punctuation=False))
    truth = true_cuts(lang)
    generated = morphemes(train, truth)
    rule = english_cuts(real_train, real_test)
    at = SIZES.index(1000)
    return {
        "precision": generated["bpe"][at][1],
        "chance": generated["bpe"][at][3],
        "wordpiece_precision": generated["wordpiece"][at][1],
        "wordpiece_chance": generated["wordpiece"][at][3],
        "morphemes": generated,
        "affixes": affix_recall(train, truth),
        "english_morphemes": morphemes(real_train, rule),
        "english_words_with_a_rule": len(rule),
        "generated": coverage(train, test),
        "english": coverage(real_train, real_test),
        "english_tokens": english.n_tokens,
        "english_sha256": english.sha256,
    }


if __name__ == "__main__":
    run("subwords_coverage", CLAIM, measure, __file__)
