"""Masked language modelling: which tokens to hide, and what to put in their place.

Devlin et al. 2019, arXiv:1810.04805, sections 3.1 and A.1: 15 % of the tokens are chosen; of these 80 %
become [MASK], 10 % a random token, 10 % stay. Whole word masking (Cui et al. 2021, arXiv:1906.08101) chooses
words, and with a word all of its pieces. Pure functions of ids; the same generator gives the same masks.
Different from Google's code: each token (or word) is chosen by its own coin, so a text's share varies around
15 %, and random tokens are never special ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class VocabFacts:
    """What a corruption must know about a vocabulary.

    Attributes:
        vocab_size: V.
        mask_id: the id of [MASK].
        special_ids: ids that are no words ([PAD], [CLS], [SEP], [MASK], ...): never chosen, never put in.
    """

    vocab_size: int
    mask_id: int
    special_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.mask_id < self.vocab_size:
            raise ValueError(f"mask_id must lie in 0..{self.vocab_size - 1}, got {self.mask_id}")
        if len(set(self.special_ids)) >= self.vocab_size:
            raise ValueError(
                f"special_ids must leave some words of {self.vocab_size}, got {self.special_ids}"
            )

    @classmethod
    def of(cls, vocab: Sequence[str], special: Sequence[str], mask: str = "[MASK]") -> "VocabFacts":
        """From a list of symbols, some of which are special.

        Raises:
            ValueError: if `mask` is not in the list.
        """
        index = {symbol: i for i, symbol in enumerate(vocab)}
        if mask not in index:
            raise ValueError(f"vocab must hold {mask!r}, got none")
        return cls(len(index), index[mask], tuple(index[s] for s in special if s in index))

    def maskable(self, ids: Tensor) -> Tensor:
        """(B, T) bool: True at words."""
        return ~torch.isin(ids, torch.tensor(self.special_ids, device=ids.device))

    def random_words(
        self, shape: Sequence[int], device: torch.device, generator: torch.Generator | None
    ) -> Tensor:
        """Ids drawn uniformly from the words."""
        words = torch.ones(self.vocab_size, dtype=torch.bool)
        words[list(self.special_ids)] = False
        ids = words.nonzero().squeeze(-1).to(device)
        return ids[torch.randint(len(ids), tuple(shape), device=device, generator=generator)]


class Corruption(NamedTuple):
    """Corrupted ids (B, T), the ids to predict (B, T), and where they are to be predicted (B, T) bool."""

    inputs: Tensor
    targets: Tensor
    counts: Tensor


def choose_tokens(
    maskable: Tensor,
    rate: float = 0.15,
    *,
    generator: torch.Generator | None = None,
    at_least_one: bool = True,
) -> Tensor:
    """A coin for each token.

    Args:
        maskable: (B, T) bool, True at tokens that may be chosen.
        rate: probability of each, in (0, 1].
        generator: on the device of `maskable`; torch's default if not given.
        at_least_one: where a row's coins choose none, take its unluckiest token, as BERT does.
    Returns:
        (B, T) bool.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"rate must be above 0 and at most 1, got {rate}")
    coins = torch.rand(maskable.shape, device=maskable.device, generator=generator)
    coins = coins.masked_fill(~maskable, 2.0)  # 2: never chosen
    chosen = coins < rate
    if at_least_one:
        lowest = coins.min(-1, keepdim=True).values
        chosen = chosen | ((coins == lowest) & maskable)
    return chosen


def choose_words(
    word_ids: Tensor,
    rate: float = 0.15,
    *,
    generator: torch.Generator | None = None,
    at_least_one: bool = True,
) -> Tensor:
    """A coin for each word; all pieces of a chosen word are chosen.

    Args:
        word_ids: (B, T) the number of each token's word within its row, from 0 to T - 1; -1 at tokens that
            may not be chosen.
        rate, generator, at_least_one: as in `choose_tokens`.
    Returns:
        (B, T) bool.
    """
    column = word_ids.clamp(min=0)
    # (B, T) bool: column w says whether the row has a word w
    occurs = torch.zeros_like(word_ids).scatter_add_(1, column, (word_ids >= 0).to(word_ids.dtype)) > 0
    chosen = choose_tokens(occurs, rate, generator=generator, at_least_one=at_least_one)
    return chosen.gather(1, column) & (word_ids >= 0)


def corrupt(
    ids: Tensor,
    chosen: Tensor,
    facts: VocabFacts,
    *,
    generator: torch.Generator | None = None,
    mask_share: float = 0.8,
    random_share: float = 0.1,
) -> Corruption:
    """Replace chosen tokens: 80 % [MASK], 10 % a random word, 10 % as they were.

    Args:
        ids: (B, T).
        chosen: (B, T) bool, as `choose_tokens` or `choose_words` returns.
        facts: about the vocabulary.
        generator: on the device of `ids`.
        mask_share, random_share: of the chosen tokens; the rest stays.
    Raises:
        ValueError: for shares that are negative or sum to more than 1.
    """
    if mask_share < 0 or random_share < 0 or mask_share + random_share > 1 + 1e-9:
        raise ValueError(
            f"mask_share and random_share must be 0 or more and sum to 1 at most, "
            f"got {mask_share} and {random_share}"
        )
    coins = torch.rand(ids.shape, device=ids.device, generator=generator)
    masked = chosen & (coins < mask_share)
    swapped = chosen & ~masked & (coins < mask_share + random_share)
    inputs = ids.masked_fill(masked, facts.mask_id)
    inputs = torch.where(swapped, facts.random_words(ids.shape, ids.device, generator), inputs)
    return Corruption(inputs, ids, chosen)


def mask_tokens(
    ids: Tensor,
    facts: VocabFacts,
    *,
    rate: float = 0.15,
    word_ids: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Corruption:
    """BERT's corruption of a batch; with `word_ids`, whole word masking.

    Args:
        ids: (B, T).
        facts: about the vocabulary.
        rate: share of tokens, or of words.
        word_ids: (B, T), as in `choose_words`; None chooses single tokens.
        generator: on the device of `ids`.
    """
    if word_ids is None:
        chosen = choose_tokens(facts.maskable(ids), rate, generator=generator)
    else:
        chosen = choose_words(word_ids.masked_fill(~facts.maskable(ids), -1), rate, generator=generator)
    return corrupt(ids, chosen, facts, generator=generator)
