"""What a worker says that a cell has shown, reduced to what a notebook can hold: it may say anything."""

from typing import Any

MAX_CELL = 3_000_000  # characters of one cell
MAX_ALL = 12_000_000  # of all cells of a submission
MAX_OUTPUTS = 100
LEFT_OUT = {"stream": "[the rest of this submission's output is left out]\n"}


class Shown:
    """Takes the outputs of one cell after the other, within limits."""

    def __init__(self) -> None:
        self.left = MAX_ALL

    def take(self, outputs: Any) -> list[dict[str, Any]]:
        """The outputs that make sense: {"stream": text} or {"data": {kind: text}, "value": bool}."""
        if not isinstance(outputs, list):
            return []
        kept: list[dict[str, Any]] = []
        left = min(self.left, MAX_CELL)
        for output in filter(None, map(_plain, outputs[:MAX_OUTPUTS])):
            left -= _size(output)
            if left < 0:
                kept.append(dict(LEFT_OUT))
                break
            self.left -= _size(output)
            kept.append(output)
        return kept


def _plain(output: Any) -> dict[str, Any] | None:
    match output:
        case {"stream": str(text)}:
            return {"stream": text}
        case {"data": dict(data), "value": bool(value)}:
            texts = {k: v for k, v in data.items() if isinstance(k, str) and isinstance(v, str)}
            return {"data": texts, "value": value}
    return None


def _size(output: dict[str, Any]) -> int:
    if "stream" in output:
        return len(output["stream"])
    return sum(len(kind) + len(text) for kind, text in output["data"].items())
