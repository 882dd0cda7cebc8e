"""Weights that others trained: find a transformers model, and copy it by renaming.

A source is a transformers model in memory, a folder that its `save_pretrained` wrote, or a name on the
Hugging Face hub. Each architecture states rules from transformers' names to its own; a weight that no rule
places, or a place that no weight fills, is an error, so that nothing is copied by halves.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

log = logging.getLogger(__name__)

Source = nn.Module | str | os.PathLike[str]
Rules = Sequence[tuple[str, str]]
Convert = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def resolve(source: Source, model_type: str | tuple[str, ...], auto_class: str) -> Any:
    """The transformers model that a source means.

    Args:
        source: the model, a folder in Hugging Face's format, or a name on the hub.
        model_type: the architecture's name in transformers, for example "bert"; or several.
        auto_class: the class of transformers that loads it, for example "BertModel".
    Returns:
        The model, in evaluation mode if it was loaded.
    Raises:
        ValueError: for a model or checkpoint of another architecture, or a damaged folder.
        ConnectionError: if the hub cannot be reached or does not have the name.
    """
    allowed = (model_type,) if isinstance(model_type, str) else model_type
    wanted = " or ".join(allowed)
    if isinstance(source, nn.Module):
        config = getattr(source, "config", None)
        found = getattr(config, "model_type", type(source).__name__)
        if found not in allowed:
            raise ValueError(f"source must be a {wanted} model of transformers, got {found}")
        return source
    import transformers

    folder = Path(source).is_dir()
    try:
        config = transformers.AutoConfig.from_pretrained(str(source), local_files_only=folder)
        if config.model_type in allowed:
            model, report = getattr(transformers, auto_class).from_pretrained(
                str(source), local_files_only=folder, output_loading_info=True
            )
    except (OSError, ValueError) as error:
        raise _explained(source, folder, error) from error
    if config.model_type not in allowed:
        raise ValueError(f"source must be a {wanted} checkpoint, got {config.model_type}: {source}")
    if report["missing_keys"]:
        log.warning("%s has no weights for %s: they start at random", source, sorted(report["missing_keys"]))
    return model.eval()


def _explained(source: object, folder: bool, error: Exception) -> Exception:
    """What to tell the user of a source that could not be read."""
    why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if folder:
        return ValueError(f"source must be a folder that save_pretrained wrote, got {source}: {why}")
    return ConnectionError(
        f"could not get {str(source)!r} from the Hugging Face hub ({why}). It is no folder here either. "
        "Check the name and the network; or run `hf download NAME --local-dir FOLDER` where there is a "
        "network, carry the folder over, and pass its path"
    )


def rename(weights: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Apply every rule, in order, to every name.

    Args:
        weights: by transformers' names.
        rules: pairs of a regular expression and its replacement. A name that becomes "" is left out.
    Raises:
        ValueError: if two weights get one name.
    """
    out: dict[str, Tensor] = {}
    for name, weight in weights.items():
        new = name
        for pattern, replacement in rules:
            new = re.sub(pattern, replacement, new)
        if new in out:
            raise ValueError(f"rules must keep names apart, got {new!r} twice")
        if new:
            out[new] = weight
    return out


def copy_weights(model: nn.Module, theirs: nn.Module, rules: Rules, convert: Convert | None = None) -> None:
    """Fill a model with the weights of a transformers model, in place.

    Args:
        model: the course's model; it takes the dtype and device of theirs.
        theirs: the transformers model.
        rules: as in `rename`.
        convert: applied to the renamed weights, to split or transpose some.
    Raises:
        ValueError: if a weight is missing, left over, or of another shape.
    """
    weights = rename(theirs.state_dict(), rules)
    weights = weights if convert is None else convert(weights)
    wanted = model.state_dict()
    missing, extra = sorted(wanted.keys() - weights.keys()), sorted(weights.keys() - wanted.keys())
    if missing or extra:
        raise ValueError(
            f"source must fit {type(model).__name__}: it lacks {missing or 'nothing'} "
            f"and has {extra or 'nothing'} beyond it"
        )
    for name, weight in weights.items():
        if weight.shape != wanted[name].shape:
            raise ValueError(f"{name} must be {list(wanted[name].shape)}, got {list(weight.shape)}")
    some = next(iter(weights.values()))
    model.to(some.device, some.dtype).load_state_dict(weights)
