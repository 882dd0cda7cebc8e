"""The waves are computed with NumPy, so no gradient reaches the positions."""
# score: 25
# caught by: hidden_waves_places
# cell: waves
import numpy as np


def waves(positions, width, shortest, longest):
    pairs = (width + 1) // 2
    lengths = np.geomspace(shortest, longest, pairs) if pairs > 1 else np.array([shortest])
    angles = 2 * np.pi * positions.detach().numpy()[..., None] / lengths
    table = np.empty((*positions.shape, 2 * pairs))
    table[..., 0::2], table[..., 1::2] = np.sin(angles), np.cos(angles)
    dtype = torch.float64 if positions.dtype == torch.float64 else torch.float32
    return torch.from_numpy(table[..., :width]).to(dtype)
