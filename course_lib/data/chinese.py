"""The generated language in Chinese writing: real Chinese words, no spaces, known word boundaries.

Each form is written as a word of jieba's dictionary with a fitting part of speech, frequent forms as frequent
words; function words keep their meaning. The text means nothing, but it has Chinese characters
whose words must be found, as whole-word masking and segmentation need it.
"""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.lexicon import POS_NAMES

# function word -> Chinese; words without a counterpart get an adverb or particle of like use
FUNCTION_CHINESE = {
    "the": "那个", "a": "一个", "this": "这个", "each": "每个", "these": "这些", "many": "许多",
    "some": "一些", "of": "属于", "in": "在", "near": "附近", "under": "下面", "beside": "旁边",
    "with": "和", "behind": "后面", "and": "以及", "that": "其中", "like": "好像", "unlike": "不像",
    "than": "比", "who": "谁", "it": "它", "they": "他们", "is": "是", "are": "都是",
    "was": "曾是", "were": "曾经", "very": "非常", "quite": "相当", "much": "更加", "far": "远远",
    "rather": "颇为", "somewhat": "有些", "yesterday": "昨天", "once": "从前", "today": "今天", "now": "现在",
    "then": "然后", "afterwards": "后来", "so": "所以", "first": "首先", "initially": "起初",
    "finally": "最后", "lastly": "终于", ",": "，", ".": "。",
}  # fmt: skip
HAN = re.compile("[一-鿿]+")
# part of speech -> tags of jieba's dictionary
TAGS = {
    "NOUN": ("n",),
    "VERB": ("v", "vn"),
    "ADJ": ("a", "b", "z"),
    "ADV": ("d", "ad"),
    "NAME": ("nr", "ns", "nrt"),
}


def dictionary() -> list[tuple[str, int, str]]:
    """The words of jieba's dictionary with frequency and tag, most frequent first."""
    import jieba

    lines = (Path(jieba.__file__).parent / "dict.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ") for line in lines]
    entries = [(row[0], int(row[1]), row[2]) for row in rows if len(row) == 3]
    return sorted(entries, key=lambda entry: -entry[1])


class ChineseForm:
    """Writes corpora of one language in Chinese characters.

    Attributes:
        words: (V,) the Chinese word of each form; all different.
    """

    def __init__(self, lang: Language) -> None:
        self.lang = lang
        self.words = _assign(lang, dictionary())
        self._lengths = np.array([len(word) for word in self.words])

    def write(self, corpus: Corpus) -> tuple[list[str], list[np.ndarray]]:
        """Sentences as strings without spaces, and the offsets of their words.

        Returns:
            A string for each sentence, and for each an int64 array (words+1,): word i is text[a[i]:a[i+1]].
        """
        words = self.words[corpus.ids]
        ends = np.concatenate([[0], np.cumsum(self._lengths[corpus.ids])])
        texts, bounds = [], []
        for a, b in pairwise(corpus.sentences.tolist()):
            texts.append("".join(words[a:b].tolist()))
            bounds.append(ends[a : b + 1] - ends[a])
        return texts, bounds


def _assign(lang: Language, entries: list[tuple[str, int, str]]) -> np.ndarray:
    """(V,) a Chinese word for each form: by rank among those of its most frequent sense's part of speech."""
    taken = set(FUNCTION_CHINESE.values())
    pools: dict[str, list[str]] = {pos: [] for pos in TAGS}
    rest: list[str] = []
    for word, _, tag in entries:
        if word in taken or len(word) < 2 or not HAN.fullmatch(word):
            continue
        home = next((pos for pos, tags in TAGS.items() if tag in tags), None)
        (pools[home] if home else rest).append(word)
    out = np.full(len(lang.forms), "", dtype=object)
    best = np.full(len(lang.forms), -1)
    order = np.argsort(lang.sense_frequencies, kind="stable")
    best[lang.senses.form[order]] = order
    supply = {pos: iter(words) for pos, words in pools.items()}
    late: list[int] = []
    for form, word in enumerate(lang.forms):
        if word in FUNCTION_CHINESE:
            out[form] = FUNCTION_CHINESE[word]
            continue
        chosen = next(supply[POS_NAMES[lang.senses.pos[best[form]]]], None)
        if chosen is None:
            late.append(form)
        else:
            out[form] = chosen
    left = iter([*rest, *(word for pool in supply.values() for word in pool)])
    for form in late:
        out[form] = next(left)
    return out
