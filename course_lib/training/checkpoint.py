"""Checkpoints that are whole or not there, and belong to the run that reads them.

A checkpoint is written beside the old one and renamed over it, so a crash in the middle of a write
costs nothing. It carries a signature of the run; another model, optimizer or configuration is
refused with the first difference named. Nothing is unpickled but tensors and plain values.
"""

import dataclasses
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.files import atomic_write

FORMAT = 1


def signature(
    model: nn.Module, optimizer: torch.optim.Optimizer, config: Mapping[str, Any]
) -> dict[str, str]:
    """What must agree for a checkpoint to fit: shapes, optimizer and settings, as text.

    Args:
        model: its `config` is included where it is a dataclass.
        optimizer: its class and the sizes of its groups are included.
        config: settings of the run that change its course.
    """
    facts = {
        f"weight {name}": f"{list(value.shape)} {value.dtype}" for name, value in model.state_dict().items()
    }
    own = getattr(model, "config", None)
    if dataclasses.is_dataclass(own) and not isinstance(own, type):
        facts |= {f"model {name}": repr(value) for name, value in dataclasses.asdict(own).items()}
    facts["optimizer"] = type(optimizer).__name__
    facts["optimizer groups"] = repr([len(group["params"]) for group in optimizer.param_groups])
    return facts | {f"run {name}": repr(value) for name, value in config.items()}


def save(path: str | os.PathLike[str], facts: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write a checkpoint in one step: after an error the old file is as it was."""
    with atomic_write(path, "wb") as file:
        torch.save({"format": FORMAT, "signature": dict(facts), "state": dict(state)}, file)


def load(path: str | os.PathLike[str], facts: Mapping[str, str]) -> dict[str, Any]:
    """Read the state that `save` wrote, on the CPU.

    Raises:
        ValueError: if the file is damaged, is no checkpoint, or belongs to another run.
    """
    name = Path(path).name
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"wrong checksum in {damaged}")
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise ValueError(
            f"path must be a whole checkpoint, got {name}, which cannot be read ({error})"
        ) from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError(f"path must be a checkpoint of format {FORMAT}, got {name}, which is another file")
    stored: dict[str, str] = whole["signature"]
    for key in sorted(set(stored) | set(facts)):
        if stored.get(key) != facts.get(key):
            raise ValueError(
                f"path must be a checkpoint of this run, got {name}, where {key} is "
                f"{stored.get(key, 'absent')} instead of {facts.get(key, 'absent')}"
            )
    state: dict[str, Any] = whole["state"]
    return state
