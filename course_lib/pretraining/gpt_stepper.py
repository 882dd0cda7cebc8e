"""GPT writing: what `nn.generation` needs, with keys and values of the past kept.

Radford et al. 2019 (GPT-2) write samples token by token. Here the prompt is read once, in one pass, and
each new token costs one position. Prompts of unequal length share a batch by padding on their left, because
a text goes on at its right end; positions are then counted from each row's first token.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.nn.inputs import check_ids, check_mask
from course_lib.nn.kv_cache import KVCache
from course_lib.nn.masks import key_mask, length_mask, pad
from course_lib.pretraining.gpt import GPT, count_positions


class GPTStepper:
    """A GPT in the middle of a text: keys and values of all it has read.

    Args:
        model: in evaluation mode.
        attention_mask: (N, t) bool of the prompt, False in its padding; None where nothing is padded.
        max_length: tokens in all, the prompt included; the memory is taken for so many. By default as many
            as the model has positions.
    Raises:
        ValueError: for padding on the right, or more tokens than the model has positions.
    """

    def __init__(
        self, model: GPT, *, attention_mask: Tensor | None = None, max_length: int | None = None
    ) -> None:
        longest = model.config.max_position_embeddings
        max_length = longest if max_length is None else max_length
        if not 1 <= max_length <= longest:
            raise ValueError(f"max_length must be within 1..{longest}, got {max_length}")
        if attention_mask is not None:
            check_mask(attention_mask, attention_mask.shape)
            if not bool(attention_mask[:, -1].all()):
                raise ValueError("attention_mask must be padded on the left: a text goes on at its end")
        self.model, self.mask = model, attention_mask
        self.caches = [KVCache(max_length) for _ in range(model.config.num_hidden_layers)]

    def step(self, ids: Tensor) -> Tensor:
        """Read (N, t) further ids; return logits (N, V) for the token after them."""
        check_ids(ids, self.model.config.vocab_size)
        past = self.caches[0].length
        if self.mask is None:
            positions, keys = torch.arange(past, past + ids.shape[1], device=ids.device), None
        else:
            missing = past + ids.shape[1] - self.mask.shape[1]
            self.mask = F.pad(self.mask, (0, missing), value=True)
            positions, keys = count_positions(self.mask)[:, past:], key_mask(self.mask)
        x = self.model.embed(ids, positions)
        states = self.model.encoder(x, mask=keys, causal=True, caches=self.caches).last_hidden_state
        return self.model.logits(states[:, -1])

    def reorder(self, rows: Tensor) -> None:
        """Go on with these rows (N,) of the batch, in this order."""
        for cache in self.caches:
            cache.reorder(rows)
        self.mask = None if self.mask is None else self.mask[rows]


def pad_left(prompts: Sequence[Sequence[int]], value: int = 0) -> tuple[Tensor, Tensor]:
    """Stack prompts of unequal length so that all end in the last column.

    Args:
        prompts: N lists of at least one id.
        value: the id that fills up.
    Returns:
        ids (N, t) int64 and attention mask (N, t) bool.
    Raises:
        ValueError: for no prompts or an empty one.
    """
    ids, lengths = pad([prompt[::-1] for prompt in prompts], value)
    return ids.flip(1), length_mask(lengths, ids.shape[1]).flip(1)
