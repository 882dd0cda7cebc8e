"""Markdown, formulas, code and outputs of a graded notebook as HTML that can be opened anywhere.

Everything that a student wrote passes `clean`; formulas become MathML, code is coloured by Pygments. What
the instructor wrote is the same on three hundred pages, so it is turned into HTML once.
"""

import re
from functools import lru_cache
from html import escape

from markupsafe import Markup
from nbformat import NotebookNode

from course_lib.grading.clean import LINKS, as_written, clean_html, clean_picture, clean_text
from course_lib.grading.clean_xml import clean_svg, formula

MOST_TEXT, MOST_LINES, MOST_OUTPUTS, MOST_PICTURE = 8_000, 120, 30, 2_000_000
MOST_MARKDOWN, MOST_CODE, MOST_FORMULAS = 20_000, 60_000, 300
_SLOT = re.compile("\ue000(\\d+)\ue001")
_ANY_SLOT = re.compile("[\ue000\ue001]")


def markdown(text: str, *, trusted: bool) -> Markup:
    """A text cell as HTML.

    Args:
        text: the Markdown; `$...$` and `$$...$$` are formulas.
        trusted: the instructor's: HTML and links stay. A student's HTML is shown as text, and so is
            where a link leads.
    """
    text = _ANY_SLOT.sub("", clean_text(text))
    return _trusted_markdown(text) if trusted else _markdown(as_written(text), trusted=False)


@lru_cache(maxsize=1024)
def _trusted_markdown(text: str) -> Markup:
    return _markdown(text, trusted=True)


def _markdown(text: str, *, trusted: bool) -> Markup:
    if len(text) > MOST_MARKDOWN and not trusted:
        return plain(text)
    slots: list[str] = []
    try:
        raw = str(_parser(trusted)(text, slots))
    except RecursionError:
        return plain(text)
    made = clean_html(raw, links=trusted)
    return Markup(_SLOT.sub(lambda found: _filled(slots, int(found[1])), made))


def _filled(slots: list[str], number: int) -> str:
    return slots[number] if number < len(slots) else ""


class _Parser:
    """mistune with formulas and code in slots, which are filled in once the rest has been cleaned."""

    def __init__(self, trusted: bool) -> None:
        import mistune

        parser = self

        class Renderer(mistune.HTMLRenderer):
            def block_code(self, code: str, info: str | None = None) -> str:
                return parser.put(f'<pre class="code">{code_html(code, trusted=trusted)}</pre>')

            def heading(self, text: str, level: int, **attributes: object) -> str:
                return f"<h{min(6, level + 2)}>{text}</h{min(6, level + 2)}>"  # the page's own are 1 and 2

            def link(self, text: str, url: str, title: str | None = None) -> str:
                if trusted and url.split(":")[0].lower() in LINKS:
                    return f'<a href="{escape(url)}">{text}</a>'
                return f"{text} ({escape(url)})" if escape(url) not in text else text

            def image(self, text: str, url: str, title: str | None = None) -> str:
                return f"[picture: {text or 'without description'}]"

        self.slots: list[str] = []
        self.markdown = mistune.Markdown(renderer=Renderer(escape=not trusted))
        for plugin in ("table", "strikethrough", "math"):
            mistune.plugins.import_plugin(plugin)(self.markdown)
        renderer = self.markdown.renderer
        assert renderer is not None
        renderer.register("inline_math", lambda _, text: parser.put(math(text)))
        renderer.register("block_math", lambda _, text: parser.put(math(text, display=True)))

    def __call__(self, text: str, slots: list[str]) -> str:
        self.slots = slots
        return str(self.markdown(text))

    def put(self, html: str) -> str:
        """A mark in place of a finished piece of HTML; beyond the limit, nothing."""
        self.slots.append(html if len(self.slots) < MOST_FORMULAS else "…")
        return f"\ue000{len(self.slots) - 1}\ue001"


_parser = lru_cache(maxsize=2)(_Parser)


def math(tex: str, *, display: bool = False) -> str:
    """A formula as MathML, or its TeX if it cannot be converted."""
    made = formula(tex, display=display)
    mark = "$$" if display else "$"
    return made or f'<code class="tex">{escape(f"{mark}{tex}{mark}")}</code>'


def code_html(source: str, *, trusted: bool) -> Markup:
    """Python in colour, a student's cut if it is endless."""
    return _trusted_code(source) if trusted else _code(cut(clean_text(source), MOST_CODE, 2_000))


@lru_cache(maxsize=1024)
def _trusted_code(source: str) -> Markup:
    return _code(source)


def _code(source: str) -> Markup:
    from pygments import highlight

    if len(source) > MOST_MARKDOWN:
        return Markup(escape(source))
    return Markup(highlight(source, *_pygments()).rstrip("\n"))


@lru_cache(maxsize=1)
def _pygments() -> tuple[object, object]:
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)


def plain(text: str) -> Markup:
    """Text as it is, cut if it is endless."""
    return Markup(f"<pre>{escape(cut(clean_text(text)))}</pre>")


def cut(text: str, most: int = MOST_TEXT, most_lines: int = MOST_LINES) -> str:
    """The beginning of a text, with a note that says how much is missing."""
    kept = "\n".join(text[:most].split("\n", most_lines)[:most_lines])
    missing = len(text) - len(kept)
    return f"{kept}\n[cut here: {missing:,} more characters]" if missing > 0 else text


def outputs_html(outputs: list[NotebookNode]) -> list[Markup]:
    """What a cell printed, showed and raised; pieces printed one after the other are joined."""
    made: list[Markup] = []
    printed = ""
    for output in outputs[:MOST_OUTPUTS]:
        if output.output_type == "stream":
            printed += output.text
            continue
        made, printed = made + ([plain(printed)] if printed.strip() else []), ""
        made.append(_error(output) if output.output_type == "error" else _shown(output.get("data", {})))
    if printed.strip():
        made.append(plain(printed))
    if len(outputs) > MOST_OUTPUTS:
        made.append(plain(f"[cut here: {len(outputs) - MOST_OUTPUTS:,} more outputs]"))
    return [piece for piece in made if piece]


def _error(output: NotebookNode) -> Markup:
    text = "\n".join(map(str, output.traceback)) or f"{output.ename}: {output.evalue}"
    return plain(text)


def _shown(data: NotebookNode) -> Markup:
    """The best of a displayed value's forms that can be shown safely."""
    for kind in ("image/png", "image/jpeg"):
        if picture := clean_picture(str(data.get(kind, "")), kind):
            if len(picture) > MOST_PICTURE:
                return plain("[left out: a picture of more than 1.5 MB]")
            return Markup(f'<img alt="A picture that this cell drew" src="data:{kind};base64,{picture}">')
    if drawing := clean_svg(str(data.get("image/svg+xml", ""))):
        return Markup(f'<div class="drawing">{drawing}</div>')
    html = str(data.get("text/html", ""))
    if html and len(html) <= 10 * MOST_TEXT and (made := clean_html(html)).strip():
        return Markup(f'<div class="html">{made}</div>')
    for kind in ("text/markdown", "text/latex"):
        if text := str(data.get(kind, "")):
            return markdown(text, trusted=False)
    text = str(data.get("text/plain", ""))
    return plain(text) if text else Markup("")
