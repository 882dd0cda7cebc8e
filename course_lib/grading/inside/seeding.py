"""The same random numbers for a test whenever it runs, on both sides of the wire."""

import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy's old functions and PyTorch."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed writes a traceback for each device, too
    np.random.seed(seed % 2**32)  # noqa: NPY002  (students and tests may use the old functions)
    random.seed(seed)
