"""Keys and values of the past, so that generating a token costs one step and not a whole pass.

Without it, token t recomputes all t positions before it, and a text of T tokens costs about T²/2 positions;
with it, T. The buffer is made once, so that no step copies what earlier steps wrote.
"""

import torch
from torch import Tensor


class KVCache:
    """Keys and values of one attention layer. For generation, without gradients.

    Args:
        max_length: positions that it can hold.
    """

    def __init__(self, max_length: int) -> None:
        if max_length < 1:
            raise ValueError(f"max_length must be 1 or more, got {max_length}")
        self.max_length, self.length = max_length, 0
        self._key: Tensor | None = None
        self._value: Tensor | None = None

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add positions; return all of them.

        Args:
            key: (B, H, T, K) of the new positions.
            value: (B, H, T, K).
        Returns:
            keys and values (B, H, length, K), views of the buffer.
        Raises:
            ValueError: if the buffer is too small.
        """
        end = self.length + key.shape[2]
        if end > self.max_length:
            raise ValueError(f"max_length must be at least {end} for this text, got {self.max_length}")
        if self._key is None or self._value is None:
            shape = (*key.shape[:2], self.max_length, key.shape[3])
            self._key, self._value = key.new_empty(shape), value.new_empty(shape)
        self._key[:, :, self.length : end] = key
        self._value[:, :, self.length : end] = value
        self.length = end
        return self.held()

    def held(self) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, length, K) so far.

        Raises:
            ValueError: if nothing was added yet.
        """
        if self._key is None or self._value is None:
            raise ValueError("the cache must hold at least one position, got none")
        return self._key[:, :, : self.length], self._value[:, :, : self.length]

    def reorder(self, rows: Tensor) -> None:
        """Keep the given rows of the batch, in this order: (B,) int64. Beam search needs it."""
        if self._key is not None and self._value is not None:
            self._key, self._value = self._key[rows], self._value[rows]

    @property
    def bytes(self) -> int:
        """Memory of the buffer."""
        held = [tensor for tensor in (self._key, self._value) if tensor is not None]
        return sum(tensor.numel() * torch.finfo(tensor.dtype).bits // 8 for tensor in held)
