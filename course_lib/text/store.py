"""Tokenizer files: JSON with a checksum, so that a truncated or altered file is an error."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from course_lib.files import atomic_write


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def save(path: str | os.PathLike[str], kind: str, content: dict[str, Any]) -> None:
    """Write `content` as a file of that `kind`; an existing file is replaced only by a whole one.

    Args:
        path: the file; its folder must exist.
        kind: what the file holds, for example "bpe".
        content: a dict that JSON can hold, without tuples or NaN.
    """
    with atomic_write(path, encoding="utf-8") as file:
        json.dump({"kind": kind, "sha256": _digest(content), "content": content}, file, ensure_ascii=True)


def load(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read what `save` wrote.

    Raises:
        ValueError: if the file is truncated, altered, or of another kind.
        FileNotFoundError: if there is no such file.
    """
    try:
        record = json.loads(Path(path).read_bytes())
        found, digest, content = record["kind"], record["sha256"], record["content"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path}: expected a whole {kind} file, but it is truncated or not one") from error
    if found != kind:
        raise ValueError(f"{path}: expected a {kind} file, got one of kind {found!r}")
    if not isinstance(content, dict) or digest != _digest(content):
        raise ValueError(f"{path}: the content does not match its checksum; the {kind} file was altered")
    return content
