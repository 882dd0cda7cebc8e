"""What a cell shows, collected within limits: streams, pictures, values, in the order in which they came."""

import io
from typing import Any

MAX_CHARACTERS = 100_000  # of a cell's output; IPython and students print more than anyone reads
MAX_OUTPUTS = 100
MAX_SHOWN = 2_000_000  # of all its pictures and tables together
CUT = "\n[... the rest of this output is left out]\n"
KINDS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml", "image/png", "image/jpeg")


class Outputs:
    """The outputs of one cell as plain dicts: {"stream": text} or {"data": {kind: text}, "value": bool}."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.left, self.left_to_show = MAX_CHARACTERS, MAX_SHOWN

    def write(self, text: str) -> None:
        """Add printed text to the last stream, or begin one."""
        if self.left <= 0 or not text:
            return
        kept = text[: self.left] + (CUT if len(text) > self.left else "")
        self.left -= len(text)
        if self.items and "stream" in self.items[-1]:
            self.items[-1]["parts"].append(kept)
        elif len(self.items) < MAX_OUTPUTS:
            self.items.append({"stream": "", "parts": [kept]})

    def show(self, data: dict[str, Any], *, value: bool) -> None:
        """Add something displayed; `value`: it is the value of the cell's last line."""
        if len(self.items) >= MAX_OUTPUTS:
            return
        kept = {kind: str(data[kind]) for kind in KINDS if kind in data}
        fitting = {}
        for kind, text in kept.items():
            if len(text) <= self.left_to_show:
                fitting[kind] = text
                self.left_to_show -= len(text)
        self.items.append({"data": fitting, "value": value})

    def plain(self) -> list[dict[str, Any]]:
        """What was collected, ready to be sent."""
        return [{"stream": "".join(item["parts"])} if "stream" in item else item for item in self.items]


class Stream(io.TextIOBase):
    """A stand-in for stdout and stderr that writes into the outputs of the cell that is running."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.target = Outputs()

    def write(self, text: str) -> int:
        self.target.write(str(text))
        return len(text)

    def writable(self) -> bool:
        return True
