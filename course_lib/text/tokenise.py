"""From a string to words: the splitters that run before any subword model.

Four of them: `whitespace`; `words` (letters, numbers and single punctuation marks); `gpt2` (Radford et al.
2019, "Language Models are Unsupervised Multitask Learners"), which keeps every character; and `bert`, the
basic tokenizer of Devlin et al. 2019, arXiv:1810.04805. Character classes are those of the `regex` package
and of Python's Unicode table: for characters younger than Unicode 3.2 other implementations may differ.
"""

import unicodedata
from collections.abc import Callable
from functools import cache

import regex

# letters with inner ' - _ | numbers with inner points and commas | underscores | one other mark
_WORDS = regex.compile(
    r"[\p{L}\p{M}]++(?:['’_-][\p{L}\p{M}]++)*+|\p{N}++(?:[.,]\p{N}++)*+|_++|[^\s\p{L}\p{M}\p{N}_]"
)
_GPT2 = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
_SENTENCE_END = regex.compile(r"(?<=[.!?][\"')\]]*)\s+(?=[\"'(\[]*[\p{Lu}\p{N}])")
_NO_END = regex.compile(r"(?:\b(?:e\.g|i\.e|etc|cf|vs|resp|Fig|Eq|Eqs|Dr|Mr|Ms|St|al|No|pp|Vol)|\b\p{Lu})\.$")
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def words(text: str, *, lower: bool = True, punctuation: bool = True) -> list[str]:
    """Words, numbers and punctuation marks, in order.

    Args:
        text: any string; whitespace separates and disappears.
        lower: lower-case every token.
        punctuation: keep marks (each a token of its own); False keeps only what holds a letter or a digit.
    """
    tokens = _WORDS.findall(text.lower() if lower else text)
    if punctuation:
        return tokens
    return [token for token in tokens if token[0].isalnum() or unicodedata.category(token[0])[0] in "LMN"]


def sentences(text: str) -> list[str]:
    """Split at a full stop, question or exclamation mark that a capital letter or a number follows.

    Common abbreviations ("e.g.", "Fig.") and single initials end no sentence. A line end is a space.
    """
    parts: list[str] = []
    pending = ""
    for piece in _SENTENCE_END.split(" ".join(text.split())):
        pending = f"{pending} {piece}" if pending else piece
        if not _NO_END.search(pending[-8:]):
            parts.append(pending)
            pending = ""
    return [part for part in [*parts, pending] if part]


def gpt2_words(text: str) -> list[str]:
    """GPT-2's pattern: every character is kept and a word carries the space before it."""
    return _GPT2.findall(text)


def bert_words(text: str, *, lower: bool = True) -> list[str]:
    """BERT's basic tokenizer: drop control characters, space out Chinese characters, isolate punctuation.

    Args:
        text: any string.
        lower: lower-case and strip accents, as the uncased models do.
    """
    text = "".join(_bert_character(character) for character in text)
    if lower:
        decomposed = unicodedata.normalize("NFD", text)
        # one character at a time: str.lower() would choose the final sigma by its context
        text = "".join(c.lower() for c in decomposed if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if _is_punctuation(c) else c for c in text).split()


@cache
def _bert_character(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if code == 0xFFFD or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    return f" {character} " if any(low <= code <= high for low, high in _CJK) else character


@cache
def _is_punctuation(character: str) -> bool:
    ascii_mark = (
        character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    )
    return ascii_mark or unicodedata.category(character).startswith("P")


@cache
def byte_symbols() -> tuple[str, ...]:
    """GPT-2's printable character for each byte: itself where that is visible, else one from U+0100 on."""
    visible = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = iter(range(256))
    return tuple(chr(byte) if byte in visible else chr(256 + next(hidden)) for byte in range(256))


SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "whitespace": str.split,
    "words": words,
    "gpt2": gpt2_words,
    "bert": bert_words,
}


def splitter(name: str) -> Callable[[str], list[str]]:
    """The splitter of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in SPLITTERS:
        raise ValueError(f"splitter must be one of {sorted(SPLITTERS)}, got {name!r}")
    return SPLITTERS[name]
