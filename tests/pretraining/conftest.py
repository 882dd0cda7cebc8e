"""What the comparisons with transformers share."""

import pytest
import torch


@pytest.fixture(params=["whole", "right padding", "left padding"])
def attention_mask(request: pytest.FixtureRequest, device: torch.device) -> torch.Tensor:
    """(3, 9) bool: texts of 9, 5 and 1 tokens, padded on one side, or all of 9."""
    mask = torch.ones(3, 9, dtype=torch.bool)
    if request.param != "whole":
        for row, n in ((1, 5), (2, 1)):
            mask[row, slice(n, None) if request.param == "right padding" else slice(0, 9 - n)] = False
    return mask.to(device)
