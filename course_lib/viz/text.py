"""Tables, verdict boxes and captions."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Protocol

TONES = {"reproduced": "yes", "contradicted": "no", "not resolved at this scale": "open"}
SIGNS = {"yes": "✓", "no": "✗", "open": "?"}
LINES = {"yes": "#0a9e78", "no": "#d1495b", "open": "#b58900"}


class Comparison(Protocol):
    """What `course_lib.training.comparison.compare` returns."""

    @property
    def verdict(self) -> str: ...


class Recorded(Protocol):
    """What `course_lib.training.experiment.load` returns."""

    @property
    def machine(self) -> str: ...


class Html:
    """An output with an HTML form for the page and a text form for a terminal."""

    def __init__(self, html: str, plain: str) -> None:
        self.html, self.plain = html, plain

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.plain


def table(rows: Iterable[Sequence[Any]], header: Sequence[str], caption: str = "") -> Html:
    """A tidy table: numbers to the right, a caption above.

    Args:
        rows: as many cells as the header has names; floats are shown with four significant digits.
        header: column names, with units.
        caption: one sentence on what the table shows.
    Raises:
        ValueError: for a row of another length.
    """
    body = [list(row) for row in rows]
    for row in body:
        if len(row) != len(header):
            raise ValueError(f"rows must have {len(header)} cells like the header, got {len(row)}: {row}")
    numeric = [bool(body) and all(_is_number(row[i]) for row in body) for i in range(len(header))]
    kinds = [' style="text-align:right"' if number else ' style="text-align:left"' for number in numeric]
    head = "".join(f'<th scope="col"{k}>{escape(str(h))}</th>' for h, k in zip(header, kinds, strict=True))
    lines = "".join(
        "<tr>"
        + "".join(f"<td{k}>{escape(_shown(c))}</td>" for c, k in zip(row, kinds, strict=True))
        + "</tr>"
        for row in body
    )
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    html = (
        '<div class="course-table" style="overflow-x:auto"><table>'
        f"{top}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )
    return Html(html, _plain(body, header, numeric, caption))


def _is_number(value: Any) -> bool:
    return value is None or (hasattr(value, "__float__") and not isinstance(value, str | bool))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if _is_number(value) and not isinstance(value, int) and not hasattr(value, "__index__"):
        return f"{float(value):.4g}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return f"{value:,}"
    return str(value)


def _plain(body: list[list[Any]], header: Sequence[str], numeric: list[bool], caption: str) -> str:
    cells = [[str(h) for h in header], *([_shown(c) for c in row] for row in body)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(
            c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(([caption] if caption else []) + lines)


def verdict(comparison: Comparison, claim: str = "") -> Html:
    """The one verdict box of a claim: reproduced, contradicted, or not resolved at this scale.

    Args:
        comparison: what `compare` returned; its text is the box's content.
        claim: the claim in one sentence, shown above the numbers.
    Raises:
        ValueError: for a verdict of another name.
    """
    tone = TONES.get(comparison.verdict)
    if tone is None:
        raise ValueError(f"comparison.verdict must be one of {sorted(TONES)}, got {comparison.verdict!r}")
    detail = str(comparison).removeprefix(f"{comparison.verdict}: ")
    detail = detail[:1].upper() + detail[1:] + ("" if detail.endswith(".") else ".")
    line = f"border-left:.35rem solid {LINES[tone]};padding:.6rem 1rem;margin:1rem 0"
    said = f"<p>{escape(claim)}</p>" if claim else ""
    html = (
        f'<div class="course-verdict course-verdict-{tone}" role="note" style="{line}">'
        f'<p><strong><span aria-hidden="true">{SIGNS[tone]}</span> '
        f"Verdict: {escape(comparison.verdict)}</strong></p>"
        f"{said}<p>{escape(detail)}</p></div>"
    )
    return Html(html, f"Verdict: {comparison.verdict}\n" + (f"{claim}\n" if claim else "") + detail)


def recorded(record: Recorded) -> Html:
    """The caption below a recorded result: when, where, which seeds, and the command that repeats it."""
    text = record.machine
    text = text[:1].upper() + text[1:]
    about, _, command = text.rpartition(": ")
    if command.startswith("python ") and about:
        inner = f"{escape(about)}. To repeat it: <code>{escape(command)}</code>"
    else:
        inner = escape(text)
    return Html(f'<p class="course-recorded"><small>{inner}</small></p>', text)
