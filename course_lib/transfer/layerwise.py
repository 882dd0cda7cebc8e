"""Layer-wise learning rates: which layer each parameter belongs to, and what rate that layer gets.

Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146,
section 3.2 (discriminative fine-tuning, a factor of 1/2.6 a layer); Sun et al. 2019, arXiv:1905.05583
(the same for BERT, with a factor ξ). Works for every model whose input is called `embeddings`
and whose stack is called `layers`, as in BERT and its kind, with or without a head.
"""

import re
from typing import Any

from torch import nn

PART = re.compile(r"(?:^|\.)(?:embeddings|layers\.(\d+))(?=\.|$)")


def layer_of(name: str) -> int | None:
    """0 for the embeddings, 1 to L for the layers, None for what stands above them.

    Args:
        name: of a parameter or module, dotted, for example "encoder.layers.3.attention.key.weight".
    """
    found = PART.search(name)
    return None if found is None else int(found[1] or -1) + 1


def top_layer(model: nn.Module) -> int:
    """L + 1: the number of everything above the layers (a final norm, the pooler, the head).

    Raises:
        ValueError: for a model without embeddings, or without layers from 0 to L - 1.
    """
    found = {layer for name, _ in model.named_parameters() if (layer := layer_of(name)) is not None}
    top = max(found, default=0) + 1
    if top < 2 or found != set(range(top)):
        raise ValueError(
            "model must have parts called `embeddings` and `layers.0`, `layers.1`, ... with parameters, "
            f"got a {type(model).__name__} with layers {sorted(found)}"
        )
    return top


def layer_numbers(model: nn.Module) -> dict[str, int]:
    """The layer of each parameter, by its name: 0 for embeddings, 1 to L, and L + 1 above.

    A parameter that is used in two places (tied embeddings) is listed once, at the first.
    """
    top = top_layer(model)
    return {name: top if (n := layer_of(name)) is None else n for name, _ in model.named_parameters()}


def layer_rates(lr: float, decay: float, top: int) -> list[float]:
    """The learning rate of each layer, from the embeddings (0) up to the head (L + 1).

    Args:
        lr: of the head, above 0.
        decay: ξ in (0, 1], what each layer further down is multiplied by.
        top: L + 1.
    """
    if not lr > 0:
        raise ValueError(f"lr must be above 0, got {lr}")
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be above 0 and at most 1, got {decay}")
    # η^{l−1} = ξ·η^l   (ULMFiT, section 3.2, with ξ = 1/2.6)
    return [lr * decay ** (top - layer) for layer in range(top + 1)]


def parameter_groups(
    model: nn.Module, lr: float, *, decay: float = 1.0, weight_decay: float = 0.01
) -> list[dict[str, Any]]:
    """Groups for an optimizer of torch, the head's first: every parameter is in exactly one.

    Biases, the norms' vectors and other parameters with one axis or none are not decayed, as in BERT's code.
    Frozen parameters are listed too, so that they can be opened later.

    Args:
        model: see the module.
        lr, decay: as in `layer_rates`.
        weight_decay: of the matrices, 0 or more.
    Returns:
        Dicts with "params", "lr" and "weight_decay", and for the reader "layer" and "names".
    """
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be 0 or more, got {weight_decay}")
    numbers = layer_numbers(model)
    rates = layer_rates(lr, decay, top_layer(model))
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        key = -numbers[name], parameter.dim() < 2
        start = {
            "params": [],
            "names": [],
            "layer": numbers[name],
            "lr": rates[numbers[name]],
            "weight_decay": 0.0 if key[1] else weight_decay,
        }
        group = groups.setdefault(key, start)
        group["params"].append(parameter)
        group["names"].append(name)
    return [groups[key] for key in sorted(groups)]
