"""A second language with the same meanings: parallel sentences for translation.

It has a word for each meaning, not for each spelling: a translator must know the sense of an ambiguous word,
and synonyms have one translation. Its verbs stand at the end of their clause, its adjectives after
their noun; nouns have two genders and a marked object; articles and adjectives agree in gender and number.
Sentences are translated all at once: a token's place is a sort key, its ending an index.
"""

from itertools import pairwise

import numpy as np

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.function_words import FUNCTION_WORDS
from course_lib.data.grammar import Language
from course_lib.data.lexicon import INFLECTION_NAMES, POS_NAMES
from course_lib.data.spelling import SIMPLE, VOWELS, stems
from course_lib.data.word_probes import check_count

# endings: nouns, articles and adjectives by gender and number; verbs by number and tense
AGREEMENT = np.array([["o", "i"], ["a", "e"]], dtype=object)
VERB_ENDINGS = np.array([["ir", "une"], ["ast", "aste"]], dtype=object)
OBJECT = "m"
SUFFIX_OF = {"agent": "an", "agents": "an", "more": "ul", "not": "ek", "manner": "it"}


class ParallelLanguage:
    """The second language that belongs to a language.

    Attributes:
        lang: the first language. gender: (synsets,) 0 or 1. stems: (synsets,) spelling of each meaning.
    """

    def __init__(self, lang: Language) -> None:
        self.lang = lang
        generator = np.random.default_rng([60, lang.config.seed])
        synsets = int(lang.senses.synset.max()) + 1
        self.stems = np.asarray(stems(synsets, generator), dtype=object)
        self.gender = generator.integers(2, size=synsets)
        self._inflection = np.asarray([SUFFIX_OF.get(name, "") for name in INFLECTION_NAMES], dtype=object)
        self._words = _function_words(lang, generator)

    def pairs(self, n: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
        """n sentences with their translations.

        Args:
            n: how many, at least 1. seed: of the text.
        """
        check_count(n)
        corpus = self.lang.sample(20 * n, seed=seed)  # a sentence has fewer than 20 tokens on average
        source = corpus.tokens()[:n]
        return list(zip(source, self.translate(corpus)[: len(source)], strict=True))

    def translate(self, corpus: Corpus) -> list[list[str]]:
        """The translation of each sentence of a corpus of the first language."""
        words = self._spell(corpus)
        sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
        order = np.lexsort((np.arange(len(corpus)), self._places(corpus, sentence), sentence))
        flat = words[order].tolist()
        return [flat[a:b] for a, b in pairwise(corpus.sentences.tolist())]

    def _places(self, corpus: Corpus, sentence: np.ndarray) -> np.ndarray:
        """(T,) where each token stands in the translation: its own place, unless it moves."""
        place = np.arange(len(corpus), dtype=np.float64)
        verb = _is(corpus, "V") | (corpus.pos == POS_NAMES.index("AUX"))
        place[verb] = corpus.sentences[1:][sentence[verb]] - 1.4  # just before the full stop
        for role, last in (
            ("Z", "Y"),
            ("B", "P"),
        ):  # verbs of asides and relative clauses: after their object
            moves = np.flatnonzero(_is(corpus, role))
            target = _next(_is(corpus, last))[moves]
            good = target < len(corpus)
            place[moves[good]] = target[good] + 0.3
        before = np.flatnonzero(_is(corpus, "J", "K", "M")[:-1] & _is(corpus, "S", "O")[1:])
        place[before] += 1.5
        return place

    def _spell(self, corpus: Corpus) -> np.ndarray:
        """(T,) translated spellings, in the order of the source."""
        s = self.lang.senses
        synset, inflection = s.synset[corpus.senses], s.inflection[corpus.senses]
        names = np.asarray(INFLECTION_NAMES, dtype=object)[inflection]
        plural = np.isin(names, ["plural", "agents"]).astype(np.int64)
        gender = self.gender[synset]
        stem = self.stems[synset] + self._inflection[inflection]
        noun = np.isin(names, ["singular", "plural", "agent", "agents"])
        head = self._heads(corpus, noun)
        adjective = np.isin(names, ["plain", "more", "not"])
        agrees = AGREEMENT[gender[head], plural[head]]
        ending = np.where(noun, AGREEMENT[gender, plural], np.where(adjective, agrees, ""))
        ending = np.where(_is(corpus, "O"), ending + OBJECT, ending)
        verbs = np.isin(names, ["base", "present", "past"])
        verb_plural = np.where(names == "past", self._subject_plural(corpus, plural), names == "base").astype(
            int
        )
        ending = np.where(verbs, VERB_ENDINGS[(names == "past").astype(int), verb_plural], ending)
        out = stem + ending
        words = self._words[corpus.ids]
        determiner = corpus.pos == POS_NAMES.index("DET")
        words = np.where(determiner, words + agrees, words)
        is_name = corpus.pos == POS_NAMES.index("NAME")
        own = np.where(is_name, corpus.spellings[corpus.ids], words)
        return np.where(s.lemma[corpus.senses] >= 0, out, own)

    def _heads(self, corpus: Corpus, noun: np.ndarray) -> np.ndarray:
        """(T,) the noun with which an article or adjective agrees: its phrase's head, else the subject."""
        heads = noun & ~_is(corpus, "M")
        following = np.minimum(_next(heads), len(corpus) - 1)
        sentence = np.searchsorted(corpus.sentences, np.arange(len(corpus)), side="right") - 1
        subject = np.full(len(corpus.asides), -1)
        rows = np.flatnonzero(_is(corpus, "S", "A"))
        subject[sentence[rows]] = rows
        subject_of = subject[sentence]
        predicative = (_is(corpus, "J")) & ~np.concatenate([_is(corpus, "S")[1:], [False]])
        predicative &= subject_of >= 0
        return np.where(predicative, subject_of, following)

    def _subject_plural(self, corpus: Corpus, plural: np.ndarray) -> np.ndarray:
        """(T,) number of the subject of each past verb, as far as the sentence shows it; 0 elsewhere."""
        sentence = np.searchsorted(corpus.sentences, np.arange(len(corpus)), side="right") - 1
        number = np.zeros(len(corpus.asides), np.int64)
        rows = np.flatnonzero(_is(corpus, "S", "A"))
        number[sentence[rows]] = plural[rows]
        for word in ("they", "and"):
            number[sentence[corpus.ids == self.lang.index[word]]] = 1
        out = np.where(_is(corpus, "V", "B"), number[sentence], 0)
        for verb, subject in (("Z", "X"), ("Q", "R")):
            theirs = np.zeros(len(corpus.asides), np.int64)
            rows = np.flatnonzero(_is(corpus, subject))
            theirs[sentence[rows]] = plural[rows]
            out = np.where(_is(corpus, verb), theirs[sentence], out)
        return out


def _is(corpus: Corpus, *roles: str) -> np.ndarray:
    """(T,) True for tokens of these roles."""
    return np.isin(corpus.roles, [ROLE_NAMES.index(role) for role in roles])


def _next(marked: np.ndarray) -> np.ndarray:
    """(T,) for each token the first marked token at or after it; T where there is none."""
    places = np.where(marked, np.arange(len(marked)), len(marked))
    return np.minimum.accumulate(places[::-1])[::-1]


def _function_words(lang: Language, generator: np.random.Generator) -> np.ndarray:
    """(V,) the translation of each function word, "" for all other forms; articles end in "n"."""
    syllables = generator.permutation([onset + vowel for onset in SIMPLE for vowel in VOWELS]).tolist()
    out = np.full(len(lang.forms), "", dtype=object)
    for (word, pos), syllable in zip(FUNCTION_WORDS.items(), syllables, strict=False):
        out[lang.index[word]] = {"PUNCT": word, "DET": syllable + "n"}.get(pos, syllable)
    return out
