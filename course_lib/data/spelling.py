"""Pronounceable spellings for the words of the generated language.

A stem is two or three syllables of consonants and vowels ("tavel", "brindom"). No stem ends the way
an inflection does, so stem and affix of a form can always be told apart. Frequent words get the short
spellings (Zipf's law of abbreviation, Zipf 1949, "Human Behavior and the Principle of Least Effort").
"""

import numpy as np

SIMPLE = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w")
CLUSTERS = ("bl", "br", "dr", "fl", "gl", "gr", "kl", "kr", "pl", "pr", "sk", "sl", "sn", "sp", "st", "tr")
VOWELS = ("a", "e", "i", "o", "u")
CODAS = ("b", "d", "g", "k", "l", "m", "n", "p", "r", "t", "nd", "lm", "rk", "lt", "mp", "sk", "nt", "rn")
RUDE = "fag nig neg nazi vag pak kik dik fuk kun kum kok tit sex rap hom wog slut anal gip pedo deb"
RESERVED_ENDINGS = ("s", "ed", "or", "er", "ly", "eth")


def stems(n: int, generator: np.random.Generator) -> list[str]:
    """Draw n distinct stems, short and simple ones first.

    Args:
        n: how many, 0 or more.
        generator: source of randomness.
    Returns:
        n spellings in lower case; each starts with a consonant and ends with one.
    """
    found: dict[str, None] = {}
    plans = ((SIMPLE, SIMPLE, 0.05), (SIMPLE + CLUSTERS, SIMPLE + CLUSTERS, 0.01))
    for first, middle, share in plans:
        room = int(share * len(first) * len(middle) * len(VOWELS) ** 2 * len(CODAS))
        _add(found, min(n, len(found) + room), generator, (first, middle))
    _add(found, n, generator, (SIMPLE + CLUSTERS, SIMPLE, SIMPLE))
    return list(found)


def _add(
    found: dict[str, None], n: int, generator: np.random.Generator, onsets: tuple[tuple[str, ...], ...]
) -> None:
    """Draw spellings with the given onsets until `found` holds n of them."""
    rude = RUDE.split()
    while len(found) < n:
        size = 2 * (n - len(found)) + 16
        text = np.full(size, "", dtype="U16")
        for onset in onsets:
            for letters in (onset, VOWELS):
                part = np.asarray(letters)[generator.integers(len(letters), size=size)]
                text = np.char.add(text, part)
        text = np.char.add(text, np.asarray(CODAS)[generator.integers(len(CODAS), size=size)])
        for word in text.tolist():
            unwanted = word.endswith(RESERVED_ENDINGS) or any(part in word for part in rude)
            if len(found) < n and not unwanted:
                found.setdefault(word)
